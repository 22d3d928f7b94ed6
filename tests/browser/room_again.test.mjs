// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// What the page gave up sending is in the room once after 'Try again', whether or not an earlier
// attempt had been kept without the page's knowing.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { describeBrowser } from './lib/scene.mjs';

const LONG = `long ${'x'.repeat(2000)}`; // which the proxy knows a publish by

describeBrowser("'Try again'", {}, (scene) => {
  async function visit(room, settings) {
    const proxy = await scene.proxy(settings);
    const alice = await scene.enter(room, 'alice', { proxy });
    await alice.page.waitForSelector(`#status[data-state="${proxy.blocksWebSocket ? 'http' : 'live'}"]`);
    return { alice, proxy };
  }

  const again = ({ page }) => page.getByRole('button', { name: 'Try again' });

  // Says something, which fails for the reason `why`.
  async function failToSay(alice, text, why) {
    await alice.say(text);
    await again(alice).waitFor();
    assert.match(await alice.page.textContent('#pending .note'), why);
  }

  const inRoom = async (room, count) => (await scene.kept(room, count)).map(({ payload }) => payload);

  // Tries again, and says something behind it, so that what came twice would be seen.
  async function tryAgain(alice, room, text) {
    await again(alice).click();
    await alice.hasSentAll();
    await alice.say('behind');
    await alice.shows('behind');
    await alice.hasSentAll();
    assert.deepEqual(await inRoom(room, 2), [text, 'behind']);
    assert.deepEqual(await alice.texts(), [text, 'behind']);
    await alice.page.reload();
    assert.deepEqual(await alice.texts(), [text, 'behind']);
  }

  test('after connections that broke under it each time', async () => {
    const { alice, proxy } = await visit('broken', { onLongFrame: (socket, onward) => onward.destroy() });
    await failToSay(alice, LONG, /broke each time/);
    assert.deepEqual(await inRoom('broken', 0), []);
    proxy.onLongFrame = null;
    await alice.live();
    await tryAgain(alice, 'broken', LONG);
  });

  test('after connections that broke each time before the acknowledgement', async () => {
    let lost = 0;
    const loseAnswer = (socket, onward) => {
      onward.unpipe(socket);
      onward.once('data', () => {
        lost += 1;
        onward.destroy();
      }).resume();
    };
    const { alice, proxy } = await visit('kept', { onLongFrame: loseAnswer });
    await failToSay(alice, LONG, /broke each time/);
    assert.ok(lost >= 2, `${lost} answers were lost`);
    assert.deepEqual(await inRoom('kept', 1), [LONG]);
    proxy.onLongFrame = null;
    await alice.live();
    await tryAgain(alice, 'kept', LONG);
  });

  test('after a refusal on the way, by HTTP', async () => {
    const { alice, proxy } = await visit('refused', { blocksWebSocket: true });
    proxy.forbids = 'posts';
    await failToSay(alice, 'hello', /Forbidden/);
    assert.deepEqual(await inRoom('refused', 0), []);
    proxy.forbids = '';
    await tryAgain(alice, 'refused', 'hello');
  });

  test('after a refusal on the way back, by MQTT', async () => {
    const { alice, proxy } = await visit('ways', { blocksWebSocket: true });
    proxy.forbids = 'answers';
    await failToSay(alice, 'hello', /Forbidden/);
    assert.deepEqual(await inRoom('ways', 1), ['hello']);
    Object.assign(proxy, { forbids: '', blocksWebSocket: false });
    await alice.live();
    await tryAgain(alice, 'ways', 'hello');
  });
});
