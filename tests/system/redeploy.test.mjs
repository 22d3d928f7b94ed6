// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// A gateway is replaced while it runs: nobody is refused, nobody misses anything, and the bill is
// right.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import mqtt from 'mqtt';
import WebSocket from 'ws';

import { buildFolder } from './lib/broker.mjs';
import { makeCertificate } from './lib/gateway.mjs';
import { connack, connect as connectPacket } from './lib/mqtt_bytes.mjs';
import { Program, run } from './lib/process.mjs';
import { RawHttp } from './lib/raw_http.mjs';
import {
  EventReader, LiveReader, MqttReader, PollReader, assertChain, assertRuns, assertSame,
} from './lib/readers.mjs';
import { startStack } from './lib/stack.mjs';
import { waitFor, within } from './lib/wait.mjs';

const program = join(buildFolder, 'gateway/roomwire');
const patient = { drain_ms: 60000, body_timeout_ms: 60000 };

async function hasEnded({ program: old }) {
  const { code } = await within(old.ended, 'the end of the old gateway');
  assert.equal(code, 0, old.log);
}

// One request on a connection of its own, or on one that is kept.
function ask(url, token, { agent = false, body, ...fields } = {}) {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'text/plain' }), ...fields };
    const it = request(url, { method: body ? 'POST' : 'GET', agent, headers }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part) => (text += part)).on('error', reject);
      answer.on('end', () => resolve({ status: answer.statusCode, text }));
    });
    // Not `reusedSocket`, which says nothing of a request that waited in the agent for its turn.
    let isReused = false;
    it.on('socket', (socket) => (isReused = socket.bytesRead > 0));
    it.on('error', (error) => reject(Object.assign(error, { isReused })));
    it.end(body);
  });
}

test('three times in a row, under load', async (t) => {
  const stack = await startStack({ config: { drain_ms: 3000 } });
  t.after(() => stack.stop());
  const alice = await stack.caller('alice', '*=rw', 'bill=r');
  const url = `${stack.url}/rooms/lobby/messages`;
  let isOver = false;
  const posted = [];
  const post = async (name) => {
    for (let n = 1; !isOver; n++) {
      const { status, text } = await ask(url, alice.token, { body: `${name} ${n}` });
      assert.equal(status, 201, text);
      posted.push(JSON.parse(text).id);
    }
  };
  const kept = new Agent({ keepAlive: true, maxSockets: 2 });
  const read = async () => {
    while (!isOver) {
      try {
        assert.equal((await ask(`${url}?limit=1`, alice.token, { agent: kept })).status, 200);
      } catch (error) {
        // A connection that was idle may be closed just when it is used again (RFC 9112 §9.3.1).
        if (error.code !== 'ECONNRESET' || !error.isReused) throw error;
      }
    }
  };
  const stream = new EventReader(() => url, alice.token);
  const poll = new PollReader(() => url, alice.token);
  await stream.saw('stream-open');
  const heard = [];
  const codes = [];
  const socket = mqtt.connect(`${stack.url.replace('http', 'ws')}/mqtt`, {
    protocolVersion: 5, clientId: 'listener', clean: false, reconnectPeriod: 50,
    properties: { sessionExpiryInterval: 600 },
    createWebsocket(address, protocols) {
      const it = new WebSocket(address, protocols, { headers: { authorization: `Bearer ${alice.token}` } });
      it.on('close', (code) => codes.push(code));
      return it;
    },
  });
  socket.on('message', (_topic, _payload, packet) => heard.push(Number(packet.properties.userProperties['rw-id'])));
  t.after(() => Promise.all([stream.stop(), poll.stop(), socket.endAsync(true), kept.destroy()]));
  await once(socket, 'connect');
  await socket.subscribeAsync('rooms/lobby/messages', { qos: 1 });

  const work = [post('a'), post('b'), read(), read()];
  for (let round = 0; round < 3; round++) {
    const count = posted.length;
    await waitFor(() => posted.length > count + 50, 'work under way');
    await hasEnded(await stack.replaceGateway());
  }
  isOver = true;
  await Promise.all(work);
  const last = Math.max(...posted);
  const all = (reader) => reader.messages.map(({ id }) => id);
  await waitFor(() => all(stream).at(-1) === last, 'the last message on the stream');
  await waitFor(() => all(poll).at(-1) === last, 'the last message by long-poll');
  await waitFor(() => heard.at(-1) === last, 'the last message by MQTT');
  posted.sort((a, b) => a - b);
  assert.deepEqual(all(stream), posted);
  assert.deepEqual(all(poll), posted);
  // QoS 1 may repeat what was under way when a connection ended.
  assert.deepEqual([...new Set(heard)], posted);
  assert.deepEqual([...new Set(codes)], [1012]);
  assert.equal(stream.events.filter(({ event }) => event === 'stream-reset').length, 0);
  assert.equal(codes.length, 3);
  for (const [index, { prev }] of stream.messages.entries()) assert.equal(prev, index ? posted[index - 1] : 0);
  const counted = async () => {
    const bill = await alice.get('/bill');
    return Object.fromEntries(bill.json.today.faces.map((face) => [face.name, face]));
  };
  await waitFor(async () => (await counted()).sse?.messages_out === posted.length, 'the streams on the bill');
  assert.equal((await counted()).http.messages_in, posted.length);
  assert.equal((await counted()).poll.messages_out, posted.length);
});

