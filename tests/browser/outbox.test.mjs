// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// What was typed is sent until it is known to be in the room, each time under the same key.
// Runs in Node: webui/outbox.js knows neither page nor network.

import assert from 'node:assert/strict';
import { webcrypto } from 'node:crypto';
import { test } from 'node:test';
import { Outbox } from '../../webui/outbox.js';

globalThis.crypto ??= webcrypto; // Node 18 has it there

function setUp(way = 'mqtt') {
  const sent = [];
  const shown = new Map();
  const outbox = new Outbox({
    send: ({ key, text }) => {
      if (way) sent.push({ key, text });
      return way;
    },
    changed: ({ key, state, reason }, isGone) =>
      isGone ? shown.delete(key) : shown.set(key, `${state}${reason && `: ${reason}`}`),
    keyLifetimeMs: 60000,
  });
  return { outbox, sent, shown };
}

test('every entry has a key of its own and is sent once, in order', () => {
  const { outbox, sent } = setUp();
  for (const text of ['a', 'b', 'b']) outbox.add(text);
  outbox.flush();
  outbox.flush();
  assert.deepEqual(sent.map(({ text }) => text), ['a', 'b', 'b']);
  assert.equal(new Set(sent.map(({ key }) => key)).size, 3);
});

test('what is settled is gone, also if it is settled twice', () => {
  const { outbox, shown } = setUp();
  const { key } = outbox.add('a');
  outbox.flush();
  outbox.settle(key);
  outbox.settle(key);
  assert.equal(outbox.size, 0);
  assert.equal(shown.size, 0);
});

test('a broken connection sends it again under the same key', () => {
  const { outbox, sent } = setUp();
  const { key } = outbox.add('a');
  outbox.flush();
  outbox.lostAll('mqtt');
  outbox.flush();
  outbox.lost(key);
  outbox.flush();
  assert.deepEqual(sent.map((one) => one.key), [key, key, key]);
});

test('a broken connection takes nothing back that another way brings', () => {
  const { outbox, sent, shown } = setUp('http');
  const { key } = outbox.add('a');
  outbox.flush();
  for (let n = 0; n < 100; n++) {
    outbox.lostAll('mqtt');
    outbox.flush();
  }
  assert.equal(shown.get(key), 'sending');
  assert.equal(sent.length, 1);
});

test('what no way takes waits', () => {
  const { outbox, sent, shown } = setUp('');
  const { key } = outbox.add('a');
  outbox.flush();
  assert.equal(shown.get(key), 'queued');
  assert.equal(sent.length, 0);
});

test('a refusal is shown, and sent again only when that is wanted', () => {
  const { outbox, sent, shown } = setUp();
  const { key } = outbox.add('a');
  outbox.flush();
  outbox.fail(key, 'too long');
  outbox.lostAll('mqtt');
  outbox.flush();
  assert.equal(shown.get(key), 'failed: too long');
  assert.equal(sent.length, 1);
  outbox.retry(key);
  assert.equal(sent.length, 2);
});

test('what breaks every connection is not sent for ever', () => {
  const { outbox, sent, shown } = setUp();
  const { key } = outbox.add('a');
  for (let n = 0; n < 100; n++) {
    outbox.flush();
    outbox.lostAll('mqtt');
  }
  assert.match(shown.get(key), /^failed/);
  assert.ok(sent.length < 10);
});

test('what may be in the room is sent again while its key is known, and later only when that is wanted', () => {
  const { outbox, sent, shown } = setUp();
  const before = (ms) => ({ date: Date.now() - ms });
  const { key: recent } = outbox.add('recent', before(40000));
  const { key: old } = outbox.add('old', before(55000)); // never sent before
  const again = () => {
    outbox.lostAll('mqtt');
    outbox.flush();
    return sent.splice(0).map(({ text }) => text);
  };
  outbox.flush();
  assert.deepEqual(sent.splice(0).map(({ text }) => text), ['recent', 'old']);
  assert.deepEqual(again(), ['recent']);
  assert.equal(shown.get(recent), 'sending');
  assert.match(shown.get(old), /^failed: .* sent before/);
  outbox.retry(old);
  assert.deepEqual(sent.splice(0).map(({ key }) => key), [old]);
  assert.deepEqual(again(), ['recent']);
});
