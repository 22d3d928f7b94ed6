// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
// What the gateway does when a client takes too long or too much, when there are too many of them,
// and when it is told to stop.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, test } from 'node:test';

import { startGateway } from './lib/gateway.mjs';
import { RawHttp, exchange } from './lib/raw_http.mjs';
import { startStack } from './lib/stack.mjs';
import { within } from './lib/wait.mjs';

const LIVE = 'GET /health/live HTTP/1.1\r\nHost: a\r\n';
const POST = 'POST /rooms/a/messages HTTP/1.1\r\nHost: a\r\n';

// Runs `body` with a gateway of its own.
async function withGateway(options, body) {
  const gateway = await startGateway(options);
  try {
    await body(gateway);
  } finally {
    await gateway.stop();
  }
}

describe('time', () => {
  test('a head that comes too slowly is answered 408, however often a byte comes', () =>
    withGateway({ config: { head_timeout_ms: 400 } }, async (gateway) => {
      const raw = await RawHttp.open(gateway.port, { noDelay: true });
      raw.send('GET /');
      const drip = setInterval(() => raw.send('a'), 50);
      try {
        assert.equal((await raw.answer()).status, 408);
      } finally {
        clearInterval(drip);
      }
      await raw.end();
    }));

  test('a connection that says nothing is closed without an answer', () =>
    withGateway({ config: { head_timeout_ms: 200 } }, async (gateway) => {
      const raw = await RawHttp.open(gateway.port);
      assert.equal(await raw.end(), '');
    }));

  test('a body that does not come is answered 408', () =>
    withGateway({ config: { body_timeout_ms: 300 } }, async (gateway) => {
      const raw = await RawHttp.open(gateway.port);
      raw.send(`${POST}Content-Length: 10\r\n\r\nabc`);
      assert.equal((await raw.answer()).status, 408);
      await raw.end();
    }));

  test('an idle connection is closed, one in use is not', () =>
    withGateway({ config: { idle_timeout_ms: 500 } }, async (gateway) => {
      const idle = await RawHttp.open(gateway.port);
      const busy = await RawHttp.open(gateway.port);
      await idle.send(`${LIVE}\r\n`).answer();
      const use = setInterval(() => busy.send(`${LIVE}\r\n`), 100);
      try {
        assert.equal(await idle.end(), '');
      } finally {
        clearInterval(use);
      }
      assert.equal((await busy.send(`${LIVE}\r\n`).answer()).status, 200);
      busy.close();
    }));

  test('a reader that takes nothing is dropped', () =>
    withGateway({ config: { write_timeout_ms: 500 } }, async (gateway) => {
      const socket = connect({ port: gateway.port, host: '127.0.0.1' });
      await once(socket, 'connect');
      socket.pause();
      // Far more than the sockets between us hold.
      socket.write('GET /assets/mqtt.js HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(200));
      await gateway.says(/drop address=.* takes nothing/);
      // It was reset, so the kernel holds nothing of it either: most never arrives.
      let arrived = 0;
      socket.on('data', (data) => { arrived += data.length; });
      socket.on('error', () => {}); // not every kernel tells of it when data is still unread
      socket.resume();
      await within(new Promise((resolve) => { socket.on('close', resolve); }), 'the reset');
      assert.ok(arrived < 20_000_000, `${arrived} bytes arrived`);
    }));
});

describe('how many', () => {
  test('connections in total', () =>
    withGateway({ config: { max_connections: 16 } }, async (gateway) => {
      const all = [];
      for (let i = 0; i < 16; i++) {
        const raw = await RawHttp.open(gateway.port);
        assert.equal((await raw.send(`${LIVE}\r\n`).answer()).status, 200);
        all.push(raw);
      }
      const refused = await RawHttp.open(gateway.port);
      const answer = await refused.answer();
      assert.equal(answer.status, 503);
      assert.ok(answer.fields['retry-after']);
      await refused.end();
      await gateway.says(/refuse connections=1 reason="max_connections"/);
      // Those that were there are served as before, and a place that is free is given again.
      assert.equal((await all[3].send(`${LIVE}\r\n`).answer()).status, 200);
      const { socket } = all.pop();
      socket.end();
      await within(once(socket, 'close'), 'the end of a connection');
      await within((async () => {
        for (;;) {
          const raw = await RawHttp.open(gateway.port);
          const { status } = await raw.send(`${LIVE}\r\n`).answer();
          raw.close();
          if (status === 200) return;
          assert.equal(status, 503);
        }
      })(), 'a free place');
      for (const raw of all) raw.close();
    }));

  test('connections from one address', () =>
    withGateway({ config: { max_connections_per_address: 3 } }, async (gateway) => {
      const all = [];
      for (let i = 0; i < 3; i++) {
        all.push(await RawHttp.open(gateway.port));
        assert.equal((await all[i].send(`${LIVE}\r\n`).answer()).status, 200);
      }
      const refused = await RawHttp.open(gateway.port);
      assert.equal((await refused.answer()).status, 429);
      await refused.end();
      // Another address is another guest.
      const other = await RawHttp.open(gateway.port, { localAddress: '127.0.0.9' });
      assert.equal((await other.send(`${LIVE}\r\n`).answer()).status, 200);
      for (const raw of [...all, other]) raw.close();
    }));

  test('no descriptor left', () =>
    withGateway({ limits: ['--nofile=48:48'], config: { workers: 2 } }, async (gateway) => {
      const all = [];
      for (let i = 0; i < 80; i++) {
        const raw = await RawHttp.open(gateway.port).catch(() => undefined);
        if (raw !== undefined) all.push(raw);
      }
      await gateway.says(/no file descriptor/);
      assert.equal((await all[0].send(`${LIVE}\r\n`).answer()).status, 200);
      for (const raw of all) raw.close();
      await within((async () => {
        for (;;) {
          const answer = await exchange(gateway.port, `${LIVE}\r\n`).catch(() => undefined);
          if (answer?.status === 200) return;
        }
      })(), 'an answer when there are descriptors again');
    }));

  test('bytes of bodies at once', () =>
    withGateway({ config: { max_bodies: 1048576 } }, async (gateway) => {
      const all = [];
      let refused;
      while (refused === undefined) {
        const raw = await RawHttp.open(gateway.port);
        raw.send(`${POST}Expect: 100-continue\r\nContent-Length: 400000\r\n\r\n`);
        const { status } = await raw.answer();
        if (status === 503) refused = raw;
        else assert.equal(status, 100);
        all.push(raw);
      }
      assert.equal(all.length, 3);
      // What was reserved is given back, also by those who leave in the middle.
      all[0].send('x'.repeat(400_000));
      assert.equal((await all[0].answer()).status, 401);
      all[1].close();
      const again = await RawHttp.open(gateway.port);
      again.send(`${POST}Expect: 100-continue\r\nContent-Length: 400000\r\n\r\n`);
      assert.equal((await again.answer()).status, 100);
      for (const raw of [...all, again]) raw.close();
    }));
});

describe('the end', () => {
  test('SIGTERM ends idle connections at once and waits for a request that is under way', () =>
    withGateway({}, async (gateway) => {
      const idle = await RawHttp.open(gateway.port);
      await idle.send(`${LIVE}\r\n`).answer();
      const busy = await RawHttp.open(gateway.port);
      busy.send(`${POST}Content-Length: 5\r\n\r\nhel`);
      const half = await RawHttp.open(gateway.port);
      half.send(LIVE);
      // A full exchange behind them: what was sent before has been read.
      await exchange(gateway.port, `${LIVE}\r\n`);
      gateway.child.kill('SIGTERM');
      await idle.end();
      const late = connect({ port: gateway.port, host: '127.0.0.1' });
      const [error] = await within(once(late, 'error'), 'a refused connection');
      assert.equal(error.code, 'ECONNREFUSED');
      busy.send('lo');
      const answer = await busy.answer();
      assert.equal(answer.status, 401);
      assert.equal(answer.fields.connection, 'close');
      half.send('\r\n');
      assert.equal((await half.answer()).status, 200);
      await busy.end();
      await half.end();
      for (const raw of [idle, busy, half]) raw.close();
    }));

  test('what does not end by itself is ended after drain_ms', () =>
    withGateway({ config: { drain_ms: 300 } }, async (gateway) => {
      const stuck = await RawHttp.open(gateway.port);
      stuck.send(`${POST}Content-Length: 5\r\n\r\nhel`);
      await exchange(gateway.port, `${LIVE}\r\n`);
      gateway.child.kill('SIGTERM');
      await within(gateway.ended, 'the end of the gateway');
      await stuck.end();
    }));

  test('SIGHUP reads the keys anew and keeps the old ones where they are bad', () =>
    withGateway({}, async (gateway) => {
      gateway.child.kill('SIGHUP');
      await gateway.says(/reload keys/);
      assert.equal((await exchange(gateway.port, `${LIVE}\r\n`)).status, 200);
    }));

  test('a configuration that cannot be used is told in one line', async () => {
    await assert.rejects(startGateway({ config: { listen: 'nonsense' } }), /expected address:port/);
    await assert.rejects(startGateway({ config: { listen: 'https://127.0.0.1:0' } }), /tls_certificate/);
    await assert.rejects(startGateway({ config: { log_level: 'loud' } }), /log_level/);
    await assert.rejects(startGateway({ config: { max_head: '1' } }), /max_head/);
  });
});

test('who sends many requests at once does not hold up the others', async (t) => {
  const stack = await startStack({ config: { workers: 1 } });
  t.after(() => stack.stop());
  const alice = await stack.caller('alice', '*=rw');
  const { port } = new URL(stack.url);
  const [busy, other] = [await RawHttp.open(port), await RawHttp.open(port)];
  t.after(() => [busy, other].forEach((raw) => raw.close()));
  for (let n = 0; n < 60; n++)
    assert.equal((await alice.post('/rooms/long/messages', Buffer.alloc(131072, 'x'))).status, 201);
  // Each makes the gateway read eight megabytes, and none is answered from a cache.
  const ask = (n, more = '') => `HEAD /rooms/long/messages?limit=60&before=${1000 + n} HTTP/1.1\r\n` +
    `Host: x\r\nAuthorization: Bearer ${alice.token}\r\n${more}\r\n`;
  busy.send(ask(0, `X-Long: ${'x'.repeat(14000)}\r\n`)); // so that the others are read at once
  assert.equal((await busy.answer({ head: true })).status, 200);
  let answered = 0;
  const all = [];
  for (let n = 1; all.join('').length < 14000; n++) all.push(ask(n));
  busy.send(all.join(''));
  await busy.answer({ head: true });
  const rest = (async () => {
    for (answered = 1; answered < all.length; answered++) await busy.answer({ head: true });
  })();
  other.send(`${LIVE}\r\n`);
  assert.equal((await other.answer()).status, 200);
  assert.ok(answered < all.length / 2, `${answered} of ${all.length}`);
  await rest;
});
