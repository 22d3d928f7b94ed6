// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The room's page goes over to another way where one is blocked, and back, and nothing is missing or
// doubled on the way.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { waitFor, within } from '../system/lib/wait.mjs';
import { describeBrowser } from './lib/scene.mjs';

describeBrowser('ways to a room', {}, (scene) => {
  // Somebody behind a proxy of his own.
  async function visit(room, settings) {
    const proxy = await scene.proxy(settings);
    return { alice: await scene.enter(room, 'alice', { proxy }), proxy };
  }

  const isBy = (alice, words) => alice.page.waitForSelector(`#status:has-text("${words}")`);

  test('an event stream where WebSocket is blocked, and back when it is not', async () => {
    const { alice, proxy } = await visit('stream', { blocksWebSocket: true });
    await isBy(alice, 'Live by event stream');
    const wanted = await scene.publishMany('stream', 20);
    await alice.say('from the page');
    await alice.shows('from the page');
    wanted.push('from the page', ...(await scene.publishMany('stream', 20)));
    await waitFor(async () => (await alice.texts()).length === 41, 'all messages');
    assert.deepEqual(await alice.texts(), wanted);
    await alice.hasSentAll();
    assert.ok(proxy.refused >= 2);
    proxy.blocksWebSocket = false;
    await alice.live();
    const streams = proxy.streams.length;
    wanted.push(...(await scene.publishMany('stream', 10)));
    await alice.say('by MQTT');
    await alice.shows('by MQTT');
    wanted.push('by MQTT');
    await waitFor(async () => (await alice.texts()).length === wanted.length, 'all messages');
    assert.deepEqual(await alice.texts(), wanted);
    assert.equal(proxy.streams.length, streams, 'the stream was given up');
  });

  test('long-polls where a proxy holds streams back, too, and back from these', async () => {
    const { alice, proxy } = await visit('poll', { blocksWebSocket: true, holdsStreams: true });
    await isBy(alice, 'Live by long-poll');
    const wanted = await scene.publishMany('poll', 10);
    await waitFor(async () => (await alice.texts()).length === 10, 'what a device said');
    await alice.say('from the page');
    await alice.shows('from the page');
    wanted.push('from the page', ...(await scene.publishMany('poll', 10)));
    await waitFor(async () => (await alice.texts()).length === 21, 'all messages');
    proxy.blocksWebSocket = false;
    const publishing = scene.publishMany('poll', 200); // while the ways change
    await alice.live();
    wanted.push(...(await publishing), ...(await scene.publishMany('poll', 10)));
    await waitFor(async () => (await alice.texts()).length === wanted.length, 'all messages');
    assert.deepEqual(await alice.texts(), wanted);
  });

  test('nobody waits for a WebSocket that is neither opened nor refused', async () => {
    const { alice } = await visit('swallowed', { swallowsWebSocket: true });
    await isBy(alice, 'Live by event stream');
    const wanted = await scene.publishMany('swallowed', 3);
    await waitFor(async () => (await alice.texts()).length === 3, 'what a device said');
    assert.deepEqual(await alice.texts(), wanted);
  });

  test('MQTT, too, where its script was lost on the way', async () => {
    const alice = await scene.open();
    const asked = [];
    await alice.page.route('**/assets/mqtt.js*', (route) => {
      asked.push(route.request().url());
      return asked.length <= 2 ? route.abort() : route.continue();
    });
    await alice.enterLive('script', scene.stack.broker.token('alice'));
    // Not every browser asks again for what it could not load by the same name.
    assert.equal(new Set(asked).size, 3);
  });

  // Holds the first post back. Gives an object that has its route, and the number of posts.
  async function holdPost(alice, room) {
    const posts = { count: 0, held: null };
    await alice.page.route(`**/rooms/${room}/messages?*`, (route) => {
      const isFirst = route.request().method() === 'POST' && ++posts.count === 1;
      if (isFirst) posts.held = route;
      else route.continue();
    });
    return posts;
  }

  test('a slow post is not taken for lost because WebSocket fails meanwhile', async () => {
    const { alice, proxy } = await visit('slow', { blocksWebSocket: true });
    await isBy(alice, 'Live by event stream');
    const posts = await holdPost(alice, 'slow');
    await alice.say('long on its way');
    await waitFor(() => posts.held, 'the post');
    const refused = proxy.refused + 8;
    await waitFor(async () => {
      await alice.page.evaluate(() => dispatchEvent(new Event('online'))); // tries at once
      return proxy.refused >= refused;
    }, 'WebSocket to fail again and again');
    assert.equal(await alice.page.textContent('#pending .note'), 'Sending…');
    await posts.held.continue();
    await alice.hasSentAll();
    assert.equal(posts.count, 1);
    assert.deepEqual(await alice.texts(), ['long on its way']);
  });

  test('what is written while a post is on its way comes behind it, also by MQTT', async () => {
    const { alice, proxy } = await visit('order', { blocksWebSocket: true });
    await isBy(alice, 'Live by event stream');
    const posts = await holdPost(alice, 'order');
    await alice.say('first');
    await waitFor(() => posts.held, 'the post');
    await alice.say('second');
    proxy.blocksWebSocket = false;
    await alice.live();
    await alice.say('third');
    await scene.publish('order', 'meanwhile');
    await alice.shows('meanwhile'); // by then a publish would be in the room, too
    await posts.held.continue();
    await alice.hasSentAll();
    assert.deepEqual(await alice.texts(), ['meanwhile', 'first', 'second', 'third']);
  });

  test('a post that breaks off when MQTT is back already is sent by that', async () => {
    const { alice, proxy } = await visit('late', { blocksWebSocket: true });
    await isBy(alice, 'Live by event stream');
    const posts = await holdPost(alice, 'late');
    await alice.say('held back');
    await waitFor(() => posts.held, 'the post');
    proxy.blocksWebSocket = false;
    await alice.live();
    await posts.held.abort();
    await alice.shows('held back');
    await alice.hasSentAll();
    assert.deepEqual((await scene.kept('late', 1)).map(({ payload }) => payload), ['held back']);
  });

  test('a refusal for now is told and tried again, one for longer leaves that to the writer', async () => {
    const { alice } = await visit('refusals', { blocksWebSocket: true });
    await isBy(alice, 'Live by event stream');
    let answer = { status: 503, json: { title: 'The broker is away' } };
    await alice.page.route('**/rooms/refusals/messages?*', (route) => {
      if (answer && route.request().method() === 'POST') route.fulfill(answer);
      else route.continue();
    });
    await alice.say('hello');
    await alice.page.waitForSelector('#pending .note:has-text("Not sent yet: The broker is away")');
    await alice.page.getByRole('button', { name: 'Stop trying' }).click();
    await alice.hasSentAll();
    await alice.say('hello');
    await alice.page.waitForSelector('#pending .note:has-text("Not sent yet: The broker is away")');
    answer = { status: 507, json: { title: 'There is no room left' } };
    await alice.page.waitForSelector('#pending .note:has-text("Not sent: There is no room left")');
    answer = null;
    await alice.page.getByRole('button', { name: 'Try again' }).click();
    await alice.shows('hello');
    await alice.hasSentAll();
  });

  test('a refusal by somebody on the way ends nothing', async () => {
    const alice = await scene.enterLive('gate', 'alice');
    await alice.page.route('**/members?*', (route) =>
      route.fulfill({ status: 403, contentType: 'text/html', body: 'Blocked by policy' }));
    await alice.page.waitForResponse('**/members?*');
    await alice.say('still here');
    await alice.shows('still here');
    assert.equal(await alice.page.textContent('#status'), 'Live');
  });

  // What may tell the page that its connection is dead.
  const signs = {
    'the network is another one': ({ page }) => page.evaluate(() => dispatchEvent(new Event('online'))),
    'somebody looks again': ({ page }) => page.evaluate(() => document.dispatchEvent(new Event('visibilitychange'))),
    'the machine slept': ({ page }) => page.clock.fastForward(16000),
  };
  for (const [n, [what, happens]] of Object.entries(signs).entries()) {
    test(`a connection that died without a word is made again soon after ${what}`, async () => {
      const room = `dead${n}`;
      const proxy = await scene.proxy();
      const alice = await scene.open({ proxy });
      await alice.page.clock.install();
      await alice.enterLive(room, scene.stack.broker.token('alice'));
      await happens(alice);
      await scene.publish(room, 'before');
      await alice.shows('before');
      assert.equal(proxy.webSockets.length, 1, 'one that lives is kept');
      proxy.freezeWebSockets();
      await scene.publish(room, 'behind');
      await happens(alice);
      await within(alice.shows('behind'), 'a new connection', 10000); // before the keep alive tells
    });
  }

  test('a stream that is cut resumes behind its last message', async () => {
    const { alice, proxy } = await visit('cut', { blocksWebSocket: true });
    await isBy(alice, 'Live by event stream');
    const wanted = await scene.publishMany('cut', 5);
    await waitFor(async () => (await alice.texts()).length === 5, 'the first messages');
    proxy.cut();
    wanted.push(...(await scene.publishMany('cut', 30)));
    await waitFor(async () => (await alice.texts()).length === 35, 'what was said meanwhile');
    assert.deepEqual(await alice.texts(), wanted);
    assert.ok(proxy.streams.some((id) => /^\w+-\d+$/.test(id ?? '')), 'Last-Event-ID was sent');
  });
});
