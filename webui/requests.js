// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Requests for JSON, and what it says if they are refused.

const FETCH_MS = 30000;

export class Refusal extends Error {
  constructor(response, problem) {
    super(problem.detail || problem.title || response.statusText || `HTTP status ${response.status}`);
    this.status = response.status;
    // A proxy refuses as well, and knows nothing of sessions and rooms.
    this.isOurs = (response.headers.get('Content-Type') ?? '').startsWith('application/problem+json');
    this.retryAfterMs = Number(response.headers.get('Retry-After')) * 1000 || 0;
  }
}

// Rejects with a Refusal, or with fetch's own error where there is no answer.
export async function requestJson(url, init = {}) {
  const headers = { Accept: 'application/json', ...init.headers };
  const response = await fetch(url, { ...init, headers, signal: AbortSignal.timeout(FETCH_MS) });
  if (response.ok) return response.json();
  throw new Refusal(response, await response.json().catch(() => ({})));
}
