// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Which way a room is followed by where MQTT does not get through, and when that changes. Runs in
// Node: webui/http_ways.js has its streams, its pages and its clock from here.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { HttpWays } from '../../webui/http_ways.js';

// Node's own mock of timers is another one in 18 and in 20.
const clock = {
  real: { setTimeout, clearTimeout },
  start() {
    this.now = 0;
    this.timers = [];
    globalThis.setTimeout = (run, ms) => {
      this.timers.push({ run, due: this.now + ms });
      return this.timers.at(-1);
    };
    globalThis.clearTimeout = (timer) => (this.timers = this.timers.filter((one) => one !== timer));
  },
  stop() {
    Object.assign(globalThis, this.real);
  },
  // Runs what is due, in order, also what is begun by that.
  pass(ms) {
    const end = this.now + ms;
    for (;;) {
      const [next] = this.timers.filter(({ due }) => due <= end).sort((a, b) => a.due - b.due);
      if (!next) break;
      this.now = next.due;
      clearTimeout(next);
      next.run();
    }
    this.now = end;
  },
};
const settle = () => new Promise((resolve) => setImmediate(resolve));

// Time passes, and what it brings about.
async function pass(ms) {
  for (let left = ms; left > 0; left -= 1000) {
    clock.pass(Math.min(left, 1000));
    await settle();
  }
}

class FakeSource extends EventTarget {
  static CLOSED = 2;
  static all = [];

  constructor(url) {
    super();
    Object.assign(this, { url, readyState: 0 });
    FakeSource.all.push(this);
  }

  close() {
    this.readyState = 2;
  }

  say(type, json = {}) {
    this.dispatchEvent(Object.assign(new Event(type), { data: JSON.stringify(json) }));
  }

  fail(readyState) {
    this.readyState = readyState;
    this.dispatchEvent(new Event('error'));
  }
}

const stream = () => FakeSource.all.at(-1);

// A room that is followed, with a page that shows at once what it is told.
function setUp() {
  const log = { epoch: 'e', messages: [], isDown: false, isFull: false, isStuck: false, queries: [], waiting: [] };
  const events = [];
  let shown = 0;
  const show = (id) => {
    shown = Math.max(shown, id);
  };
  const ways = new HttpWays(new URL('http://host/m?subject=alice'), {
    position: () => `e-${shown}`,
    fetchPage: async (query) => {
      log.queries.push(query);
      const asked = new URLSearchParams(query);
      const newer = () => log.messages.filter(({ id }) => id > Number(asked.get('after')));
      const waits = Number(asked.get('wait')) > 0 && newer().length === 0;
      if (waits && !log.isDown && !log.isFull) await new Promise((resolve) => log.waiting.push(resolve));
      if (log.isDown || (waits && log.isFull)) throw new Error('down');
      return { epoch: log.epoch, messages: newer() };
    },
    events: {
      ready: (way) => events.push(way),
      down: () => events.push('down'),
      message: ({ id }) => {
        events.push(id);
        show(id);
      },
      changed: async () => {
        events.push('changed');
        if (!log.isStuck) log.messages.forEach(({ id }) => show(id));
      },
    },
  });
  const say = (id) => {
    log.messages.push({ id });
    log.waiting.splice(0).forEach((resolve) => resolve());
    return settle();
  };
  return { ways, log, events, say };
}

beforeEach(() => {
  FakeSource.all = [];
  globalThis.EventSource = FakeSource;
  clock.start();
});
afterEach(() => clock.stop());

test('a stream that opens is the way, and nothing is polled', async () => {
  const { ways, log, events } = setUp();
  ways.start();
  assert.equal(stream().url.href, 'http://host/m?subject=alice&lastEventId=e-0');
  stream().say('stream-open');
  stream().say('message', { id: 3 });
  await pass(15000);
  assert.deepEqual(events, ['stream', 3]);
  assert.deepEqual(log.queries, []);
  ways.stop();
});

