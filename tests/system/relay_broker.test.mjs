// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The broker away, slow, or going; clients that do not read; and the gateway's own end.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { test } from 'node:test';

import { FakeBroker } from './lib/fake_broker.mjs';
import { connack, connect, disconnect, pingreq, publish } from './lib/mqtt_bytes.mjs';
import { binary, frame, opcodes } from './lib/raw_websocket.mjs';
import { digest, withStand } from './lib/relay_stand.mjs';
import { StoppedBroker } from './lib/stopped_broker.mjs';

// Sends until nothing is taken any more; how many bytes were.
async function sendUntilStuck(peer, message) {
  let sent = 0;
  let takenMs = Date.now();
  while (Date.now() - takenMs < 500) {
    if (peer.socket.writableLength < 1000000) {
      peer.send(message);
      sent += message.length;
      takenMs = Date.now();
    }
    await new Promise((done) => setTimeout(done, 1));
  }
  return sent;
}

test('without a broker the client is told to try again later, and is served once it is back', () =>
  withStand({ broker: 'none' }, async (stand) => {
    const refused = await stand.open();
    refused.send(binary(connect()));
    assert.equal(await refused.closed(), 1013);
    await stand.says(/relay: ended address=.* code=1013 reason="the broker is out of reach"/);
    stand.broker = await FakeBroker.start(stand.socket);
    const { ws } = await stand.relay();
    ws.destroy();
  }));

// Clients whose CONNECT the relay has read, more than the broker's backlog holds.
async function openMoreThanFit(stand) {
  const clients = await Promise.all(Array.from({ length: 20 }, () => stand.open()));
  for (const ws of clients) ws.send(Buffer.concat([binary(connect()), frame(opcodes.ping, 'x')]));
  for (const ws of clients) assert.equal((await ws.next()).opcode, opcodes.pong);
  return clients;
}

test("clients wait while the broker's backlog is full, and are served when it is not", () =>
  withStand({ broker: 'none' }, async (stand) => {
    const broker = await StoppedBroker.start(stand.socket);
    try {
      const clients = await openMoreThanFit(stand);
      broker.goOn();
      for (const ws of clients) assert.deepEqual(await ws.payload(4), connack);
      for (const ws of clients) ws.destroy();
    } finally {
      await broker.stop();
    }
  }));

test("clients do not wait for the broker's backlog for ever", () =>
  withStand({ broker: 'none', config: { connect_timeout_ms: 1000 } }, async (stand) => {
    const broker = await StoppedBroker.start(stand.socket);
    try {
      const clients = await openMoreThanFit(stand);
      await stand.says(/relay: ended address=.* code=1013 reason="the broker takes no connection"/);
      for (const ws of clients) ws.destroy();
    } finally {
      await broker.stop();
    }
  }));

test('a broker that goes away ends its clients with 1001, after all that it sent', () =>
  withStand({}, async (stand) => {
    const { ws, peer } = await stand.relay();
    const last = publish('t', randomBytes(300000));
    peer.socket.end(last);
    assert.equal(digest(await ws.payload(last.length)), digest(last));
    assert.equal(await ws.closed(), 1001);
  }));

// Read at a pace rather than packet by packet, from which nothing may be lost at either end.
test('a broker with much to say: all arrives in order, also the last words before silence or end', () =>
  withStand({}, async (stand) => {
    const { ws, peer } = await stand.relay();
    const pause = () => new Promise((done) => setImmediate(done));
    for (let round = 0; round < 20; round++) {
      const sent = [];
      for (let i = 0; i < 500; i++) {
        sent.push(publish('t', `${round} ${i}`));
        peer.send(sent.at(-1));
        if (i % 3 === 0) await pause();
      }
      const all = Buffer.concat(sent);
      assert.deepEqual(await ws.payload(all.length), all);
    }
    const last = [];
    for (let i = 0; i < 500; i++) {
      last.push(publish('t', `last ${i}`));
      peer.send(last.at(-1));
      if (i % 3 === 0) await pause();
    }
    peer.socket.end();
    const all = Buffer.concat(last);
    assert.deepEqual(await ws.payload(all.length), all);
    assert.equal(await ws.closed(), 1001);
  }));

test('a broker that resets the connection ends it with 1001', () =>
  withStand({}, async (stand) => {
    const { ws, peer } = await stand.relay();
    peer.socket.pause();
    ws.send(binary(pingreq)); // unread bytes make the kernel reset
    ws.send(frame(opcodes.ping, 'x'));
    assert.equal((await ws.next()).opcode, opcodes.pong);
    peer.socket.destroy();
    assert.equal(await ws.closed(), 1001);
  }));

test('a session that ends with DISCONNECT is closed with 1000', () =>
  withStand({}, async (stand) => {
    const { ws, peer } = await stand.relay();
    ws.send(binary(disconnect));
    assert.deepEqual(await peer.take(2), disconnect);
    peer.socket.end();
    assert.equal(await ws.closed(), 1000);
  }));

