// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// P3 for readers over HTTP: event streams and long-polls give what follows, once, in order, and say
// so where they cannot.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { connectAsync } from 'mqtt';

import { EventReader, LiveReader, PollReader } from './lib/readers.mjs';
import { Caller, startStack } from './lib/stack.mjs';
import { soonS } from './lib/token.mjs';
import { waitFor } from './lib/wait.mjs';

let stack, alice;
before(async () => {
  stack = await startStack({ config: { heartbeat_ms: 100, tape_size: 65536 } });
  alice = await stack.caller('alice', '*=rw');
});
after(() => stack?.stop());

const room = (name, query = '') => () => `${stack.url}/rooms/${name}/messages${query}`;
const say = async (name, ...texts) => {
  const ids = [];
  for (const text of texts) {
    const answer = await alice.post(`/rooms/${name}/messages`, { text });
    assert.equal(answer.status, 201, answer.text);
    ids.push(answer.json.id);
  }
  return ids;
};
const texts = (reader) => reader.messages.map((message) => message.text);
const follow = async (t, url, options) => {
  const reader = new EventReader(url, alice.token, options);
  t.after(() => reader.stop());
  await reader.saw('stream-open');
  return reader;
};

test('a stream begins with stream-open and brings what is said from then on', async (t) => {
  await say('first', 'before');
  const reader = await follow(t, room('first'));
  await say('first', 'one', 'two');
  await waitFor(() => reader.messages.length === 2, 'two messages');
  assert.deepEqual(texts(reader), ['one', 'two']);
  assert.match(reader.answer.headers['content-type'], /^text\/event-stream/);
  assert.equal(reader.answer.headers['cache-control'], 'no-store');
  assert.equal(reader.answer.headers['x-accel-buffering'], 'no');
  assert.equal(reader.parser.retry, 1000);
});

test('who names event streams gets one, unless he would rather have JSON', async () => {
  for (const [accept, type] of [
    ['text/event-stream;q=0.9, */*;q=0.1', 'text/event-stream'],
    ['text/event-stream; charset=utf-8', 'text/event-stream'],
    ['application/json, text/event-stream', 'text/event-stream'],
    ['application/json, text/event-stream;q=0.5', 'application/json'],
    ['text/event-stream;q=0', 'application/json'],
    ['*/*', 'application/json'],
  ]) {
    const { status, headers } = await alice.ask('/rooms/first/messages', { method: 'HEAD', headers: { accept } });
    assert.deepEqual([status, headers.get('content-type')], [200, type], accept);
  }
});

test('lastEventId=earliest brings everything, limit the newest of it', async (t) => {
  await say('past', 'a', 'b', 'c');
  const all = await follow(t, room('past', '?lastEventId=earliest'));
  await waitFor(() => all.messages.length === 3, 'all');
  const newest = await follow(t, room('past', '?limit=2'));
  await waitFor(() => newest.messages.length === 2, 'the newest');
  assert.deepEqual(texts(newest), ['b', 'c']);
});

test('Last-Event-ID resumes behind it, and wins over lastEventId', async (t) => {
  const [, second] = await say('resume', 'a', 'b', 'c');
  const probe = await follow(t, room('resume', '?lastEventId=earliest'));
  await waitFor(() => probe.messages.length === 3, 'the epoch');
  const { epoch } = probe.messages[0];
  const reader = await follow(t, room('resume', `?lastEventId=${epoch}-0`),
    { lastEventId: `${epoch}-${second}` });
  await waitFor(() => reader.messages.length === 1, 'the third');
  assert.deepEqual(texts(reader), ['c']);
  assert.equal(reader.events.some((event) => event.event === 'stream-reset'), false);
});

test('another log, and an id that was never given, are answered with stream-reset', async (t) => {
  await say('reset', 'a', 'b');
  for (const lastEventId of ['other-1', 'nonsense', undefined]) {
    const probe = await follow(t, room('reset', '?limit=1'));
    await waitFor(() => probe.messages.length === 1, 'the epoch');
    const future = `${probe.messages[0].epoch}-9000000`;
    const reader = await follow(t, room('reset'), { lastEventId: lastEventId ?? future });
    const reset = await reader.saw('stream-reset');
    assert.equal(JSON.parse(reset.data).reason, 'epoch');
  }
});

