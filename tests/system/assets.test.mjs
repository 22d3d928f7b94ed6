// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
// The files that pages are made of: types, codings, and how long they may be kept.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';

import { buildFolder as build } from './lib/broker.mjs';
import { startGateway } from './lib/gateway.mjs';
import { exchange } from './lib/raw_http.mjs';

describe('assets', () => {
  let gateway;
  let source;
  before(async () => {
    gateway = await startGateway();
    source = await readFile(join(build, 'webui/assets/mqtt.js'));
  });
  after(() => gateway.stop());

  const get = (path, fields = '', method = 'GET') => exchange(gateway.port,
    `${method} ${path} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`, { head: method === 'HEAD' });

  test('come as they are, as gzip and as brotli', async () => {
    const decode = { undefined: (b) => b, gzip: gunzipSync, br: brotliDecompressSync };
    const rows = [
      ['', undefined],
      ['Accept-Encoding: identity\r\n', undefined],
      ['Accept-Encoding: gzip\r\n', 'gzip'],
      ['Accept-Encoding: gzip, deflate, br, zstd\r\n', 'br'],
      ['Accept-Encoding: br;q=0.5, gzip;q=0.8\r\n', 'gzip'],
      ['Accept-Encoding: br;q=0, gzip;q=0\r\n', undefined],
      ['Accept-Encoding: *\r\n', 'br'],
      ['Accept-Encoding: *, br;q=0\r\n', 'gzip'],
    ];
    const tags = new Map();
    for (const [fields, coding] of rows) {
      const { status, fields: got, body } = await get('/assets/mqtt.js', fields);
      assert.equal(status, 200);
      assert.equal(got['content-encoding'], coding, fields);
      assert.equal(got.vary, 'Accept-Encoding');
      assert.match(got['content-type'], /^text\/javascript/);
      assert.deepEqual(decode[coding](Buffer.from(body, 'latin1')), source);
      tags.set(coding, got.etag);
    }
    // Different bytes, different tags.
    assert.equal(new Set(tags.values()).size, 3);
  });

  test('304 for whoever has it', async () => {
    const first = await get('/assets/mqtt.js', 'Accept-Encoding: gzip\r\n');
    const { etag } = first.fields;
    for (const known of [etag, `"other", ${etag}`, `W/${etag}`, '*']) {
      const again = await get('/assets/mqtt.js', `Accept-Encoding: gzip\r\nIf-None-Match: ${known}\r\n`);
      assert.equal(again.status, 304, known);
      assert.equal(again.fields.etag, etag);
      assert.equal(again.fields.vary, 'Accept-Encoding');
      assert.equal(again.fields['content-length'], undefined);
    }
    const other = await get('/assets/mqtt.js', `If-None-Match: ${etag}\r\n`);
    assert.equal(other.status, 200, 'the tag of another coding');
  });

  test('are for ever under the name that pages use, else asked for again', async () => {
    const page = await get('/', 'Accept: text/html\r\n');
    const [link] = /\/assets\/style\.css\?v=\w+/.exec(page.body);
    assert.match((await get(link)).fields['cache-control'], /immutable/);
    assert.equal((await get('/assets/style.css')).fields['cache-control'], 'no-cache');
    assert.match((await get('/assets/style.css')).fields['content-type'], /^text\/css/);
    assert.equal((await get('/assets/favicon.svg')).fields['content-type'], 'image/svg+xml');
  });

  test('HEAD tells the length and sends nothing', async () => {
    const { status, fields } = await get('/assets/mqtt.js', '', 'HEAD');
    assert.equal(status, 200);
    assert.equal(fields['content-length'], String(source.length));
  });

  test('nothing else is there', async () => {
    for (const path of ['/assets/', '/assets', '/assets/none.js', '/assets/mqtt.js.gz', '/assets/mqtt.js.br',
      '/assets/../assets/mqtt.js', '/assets/%2e%2e', '/assets/mqtt.js/', '/assets//mqtt.js',
      '/assets/style.css%2f', '/assets/room.html'])
      assert.notEqual((await get(path)).status, 200, path);
  });
});