// An MQTT client over WebSocket that is connected, and then only listens. `closed` gives the close
// code, and when it came.
async function openIdle(url, token, number, options = {}) {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/mqtt`, 'mqtt',
    { headers: { authorization: `Bearer ${token}` }, ...options });
  const closed = once(socket, 'close').then(([code]) => ({ code, at: Date.now() }));
  await within(once(socket, 'open'), 'a WebSocket');
  socket.send(connectPacket({ clientId: `idle-${number}` }));
  const [answer] = await within(once(socket, 'message'), 'CONNACK');
  assert.deepEqual(answer, connack);
  return { socket, closed };
}

test('WebSockets are told 1012 one after the other, not all at once', async (t) => {
  const drainMs = 3000;
  const stack = await startStack({ config: { drain_ms: drainMs } });
  t.after(() => stack.stop());
  const token = await stack.token('alice', '*=rw');
  const idle = await Promise.all(Array.from({ length: 40 }, (_, n) => openIdle(stack.url, token, n)));
  const old = await stack.replaceGateway();
  const ends = await within(Promise.all(idle.map(({ closed }) => closed)), 'all to be told');
  await hasEnded(old);
  assert.deepEqual([...new Set(ends.map(({ code }) => code))], [1012]);
  const at = ends.map((end) => end.at).sort((a, b) => a - b);
  const said = at.map((ms) => ms - at[0]).join(' ');
  assert.ok(at.at(-1) - at[0] >= 1000, said);
  // More than half of them take longer than a tenth of the time, wherever one begins to count.
  const half = at.length / 2;
  for (let first = 0; first + half < at.length; first++)
    assert.ok(at[first + half] - at[first] > drainMs / 10, said);
});

test('a handover over TLS: WebSockets are told, streams go on without a gap', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'roomwire-test-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const ca = readFileSync(makeCertificate(folder).certificate);
  const listen = 'http://127.0.0.1:0 https://127.0.0.1:0';
  const config = { drain_ms: 3000, listen, tls_certificate: 'tls.crt', tls_key: 'tls.key' };
  const stack = await startStack({ folder, config });
  t.after(() => stack.stop());
  const alice = await stack.caller('alice', '*=rw');
  const stream = new EventReader(() => `${stack.secureUrl}/rooms/lobby/messages`, alice.token, { ca });
  t.after(() => stream.stop());
  await stream.saw('stream-open');
  const { closed } = await openIdle(stack.secureUrl, alice.token, 1, { ca });
  let isOver = false;
  const ids = [];
  const talking = (async () => {
    while (!isOver) {
      const answer = await ask(`${stack.url}/rooms/lobby/messages`, alice.token, { body: `${ids.length}` });
      assert.equal(answer.status, 201, answer.text);
      ids.push(JSON.parse(answer.text).id);
    }
  })();
  await waitFor(() => stream.messages.length > 20, 'messages before');
  const old = await stack.replaceGateway();
  assert.equal((await within(closed, 'the close code')).code, 1012);
  await hasEnded(old);
  const count = ids.length;
  await waitFor(() => ids.length > count + 20, 'messages after');
  isOver = true;
  await talking;
  await waitFor(() => stream.messages.length >= ids.length, 'all messages');
  assertSame(stream.messages.map(({ id }) => id), ids);
  assertChain(stream.messages);
  assert.equal(stream.connections, 2);
  assert.ok(!stream.events.some(({ event }) => event === 'stream-reset'));
});

test('a new gateway that cannot serve leaves the old one where it is', async (t) => {
  const stack = await startStack();
  t.after(() => stack.stop());
  const alice = await stack.caller('alice', '*=rw');
  const path = join(stack.folder, 'bad.conf');
  copyFileSync(stack.gateway.path, path);
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  t.after(() => taken.close());
  const text = readFileSync(path, 'utf8');
  const listen = `listen = ${stack.url} http://127.0.0.1:${taken.address().port}`;
  writeFileSync(path, text.replace(/^listen = .*$/m, listen));
  const failed = await run(program, ['serve', '--config', path]);
  assert.equal(failed.code, 1);
  assert.match(failed.log, /Address already in use/);
  await stack.gateway.program.says(/handover failed/);
  assert.equal((await alice.post('/rooms/lobby/messages', { text: 'still here' })).status, 201);
  // Nor does one that says the wrong thing, or nothing.
  const garbage = createConnection(join(stack.folder, 'roomwire.db-handover'));
  await once(garbage, 'error'); // a stream is not what is spoken there
  assert.equal((await alice.get('/rooms/lobby/messages')).status, 200);
});

