// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// P3 where the past is gone: retention took it, or an older copy of the database was put in place.
// Every reader is told so, and nobody who missed nothing is.
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { get } from 'node:http';
import { after, before, describe, test } from 'node:test';

import { connect } from './lib/client.mjs';
import { run } from './lib/process.mjs';
import { EventReader } from './lib/readers.mjs';
import { startStack } from './lib/stack.mjs';
import { waitFor, within } from './lib/wait.mjs';

const texts = (reader) => reader.messages.map((message) => message.text);
const resets = (reader) => reader.events.filter(({ event }) => event === 'stream-reset')
  .map(({ data }) => JSON.parse(data));

// Each message follows the one before it, or a reset says that it does not.
function assertNoSilentGap(reader) {
  let last;
  for (const { event, data } of reader.events) {
    const { after: begin, id, prev } = JSON.parse(data);
    if (event === 'message') assert.equal(prev, last, `${data} comes behind ${last}`);
    last = event === 'message' ? id : begin;
  }
}

class Room {
  constructor(stack, caller, name) {
    Object.assign(this, { stack, caller, name });
  }

  async say(...all) {
    const messages = [];
    for (const text of all) {
      const answer = await this.caller.post(`/rooms/${this.name}/messages`, { text });
      assert.equal(answer.status, 201, answer.text);
      messages.push(answer.json);
    }
    return messages;
  }

  // A reader that comes back with `lastEventId`, once its stream is open.
  async follow(t, lastEventId, query = '') {
    const reader = new EventReader(() => `${this.stack.url}/rooms/${this.name}/messages${query}`,
      this.caller.token, { lastEventId });
    t.after(() => reader.stop());
    await reader.saw('stream-open');
    return reader;
  }
}

async function sqlite(database, statement) {
  const { code, log } = await run('sqlite3', ['-cmd', '.timeout 5000', database, statement]);
  assert.equal(code, 0, log);
}

describe('retention', () => {
  let stack;
  let alice;
  before(async () => {
    stack = await startStack({ config: { retention_days: 1, tape_size: 65536 } });
    alice = await stack.caller('alice', '*=rw');
  });
  after(() => stack?.stop());

  // Makes the room's messages up to `id` so old that the plugin removes them when it starts.
  const expire = async (room, id) => {
    const gone = `id <= ${id} AND room_id = (SELECT room_id FROM rooms WHERE room = '${room}')`;
    await stack.broker.stop();
    await sqlite(stack.broker.database, `UPDATE messages SET date_ms = 1 WHERE ${gone}`);
    await stack.startBroker();
    await waitFor(async () => {
      const [{ count }] = await stack.broker.sql(`SELECT count(*) AS count FROM messages WHERE ${gone}`);
      return count === 0;
    }, 'retention');
    await stack.ready();
  };

  test('a reader that was away while messages were removed is told so', async (t) => {
    const room = new Room(stack, alice, 'away');
    const [, second, third, fourth] = await room.say('1', '2', '3', '4', '5');
    const { epoch } = second;
    await expire('away', third.id);

    const late = await room.follow(t, `${epoch}-${second.id}`);
    await waitFor(() => late.messages.length === 2, 'what is left');
    assert.deepEqual(resets(late), [{ room: 'away', epoch, after: third.id, reason: 'expired' }]);
    const first = await room.follow(t, `${epoch}-0`);
    await waitFor(() => first.messages.length === 2, 'what is left');
    assert.equal(resets(first)[0].reason, 'expired');

    for (const [lastEventId, query] of [[`${epoch}-${third.id}`, ''], ['', '?lastEventId=earliest'],
      ['', '?limit=100']]) {
      const whole = await room.follow(t, lastEventId, query);
      await waitFor(() => whole.messages.length === 2, 'what it is to get');
      assert.equal(whole.messages[0].id, fourth.id);
      assert.deepEqual(resets(whole), []);
      assertNoSilentGap(whole);
    }
    for (const reader of [late, first]) assertNoSilentGap(reader);
  });

  test('the same where no message is left', async (t) => {
    const room = new Room(stack, alice, 'bare');
    const [first, last] = await room.say('1', '2');
    const { epoch } = first;
    await expire('bare', last.id);

    const late = await room.follow(t, `${epoch}-${first.id}`);
    await late.saw('stream-reset');
    assert.deepEqual(resets(late), [{ room: 'bare', epoch, after: last.id, reason: 'expired' }]);
    const whole = await room.follow(t, `${epoch}-${last.id}`);
    const earliest = await room.follow(t, '', '?lastEventId=earliest');
    const poll = alice.get(`/rooms/bare/messages?after=${first.id}&wait=20`);
    const isOver = await Promise.race([poll.then(() => true), alice.get('/rooms/bare/messages').then(() => false)]);
    assert.equal(isOver, false, 'a long-poll waits for what is to come, not for what is gone');

    const [next] = await room.say('3');
    assert.equal(next.prev, last.id);
    assert.deepEqual((await poll).json.messages, [next]);
    for (const reader of [late, whole, earliest]) {
      await waitFor(() => reader.messages.length === 1, 'the next message');
      assert.deepEqual(reader.messages, [next]);
      assertNoSilentGap(reader);
    }
    assert.deepEqual(resets(whole), []);
    assert.deepEqual(resets(earliest), []);
  });

  test('a reader so slow that messages go before it has read them is told so', async (t) => {
    const room = new Room(stack, alice, 'slow');
    const reader = await room.follow(t);
    reader.answer.pause();
    const body = 'x'.repeat(100_000);
    let last;
    for (let i = 0; i < 120; i += 1) [last] = await room.say(`${i} ${body}`);
    await expire('slow', last.id);
    const [next] = await room.say('still here');
    reader.answer.resume();
    await waitFor(() => reader.messages.at(-1)?.id === next.id, 'the newest message');
    assert.equal(resets(reader).length, 1);
    assert.ok(reader.messages.length < 121);
    assertNoSilentGap(reader);
  });
});