test('what the broker said before it hung up reaches a client that is sending', () =>
  withStand({}, async (stand) => {
    const ws = await stand.open();
    const arriving = stand.broker.peer();
    ws.send(binary(connect()));
    const peer = await arriving;
    const refusal = Buffer.from([0x20, 2, 0, 5]);
    peer.socket.end(refusal);
    peer.socket.destroySoon();
    for (let i = 0; i < 20; i++) ws.send(binary(publish('t', randomBytes(1000))));
    assert.deepEqual(await ws.payload(4), refusal);
    assert.equal(await ws.closed(), 1001);
  }));

test('a client that does not read: the broker is held back, memory stays bounded, nothing is lost', () =>
  withStand({ config: { max_relay_buffer: 65536 } }, async (stand) => {
    const { ws, peer } = await stand.relay();
    const other = await stand.relay();
    ws.socket.pause();
    const message = publish('t', randomBytes(60000));
    const before = stand.memory();
    const sent = await sendUntilStuck(peer, message);
    assert.ok(stand.memory() - before < 2000000);
    assert.ok(peer.socket.writableLength > 0); // it is the broker that has to hold them

    // The others do not notice.
    other.peer.send(pingreq);
    assert.deepEqual(await other.ws.payload(2), pingreq);

    ws.socket.resume();
    const expected = createHash('sha256');
    for (let at = 0; at < sent; at += message.length) expected.update(message);
    assert.equal(digest(await ws.payload(sent)), expected.digest('hex'));
    assert.ok(stand.memory() - before < 2000000);
    ws.destroy();
    other.ws.destroy();
  }));

test('a client that takes no byte for write_timeout_ms is dropped, and its broker session with it', () =>
  withStand({ config: { max_relay_buffer: 65536, write_timeout_ms: 1000 } }, async (stand) => {
    const { ws, peer } = await stand.relay();
    ws.socket.pause();
    const message = publish('t', randomBytes(60000));
    peer.socket.on('error', () => {}); // the relay hangs up while this side is writing
    const timer = setInterval(() => peer.socket.writableLength < 1000000 && peer.send(message), 1);
    await peer.ended();
    clearInterval(timer);
    await stand.says(/relay: ended address=.* reason="the client takes no bytes"/);
    ws.destroy();
  }));

test('a slow client is not dropped as long as it takes bytes', () =>
  withStand({ config: { max_relay_buffer: 65536, write_timeout_ms: 500 } }, async (stand) => {
    const { ws, peer } = await stand.relay();
    const all = publish('t', randomBytes(16000000));
    peer.send(all);
    const pace = setInterval(() => {
      if (ws.socket.isPaused()) ws.socket.resume();
      else ws.socket.pause();
    }, 100);
    assert.equal(digest(await ws.payload(all.length)), digest(all));
    clearInterval(pace);
    ws.socket.resume();
    peer.send(pingreq);
    assert.deepEqual(await ws.payload(2), pingreq);
    ws.destroy();
  }));

test('a broker that hangs up while the client does not read: no spinning, and all is delivered', () =>
  withStand({ config: { max_relay_buffer: 65536 } }, async (stand) => {
    const { ws, peer } = await stand.relay();
    ws.socket.pause();
    const message = publish('t', randomBytes(60000));
    let sent = await sendUntilStuck(peer, message);
    peer.socket.destroySoon(); // what the kernel has not taken comes later, then the end
    const beforeMs = stand.cpuMs();
    await new Promise((done) => setTimeout(done, 1000));
    assert.ok(stand.cpuMs() - beforeMs < 300);
    ws.socket.resume();
    assert.equal((await ws.payload(sent)).length, sent);
    assert.equal(await ws.closed(), 1001);
  }));

test('a broker that does not read: the client is held back, memory stays bounded, nothing is lost', () =>
  withStand({ config: { max_relay_buffer: 65536 } }, async (stand) => {
    const { ws, peer } = await stand.relay();
    peer.socket.pause();
    const message = publish('t', randomBytes(60000));
    const before = stand.memory();
    let count = 0;
    for (let idle = 0; idle < 200;) {
      if (ws.socket.writableLength < 500000) {
        ws.send(binary(message));
        count++;
        idle = 0;
      } else idle++;
      await new Promise((done) => setTimeout(done, 1));
    }
    assert.ok(stand.memory() - before < 2000000);
    assert.ok(ws.socket.writableLength > 0);
    peer.socket.resume();
    const expected = createHash('sha256');
    for (let i = 0; i < count; i++) expected.update(message);
    assert.equal(digest(await peer.take(count * message.length)), expected.digest('hex'));
    ws.destroy();
  }));

test('the gateway says 1012 to its WebSockets when it stops, and leaves nothing behind', () =>
  withStand({}, async (stand) => {
    const { ws } = await stand.relay();
    const gathering = await stand.open();
    const closed = [ws.closed(), gathering.closed()];
    await stand.stopGateway();
    assert.deepEqual(await Promise.all(closed), [1012, 1012]);
  }));

test('a WebSocket that does not answer cannot keep the gateway from stopping', () =>
  withStand({ config: { drain_ms: 500, max_relay_buffer: 65536 } }, async (stand) => {
    const { ws, peer } = await stand.relay();
    ws.socket.pause();
    peer.socket.on('error', () => {}); // the relay hangs up while this side is writing
    await sendUntilStuck(peer, publish('t', randomBytes(60000)));
    await stand.stopGateway();
    ws.destroy();
  }));
