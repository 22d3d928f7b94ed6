// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
// Requests that are answered late, by the broker: their order on a connection, clients that leave
// before the answer, and keys that change meanwhile.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { RawHttp, exchange } from './lib/raw_http.mjs';
import { startStack } from './lib/stack.mjs';
import { mint } from './lib/token.mjs';
import { waitFor, within } from './lib/wait.mjs';

const LIVE = 'GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n';

const post = (token, room, text, fields = '') =>
  `POST /rooms/${room}/messages HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\n` +
  `Content-Type: text/plain\r\n${fields}Content-Length: ${text.length}\r\n\r\n${text}`;

describe('posts by hand', () => {
  let stack;
  let port;
  let token;
  before(async () => {
    stack = await startStack();
    port = Number(new URL(stack.url).port);
    token = mint(stack.broker.secret, { sub: 'alice', rooms: { '*': 'rw' } });
  });
  after(() => stack?.stop());

  const textsOf = async (room) => {
    const answer = await fetch(`${stack.url}/rooms/${room}/messages?limit=1000`,
      { headers: { authorization: `Bearer ${token}` } });
    assert.equal(answer.status, 200);
    return (await answer.json()).messages.map((message) => message.text);
  };

  test('many at once on one connection are kept and answered in order', async () => {
    const count = 300;
    const raw = await RawHttp.open(port);
    for (let i = 0; i < count; i++) raw.send(post(token, 'order', `text ${i}`) + (i % 7 ? '' : LIVE));
    let lastId = 0;
    for (let i = 0; i < count; i++) {
      const { status, body } = await raw.answer();
      assert.equal(status, 201);
      const message = JSON.parse(body);
      assert.equal(message.text, `text ${i}`);
      assert.ok(message.id > lastId);
      lastId = message.id;
      if (i % 7 === 0) assert.equal(JSON.parse((await raw.answer()).body).status, 'ok');
    }
    raw.close();
    assert.deepEqual(await textsOf('order'), Array.from({ length: count }, (_, i) => `text ${i}`));
  });

  test('clients that leave before the answer harm nobody', async () => {
    const leave = async (i) => {
      const raw = await RawHttp.open(port);
      raw.send(post(token, 'gone', `text ${i}`).repeat(3));
      if (i % 3 === 0) raw.socket.resetAndDestroy();
      else if (i % 3 === 1) raw.close();
      else raw.socket.end(); // only its own side: it still hears the answers
      if (i % 3 === 2) for (let k = 0; k < 3; k++) assert.equal((await raw.answer()).status, 201);
      if (!raw.socket.closed) await within(once(raw.socket, 'close'), 'the end');
    };
    await Promise.all(Array.from({ length: 60 }, (_, i) => leave(i)));
    assert.equal((await exchange(port, LIVE)).status, 200);
    const answer = await exchange(port, post(token, 'gone', 'last'));
    assert.equal(answer.status, 201);
    assert.ok((await textsOf('gone')).includes('last'));
  });

  test('the broker goes away under posts, and comes again', async () => {
    const raws = await Promise.all(Array.from({ length: 20 }, () => RawHttp.open(port)));
    for (const raw of raws) raw.send(post(token, 'away', 'before').repeat(20));
    await raws[0].answer();
    await stack.killBroker();
    for (const [i, raw] of raws.entries()) {
      for (let k = i === 0 ? 1 : 0; k < 20; k++) {
        const { status, fields } = await raw.answer();
        assert.ok(status === 201 || status === 503, `${status}`);
        if (status === 503) assert.ok(fields['retry-after']);
      }
    }
    assert.equal((await exchange(port, LIVE)).status, 200);
    await stack.startBroker();
    await stack.ready();
    assert.equal((await raws[0].send(post(token, 'away', 'after')).answer()).status, 201);
    for (const raw of raws) raw.close();
  });

  test('HEAD of an endless answer ends with its head', async () => {
    for (const [path, accept] of [['/rooms/order/live', 'text/html'], ['/rooms/order/messages', 'text/event-stream']]) {
      const raw = await RawHttp.open(port);
      raw.send(`HEAD ${path} HTTP/1.1\r\nHost: a\r\nAccept: ${accept}\r\nConnection: close\r\n` +
        `Authorization: Bearer ${token}\r\n\r\n`);
      const answer = await raw.answer({ head: true });
      assert.equal(answer.status, 200);
      assert.equal(answer.fields['content-length'], undefined); // GET would not end with it
      assert.equal(await raw.end(), '');
    }
  });

  test('SIGHUP reads the keys anew', async () => {
    const fresh = 'another secret that is long enough for everybody';
    const freshToken = mint(fresh, { sub: 'bob', rooms: { '*': 'rw' } });
    const ask = async (by) => (await fetch(`${stack.url}/rooms/order/messages`,
      { headers: { authorization: `Bearer ${by}` } })).status;
    assert.deepEqual([await ask(token), await ask(freshToken)], [200, 401]);
    await writeFile(join(stack.folder, 'jwt.secret'), fresh);
    stack.gateway.child.kill('SIGHUP');
    await waitFor(() => stack.gateway.lines.some((line) => /reload keys/.test(line)), 'the reload');
    assert.deepEqual([await ask(token), await ask(freshToken)], [401, 200]);
  });
});
