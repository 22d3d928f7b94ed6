// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// When a post in vain is tried again, also by a later page. Runs in Node: webui/sending.js knows neither page nor network.

import assert from 'node:assert/strict';
import { webcrypto } from 'node:crypto';
import { afterEach, beforeEach, test } from 'node:test';
import { Refusal } from '../../webui/requests.js';
import { Sending } from '../../webui/sending.js';

globalThis.crypto ??= webcrypto; // Node 18 has it there

const { setTimeout: realSetTimeout } = globalThis;
let pauses;

beforeEach(() => {
  pauses = [];
  globalThis.setTimeout = (run, ms) => pauses.push({ run, ms });
});
afterEach(() => (globalThis.setTimeout = realSetTimeout));

const settle = () => new Promise((resolve) => setImmediate(resolve));
const refusal = (status, fields) => new Refusal(new Response(null, { status, headers: fields }), {});

// Posts that end as `ends` says, one after the other; undefined is well.
function setUp(ends, kept = { text: '' }) {
  const posted = [];
  const sending = new Sending({
    connection: { isReady: false },
    post: async ({ text }) => {
      posted.push(text);
      const end = ends.shift();
      if (end) throw end;
    },
    hasWay: () => true,
    catchUp: async () => {},
    changed: () => {},
    kept,
    keyLifetimeMs: 60000,
  });
  return { sending, outbox: sending.outbox, posted };
}

test('after as long as the server asks for, within reason', async () => {
  const asked = ['1', '10', '86400', 'Wed, 21 Oct 2015 07:28:00 GMT'];
  const { outbox, posted } = setUp([new TypeError('no answer'), ...asked.map((text) => refusal(503, { 'Retry-After': text }))]);
  outbox.add('a');
  outbox.flush();
  for (let n = 0; n < 5; n++) {
    await settle();
    outbox.flush(); // which some other event leads to, and which is no reason
    assert.equal(posted.length, n + 1);
    pauses.at(-1).run();
  }
  await settle();
  assert.deepEqual(pauses.map(({ ms }) => ms), [3000, 3000, 10000, 60000, 3000]);
  assert.equal(outbox.size, 0);
});

test('one after the other, in order, also where one fails', async () => {
  const { outbox, posted } = setUp([refusal(429), undefined, refusal(413)]);
  for (const text of ['a', 'b', 'c']) outbox.add(text);
  outbox.flush();
  await settle();
  assert.deepEqual(posted, ['a']);
  pauses.at(-1).run();
  await settle();
  assert.deepEqual(posted, ['a', 'a', 'b', 'c']);
  assert.deepEqual(outbox.entries.map(({ text, state }) => `${text} ${state}`), ['b failed']);
});

test('not by a later page, if it may be in the room and its key be forgotten', async () => {
  const kept = { text: '' };
  const { outbox } = setUp([new TypeError('no answer')], kept);
  for (const text of ['a', 'b']) outbox.add(text, { date: Date.now() - 55000 });
  outbox.flush(); // of which the second one has to wait
  const later = setUp([], kept);
  later.sending.resume();
  later.outbox.flush();
  await settle();
  assert.deepEqual(later.posted, ['b']);
  assert.deepEqual(later.outbox.entries.map(({ text, state }) => `${text} ${state}`), ['a failed']);
});
