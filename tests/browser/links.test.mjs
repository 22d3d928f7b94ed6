// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Addresses in messages: the script's rule against the table that the server's is held to.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { split } from '../../webui/links.js';

const table = JSON.parse(readFileSync(new URL('../data/links.json', import.meta.url), 'utf8'));

test('addresses are found, and nothing else', () => {
  for (const [text, parts] of table) assert.deepEqual(split(text), parts, JSON.stringify(text));
});