test('a long-poll that comes while the gateway drains is answered at once', async (t) => {
  const stack = await startStack({ config: { drain_ms: 60000, workers: 1 } });
  t.after(() => stack.stop());
  const { port } = new URL(stack.url);
  const token = await stack.token('alice', '*=rw');
  const [late, told] = [await RawHttp.open(port), await RawHttp.open(port)];
  t.after(() => [late, told].forEach((raw) => raw.close()));
  late.send('GET /rooms/lobby/messages?after=0&wait=60 HTTP/1.1\r\nHost: localhost\r\n');
  told.send('GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await told.answer();
  stack.gateway.child.kill('SIGTERM');
  await told.end(); // so the other one was told, too
  late.send(`Authorization: Bearer ${token}\r\n\r\n`);
  const answer = await late.answer();
  assert.equal(answer.status, 200);
  assert.equal(answer.fields.connection, 'close');
  assert.deepEqual(JSON.parse(answer.body).messages, []);
  await hasEnded(stack.gateway);
});

// A connection to the gateway that stays: one that drains accepts for a moment longer.
async function openToStay(url) {
  for (;;) {
    const raw = await RawHttp.open(new URL(url).port);
    raw.send('GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n');
    const answer = await raw.answer().catch(() => null);
    if (answer && answer.fields.connection !== 'close') return raw;
    raw.close();
  }
}

// A post whose body does not come, and which the gateway knows of: it keeps that one draining.
async function holdPost(t, url) {
  const held = await openToStay(url);
  t.after(() => held.close());
  held.send('POST /rooms/lobby/messages HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n');
  const [answer] = await within(once(held.socket, 'data'), 'the go-ahead');
  assert.match(answer.toString(), /^HTTP\/1.1 100 /);
}

test('what a gateway had counted when it was killed while draining is on the bill', async (t) => {
  const stack = await startStack({ config: patient });
  t.after(() => stack.stop());
  const alice = await stack.caller('alice', '*=rw', 'bill=r');
  await holdPost(t, stack.url);
  for (let n = 0; n < 5; n++) await alice.post('/rooms/lobby/messages', { text: `${n}` });
  const before = await stack.replaceGateway();
  assert.ok(existsSync(join(stack.folder, 'roomwire.db-gateway-tally-2')));
  before.program.child.kill('SIGKILL');
  for (let n = 0; n < 3; n++) {
    const { text } = await ask(`${stack.url}/rooms/lobby/messages`, alice.token);
    assert.equal(JSON.parse(text).messages.length, 5);
  }
  await waitFor(async () => {
    const { text } = await ask(`${stack.url}/bill`, alice.token, { accept: 'application/json' });
    return JSON.parse(text).today.faces.find(({ name }) => name === 'http')?.messages_out === 15;
  }, 'the whole bill');
});

test('several drain at once, as many as there are tallies; one more is refused', async (t) => {
  const stack = await startStack({ config: patient });
  t.after(() => stack.stop());
  const alice = await stack.caller('alice', '*=rw');
  const { url } = stack;
  const stream = new EventReader(() => `${url}/rooms/lobby/messages`, alice.token);
  t.after(() => stream.stop());
  await stream.saw('stream-open');
  const olds = [];
  for (let n = 1; n <= 2; n++) {
    await holdPost(t, url);
    assert.equal((await alice.post('/rooms/lobby/messages', { text: `${n}` })).status, 201);
    olds.push(await stack.replaceGateway());
  }
  const { code, err } = await stack.command('serve');
  assert.equal(code, 1);
  assert.match(err, /-gateway-tally-3: in use by another gateway/);
  for (const old of olds) {
    assert.ok(!old.program.hasEnded);
    old.program.child.kill('SIGTERM'); // while it drains: it ends now
    await hasEnded(old);
  }
  const last = await ask(`${url}/rooms/lobby/messages`, alice.token, { body: 'last' });
  assert.equal(last.status, 201);
  await waitFor(() => stream.messages.length === 3, 'all messages');
  assert.deepEqual(stream.messages.map(({ text }) => text), ['1', '2', 'last']);
});

// Every kind of reader. Those by MQTT are over TCP, and over WebSocket by way of the gateway.
function openReaders(stack, token) {
  const at = (path) => () => stack.url + path;
  const urls = [`mqtt://127.0.0.1:${stack.broker.port}`, `${stack.url.replace('http', 'ws')}/mqtt`];
  return {
    stream: new EventReader(at('/rooms/lobby/messages'), token),
    poll: new PollReader(at('/rooms/lobby/messages'), token),
    live: new LiveReader(at('/rooms/lobby/live'), token),
    mqtt: urls.map((url) => new MqttReader(url, token, 'lobby', 5)),
  };
}

test('the broker restarts as planned: nobody misses anything', async (t) => {
  const stack = await startStack();
  t.after(() => stack.stop());
  const alice = await stack.caller('alice', '*=rw');
  const readers = openReaders(stack, alice.token);
  t.after(() => Promise.all(Object.values(readers).flat().map((reader) => reader.stop())));
  const { stream, poll, live } = readers;
  await stream.saw('stream-open');
  await Promise.all(readers.mqtt.map((reader) => reader.done));
  let isOver = false;
  const sent = [];
  // What is answered 503 is sent again, with the same key.
  const talk = async (text) => {
    let answer;
    do answer = await alice.post('/rooms/lobby/messages', { text }, { 'idempotency-key': text });
    while (answer.status === 503);
    assert.ok([200, 201].includes(answer.status), answer.text);
    sent.push(answer.json);
  };
  const talking = (async () => {
    for (let n = 0; !isOver; n++) await talk(`n${n}`);
  })();
  for (let round = 1; round <= 3; round++) {
    const count = sent.length;
    await waitFor(() => sent.length > count + 20, 'messages');
    await stack.broker.restart();
    await waitFor(() => readers.mqtt.every((reader) => reader.connections[round]?.length > 0),
      'the subscribers to hear again');
  }
  isOver = true;
  await talking;
  await talk('last');
  const ids = sent.map(({ id }) => id);
  for (const reader of [stream, poll]) {
    await waitFor(() => reader.messages.length >= ids.length, 'all messages');
    assertSame(reader.messages.map(({ id }) => id), ids);
    assertChain(reader.messages);
  }
  await waitFor(() => live.ids.length >= ids.length, 'all messages');
  assertSame(live.ids, ids);
  assert.equal(live.gaps, 0);
  assert.equal(stream.connections, 1); // it did not even notice
  for (const reader of readers.mqtt) {
    await waitFor(() => reader.connections.at(-1).at(-1)?.text === 'last', 'the last word');
    assert.equal(reader.connections.length, 4);
    assertRuns(reader.connections, sent, true);
  }
});

// What systemd does with a socket unit: it holds the socket, and starts a process with it as
// descriptor 3 for every line that it is told.
const systemd = `
  use IO::Socket::INET; use POSIX;
  my $socket = IO::Socket::INET->new(Listen => 64, LocalAddr => "127.0.0.1", Proto => "tcp") or die;
  POSIX::dup2(fileno($socket), 3) if fileno($socket) != 3;
  fcntl($socket, 2, 0);
  $| = 1; print "port ", $socket->sockport, "\\n";
  while (<STDIN>) {
    my $pid = fork;
    if ($pid) { print "pid $pid\\n"; next; }
    $ENV{LISTEN_PID} = $$; $ENV{LISTEN_FDS} = 1;
    exec @ARGV;
  }
  1 while wait > 0;`;

test('sockets of systemd are taken, and outlive the gateway', async (t) => {
  const stack = await startStack();
  t.after(() => stack.stop());
  const alice = await stack.caller('alice', '*=rw');
  const { path } = stack.gateway;
  await stack.stopGateway();
  const manager = new Program('perl', ['-e', systemd, program, 'serve', '--config', path]);
  t.after(() => manager.kill());
  const [, port] = await manager.says(/port (\d+)/);
  writeFileSync(path, readFileSync(path, 'utf8').replace(/^listen = .*$/m, `listen = http://127.0.0.1:${port}`));
  const url = `http://127.0.0.1:${port}/rooms/lobby/messages`;
  for (let round = 0; round < 2; round++) {
    const since = manager.log.length;
    const waiting = ask(url, alice.token); // nobody serves, and nobody refuses
    manager.child.stdin.write('start\n');
    assert.equal((await waiting).status, 200);
    await manager.says(/ ready workers=/, since);
    const [, pid] = await manager.says(/pid (\d+)/, since);
    process.kill(Number(pid), 'SIGTERM');
    await manager.says(/ stopped/, since);
  }
  manager.child.stdin.end();
  assert.equal((await within(manager.ended, 'the end of both')).code, 0);
});
