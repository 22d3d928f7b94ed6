// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The broker dies and comes back: nobody hangs, nothing acknowledged is lost, nothing is published
// twice, and reads go on.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { root } from './lib/broker.mjs';
import { startStack } from './lib/stack.mjs';
import { sleep, waitFor } from './lib/wait.mjs';

let stack;
let alice;

before(async () => {
  stack = await startStack({ config: { publish_timeout_ms: '2000' } });
  alice = await stack.caller('alice', '*=rw', 'bill=r');
});
after(() => stack?.stop());

/** Posts one after the other until `is_over()`; gives what came of each. */
async function keepPosting(room, name, is_over) {
  const outcomes = [];
  for (let i = 0; !is_over(); i++) {
    const text = `${name}-${i}`;
    const answer = await alice.post(`/rooms/${room}/messages`, { text });
    outcomes.push({ text, status: answer.status, id: answer.json?.id, retry: answer.headers.get('retry-after') });
    if (answer.status === 503) await sleep(5);
  }
  return outcomes;
}

test('killed under posts: each is kept once with a 201, or 503 with Retry-After', async () => {
  for (let round = 0; round < 3; round++) {
    const room = `away${round}`;
    let is_over = false;
    const posters = Array.from({ length: 8 }, (_, i) => keepPosting(room, `p${i}`, () => is_over));
    await sleep(300 + 137 * round);
    await stack.killBroker();
    const during = await alice.post(`/rooms/${room}/messages`, { text: 'nobody there' });
    assert.equal(during.status, 503);
    assert.ok(Number(during.headers.get('retry-after')) >= 1);
    assert.equal((await alice.get('/health/ready')).status, 503);
    const read = await alice.get(`/rooms/${room}/messages`);
    assert.equal(read.status, 200);
    await stack.startBroker();
    await stack.ready();
    const back = await alice.post(`/rooms/${room}/messages`, { text: 'back' });
    assert.equal(back.status, 201, back.text);
    is_over = true;
    const outcomes = (await Promise.all(posters)).flat();

    const history = await alice.history(room);
    const texts = history.map((m) => m.text);
    assert.equal(new Set(texts).size, texts.length, 'a message was kept twice');
    let prev = 0;
    for (const message of history) {
      assert.ok(message.id > prev);
      assert.equal(message.prev, prev);
      prev = message.id;
    }
    const kept = new Map(history.map((m) => [m.text, m.id]));
    for (const outcome of outcomes) {
      assert.ok([201, 503].includes(outcome.status), `${outcome.text}: ${outcome.status}`);
      if (outcome.status === 201) assert.equal(kept.get(outcome.text), outcome.id, outcome.text);
      else assert.ok(Number(outcome.retry) >= 1);
    }
    const lost = outcomes.filter((o) => o.status === 503);
    assert.ok(outcomes.length > lost.length, 'no post went through at all');
  }
});

test('a broker that stands still: posts end by their timeout, and all is well behind it', async () => {
  process.kill(stack.broker.pid, 'SIGSTOP');
  const started = Date.now();
  const answer = await alice.post('/rooms/stopped/messages', { text: 'slow', key: 'k' });
  assert.equal(answer.status, 503, answer.text);
  assert.ok(Date.now() - started < 10_000);
  assert.match(answer.json.detail, /may have been kept/);
  process.kill(stack.broker.pid, 'SIGCONT');
  await stack.ready();
  // With the same key it is safe to try again, whichever way the first one went.
  let again;
  do {
    again = await alice.post('/rooms/stopped/messages', { text: 'slow', key: 'k' });
  } while (again.status === 503);
  assert.ok([200, 201].includes(again.status), again.text);
  assert.deepEqual((await alice.history('stopped')).map((m) => m.text), ['slow']);
});

test('what a broker that stands still has not taken in time is not sent to it later', async () => {
  const narrow = await startStack({ config: { publish_timeout_ms: '1000', max_publishes: '4' } });
  try {
    const bob = await narrow.caller('bob', '*=rw');
    process.kill(narrow.broker.pid, 'SIGSTOP');
    for (let round = 0; round < 3; round++) {
      const posts = Array.from({ length: 4 }, (_, i) => bob.post('/rooms/narrow/messages', { text: `${round}-${i}` }));
      for (const answer of await Promise.all(posts)) {
        assert.equal(answer.status, 503, answer.text);
        assert.match(answer.json.detail, round === 0 ? /may have been kept/ : /was not sent/);
      }
    }
    process.kill(narrow.broker.pid, 'SIGCONT');
    let last;
    do {
      last = await bob.post('/rooms/narrow/messages', { text: 'last', key: 'last' });
    } while (last.status === 503);
    assert.equal(last.status, 201, last.text);
    const texts = (await bob.history('narrow')).map((m) => m.text);
    assert.deepEqual(texts.sort(), ['0-0', '0-1', '0-2', '0-3', 'last']);
  } finally {
    process.kill(narrow.broker.pid, 'SIGCONT');
    await narrow.stop();
  }
});

test('what was delivered while the broker was away is on the bill, once', async () => {
  const posted = await alice.post('/rooms/billed/messages', Buffer.alloc(900), { 'content-type': 'x/y' });
  assert.equal(posted.status, 201);
  await stack.killBroker();
  for (let i = 0; i < 3; i++) assert.equal((await alice.get('/rooms/billed/messages')).status, 200);
  await stack.startBroker();
  await stack.ready();
  for (;;) {
    const { out } = await stack.command('bill', '--json');
    const room = JSON.parse(out).today.rooms.find((line) => line.name === 'billed');
    if (room?.blocks_out >= 6) {
      assert.deepEqual([room.messages_in, room.blocks_in, room.messages_out, room.blocks_out, room.bytes_out],
        [1, 2, 3, 6, 2700]);
      break;
    }
    await sleep(50);
  }
});

test('a gateway that is started before the new plugin waits for the migration, without alarm', async () => {
  const { database } = stack.broker;
  await stack.stopGateway();
  await stack.broker.stop();
  for (const suffix of ['', '-wal', '-shm']) rmSync(database + suffix, { force: true });
  execFileSync('sqlite3', [database, `.read ${join(root, 'schema/0001_messages.sql')}`]);
  await stack.startGateway();
  assert.equal((await alice.get('/rooms/old/messages')).status, 503);
  await stack.gateway.program.says(/warning store reader=\S+ cannot be opened: written by an older version/);
  await stack.startBroker();
  // Each worker finds out for itself, twice a second.
  await waitFor(async () => (await alice.get('/rooms/old/messages')).status === 200, 'the history');
  assert.deepEqual(stack.gateway.lines.filter((line) => line.startsWith('error ')), []);
});
