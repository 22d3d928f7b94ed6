// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
// GET /rooms/<room>/members: who is in a room, by whichever way.
import assert from 'node:assert/strict';
import { get as httpGet } from 'node:http';
import { after, before, it } from 'node:test';

import { Client, connect } from './lib/client.mjs';
import { describeBrokers } from './lib/each.mjs';
import { EventReader, PollReader } from './lib/readers.mjs';
import { Caller, startStack } from './lib/stack.mjs';
import { soonS } from './lib/token.mjs';
import { waitFor } from './lib/wait.mjs';

const stays = { clean: false, properties: { sessionExpiryInterval: 3600 } };

describeBrokers('members', (kind) => {
  let stack, watcher;
  before(async () => {
    stack = await startStack({ broker: kind, persistence: true,
      config: { leeway_s: 0, workers: 2, member_linger_s: 1, heartbeat_ms: 100, max_members: 5 } });
    watcher = await stack.caller('watcher', '*=r');
  });
  after(() => stack?.stop());

  const token = (sub, rooms, claims) => stack.broker.token(sub, rooms, claims);
  const join = async (sub, room, options = {}) => {
    const client = await connect(stack.broker, { token: token(sub), ...options });
    await client.subscribe(`rooms/${room}/messages`);
    return client;
  };
  const members = async (room) => {
    const answer = await watcher.get(`/rooms/${room}/members`);
    assert.equal(answer.status, 200, answer.text);
    return answer.json.members;
  };
  const names = async (room) => (await members(room)).map((member) => member.subject);
  // Waits until exactly these are there.
  const become = async (room, ...expected) => {
    let last;
    await waitFor(async () => JSON.stringify((last = (await names(room)).sort())) === JSON.stringify(expected.sort()),
      `${expected} in ${room}`).catch((error) => assert.fail(`${error.message}, not ${last}`));
  };
  const events = async (t, sub, room) => {
    const reader = new EventReader(() => `${stack.url}/rooms/${room}/messages`, token(sub));
    t.after(() => reader.stop());
    await reader.saw('stream-open');
    return reader;
  };

  it('are those who subscribe, with their names and since when', async () => {
    const before = Date.now();
    const alice = await connect(stack.broker, { token: token('alice', { '*': 'rw' }, { name: 'Alice Ä' }) });
    assert.deepEqual(await members('shape'), []);
    await alice.subscribe('rooms/shape/messages');
    const answer = await watcher.get('/rooms/shape/members');
    const [{ since }] = answer.json.members;
    assert.deepEqual(answer.json, { room: 'shape', more: false,
      members: [{ subject: 'alice', name: 'Alice Ä', faces: ['mqtt'], since }] });
    assert.ok(Date.parse(since) >= before - 200 && Date.parse(since) <= Date.now(), since);
    assert.equal(answer.headers.get('cache-control'), 'no-store');
    await alice.subscribe('rooms/shape/messages'); // again
    assert.equal((await members('shape'))[0].since, since);
    await alice.mqtt.unsubscribeAsync('rooms/shape/messages');
    assert.deepEqual(await members('shape'), []);
    await alice.end();
  });

  it('leave with their connection, however it ends', async () => {
    const clients = await Promise.all(['bob', 'carol'].map((sub) => join(sub, 'leave')));
    await become('leave', 'bob', 'carol');
    await clients[0].end();
    await become('leave', 'carol');
    clients[1].mqtt.stream.destroy();
    await become('leave');
  });

  it('leave when their token ends', async () => {
    await join('short', 'expiry', { token: token('short', { '*': 'rw' }, { exp: soonS() }) });
    const lasting = await join('lasting', 'expiry');
    await become('expiry', 'short', 'lasting');
    await become('expiry', 'lasting');
    await lasting.end();
  });

  it('by a wildcard are members of every room that it reaches', async () => {
    const all = await connect(stack.broker, { token: token('all', null, { subs: ['rooms/#'] }) });
    const filters = [['rooms/+/messages', ['wild-a', 'wild-b']], ['rooms/wild-a/#', ['wild-a']], ['rooms/#', ['wild-a', 'wild-b']],
      ['$share/group/rooms/wild-b/messages', ['wild-b']], ['rooms/+/typing', []]];
    for (const [filter, rooms] of filters) {
      await all.subscribe(filter);
      for (const room of ['wild-a', 'wild-b'])
        assert.deepEqual(await names(room), rooms.includes(room) ? ['all'] : [], `${filter} in ${room}`);
      await all.mqtt.unsubscribeAsync(filter);
    }
    await all.subscribe('rooms/+/messages');
    await all.subscribe('rooms/wild-a/messages');
    await all.mqtt.unsubscribeAsync('rooms/+/messages');
    assert.deepEqual([await names('wild-a'), await names('wild-b')], [['all'], []]);
    await all.end();
    await become('wild-a');
  });

  it('are one for each subject, on all faces and workers', async (t) => {
    const since = [];
    const mqtt = await join('dora', 'faces');
    since.push((await members('faces'))[0].since);
    const second = await join('dora', 'faces');
    const ws = new Client(`${stack.url.replace('http', 'ws')}/mqtt`, { protocolVersion: 5, reconnectPeriod: 0,
      wsOptions: { headers: { Authorization: `Bearer ${token('dora')}` } } });
    await ws.connected();
    await ws.subscribe('rooms/faces/messages');
    const streams = await Promise.all([1, 2, 3, 4].map(() => events(t, 'dora', 'faces')));
    const erin = await events(t, 'erin', 'faces');
    const [dora, other, ...rest] = await members('faces');
    assert.deepEqual([dora.subject, dora.faces, dora.since], ['dora', ['mqtt', 'ws', 'sse'], since[0]]);
    assert.deepEqual([other.subject, other.faces, rest], ['erin', ['sse'], []]);
    await mqtt.end();
    await second.end();
    await waitFor(async () => !(await members('faces'))[0].faces.includes('mqtt'), 'mqtt to be gone');
    await Promise.all(streams.slice(1).map((stream) => stream.stop()));
    assert.deepEqual((await members('faces'))[0].faces, ['ws', 'sse'], 'one stream is left');
    await streams[0].stop();
    await waitFor(async () => (await members('faces')).find((m) => m.subject === 'dora').faces.join() === 'ws', 'sse to be gone');
    await ws.end();
    await erin.stop();
    await become('faces');
  });

  it('are those who poll and who read pages, for a while after each request', async (t) => {
    const poller = new PollReader(() => `${stack.url}/rooms/polls/messages`, token('polly'));
    t.after(() => poller.stop());
    const faces = async () => (await members('polls')).map((m) => [m.subject, ...m.faces]);
    await waitFor(async () => JSON.stringify(await faces()) === '[["polly","poll"]]', 'polly');
    const { since } = (await members('polls'))[0];
    const speaker = new Caller(stack, token('speaker'));
    for (const text of ['one', 'two', 'three']) { // each ends a poll, and another follows
      await speaker.post('/rooms/polls/messages', { text });
      await waitFor(() => poller.messages.at(-1)?.text === text, text);
      assert.deepEqual((await members('polls')).map((m) => m.since), [since]);
    }
    const page = await new Caller(stack, token('paula')).get('/rooms/polls', { accept: 'text/html' });
    assert.equal(page.status, 200);
    assert.deepEqual((await faces()).sort(), [['paula', 'html'], ['polly', 'poll']]);
    await become('polls', 'polly'); // she did not come back
    await poller.stop();
    await become('polls');
  });

  it('are those who watch a live page, while it lasts', async () => {
    const answer = await new Promise((resolve) => httpGet(`${stack.url}/rooms/live/live`,
      { headers: { authorization: `Bearer ${token('lynx')}` }, agent: false }, resolve));
    await waitFor(async () => (await members('live'))[0]?.faces.join() === 'html', 'the live page');
    answer.destroy();
    await become('live');
  });

  it('come back with their session, if the broker kept it', async () => {
    const options = { ...stays, clientId: 'comes-back' };
    const first = await join('gone', 'back', options);
    first.mqtt.stream.destroy();
    await become('back');
    const again = await connect(stack.broker, { ...options, token: token('gone') });
    assert.equal(again.connack.sessionPresent, true);
    await become('back', 'gone');
    const taker = await connect(stack.broker, { ...options, token: token('gone') }); // while it is there
    assert.equal(taker.connack.sessionPresent, true);
    await become('back', 'gone');
    await taker.end();
    const anew = await connect(stack.broker, { clientId: 'comes-back', token: token('gone') });
    assert.deepEqual(await names('back'), []);
    await anew.end();
    // One that wanted to be kept no longer than its connection.
    const brief = { clean: false, clientId: 'brief' };
    await (await join('brief', 'back', brief)).end();
    const empty = await connect(stack.broker, { ...brief, token: token('brief') });
    assert.equal(empty.connack.sessionPresent, false);
    assert.deepEqual(await names('back'), []);
    await empty.end();
  });

  it('are named up to a limit, and it is said that there are more', async () => {
    const clients = await Promise.all([1, 2, 3, 4, 5].map((i) => join(`many-${i}`, 'many')));
    assert.equal((await watcher.get('/rooms/many/members')).json.more, false);
    const last = await join('many-6', 'many');
    const { members: named, more } = (await watcher.get('/rooms/many/members')).json;
    assert.deepEqual([named.length, more], [5, true]);
    assert.ok(!named.some((m) => m.subject === 'many-6'), 'the last one is left out');
    await Promise.all([...clients, last].map((client) => client.end()));
  });

  it('are for those who may read the room', async () => {
    const ask = async (caller, room) => (await caller.get(`/rooms/${room}/members`)).status;
    assert.equal(await ask(new Caller(stack), 'shape'), 401);
    assert.equal(await ask(new Caller(stack, token('writer', { shape: 'w' })), 'shape'), 403);
    assert.equal(await ask(new Caller(stack, token('reader', { shape: 'r' })), 'shape'), 200);
    assert.equal(await ask(watcher, '-bad'), 400);
    assert.equal((await watcher.post('/rooms/shape/members', {})).status, 405);
  });

  it('are known again after the gateway was killed', async () => {
    const client = await join('stays', 'restart');
    await become('restart', 'stays');
    await stack.killGateway();
    await stack.startGateway();
    await stack.ready();
    assert.deepEqual(await names('restart'), ['stays']);
    await client.end();
  });

  it('are known again after the broker restarted', async (t) => {
    const reader = await events(t, 'reader', 'again');
    const kept = await join('kept', 'again', { ...stays, clientId: 'kept' });
    const gone = await join('gone', 'again');
    await become('again', 'gone', 'kept', 'reader');
    await stack.broker.restart();
    await stack.ready();
    await Promise.all([kept.closed, gone.closed]);
    await become('again', 'reader');
    // The broker restored what the plugin never saw: the first message shows it.
    const back = await connect(stack.broker, { ...stays, clientId: 'kept', token: token('kept') });
    assert.equal(back.connack.sessionPresent, true);
    await new Caller(stack, token('speaker')).post('/rooms/again/messages', { text: 'hello' });
    await back.receive(1);
    await become('again', 'kept', 'reader');
    await back.mqtt.unsubscribeAsync('rooms/again/messages');
    await become('again', 'reader');
    await back.end();
    await reader.stop();
  });

  it('answers 503 while the broker is away', async () => {
    await stack.killBroker();
    await waitFor(async () => (await watcher.get('/rooms/shape/members')).status === 503, '503');
    await stack.startBroker();
    await stack.ready();
    assert.deepEqual(await names('shape'), []);
  });
});