test('what is no id is refused with 400, and no rights with 403', async () => {
  const headers = { accept: 'text/event-stream' };
  for (const query of ['lastEventId=nonsense', 'limit=nonsense', 'lastEventId=earliest&lastEventId=earliest',
    'x=%FF&lastEventId=earliest', 'limit=1&limit=1'])
    assert.equal((await alice.get(`/rooms/first/messages?${query}`, headers)).status, 400, query);
  for (const query of ['after=1&after=1', 'after=nonsense', 'x=%FF&after=1'])
    assert.equal((await alice.get(`/rooms/first/live?${query}`)).status, 400, query);
  const bob = await stack.caller('bob', 'other=r');
  assert.equal((await bob.get('/rooms/first/messages', { accept: 'text/event-stream' })).status, 403);
});

test('CR, LF and NUL in a message stay inside its event', async (t) => {
  const reader = await follow(t, room('odd'));
  const odd = 'a\rb\nc\r\n\nevent: stream-reset\n\0d';
  const answer = await alice.post('/rooms/odd/messages', Buffer.from(odd),
    { 'content-type': 'application/octet-stream' });
  assert.equal(answer.status, 201);
  await waitFor(() => reader.messages.length === 1, 'the message');
  assert.equal(reader.messages[0].text, odd);
});

test('a quiet stream shows signs of life', async (t) => {
  let text = '';
  const request = get(room('quiet')(), {
    headers: { authorization: `Bearer ${alice.token}`, accept: 'text/event-stream' },
  }, (answer) => answer.on('data', (chunk) => (text += chunk)));
  t.after(() => request.destroy());
  request.on('error', () => {});
  await waitFor(() => /^:\n\n/m.test(text), 'a comment');
});

test('who only waits is billed for nothing', async (t) => {
  const bob = await stack.caller('bob', 'waiting=r', 'bill=r');
  const bill = async () => (await bob.get('/bill')).json.today;
  const mine = ({ people }) => people.find(({ name }) => name === 'bob');
  await say('waiting', 'before');
  const ws = `${stack.url.replace('http', 'ws')}/mqtt`;
  const client = await connectAsync(ws, {
    keepalive: 1, protocolVersion: 5, wsOptions: { headers: { authorization: `Bearer ${bob.token}` } },
  });
  t.after(() => client.endAsync(true));
  await client.subscribeAsync('rooms/waiting/messages');
  const stream = new EventReader(room('waiting'), bob.token);
  t.after(() => stream.stop());
  await stream.saw('stream-open');
  let comments = 0;
  stream.answer.on('data', (text) => (comments += text.split(':\n\n').length - 1));
  let pings = 0;
  client.on('packetreceive', ({ cmd }) => (pings += cmd === 'pingresp'));
  await waitFor(() => comments >= 5 && pings >= 2, 'signs of life on both');
  assert.equal(mine(await bill()), undefined);
  const [id] = await say('waiting', 'now');
  await waitFor(() => stream.messages.at(-1)?.id === id, 'the message');
  await waitFor(async () => mine(await bill())?.messages_out === 2, 'one message on each face');
});

test('those who stay miss nothing while others come and go', async (t) => {
  const COUNT = 200, MESSAGES = 60; // more readers than are woken in one turn of a worker's loop
  const stay = [], leave = [];
  for (const list of [stay, leave]) {
    list.push(...await Promise.all(Array.from({ length: COUNT }, (_, i) => follow(t, room(i % 4 ? 'square' : 'lane')))));
  }
  const client = await connectAsync(`mqtt://127.0.0.1:${stack.broker.port}`, { password: alice.token, username: 'x', protocolVersion: 5 });
  t.after(() => client.endAsync(true));
  const said = [];
  for (let n = 0; n < MESSAGES; n++) {
    said.push(...['square', 'lane'].map((name) => client.publishAsync(`rooms/${name}/messages`, String(n), { qos: 1 })));
    for (const reader of leave.splice(0, Math.ceil(COUNT / MESSAGES))) reader.stop();
    if (n % 10 === 0) stay.push(await follow(t, room('square')));
  }
  await Promise.all(said);
  const all = Array.from({ length: MESSAGES }, (_, n) => String(n));
  await waitFor(() => stay.every((reader) => texts(reader).at(-1) === all.at(-1)), 'the last message');
  for (const reader of stay) assert.deepEqual(texts(reader), all.slice(-reader.messages.length));
  for (const reader of stay.slice(0, COUNT)) assert.equal(reader.messages.length, MESSAGES);
});

