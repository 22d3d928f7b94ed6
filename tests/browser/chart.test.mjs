// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Measurements in messages: the script's drawing against the table that the server's is held to.
// Runs in Node: what is drawn is worked out without a page.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { brief, layOut, measure } from '../../webui/chart.js';

const table = JSON.parse(readFileSync(new URL('../data/charts.json', import.meta.url), 'utf8'));
const BEGIN = 1764000000000; // the messages are a second apart

test('measurements are found and laid out, and nothing else is', () => {
  for (const { texts, lines } of table) {
    const samples = texts.map((text, n) => ({ date: BEGIN + n * 1000, values: measure(text) }));
    const found = layOut(samples);
    assert.deepEqual(found && found.lines, lines, JSON.stringify(texts));
  }
});

test('what is too long, or no text at all, is no measurement', () => {
  assert.deepEqual(measure(null), []);
  assert.deepEqual(measure(`{"a":1${' '.repeat(1017)}}`), [['a', 1]]);
  assert.deepEqual(measure(`{"a":1${' '.repeat(1018)}}`), []);
  assert.deepEqual(measure(`{"é":"${'é'.repeat(509)}"}`), []);
});

test('numbers are short', () => {
  for (const [value, text] of [[0, '0'], [-0, '0'], [1 / 3, '0.33333'], [-1234.5678, '-1234.57'], [1e15, '1.000e+15'],
    [0.0001, '0.0001'], [9.999999, '10'], [1e-300, '1.000e-300']]) assert.equal(brief(value), text);
});