test('polls take over from a stream that does not open, until one does', async () => {
  const { ways, log, events, say } = setUp();
  ways.start();
  await pass(6000);
  assert.deepEqual(events, ['poll']);
  assert.equal(stream().readyState, FakeSource.CLOSED);
  await say(3);
  await say(5);
  assert.deepEqual(events, ['poll', 3, 5]);
  assert.match(log.queries.at(-1), /^after=5&limit=500&wait=25$/);
  await pass(30000);
  assert.equal(FakeSource.all.length, 2);
  await say(7); // still by poll: the stream is only being tried
  assert.deepEqual(events, ['poll', 3, 5, 7]);
  stream().say('stream-open');
  const { length } = log.queries;
  await say(9); // the last poll's answer, which nobody waits for any more
  stream().say('message', { id: 9 });
  await pass(10000);
  assert.deepEqual(events, ['poll', 3, 5, 7, 'stream', 9]);
  assert.equal(log.queries.length, length, 'there are no more polls');
  ways.stop();
});

test('a stream that is refused is not waited for', async () => {
  const { ways, events } = setUp();
  ways.start();
  stream().fail(FakeSource.CLOSED);
  await settle();
  assert.deepEqual(events, ['poll']);
  ways.stop();
});

test('a stream that is tried again and again without opening has no more time than another', async () => {
  const { ways, events } = setUp();
  ways.start();
  for (let n = 0; n < 3; n++) {
    await pass(2000);
    stream().fail(0);
  }
  await settle();
  assert.deepEqual(events, ['poll']);
  ways.stop();
});

test('a stream that broke has its time to come back', async () => {
  const { ways, log, events } = setUp();
  ways.start();
  stream().say('stream-open');
  stream().fail(0);
  await pass(3000);
  stream().say('stream-open');
  assert.deepEqual(events, ['stream', 'down', 'stream']);
  assert.equal(FakeSource.all.length, 1);
  stream().fail(0);
  log.isDown = true;
  await pass(8000);
  assert.deepEqual(events, ['stream', 'down', 'stream', 'down']);
  log.isDown = false;
  await pass(2000);
  assert.equal(events.at(-1), 'poll');
  ways.stop();
});

test('a stream that says nothing while the room goes on is given up', async () => {
  const { ways, events, say } = setUp();
  ways.start();
  stream().say('stream-open');
  await say(3);
  await pass(20000);
  assert.deepEqual(events, ['stream', 'changed'], 'late once');
  await pass(20000);
  assert.deepEqual(events, ['stream', 'changed'], 'and right again');
  await say(5);
  await pass(20000);
  await say(7);
  await pass(20000);
  assert.deepEqual(events.slice(2), ['changed', 'down', 'poll', 7]);
  ways.stop();
});

test('a server that lets nobody wait is asked now and then, and this is a way all the same', async () => {
  const { ways, log, events, say } = setUp();
  log.isFull = true;
  ways.start();
  await pass(10000);
  await say(3);
  await pass(10000);
  assert.deepEqual(events, ['poll', 3]);
  assert.ok(log.queries.length < 20, `${log.queries.length} requests`);
  log.isDown = true;
  await pass(3000);
  assert.deepEqual(events, ['poll', 3, 'down']);
  ways.stop();
});

test('pages of another log lead to a new look, again and again, but not at once', async () => {
  const { ways, log, events, say } = setUp();
  ways.start();
  await pass(6000);
  Object.assign(log, { epoch: 'other', isStuck: true });
  await say(3);
  await pass(10000);
  assert.deepEqual(events.slice(0, 3), ['poll', 3, 'changed']);
  assert.ok(log.queries.length < 10, `${log.queries.length} requests`);
  ways.stop();
});

test('what is stopped asks for nothing, and can be started again', async () => {
  const { ways, log, events } = setUp();
  ways.start();
  await pass(6000);
  ways.stop();
  ways.stop();
  const { length } = log.queries;
  await pass(60000);
  assert.equal(log.queries.length, length);
  assert.equal(FakeSource.all.length, 1);
  assert.equal(ways.way, '');
  ways.start();
  stream().say('stream-open');
  assert.deepEqual(events, ['poll', 'stream']);
  ways.stop();
});
