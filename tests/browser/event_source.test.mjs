// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// What Chromium's own EventSource makes of our stream: the corner cases of the format
// (WHATWG HTML §9.2.6) where they can occur, and coming back with Last-Event-ID.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { waitFor } from '../system/lib/wait.mjs';
import { describeBrowser } from './lib/scene.mjs';

// Begins to follow a room; what was heard is in window.heard.
const listen = (visitor, query = '') => visitor.page.evaluate((url) => {
  globalThis.heard = [];
  globalThis.opened = 0;
  globalThis.pauses = []; // from each loss of the connection until it was there again, in ms
  globalThis.source = new EventSource(url);
  let lostAt;
  globalThis.source.onerror = ({ timeStamp }) => (lostAt ??= timeStamp);
  globalThis.source.onopen = ({ timeStamp }) => {
    globalThis.opened += 1;
    if (lostAt !== undefined) globalThis.pauses.push(timeStamp - lostAt);
    lostAt = undefined;
  };
  for (const type of ['stream-open', 'message', 'stream-reset'])
    globalThis.source.addEventListener(type, ({ data, lastEventId }) => globalThis.heard.push({ type, lastEventId, ...JSON.parse(data) }));
}, `/rooms/corner/messages${query}`);
const heard = (visitor, type = 'message') =>
  visitor.page.evaluate((wanted) => globalThis.heard.filter((one) => one.type === wanted), type);

describeBrowser('EventSource', { config: { heartbeat_ms: 200 } }, (scene) => {
  async function follow(query) {
    const proxy = await scene.proxy();
    const alice = await scene.enter('corner', 'alice', { proxy });
    await listen(alice, query);
    return { alice, proxy };
  }
  // One that says that it is open.
  async function followFromNow() {
    const followed = await follow();
    await waitFor(async () => (await heard(followed.alice, 'stream-open')).length === 1, 'the stream to open');
    return followed;
  }
  const publish = (...texts) => scene.publish('corner', ...texts);

  test('every text arrives as it was said', async () => {
    const texts = ['', ' leading space', '\uFEFFbyte order mark', 'CR\rLF\nCRLF\r\nend', '\n', '\r', 'NUL\0inside',
      'data: no field', 'id: 7', 'event: stream-reset', 'retry: 1', ': no comment', '\u2028\u2029', 'é 😀 \u00AD',
      'x'.repeat(100000), '{"json":"\\n"}', 'trailing space '];
    const { alice } = await followFromNow();
    await publish(...texts);
    await waitFor(async () => (await heard(alice)).length === texts.length, 'all messages');
    const messages = await heard(alice);
    assert.deepEqual(messages.map(({ text }) => text), texts);
    for (const { id, epoch, lastEventId } of messages) assert.equal(lastEventId, `${epoch}-${id}`);
    assert.equal((await heard(alice, 'stream-reset')).length, 0);
  });

  test('it comes back with Last-Event-ID, and gets what it missed, once', async () => {
    const { alice, proxy } = await follow('?lastEventId=earliest');
    await waitFor(async () => (await heard(alice)).length > 0, 'the past');
    for (let round = 1; round <= 3; round++) {
      proxy.cut();
      await publish(`missed ${round}`, `missed too ${round}`);
      await waitFor(async () => (await heard(alice)).at(-1).text === `missed too ${round}`, 'what was missed');
    }
    const messages = await heard(alice);
    for (const [n, { prev }] of messages.entries()) assert.equal(prev, n ? messages[n - 1].id : 0);
    assert.ok((await alice.page.evaluate('opened')) >= 4);
    assert.ok(proxy.streams.filter((id) => id !== undefined).length >= 3);
    const opens = await heard(alice, 'stream-open');
    assert.ok(opens.length >= 4, 'each connection says where it begins');
  });

  test('cut, it is back after the second that retry: tells, without gap or repeat', async () => {
    const { alice, proxy } = await followFromNow();
    const texts = ['before'];
    await publish('before');
    for (let round = 1; round <= 3; round++) {
      await waitFor(async () => (await heard(alice)).length >= texts.length, 'what was said');
      const { lastEventId } = (await heard(alice)).at(-1);
      proxy.cut();
      texts.push(`away ${round}`, `away too ${round}`);
      await publish(...texts.slice(-2));
      await waitFor(async () => (await alice.page.evaluate('pauses.length')) === round, 'the stream to be back');
      assert.ok(proxy.streams.includes(lastEventId), `it resumes behind ${lastEventId}`);
      texts.push(`back ${round}`);
      await publish(texts.at(-1));
    }
    await waitFor(async () => (await heard(alice)).length >= texts.length, 'the rest');
    assert.deepEqual((await heard(alice)).map(({ text }) => text), texts);
    assert.equal((await heard(alice, 'stream-reset')).length, 0);
    const pauses = await alice.page.evaluate('pauses');
    for (const ms of pauses) assert.ok(ms >= 900 && ms < 10000, `back after ${ms} ms`);
    // Where no retry: is told, Chromium takes three seconds.
    assert.ok(Math.min(...pauses) < 2900, `back after ${pauses} ms`);
  });

  test('an unknown epoch is answered with stream-reset, whose id is that of the log', async () => {
    const { alice } = await follow('?lastEventId=other-1');
    await waitFor(async () => (await heard(alice, 'stream-reset')).length === 1, 'the reset');
    const [reset] = await heard(alice, 'stream-reset');
    assert.equal(reset.reason, 'epoch');
    await publish('after the reset');
    await waitFor(async () => (await heard(alice)).some(({ text }) => text === 'after the reset'), 'what follows');
  });

  test('a gateway that restarts is found again', async () => {
    const { alice, proxy } = await followFromNow();
    await publish('before');
    await waitFor(async () => (await heard(alice)).length === 1, 'the first message');
    await scene.stack.killGateway();
    await publish('while it was away');
    await scene.stack.startGateway();
    proxy.target = new URL(scene.stack.url);
    await scene.stack.ready();
    await publish('after');
    await waitFor(async () => (await heard(alice)).length === 3, 'the rest');
    assert.deepEqual((await heard(alice)).map(({ text }) => text), ['before', 'while it was away', 'after']);
  });
});
