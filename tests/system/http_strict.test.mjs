// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
// What the HTTP side of the gateway takes, and above all what it refuses: real sockets, real bytes.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { startGateway } from './lib/gateway.mjs';
import { RawHttp, exchange } from './lib/raw_http.mjs';

const LIVE = 'GET /health/live HTTP/1.1\r\nHost: a\r\n';
const POST = 'POST /rooms/a/messages HTTP/1.1\r\nHost: a\r\n';

// Refused with `status` and closed, with one line in the log.
async function assertRefused(gateway, bytes, status) {
  const raw = await RawHttp.open(gateway.port);
  const address = `127.0.0.1:${raw.socket.localPort}`;
  const answer = await raw.send(bytes).answer();
  assert.equal(answer.status, status);
  assert.equal(answer.fields.connection, 'close');
  assert.equal(await raw.end(), '', 'something came behind the answer');
  raw.close();
  await gateway.says(new RegExp(`refuse status=${status} address=${address} `));
  assert.equal(gateway.lines.filter((line) => line.includes(`=${address} `)).length, 1);
}

async function assertHealthy(gateway) {
  const answer = await exchange(gateway.port, `${LIVE}\r\n`);
  assert.equal(answer.status, 200);
}

describe('the strictness table', () => {
  let gateway;
  before(async () => {
    gateway = await startGateway();
  });
  after(() => gateway.stop());

  const rows = [
    ['bare LF line ends', 'GET /health/live HTTP/1.1\nHost: a\n\n', 400],
    ['a bare LF in the middle', 'GET /health/live HTTP/1.1\r\nHost: a\nX: b\r\n\r\n', 400],
    ['two different Content-Length', `${POST}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd`, 400],
    ['two equal Content-Length', `${POST}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc`, 400],
    ['a list of Content-Length', `${POST}Content-Length: 3, 3\r\n\r\nabc`, 400],
    ['Content-Length and chunked',
      `${POST}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
    ['a folded line', `${LIVE}X: a\r\n b\r\n\r\n`, 400],
    ['a space before the colon', `${LIVE}X : a\r\n\r\n`, 400],
    ['no Host', 'GET /health/live HTTP/1.1\r\n\r\n', 400],
    ['two Hosts', `${LIVE}Host: b\r\n\r\n`, 400],
    ['Content-Length: +5', `${POST}Content-Length: +5\r\n\r\nabcde`, 400],
    ['Content-Length: 0x5', `${POST}Content-Length: 0x5\r\n\r\nabcde`, 400],
    ['a NUL in a field', `${LIVE}X: a\0b\r\n\r\n`, 400],
    ['a lone CR', `${LIVE}X: a\rb\r\n\r\n`, 400],
    ['a header of 70 kB', `${LIVE}X: ${'a'.repeat(70_000)}\r\n\r\n`, 431],
    ['a header of 1 MB', `${LIVE}X: ${'a'.repeat(1_000_000)}\r\n\r\n`, 431],
    ['65 fields', `${LIVE}${'X: a\r\n'.repeat(64)}\r\n`, 431],
    ['a target of 70 kB', `GET /${'a'.repeat(70_000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 414],
    ['gzip, chunked', `${POST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`, 501],
    ['an HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505],
    ['HTTP/0.9', 'GET /\r\n\r\n', 400],
    ['an encoded NUL', 'GET /rooms/a%00 HTTP/1.1\r\nHost: a\r\n\r\n', 400],
    ['an encoded nothing', 'GET /rooms/a%zz HTTP/1.1\r\nHost: a\r\n\r\n', 400],
    ['an absolute URL of another host', 'GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n', 400],
    ['CONNECT', 'CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n', 501],
    ['an unknown method', 'BREW / HTTP/1.1\r\nHost: a\r\n\r\n', 501],
    ['an unknown Expect', `${POST}Expect: tea\r\nContent-Length: 3\r\n\r\n`, 417],
    ['a TLS handshake', Buffer.from('16030100c8010000c40303', 'hex'), 400],
    ['a body where none belongs', `GET /health/live HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc`, 413],
  ];
  for (const [name, bytes, status] of rows) {
    test(`${name}: ${status}`, () => assertRefused(gateway, bytes, status));
  }

  test('chunks that are none', async () => {
    const bad = ['g\r\n', '-1\r\n', '0x3\r\nabc\r\n', '3\nabc\r\n', '3\r\nabcd\r\n', '\r\n',
      '123456789\r\n', '3;a=\n\r\nabc\r\n', '0\r\nX y: a\r\n\r\n', ' 3\r\nabc\r\n', '3 \r\nabc\r\n'];
    for (const chunks of bad)
      await assertRefused(gateway, `${POST}Transfer-Encoding: chunked\r\n\r\n${chunks}`, 400);
  });

  test('an encoded slash in a name', async () => {
    const answer = await exchange(gateway.port, 'GET /rooms/a%2Fb HTTP/1.1\r\nHost: a\r\n\r\n');
    assert.equal(answer.status, 400);
  });

  test('no secret reaches the log', async () => {
    await exchange(gateway.port,
      'GET /nothing?token=geheim1 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer geheim2\r\n' +
      'Cookie: roomwire=geheim3\r\n\r\n');
    await exchange(gateway.port, `${LIVE}Authorization: geheim4\r\nAuthorization: geheim5\r\n\r\n`);
    assert.ok(!gateway.lines.some((line) => line.includes('geheim')));
  });

  test('all of it leaves the gateway healthy', () => assertHealthy(gateway));
});

describe('requests that are right', () => {
  let gateway;
  before(async () => {
    gateway = await startGateway();
  });
  after(() => gateway.stop());

  test('byte by byte', async () => {
    const raw = await RawHttp.open(gateway.port, { noDelay: true });
    for (const byte of `${LIVE}X: y\r\n\r\n`) raw.send(byte);
    assert.equal((await raw.answer()).status, 200);
    raw.close();
  });

  test('a query with what browsers do not escape', async () => {
    const answer = await fetch(`http://127.0.0.1:${gateway.port}/?utm[x]={a|b}^\\\``);
    assert.equal(answer.status, 200);
    await answer.arrayBuffer();
  });

  test('an absolute URL of this host', async () => {
    const answer = await exchange(gateway.port,
      'GET http://a/health/live HTTP/1.1\r\nHost: a\r\n\r\n');
    assert.equal(answer.status, 200);
  });

  test('HTTP/1.0 with and without keep-alive', async () => {
    let raw = await RawHttp.open(gateway.port);
    assert.equal((await raw.send('GET /health/live HTTP/1.0\r\n\r\n').answer()).status, 200);
    await raw.end();
    raw = await RawHttp.open(gateway.port);
    const request = 'GET /health/live HTTP/1.0\r\nConnection: keep-alive\r\n\r\n';
    const answer = await raw.send(request).answer();
    assert.equal(answer.fields.connection, 'keep-alive');
    assert.equal((await raw.send(request).answer()).status, 200);
    raw.close();
  });

  test('Connection: close', async () => {
    const raw = await RawHttp.open(gateway.port);
    const answer = await raw.send(`${LIVE}Connection: close\r\n\r\n`).answer();
    assert.equal(answer.fields.connection, 'close');
    assert.equal(await raw.end(), '');
  });

  test('HEAD has the fields of GET and no body', async () => {
    const raw = await RawHttp.open(gateway.port);
    const get = await raw.send(`${LIVE}\r\n`).answer();
    const head = await raw.send(`HEAD${LIVE.slice(3)}\r\n`).answer({ head: true });
    assert.equal(head.status, 200);
    assert.equal(head.fields['content-length'], String(get.body.length));
    // The next answer starts where the head ended.
    assert.equal((await raw.send(`${LIVE}\r\n`).answer()).body, get.body);
    raw.close();
  });

  test('OPTIONS and 405 say what is allowed', async () => {
    const raw = await RawHttp.open(gateway.port);
    const options = await raw.send('OPTIONS /rooms/a HTTP/1.1\r\nHost: a\r\n\r\n').answer();
    assert.equal(options.status, 204);
    assert.equal(options.fields.allow, 'GET, HEAD, POST');
    const server = await raw.send('OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n').answer();
    assert.equal(server.status, 204);
    const put = await raw.send('DELETE /health/live HTTP/1.1\r\nHost: a\r\n\r\n').answer();
    assert.equal(put.status, 405);
    assert.equal(put.fields.allow, 'GET, HEAD');
    raw.close();
  });

  test('a thousand requests at once are answered in order', async () => {
    const raw = await RawHttp.open(gateway.port);
    raw.send(`${LIVE}\r\nGET /nothing HTTP/1.1\r\nHost: a\r\n\r\n`.repeat(500));
    for (let i = 0; i < 500; i++) {
      assert.equal((await raw.answer()).status, 200);
      assert.equal((await raw.answer()).status, 404);
    }
    raw.close();
  });

  test('a request behind a body', async () => {
    const raw = await RawHttp.open(gateway.port);
    raw.send(`${POST}Content-Length: 2\r\n\r\nhi${LIVE}\r\n`);
    assert.equal((await raw.answer()).status, 401);
    assert.equal((await raw.answer()).status, 200);
    raw.send(`${POST}Transfer-Encoding: chunked\r\n\r\n1;x=y\r\nh\r\n1\r\ni\r\n0\r\nA: b\r\n\r\n${LIVE}\r\n`);
    assert.equal((await raw.answer()).status, 401);
    assert.equal((await raw.answer()).status, 200);
    raw.close();
  });

  test('a chunked body byte by byte, and a request behind it', async () => {
    const raw = await RawHttp.open(gateway.port, { noDelay: true });
    const chunks = '5\r\nhello\r\nA\r\n0123456789\r\n0\r\n\r\n';
    for (const byte of `${POST}Transfer-Encoding: chunked\r\n\r\n${chunks}${LIVE}\r\n`)
      raw.send(byte);
    assert.equal((await raw.answer()).status, 401);
    assert.equal((await raw.answer()).status, 200);
    raw.close();
  });

  test('Expect: 100-continue', async () => {
    const raw = await RawHttp.open(gateway.port);
    raw.send(`${POST}Expect: 100-continue\r\nContent-Length: 5\r\n\r\n`);
    assert.equal((await raw.answer()).status, 100);
    raw.send('hello');
    assert.equal((await raw.answer()).status, 401);
    assert.equal((await raw.send(`${LIVE}\r\n`).answer()).status, 200);
    raw.close();
  });

  test('a body over the limit is refused before it is sent', async () => {
    const raw = await RawHttp.open(gateway.port);
    raw.send(`${POST}Expect: 100-continue\r\nContent-Length: 99999999\r\n\r\n`);
    assert.equal((await raw.answer()).status, 413);
    await raw.end();
  });

  test('a body over the limit is refused while it is sent', async () => {
    for (const head of ['Content-Length: 3000000', 'Transfer-Encoding: chunked']) {
      const raw = await RawHttp.open(gateway.port);
      raw.send(`${POST}${head}\r\n\r\n2dc6c0\r\n${'a'.repeat(900_000)}`);
      // The answer arrives although the body is still on its way.
      assert.equal((await raw.answer()).status, 413);
      await raw.end();
    }
  });

  test('an encoded body is refused wherever it goes, before it is sent', async () => {
    const ask = async (path, fields, status) => {
      const answer = await exchange(gateway.port, `POST ${path} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`);
      assert.equal(answer.status, status, `${path} ${fields}`);
      return answer;
    };
    const expect = 'Expect: 100-continue\r\nContent-Length: 5\r\n';
    for (const path of ['/rooms/a/messages', '/rooms/a', '/topics/a', '/@connections/a', '/savemessage', '/session']) {
      const answer = await ask(path, `${expect}Content-Encoding: gzip\r\n`, 415);
      assert.equal(answer.fields['accept-encoding'], 'identity');
    }
    await ask('/topics/a', `${expect}Content-Encoding: identity\r\nContent-Encoding: br\r\n`, 415);
    await ask('/topics/a', 'Transfer-Encoding: chunked\r\nContent-Encoding: Identity, GZIP\r\n', 415);
    await ask('/topics/a', `${expect}Content-Encoding: identity\r\n`, 100);
  });

  test('a large body that is cut anywhere', async () => {
    const body = 'x'.repeat(200_000);
    const raw = await RawHttp.open(gateway.port, { noDelay: true });
    raw.send(`${POST}Content-Length: ${body.length}\r\n\r\n`);
    for (let at = 0; at < body.length; at += 7919) raw.send(body.slice(at, at + 7919));
    assert.equal((await raw.answer()).status, 401);
    assert.equal((await raw.send(`${LIVE}\r\n`).answer()).status, 200);
    raw.close();
  });

  test('errors are JSON for programs and a page for people', async () => {
    const ask = (accept) => exchange(gateway.port,
      `GET /nothing HTTP/1.1\r\nHost: a\r\n${accept ? `Accept: ${accept}\r\n` : ''}\r\n`);
    for (const accept of ['', '*/*', 'application/json', 'application/problem+json', 'text/html;q=0.5, */*']) {
      const answer = await ask(accept);
      assert.equal(answer.fields['content-type'], 'application/problem+json', accept);
      assert.equal(JSON.parse(answer.body).status, 404);
    }
    for (const accept of ['text/html', 'text/html,application/xhtml+xml,*/*;q=0.8']) {
      const answer = await ask(accept);
      assert.match(answer.fields['content-type'], /^text\/html/);
      assert.match(answer.body, /<html/);
    }
  });

  test('pages carry the security fields', async () => {
    const { fields } = await exchange(gateway.port,
      'GET / HTTP/1.1\r\nHost: example.org\r\nAccept: text/html\r\n\r\n');
    const policy = fields['content-security-policy'];
    assert.match(policy, /default-src 'none'/);
    assert.match(policy, /script-src 'self';/);
    assert.match(policy, /connect-src 'self' ws:\/\/example\.org;/);
    assert.match(policy, /frame-ancestors 'self'/);
    assert.doesNotMatch(policy, /unsafe/);
    assert.equal(fields['x-content-type-options'], 'nosniff');
    assert.equal(fields['referrer-policy'], 'same-origin');
    assert.equal(fields['strict-transport-security'], undefined);
  });
});