test('a room without readers is not sent to the gateway', async (t) => {
  const sent = (name) => stack.broker.log.split('\n')
    .filter((line) => line.includes('Sending PUBLISH to ') && line.includes(`'rooms/${name}/messages'`)).length;
  await say('empty', 'to nobody');
  assert.equal(sent('empty'), 0);
  const reader = new EventReader(room('empty'), alice.token);
  t.after(() => reader.stop());
  await reader.saw('stream-open');
  await say('empty', 'to one');
  await waitFor(() => reader.messages.length === 1, 'the message');
  assert.equal(sent('empty'), 1);
  const since = stack.broker.log.length;
  await reader.stop();
  await stack.broker.says(/Received UNSUBSCRIBE from [^]*rooms\/empty\/messages/, since);
  await say('empty', 'to nobody again');
  assert.equal(sent('empty'), 1);
});

test('a reader that fell off the tape reads on from the database', async (t) => {
  const reader = await follow(t, room('slow'));
  reader.answer.pause();
  const body = 'x'.repeat(4000);
  const ids = [];
  for (let i = 0; i < 300; i += 1) ids.push(...(await say('slow', `${i} ${body}`)));
  reader.answer.resume();
  await waitFor(() => reader.messages.length >= ids.length, 'all of them');
  assert.deepEqual(reader.messages.map((message) => message.id), ids);
});

test('a long-poll answers when something comes, with what there is, or when its time is over', async (t) => {
  const waiting = alice.get('/rooms/poll/messages?after=0&wait=20');
  await say('poll', 'now');
  const answer = await waiting;
  assert.deepEqual(answer.json.messages.map((message) => message.text), ['now']);
  const [id] = answer.json.messages.map((message) => message.id);
  assert.equal((await alice.get(`/rooms/poll/messages?after=${id}&wait=1`)).json.messages.length, 0);
  assert.equal((await alice.get('/rooms/poll/messages?wait=1')).status, 400);
  const reader = new PollReader(room('poll'), alice.token);
  t.after(() => reader.stop());
  await say('poll', 'a', 'b');
  await waitFor(() => reader.messages.length === 3, 'three messages');
});

test('a reader that sends and sends is let go, and keeps nobody waiting', async (t) => {
  for (const path of ['messages', 'live']) {
    const socket = connect(new URL(stack.url).port, '127.0.0.1');
    t.after(() => socket.destroy());
    let text = '';
    let isOver = false;
    socket.on('data', (chunk) => (text += chunk));
    socket.on('error', () => {}); // it is reset in the midst of what it sends
    socket.on('close', () => (isOver = true));
    socket.write(`GET /rooms/chatty/${path} HTTP/1.1\r\nHost: localhost\r\n` +
      `Authorization: Bearer ${alice.token}\r\nAccept: text/event-stream, text/html\r\n\r\n`);
    await waitFor(() => text.includes('\r\n\r\n'), 'the answer\'s head');
    assert.match(text, /^HTTP\/1\.1 200 /);
    const zeros = Buffer.alloc(65536);
    const more = () => !isOver && socket.write(zeros, () => setImmediate(more));
    more();
    await waitFor(() => isOver, 'the end of the connection');
  }
});

test('a long-poll brings nothing to whom the keys no longer let in', async (t) => {
  const rekeyed = await startStack();
  t.after(() => rekeyed.stop());
  const reader = await rekeyed.caller('alice', '*=rw');
  const path = join(rekeyed.folder, 'jwt.secret');
  const waiting = reader.get('/rooms/secret/messages?after=0&wait=20');
  await waitFor(async () => {
    const { json } = await reader.get('/rooms/secret/members');
    return json.members.some(({ faces }) => faces.includes('poll'));
  }, 'the long-poll to wait');
  const status = async () => (await reader.get('/rooms/secret/messages')).status;
  writeFileSync(path, 'a new secret that is at least as long as the old one');
  rekeyed.gateway.child.kill('SIGHUP');
  await waitFor(async () => (await status()) === 401, 'the refusal of the old token');
  const speaker = await rekeyed.caller('bob', '*=rw'); // with the new secret
  assert.equal((await speaker.post('/rooms/secret/messages', { text: 'not for alice' })).status, 201);
  const answer = await waiting;
  assert.equal(answer.status, 401, answer.text);
});

