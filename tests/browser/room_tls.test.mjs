// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The room over https and wss, with scripts on and off at once.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FACE } from '../system/lib/broker.mjs';
import { waitFor } from '../system/lib/wait.mjs';
import { describeBrowser } from './lib/scene.mjs';

describeBrowser('over TLS', { tls: true }, (scene) => {
  test('pages with and without scripts show the same, and the cookie is for TLS alone', async () => {
    scene.stack.url = scene.stack.url.replace('127.0.0.1', 'localhost');
    const alice = await scene.enterLive('safe', 'alice');
    const bob = await scene.enter('safe', 'bob', { javaScriptEnabled: false });
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
      const rows = await scene.stack.broker.traffic("room = 'safe' AND direction = 1");
      const count = (subject, face) =>
        rows.find((row) => row.subject === subject && row.face === FACE[face])?.blocks ?? 0;
      return count('alice', 'ws') === 2 && count('bob', 'html') === 2;
    }, 'the traffic');
  });
});