describe('an older copy of the database', () => {
  // The text of the endless page so far.
  const openLive = (t, room, query = '') => {
    const page = { text: '' };
    const headers = { authorization: `Bearer ${room.caller.token}`, accept: 'text/html' };
    const request = get(`${room.stack.url}/rooms/${room.name}/live${query}`, { headers }, (answer) => {
      answer.setEncoding('utf8');
      answer.on('data', (chunk) => (page.text += chunk));
      answer.on('error', () => {});
    });
    request.on('error', () => {});
    t.after(() => request.destroy());
    return page;
  };
  const shows = (page, what) => waitFor(() => page.text.includes(what), `the page to show ${what}`);
  const GAP = 'Older messages are missing here.';

  test('begins a new epoch, and every reader is told', async (t) => {
    const stack = await startStack();
    t.after(() => stack.stop());
    const room = new Room(stack, await stack.caller('alice', '*=rw'), 'lobby');
    const { database } = stack.broker;
    const old = await room.say('1', '2');
    await sqlite(database, `VACUUM INTO '${database}.copy'`);
    const lost = await room.say('3', '4');
    const { epoch } = lost[1];
    const reader = await room.follow(t, '', '?limit=2');
    await waitFor(() => reader.messages.length === 2, 'what is there');
    const page = openLive(t, room, `?after=${epoch}-${lost[0].id}`);
    await shows(page, `id="m${lost[1].id}"`);
    const poll = room.caller.get(`/rooms/lobby/messages?after=${lost[1].id}&wait=60`);

    await stack.broker.stop();
    for (const end of ['', '-wal', '-shm']) rmSync(database + end, { force: true });
    await sqlite(`${database}.copy`, `.backup ${database}`);
    await stack.startBroker();
    await stack.ready();

    await reader.saw('stream-reset');
    const answer = await within(poll, 'the end of the long-poll');
    assert.deepEqual([answer.status, answer.json.messages], [200, []]);
    assert.notEqual(answer.json.epoch, epoch);
    const [next] = await room.say('5');
    assert.notEqual(next.epoch, epoch);
    assert.equal(next.prev, old[1].id);
    await waitFor(() => reader.messages.length === 5, 'the log as it is now');
    assert.deepEqual(resets(reader), [{ room: 'lobby', epoch: next.epoch, after: 0, reason: 'epoch' }]);
    assert.deepEqual(texts(reader), ['3', '4', '1', '2', '5']);
    assertNoSilentGap(reader);
    await shows(page, `id="m${next.id}"`);
    assert.ok(page.text.includes(GAP));

    const late = await room.follow(t, `${epoch}-${lost[0].id}`);
    await waitFor(() => late.messages.length === 3, 'the log as it is now');
    assert.equal(resets(late)[0].reason, 'epoch');
    assertNoSilentGap(late);
    await shows(openLive(t, room, `?after=${epoch}-${lost[0].id}`), GAP);
    const whole = openLive(t, room, `?after=${next.epoch}-${old[1].id}`);
    await shows(whole, `id="m${next.id}"`);
    assert.ok(!whole.text.includes(GAP));
  });

  test('brings no reader what the broker has retained of the other log', async (t) => {
    const stack = await startStack({ persistence: true });
    t.after(() => stack.stop());
    const room = new Room(stack, await stack.caller('alice', '*=rw'), 'lobby');
    const { database } = stack.broker;
    await room.say('1', '2');
    await sqlite(database, `.backup ${database}.copy`);
    const device = await connect(stack.broker, { token: stack.broker.token('lamp', { lobby: 'rw' }) });
    await device.publish('rooms/lobby/messages', 'lost', { qos: 1, retain: true });
    await device.end();

    await stack.broker.stop();
    for (const end of ['', '-wal', '-shm']) rmSync(database + end, { force: true });
    await sqlite(`${database}.copy`, `.backup ${database}`);
    await stack.startBroker();
    await stack.ready();

    const reader = await room.follow(t, '', '?limit=10');
    await waitFor(() => reader.messages.length >= 2, 'what is there');
    await waitFor(() => stack.broker.program.log.includes('\trooms/lobby/messages (QoS 0)'), 'the room to be followed');
    await room.say('3');
    await waitFor(() => texts(reader).includes('3'), 'what is said from now on');
    assert.deepEqual(texts(reader), ['1', '2', '3']);
    assertNoSilentGap(reader);
  });
});
