// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The list of messages where there are many: what is above comes when it is wanted, what is too much
// goes, and nothing is missing between what is shown.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { connect } from '../system/lib/client.mjs';
import { run } from '../system/lib/process.mjs';
import { waitFor } from '../system/lib/wait.mjs';
import { describeBrowser } from './lib/scene.mjs';

describeBrowser('a long list of messages', {}, (scene) => {
  const toTop = ({ page }) => page.$eval('#log', (log) => log.scrollTo(0, -log.scrollHeight));
  const toEnd = ({ page }) => page.$eval('#log', (log) => log.scrollTo(0, 0));

  // Says `count` things, many at a time. Gives them.
  async function flood(room, count, what = 'line') {
    const sensor = await connect(scene.stack.broker, { token: scene.stack.broker.token('sensor') });
    const texts = Array.from({ length: count }, (_, n) => `${what} ${n}`);
    for (let n = 0; n < count; n += 100)
      await Promise.all(texts.slice(n, n + 100).map((text) => sensor.publish(`rooms/${room}/messages`, text)));
    await sensor.end();
    return texts;
  }

  // Scrolls up until so many are shown.
  async function loadUntil(visitor, count) {
    for (let shown = 50; shown < count; ) {
      await toTop(visitor);
      await waitFor(async () => (await visitor.ids()).length > shown, 'older messages');
      shown = (await visitor.ids()).length;
    }
  }

  // The requests for older messages, which wait for `go(route)`.
  async function hold({ page }) {
    const held = [];
    await page.route(/before=/, (route) => held.push(route));
    return held;
  }

  test('has no hole where older ones come after it was trimmed', async () => {
    const wanted = await flood('hole', 1300);
    const alice = await scene.enterLive('hole', 'alice');
    await loadUntil(alice, 980);
    const held = await hold(alice);
    await toTop(alice);
    await waitFor(() => held.length > 0, 'the request for older ones');
    await toEnd(alice);
    wanted.push(...(await flood('hole', 30, 'news')));
    await alice.shows('news 29');
    const trimmed = (await alice.texts()).length;
    assert.ok(trimmed < 980, `${trimmed} are shown`);
    const answered = alice.page.waitForResponse(/before=/);
    await held[0].continue();
    await (await answered).finished();
    await alice.page.unroute(/before=/);
    await toTop(alice);
    await waitFor(async () => (await alice.texts()).length > trimmed, 'older messages');
    const texts = await alice.texts();
    assert.deepEqual(texts, wanted.slice(-texts.length));
  });

  // How many messages are above the line "New messages", and how many below.
  const unread = ({ page }) => page.$$eval('#messages li', (all) => {
    const line = all.findIndex((li) => li.className === 'unread');
    if (line < 0) return 'no line';
    return [all.slice(0, line), all.slice(line)].map((part) => part.filter((li) => li.id).length);
  });

  const hide = ({ page }) => page.evaluate(() => {
    Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => 'hidden' });
    document.dispatchEvent(new Event('visibilitychange'));
  });

  test('says that all of it is new, where the first that is was trimmed away', async () => {
    await scene.publish('absent', 'seen');
    const alice = await scene.enterLive('absent', 'alice');
    await hide(alice);
    const wanted = await flood('absent', 1050);
    await alice.shows(wanted.at(-1));
    assert.deepEqual(await unread(alice), [0, (await alice.ids()).length]);
  });

  test('shows where reading stopped on an earlier visit, once that is loaded', async () => {
    const seen = await flood('visit', 5, 'seen');
    const alice = await scene.enterLive('visit', 'alice');
    await alice.shows(seen.at(-1));
    await alice.page.goto(scene.stack.url);
    await flood('visit', 60);
    await alice.page.goto(`${scene.stack.url}/rooms/visit`);
    await alice.live();
    assert.deepEqual(await unread(alice), [0, 50]);
    await loadUntil(alice, 65);
    assert.deepEqual(await unread(alice), [5, 60]);
  });

  test('is measured once for many messages that come together', async () => {
    const alice = await scene.enterLive('fast', 'alice');
    const devtools = await alice.context.newCDPSession(alice.page);
    await devtools.send('Performance.enable');
    const layouts = async () => {
      const { metrics } = await devtools.send('Performance.getMetrics');
      return metrics.find(({ name }) => name === 'LayoutCount').value;
    };
    const before = await layouts();
    const wanted = await flood('fast', 900);
    await alice.page.waitForFunction((text) =>
      document.querySelector('#messages').lastElementChild?.querySelector('.text').textContent === text, wanted.at(-1));
    const count = (await layouts()) - before;
    assert.ok(count < 450, `${count} layouts`);
    assert.deepEqual(await alice.texts(), wanted);
  });

  test('does not grow for ever while somebody reads above, who finds the latest at its end', async () => {
    const wanted = await flood('grows', 60);
    const alice = await scene.enterLive('grows', 'alice');
    await alice.page.$eval('#log', (log) => log.scrollTo(0, -300));
    wanted.push(...(await flood('grows', 3000, 'news')));
    await alice.page.waitForSelector('.jump:has-text("3000 new messages")');
    const shown = await alice.texts();
    assert.ok(shown.length < 2600, `${shown.length} are shown`);
    assert.deepEqual(shown, wanted.slice(10, 10 + shown.length));
    await alice.page.click('.jump');
    await alice.shows(wanted.at(-1));
    await loadUntil(alice, 300);
    const latest = await alice.texts();
    assert.deepEqual(latest, wanted.slice(-latest.length));
    await toEnd(alice);
    await scene.publish('grows', 'one more');
    await alice.shows('one more');
  });

  test('says once who spoke, where older ones meet those that were there', async () => {
    await flood('seam', 80);
    const alice = await scene.enterLive('seam', 'alice');
    await loadUntil(alice, 80);
    assert.deepEqual(await alice.page.$$eval('#messages li[id]:not(.continues) .text', (all) =>
      all.map((one) => one.textContent)), ['line 0']);
  });

  test('begins anew with another log, none of which is news', async () => {
    const wanted = await flood('other', 120);
    const proxy = await scene.proxy();
    const alice = await scene.enterLive('other', 'alice', { proxy });
    const title = await alice.page.title();
    await alice.page.route(/other\/messages\?/, async (route) => {
      const response = await route.fetch();
      const json = await response.json();
      const messages = json.messages.map((message) => ({ ...message, epoch: 'another' }));
      await route.fulfill({ response, json: { ...json, epoch: 'another', messages } });
    });
    await alice.page.evaluate(() => {
      globalThis.links = [];
      new MutationObserver(() => {
        const link = document.getElementById('older')?.getAttribute('href');
        if (link) globalThis.links.push(link);
      }).observe(document.querySelector('#log > div'), { childList: true });
    });
    await hide(alice);
    proxy.cut();
    await alice.page.waitForFunction(() => globalThis.links.length > 0);
    const [first] = await alice.ids();
    assert.deepEqual(await alice.page.evaluate(() => globalThis.links), [`/rooms/other?before=${first}`]);
    assert.deepEqual(await alice.texts(), wanted.slice(-50));
    assert.equal(await unread(alice), 'no line');
    assert.equal(await alice.page.title(), title);
  });

  test('asks again for older ones after that failed', async () => {
    const wanted = await flood('once', 70);
    const alice = await scene.enterLive('once', 'alice');
    const held = await hold(alice);
    await toTop(alice);
    await waitFor(() => held.length === 1, 'the request for older ones');
    await held[0].abort();
    await alice.page.unroute(/before=/);
    await waitFor(async () => (await alice.texts()).length === 70, 'older messages');
    assert.deepEqual(await alice.texts(), wanted);
  });

  // Says so many things in a room, one in a minute since noon of 2026-01-15. Gives the last one's id.
  async function speak(room, count) {
    await flood(room, count);
    const kept = await scene.kept(room, count);
    const [{ id }] = kept;
    const noon = Date.UTC(2026, 0, 15, 12);
    const { code, log } = await run('sqlite3', ['-cmd', '.timeout 5000', scene.stack.broker.database,
      `UPDATE messages SET date_ms = ${noon} + 60000 * (id - ${id}) WHERE id >= ${id}`]);
    assert.equal(code, 0, log);
    return kept.at(-1).id;
  }

  test('says every five minutes when somebody spoke who goes on speaking', async () => {
    await speak('speech', 100);
    const minutes = ({ page }) => page.$$eval('#messages li[id]:not(.continues) .by time', (all) =>
      all.map((time) => new Date(time.dateTime).getUTCMinutes()));
    const fifth = (count) => Array.from({ length: count }, (_, n) => ((20 - count + n) * 5) % 60);
    const plain = await scene.enter('speech', 'bob', { javaScriptEnabled: false });
    assert.deepEqual(await minutes(plain), fifth(10));
    const alice = await scene.enterLive('speech', 'alice', { timezoneId: 'UTC' });
    await loadUntil(alice, 100);
    assert.deepEqual(await minutes(alice), fifth(20));
  });

  test("has the reader's own days, on older pages, too", async () => {
    const last = await speak('midnight', 90);
    const alice = await scene.enterLive('midnight', 'alice', { timezoneId: 'Etc/GMT-11' });
    await loadUntil(alice, 90);
    const lines = () => alice.page.$$eval('#messages li', (all) => all.map((li) =>
      li.id ? li.querySelector('.text').textContent : `${li.querySelector('time').dateTime} ${li.textContent}`));
    const wanted = await lines();
    assert.match(wanted[0], /^2026-01-15 .*\b15\b/);
    assert.match(wanted[61], /^2026-01-16 .*\b16\b/);
    await alice.page.goto(`${scene.stack.url}/rooms/midnight?before=${last - 10}`);
    assert.deepEqual(await lines(), [wanted[0], ...wanted.slice(30, -11)]);
  });
});
