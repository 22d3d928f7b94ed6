// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// What a webhook replies to a sender shows on his page, and on nobody else's.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { hooksTo, Receiver } from '../system/lib/receiver.mjs';
import { describeBrowser } from './lib/scene.mjs';

let receiver;
const options = async () => {
  receiver = await Receiver.start();
  return { config: hooksTo(receiver, 'message') };
};

describeBrowser('a reply', options, (scene) => {
  after(() => receiver?.close());

  test('is shown to the sender alone, as text, and is in no history', async () => {
    const hostile = '<img src=x onerror=alert(1)> you said:';
    receiver.answer = ({ message }) => message.text === 'echo' ? { json: { reply: { text: hostile } } } : {};
    const alice = await scene.enterLive('echo', 'alice');
    const bob = await scene.enterLive('echo', 'bob');
    await alice.say('echo');
    const shown = alice.page.locator('#messages .direct');
    await shown.waitFor();
    assert.equal(await shown.locator('.text').textContent(), hostile);
    assert.equal(await shown.locator('.by b').textContent(), 'webhook');
    // Later than the reply, on both pages; and a line of his own, whoever sent the one before.
    await bob.say('after');
    await alice.shows('after');
    await bob.shows('after');
    assert.equal(await bob.page.locator('#messages .direct').count(), 0);
    assert.deepEqual(await bob.texts(), ['echo', 'after']);
    await alice.page.reload();
    await alice.live();
    assert.deepEqual(await alice.texts(), ['echo', 'after']);
    assert.equal(await shown.count(), 0);
    alice.noComplaints();
    bob.noComplaints();
  });
});
