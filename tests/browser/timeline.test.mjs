// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// What the room's page shows is complete, in order and without repeats, however live messages and
// pages of the history meet. Runs in Node: webui/timeline.js knows neither page nor network.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Timeline } from '../../webui/timeline.js';

const EPOCH = 'e1';

// A log as the server keeps it, with a timeline that reads it.
function setUp({ last = 0, pageSize = 3 } = {}) {
  const log = { epoch: EPOCH, messages: [], isDown: false, fetches: 0, committed: Infinity };
  const shown = [];
  const events = [];
  const fetchPage = async (after) => {
    log.fetches += 1;
    if (log.isDown) throw new Error('down');
    const kept = log.messages.filter(({ id }) => id <= log.committed);
    const wanted = after === null ? kept.slice(-50) : kept.filter(({ id }) => id > after);
    const messages = wanted.slice(0, after === null ? 50 : pageSize);
    return { epoch: log.epoch, messages, more: messages.length < wanted.length };
  };
  const timeline = new Timeline({
    epoch: EPOCH,
    last,
    fetchPage,
    show: ({ id }, { isGap }) => {
      shown.push(id);
      if (isGap) events.push(`gap before ${id}`);
    },
    reset: ({ messages }) => {
      shown.splice(0, Infinity, ...messages.map(({ id }) => id));
      events.push('reset');
    },
    behind: () => timeline.catchUp().catch(() => {}),
  });
  // Ids rise, but not by one.
  const say = (count = 1) =>
    Array.from({ length: count }, () => {
      const prev = log.messages.at(-1)?.id ?? 0;
      const message = { id: prev + 7, prev, epoch: log.epoch };
      log.messages.push(message);
      return message;
    });
  const ids = () => log.messages.map(({ id }) => id);
  return { log, timeline, shown, events, say, ids };
}

test('a live message that follows the last one needs no history', () => {
  const { timeline, say, shown, ids, log } = setUp();
  for (const message of say(3)) timeline.live(message);
  assert.deepEqual(shown, ids());
  assert.equal(log.fetches, 0);
});

test('what was missed is fetched, however many pages it fills', async () => {
  const { timeline, say, shown, ids } = setUp();
  say(10);
  await timeline.catchUp();
  assert.deepEqual(shown, ids());
});

test('a live message after a gap waits for what lies between', async () => {
  const { timeline, say, shown, ids } = setUp();
  timeline.live(say()[0]);
  say(5);
  timeline.live(say()[0]);
  assert.equal(shown.length, 1);
  await timeline.catchUp();
  assert.deepEqual(shown, ids());
});

test('repeats are shown once, live or fetched', async () => {
  const { timeline, say, shown, ids } = setUp();
  const messages = say(6);
  timeline.live(messages[0]);
  timeline.live(messages[0]);
  const caught = timeline.catchUp();
  for (const message of messages) timeline.live(message);
  await caught;
  for (const message of messages) timeline.live(message);
  await timeline.catchUp();
  assert.deepEqual(shown, ids());
});

test('live messages in any order, while the history is read, come out in order', async () => {
  for (let seed = 1; seed <= 200; seed++) {
    const { timeline, say, shown, ids } = setUp({ pageSize: 2 });
    let state = seed;
    const random = (n) => {
      state = (state * 1103515245 + 12345) & 0x7fffffff;
      return (state >> 8) % n;
    };
    const said = say(1);
    for (let step = 0; step < 40; step++) {
      said.push(...say(random(3)));
      if (random(2)) timeline.live(said[random(said.length)]);
      if (random(4) === 0) timeline.catchUp();
      if (random(3) === 0) await null;
    }
    await timeline.catchUp();
    assert.deepEqual(shown, ids(), `seed ${seed}`);
  }
});

test('a message that the history does not hold yet is waited for', async () => {
  const { timeline, say, shown, ids, log } = setUp();
  timeline.live(say()[0]);
  log.committed = log.messages.at(-1).id;
  say(1);
  timeline.live(say()[0]);
  setTimeout(() => {
    log.committed = Infinity;
  }, 50);
  await timeline.catchUp();
  assert.deepEqual(shown, ids());
});

test('messages that are not kept any more leave a mark', async () => {
  const { timeline, say, shown, events, log } = setUp();
  timeline.live(say()[0]);
  say(4);
  log.messages.splice(1, 2);
  await timeline.catchUp();
  assert.equal(shown.length, 3);
  assert.deepEqual(events, [`gap before ${shown[1]}`]);
});

test('a failed read is told, and a later one makes good', async () => {
  const { timeline, say, shown, ids, log } = setUp();
  say(4);
  log.isDown = true;
  await assert.rejects(timeline.catchUp(), /down/);
  assert.deepEqual(shown, []);
  log.isDown = false;
  await timeline.catchUp();
  assert.deepEqual(shown, ids());
});

test('another log starts the page anew', async () => {
  const { timeline, say, shown, events, ids, log } = setUp();
  for (const message of say(3)) timeline.live(message);
  log.epoch = 'e2';
  log.messages.length = 0;
  timeline.live(say()[0]); // with an id that was already shown in the old log
  await timeline.catchUp();
  assert.deepEqual(events, ['reset']);
  assert.deepEqual(shown, ids());
  timeline.live(say()[0]);
  assert.deepEqual(shown, ids());
});

test('what the server rendered is not shown again', async () => {
  const { timeline, say, shown, ids } = setUp({ last: 21 });
  say(5);
  await timeline.catchUp();
  assert.deepEqual(shown, ids().slice(3));
});
