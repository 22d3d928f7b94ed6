// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// kill -9 of the gateway under posts: every 201 is in the history once and in order.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { startStack } from './lib/stack.mjs';
import { sleep } from './lib/wait.mjs';

const ROUNDS = 10;
const POSTERS = 8;

let stack;
let alice;

before(async () => {
  stack = await startStack();
  alice = await stack.caller('alice', '*=rw');
});
after(() => stack?.stop());

/** Posts until the gateway is gone; gives the messages that were answered with 201. */
async function postUntilGone(room, name) {
  const created = [];
  for (let i = 0; ; i++) {
    const answer = await alice.post(`/rooms/${room}/messages`, { text: `${name}-${i}` }).catch(() => null);
    if (answer === null) return created;
    assert.equal(answer.status, 201, answer.text);
    created.push(answer.json);
  }
}

test(`${ROUNDS} times`, async () => {
  let total = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const room = `kill${round}`;
    const posters = Array.from({ length: POSTERS }, (_, i) => postUntilGone(room, `p${i}`));
    await sleep(50 + Math.random() * 250);
    await stack.killGateway();
    const created = (await Promise.all(posters)).flat();
    await stack.startGateway();
    await stack.ready();

    const history = await alice.history(room);
    let prev = 0;
    for (const message of history) {
      assert.ok(message.id > prev, 'out of order');
      assert.equal(message.prev, prev);
      prev = message.id;
    }
    const texts = history.map((m) => m.text);
    assert.equal(new Set(texts).size, texts.length, 'kept twice');
    const kept = new Map(history.map((m) => [m.id, m]));
    for (const message of created) assert.deepEqual(kept.get(message.id), message);
    total += created.length;
  }
  assert.ok(total > ROUNDS, `only ${total} posts were answered`);
});
