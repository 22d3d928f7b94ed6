// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
// Waiting for what happens, never for time to pass; and for nothing longer than a test may take.
export const TIMEOUT_MS = Number(process.env.ROOMWIRE_TEST_TIMEOUT_MS ?? 20000);

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Looks until `find` gives something true, and gives that.
export async function waitFor(find, what, timeoutMs = TIMEOUT_MS) {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const found = await find();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms for ${what}`);
    await sleep(10);
  }
}

// Rejects if `promise` takes too long.
export async function within(promise, what, timeoutMs = TIMEOUT_MS) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${timeoutMs} ms for ${what}`)), timeoutMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
