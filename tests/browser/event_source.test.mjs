// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// What Chromium's own EventSource makes of our stream: the corner cases of the format
// (WHATWG HTML §9.2.6) where they can occur, and coming back with Last-Event-ID.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { connect } from '../system/lib/client.mjs';
import { startStack } from '../system/lib/stack.mjs';
import { waitFor } from '../system/lib/wait.mjs';
import { launch, skip, Visitor } from './lib/browser.mjs';
import { Proxy } from './lib/proxy.mjs';

// Begins to follow a room; what was heard is in window.heard.
const listen = (visitor, query = '') => visitor.page.evaluate((url) => {
  globalThis.source?.close();
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

describe('EventSource', { skip }, () => {
  let stack, browser, proxy, alice, device;
  before(async () => {
    stack = await startStack({ config: { heartbeat_ms: 200 } });
    browser = await launch();
    proxy = await Proxy.create(stack.url);
    alice = await Visitor.create(browser, { url: proxy.url });
    await alice.enter('corner', stack.broker.token('alice', { '*': 'rw' }));
    device = await connect(stack.broker, { token: stack.broker.token('device', { '*': 'rw' }) });
  });
  after(async () => {
    await device?.end();
    await alice?.close();
    await proxy?.close();
    await browser?.close();
    await stack?.stop();
  });
  const publish = async (...texts) => {
    for (const text of texts) await device.publish('rooms/corner/messages', text);
  };

  test('every text arrives as it was said', async () => {
    const texts = ['', ' leading space', '\uFEFFbyte order mark', 'CR\rLF\nCRLF\r\nend', '\n', '\r', 'NUL\0inside',
      'data: no field', 'id: 7', 'event: stream-reset', 'retry: 1', ': no comment', '\u2028\u2029', 'é 😀 \u00AD',
      'x'.repeat(100000), '{"json":"\\n"}', 'trailing space '];
    await listen(alice);
    await waitFor(async () => (await heard(alice, 'stream-open')).length === 1, 'the stream to open');
    await publish(...texts);
    await waitFor(async () => (await heard(alice)).length === texts.length, 'all messages');
    const messages = await heard(alice);
    assert.deepEqual(messages.map(({ text }) => text), texts);
    for (const { id, epoch, lastEventId } of messages) assert.equal(lastEventId, `${epoch}-${id}`);
    assert.equal((await heard(alice, 'stream-reset')).length, 0);
  });

  test('it comes back with Last-Event-ID, and gets what it missed, once', async () => {
    await listen(alice, '?lastEventId=earliest');
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
    await listen(alice);
    await waitFor(async () => (await heard(alice, 'stream-open')).length === 1, 'the stream to open');
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
    await listen(alice, '?lastEventId=other-1');
    await waitFor(async () => (await heard(alice, 'stream-reset')).length === 1, 'the reset');
    const [reset] = await heard(alice, 'stream-reset');
    assert.equal(reset.reason, 'epoch');
    await publish('after the reset');
    await waitFor(async () => (await heard(alice)).some(({ text }) => text === 'after the reset'), 'what follows');
  });

  test('a gateway that restarts is found again', async () => {
    await listen(alice);
    await waitFor(async () => (await heard(alice, 'stream-open')).length === 1, 'the stream to open');
    await publish('before');
    await waitFor(async () => (await heard(alice)).length === 1, 'the first message');
    await stack.killGateway();
    await publish('while it was away');
    await stack.startGateway();
    proxy.target = new URL(stack.url);
    await stack.ready();
    await publish('after');
    await waitFor(async () => (await heard(alice)).length === 3, 'the rest');
    assert.deepEqual((await heard(alice)).map(({ text }) => text), ['before', 'while it was away', 'after']);
  });
});
