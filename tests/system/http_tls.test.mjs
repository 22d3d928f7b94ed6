// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
// The same over TLS, and what may go wrong below HTTP.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { connect as connectTcp } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { connect as connectTls } from 'node:tls';

import { makeCertificate, startGateway } from './lib/gateway.mjs';
import { run } from './lib/process.mjs';
import { RawHttp, exchange } from './lib/raw_http.mjs';
import { within } from './lib/wait.mjs';

const LIVE = 'GET /health/live HTTP/1.1\r\nHost: localhost\r\n';
const POST = 'POST /rooms/a/messages HTTP/1.1\r\nHost: localhost\r\n';

// How a handshake with `options` ends: the socket, or the error.
async function handshake(port, options) {
  const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options });
  const outcome = once(socket, 'secureConnect').then(() => socket, (error) => error);
  return within(outcome, 'a handshake').finally(() => socket.on('error', () => {}));
}

describe('https', () => {
  let gateway;
  before(async () => {
    gateway = await startGateway({ tls: true, config: { head_timeout_ms: 500 } });
  });
  after(() => gateway.stop());

  test('serves on both ports, and HSTS on one', async () => {
    const plain = await exchange(gateway.port, `${LIVE}\r\n`);
    const secure = await exchange(gateway.tlsPort, `${LIVE}\r\n`, { tls: true });
    assert.equal(plain.status, 200);
    assert.equal(secure.status, 200);
    assert.equal(plain.fields['strict-transport-security'], undefined);
    assert.match(secure.fields['strict-transport-security'], /max-age=\d+/);
    const page = await exchange(gateway.tlsPort,
      'GET / HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\n\r\n', { tls: true });
    assert.match(page.fields['content-security-policy'], / wss:\/\/localhost;/);
  });

  test('negotiates HTTP/1.1 and TLS 1.2 or 1.3', async () => {
    for (const version of ['TLSv1.2', 'TLSv1.3']) {
      const socket = await handshake(gateway.tlsPort,
        { minVersion: version, maxVersion: version, ALPNProtocols: ['h2', 'http/1.1'] });
      assert.equal(socket.alpnProtocol, 'http/1.1');
      assert.equal(socket.getProtocol(), version);
      socket.destroy();
    }
  });

  test('refuses TLS 1.1 and a client that wants only HTTP/2', async () => {
    const old = await handshake(gateway.tlsPort,
      { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' });
    assert.ok(old instanceof Error);
    // Node.js 18 does not tell which alert it was.
    const { code, log } = await run('openssl',
      ['s_client', '-connect', `127.0.0.1:${gateway.tlsPort}`, '-alpn', 'h2'], { input: '' });
    assert.equal(code, 1);
    assert.match(log, /alert no application protocol/);
  });

  test('tells HTTP on this port what it is', async () => {
    const raw = await RawHttp.open(gateway.tlsPort);
    const answer = await raw.send(`${LIVE}\r\n`).answer();
    assert.equal(answer.status, 400);
    assert.match(answer.body, /HTTPS/);
    await raw.end();
  });

  test('closes on garbage, and on a handshake that does not go on', async () => {
    const garbage = await RawHttp.open(gateway.tlsPort);
    garbage.send(Buffer.alloc(2000, 0xa5));
    await garbage.end();
    const stuck = connectTcp({ port: gateway.tlsPort, host: '127.0.0.1' });
    await once(stuck, 'connect');
    stuck.write(Buffer.from('160301', 'hex'));
    stuck.resume();
    await within(once(stuck, 'close'), 'the end of a handshake');
  });

  test('a record that has come in part costs no time', async () => {
    const cpuMs = () => {
      const stat = readFileSync(`/proc/${gateway.child.pid}/stat`, 'utf8').split(' ');
      return (Number(stat[13]) + Number(stat[14])) * 10;
    };
    const before = cpuMs();
    const socket = connectTcp(gateway.tlsPort, '127.0.0.1').on('error', () => {});
    socket.resume().write(Buffer.from('160301', 'hex'));
    await within(once(socket, 'close'), 'the end of the connection'); // after head_timeout_ms
    assert.ok(cpuMs() - before < 200, `${cpuMs() - before} ms`);
  });

  test('a thousand requests at once, and bodies larger than a record', async () => {
    const raw = await RawHttp.open(gateway.tlsPort, { tls: true });
    raw.send(`${LIVE}\r\n`.repeat(1000));
    for (let i = 0; i < 1000; i++) assert.equal((await raw.answer()).status, 200);
    const body = 'x'.repeat(200_000);
    raw.send(`${POST}Content-Length: ${body.length}\r\n\r\n${body}${LIVE}\r\n`);
    assert.equal((await raw.answer()).status, 401);
    assert.equal((await raw.answer()).status, 200);
    raw.close();
  });

  test('a large answer to a slow reader is whole', async () => {
    const request = 'GET /assets/mqtt.js HTTP/1.1\r\nHost: localhost\r\n\r\n';
    const { body } = await exchange(gateway.port, request);
    assert.ok(body.length > 100_000);
    const raw = await RawHttp.open(gateway.tlsPort, { tls: true });
    raw.send(request.repeat(40));
    raw.socket.pause();
    // Until the server can write no more, which is when it has to go on in the middle of a record.
    await exchange(gateway.tlsPort, `${LIVE}\r\n`, { tls: true });
    raw.socket.resume();
    for (let i = 0; i < 40; i++) assert.ok((await raw.answer()).body === body);
    raw.close();
  });

  test('the goodbye of TLS is said', async () => {
    const socket = await handshake(gateway.tlsPort, {});
    socket.write(`${LIVE}Connection: close\r\n\r\n`);
    socket.resume();
    const [hadError] = await within(once(socket, 'close'), 'the end');
    assert.equal(hadError, false);
  });
});

describe('the certificate', () => {
  test('is read anew on SIGHUP, and kept if the new one is bad', async () => {
    const gateway = await startGateway({ tls: true });
    try {
      const nameOf = async () => {
        const socket = await handshake(gateway.tlsPort, {});
        const { subject } = socket.getPeerCertificate();
        socket.destroy();
        return subject.CN;
      };
      assert.equal(await nameOf(), 'tls');
      const fresh = makeCertificate(gateway.folder, 'fresh');
      await copyFile(fresh.key, `${gateway.folder}/tls.key`);
      gateway.child.kill('SIGHUP');
      await gateway.says(/reload failed/);
      assert.equal(await nameOf(), 'tls');
      await copyFile(fresh.certificate, `${gateway.folder}/tls.crt`);
      gateway.child.kill('SIGHUP');
      await gateway.says(/info reload certificates/);
      assert.equal(await nameOf(), 'fresh');
    } finally {
      await gateway.stop();
    }
  });
});
