// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The room over https and wss, with scripts on and off at once.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { FACE, freePort } from '../system/lib/broker.mjs';
import { makeCertificate } from '../system/lib/gateway.mjs';
import { startStack } from '../system/lib/stack.mjs';
import { waitFor } from '../system/lib/wait.mjs';
import { launch, skip, Visitor } from './lib/browser.mjs';

describe('over TLS', { skip }, () => {
  let folder;
  let stack;
  let browser;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'roomwire-tls-'));
    const { key, certificate } = makeCertificate(folder);
    const port = await freePort();
    stack = await startStack({ config: { tls_certificate: certificate, tls_key: key,
      listen: `http://127.0.0.1:0 https://127.0.0.1:${port}` } });
    stack.url = `https://localhost:${port}`;
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
    await stack?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test('pages with and without scripts show the same, and the cookie is for TLS alone', async () => {
    const alice = await Visitor.create(browser, stack, { ignoreHTTPSErrors: true });
    await alice.enterLive('safe', stack.broker.token('alice'));
    const bob = await Visitor.create(browser, stack, { ignoreHTTPSErrors: true, javaScriptEnabled: false });
    await bob.enter('safe', stack.broker.token('bob'));
    await alice.say('live');
    await alice.shows('live');
    await bob.page.fill('#text', 'plain');
    await Promise.all([bob.page.waitForEvent('load'), bob.page.click('#say button')]);
    await alice.shows('plain');
    assert.deepEqual(await alice.texts(), ['live', 'plain']);
    assert.deepEqual(await bob.texts(), ['live', 'plain']);
    assert.deepEqual(await alice.ids(), await bob.ids());
    const [cookie] = await alice.context.cookies();
    assert.equal(cookie.secure, true);
    assert.match(cookie.name, /^__Host-/);
    alice.noComplaints();
    bob.noComplaints();
    // Two messages reached alice live; bob was shown none and then two.
    await waitFor(async () => {
      const rows = await stack.broker.traffic("room = 'safe' AND direction = 1");
      const count = (subject, face) =>
        rows.find((row) => row.subject === subject && row.face === FACE[face])?.blocks ?? 0;
      return count('alice', 'ws') === 2 && count('bob', 'html') === 2;
    }, 'the traffic');
  });
});