test('streams end when the keys are changed, and whoever comes back is judged anew', async (t) => {
  const rekeyed = await startStack({ config: { heartbeat_ms: 100 } });
  t.after(() => rekeyed.stop());
  const reader = await rekeyed.caller('alice', '*=rw');
  const stream = new EventReader(() => `${rekeyed.url}/rooms/keys/messages`, reader.token);
  t.after(() => stream.stop());
  await stream.saw('stream-open');
  rekeyed.gateway.child.kill('SIGHUP'); // the same keys: it comes back at once
  await waitFor(() => stream.connections === 2, 'the stream to come back');
  writeFileSync(join(rekeyed.folder, 'jwt.secret'), 'a new secret that is at least as long as the old one');
  rekeyed.gateway.child.kill('SIGHUP');
  await waitFor(() => stream.answer.statusCode === 401, 'the refusal');
});

test('a stream ends with the token, not with the next heartbeat', async (t) => {
  const patient = await startStack({ config: { heartbeat_ms: 600000, leeway_s: 0 } });
  t.after(() => patient.stop());
  const exp = soonS();
  const stream = new EventReader(() => `${patient.url}/rooms/short/messages`, patient.broker.token('bob', undefined, { exp }));
  t.after(() => stream.stop());
  await stream.saw('stream-open');
  await waitFor(() => stream.connections > 1, 'the end of the stream');
  assert.ok(Date.now() / 1000 >= exp);
  await waitFor(() => stream.answer.statusCode === 401, 'the refusal');
});

test('a slow reader over TLS gets everything on one connection', async (t) => {
  const safe = await startStack({ tls: true, config: { tape_size: 33554432, tape_messages: 100000 } });
  t.after(() => safe.stop());
  const token = safe.broker.token('bob', { '*': 'rw' }, { bill: 'r' });
  const stream = new EventReader(() => `${safe.secureUrl}/rooms/slow/messages`, token, { ca: safe.ca });
  t.after(() => stream.stop());
  await stream.saw('stream-open');
  stream.answer.pause();
  const publisher = await connectAsync(`mqtt://127.0.0.1:${safe.broker.port}`,
    { protocolVersion: 5, username: 'x', password: token });
  t.after(() => publisher.endAsync(true));
  const count = 16000; // more than the buffers of both sides hold
  const text = 'x'.repeat(700);
  for (let n = 0; n < count; n += 500)
    await Promise.all(Array.from({ length: 500 }, () => publisher.publishAsync('rooms/slow/messages', text, { qos: 1 })));
  stream.answer.resume();
  await waitFor(() => stream.messages.length === count, 'everything', 60000);
  assert.equal(stream.connections, 1);
  for (const [i, { prev }] of stream.messages.entries()) assert.equal(prev, i && stream.messages[i - 1].id);
  const bob = new Caller(safe, token);
  await waitFor(async () => (await bob.get('/bill')).json.today.faces
    .find(({ name }) => name === 'sse')?.messages_out === count, 'all of it on the bill');
});

test('a long-poll that finds no place is told to come back', async (t) => {
  const small = await startStack({ config: { max_live_rooms: 1 } });
  t.after(() => small.stop());
  const bob = await small.caller('bob', '*=rw');
  const stream = new EventReader(() => `${small.url}/rooms/one/messages`, bob.token);
  t.after(() => stream.stop());
  await stream.saw('stream-open');
  const answer = await bob.get('/rooms/two/messages?after=0&wait=20');
  assert.equal(answer.status, 503);
  assert.ok(Number(answer.headers.get('retry-after')) > 0);
});

