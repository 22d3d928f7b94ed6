// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// A page that was away for long: it shows all that was said meanwhile, and sends what was typed, once.
// In a file of its own since it waits for a minute, beside which others run.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { sleep, waitFor } from '../system/lib/wait.mjs';
import { describeBrowser } from './lib/scene.mjs';

describeBrowser('a page that is away', {}, (scene) => {
  test('offline for a minute, until every timer has run out, then back', async () => {
    const proxy = await scene.proxy();
    const alice = await scene.enterLive('offline', 'alice', { proxy });
    const wanted = await scene.publishMany('offline', 3);
    await waitFor(async () => (await alice.texts()).length === 3, 'the first messages');
    await alice.context.setOffline(true);
    proxy.cut();
    proxy.server.close(); // nobody listens there any more
    const since = Date.now();
    const offlineFor = (ms) => sleep(since + ms - Date.now());
    await alice.page.waitForSelector('#status[data-state="down"]');
    await alice.say('written offline');
    await alice.page.waitForSelector('#pending li');
    wanted.push(...(await scene.publishMany('offline', 5)));
    await offlineFor(30000);
    wanted.push(...(await scene.publishMany('offline', 60))); // more than the page began with
    await alice.say('written later');
    await offlineFor(60000);
    assert.deepEqual(await alice.texts(), wanted.slice(0, 3));
    assert.equal((await alice.page.$$('#pending li')).length, 2);
    const { port } = new URL(proxy.url);
    proxy.server.listen(Number(port), '127.0.0.1');
    await alice.context.setOffline(false);
    await alice.live();
    await alice.hasSentAll();
    wanted.push('written offline', 'written later', ...(await scene.publishMany('offline', 3)));
    await waitFor(async () => (await alice.texts()).length >= wanted.length, 'all messages');
    assert.deepEqual(await alice.texts(), wanted);
    const kept = await scene.kept('offline', wanted.length);
    assert.deepEqual(kept.map(({ payload }) => payload), wanted);
    assert.deepEqual(await alice.ids(), kept.map(({ id }) => id));
  });
});
