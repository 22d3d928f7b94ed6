// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// What people look like: the number of a colour in base.css, and a letter. The same as in
// gateway/page_values.c.

const HUES = 8;

export function hueOf(subject) {
  let hash = 2166136261; // FNV-1a
  for (const byte of new TextEncoder().encode(subject)) hash = Math.imul(hash ^ byte, 16777619);
  return (hash >>> 0) % HUES;
}

export const initialOf = (name) => [...name][0] ?? '';