test('a new service secret, and other rights by default, are in force after SIGHUP to both', async (t) => {
  const both = await startStack({ config: { default_rights: '{"open":"rw"}' } });
  t.after(() => both.stop());
  const bob = new Caller(both, both.broker.token('bob', null)); // says nothing of rooms
  assert.equal((await bob.post('/rooms/open/messages', { text: 'before' })).status, 201);
  writeFileSync(join(both.folder, 'service.secret'), 'another secret of the two programs');
  both.broker.writeRoomwireConf({ default_rights: '{"other":"rw"}' });
  const text = readFileSync(both.gateway.path, 'utf8');
  writeFileSync(both.gateway.path, text.replace(/^default_rights.*$/m, 'default_rights = {"other":"rw"}'));
  await both.broker.reload();
  both.gateway.child.kill('SIGHUP');
  await both.gateway.program.says(/info reload keys/);
  await waitFor(async () => (await bob.post('/rooms/other/messages', { text: 'after' })).status === 201, 'the new secret');
  assert.equal((await bob.get('/rooms/open/messages')).status, 403);
  const page = await connectAsync(`${both.url.replace('http', 'ws')}/mqtt`, { protocolVersion: 5, clientId: 'page',
    reconnectPeriod: 0, wsOptions: { headers: { authorization: `Bearer ${bob.token}` } } });
  await page.publishAsync('rooms/other/messages', 'by WebSocket', { qos: 1 });
  await page.endAsync();
});

test('a live page says where it is to be gone on with, however it ends', async (t) => {
  const ids = await say('frame', 'one', 'two');
  const epoch = (await alice.get('/rooms/frame/messages')).json.epoch;
  const open = (query) => new Promise((resolve) => {
    const headers = { authorization: `Bearer ${alice.token}`, accept: 'text/html' };
    const asked = get(`${stack.url}/rooms/frame/live${query}`, { headers, agent: false }, (answer) => {
      answer.on('error', () => {});
      resolve(answer);
    });
    t.after(() => asked.destroy());
  });
  const first = await open('');
  assert.equal(first.headers.refresh, `4; url=/rooms/frame/live?after=${epoch}-0`);
  const later = await open(`?after=${epoch}-${ids[0]}`);
  assert.equal(later.headers.refresh, `4; url=/rooms/frame/live?after=${epoch}-${ids[0]}`);
  let page = '';
  later.setEncoding('utf8').on('data', (chunk) => (page += chunk));
  await waitFor(() => page.includes(`id="m${ids[1]}"`), 'the second message');
  stack.gateway.child.kill('SIGTERM');
  await waitFor(() => later.complete || later.destroyed, 'the end of the page');
  assert.match(page, new RegExp(`<meta http-equiv="refresh" content="1; url=/rooms/frame/live[?]after=${epoch}-${ids[1]}">\n$`));
  await stack.startGateway();
  await stack.ready();
  alice = await stack.caller('alice', '*=rw');
});

test('a live page shows signs of life, ends when it is old, and goes on as another one', async (t) => {
  const young = await startStack({ config: { heartbeat_ms: 100, live_page_s: 1 } });
  t.after(() => young.stop());
  const bob = await young.caller('bob', '*=rw');
  const reader = new LiveReader(() => `${young.url}/rooms/old/live`, bob.token);
  t.after(() => reader.stop());
  const ids = [];
  for (let n = 0; n < 3; n++) {
    const { json } = await bob.post('/rooms/old/messages', { text: `${n}` });
    ids.push(json.id);
    const before = reader.pages;
    await waitFor(() => reader.pages > before, 'another page');
  }
  await reader.stop();
  assert.deepEqual(reader.ids, ids);
  assert.equal(reader.gaps, 0);
  assert.ok(reader.beats > 0);
});

test('a reader that takes nothing is dropped, with all that waits for it', async (t) => {
  const slow = await startStack({ config: { heartbeat_ms: 100, write_timeout_ms: 1000 } });
  t.after(() => slow.stop());
  const speaker = await slow.caller('alice', '*=rw');
  const socket = connect(new URL(slow.url).port, '127.0.0.1');
  t.after(() => socket.destroy());
  let isOver = false;
  socket.on('error', () => {}); // it may be a reset
  socket.on('close', () => (isOver = true));
  socket.write('GET /rooms/stuck/messages HTTP/1.1\r\nHost: localhost\r\n' +
    `Authorization: Bearer ${speaker.token}\r\nAccept: text/event-stream\r\n\r\n`);
  const dropped = () => /drop address=\S+ reason="it takes nothing of the stream"/.test(slow.gateway.program.log);
  const body = Buffer.alloc(100_000, 'x');
  await waitFor(async () => {
    await speaker.post('/rooms/stuck/messages', body); // a full spool is no matter here
    return dropped();
  }, 'the reader to be dropped');
  socket.resume();
  await waitFor(() => isOver, 'the end of the connection');
});
