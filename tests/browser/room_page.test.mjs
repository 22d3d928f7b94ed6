// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// What else the room's page shows: who is there, what is new, days, links, measurements.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { waitFor } from '../system/lib/wait.mjs';
import { describeBrowser } from './lib/scene.mjs';

describeBrowser("the room's page", {}, (scene) => {
  test('says who is there: a number that opens to a list', async () => {
    const alice = await scene.enterLive('people', 'alice');
    const bob = await scene.enterLive('people', 'bob');
    await bob.say('hello'); // alice had not heard of him
    const names = () => alice.page.$$eval('#member-list li', (all) => all.map((one) => one.textContent));
    await waitFor(async () => (await names()).length === 2, 'two members');
    assert.deepEqual(await names(), ["alice's name you", "bob's name"]);
    assert.equal(await alice.page.textContent('#members summary'), '2 here');
    assert.equal(await alice.page.getByRole('complementary').count(), 0);
    assert.equal(await alice.page.isVisible('#member-list'), false);
    await alice.page.focus('#members summary');
    await alice.page.keyboard.press('Enter');
    assert.ok(await alice.page.isVisible('#member-list'));
    await alice.page.keyboard.press('Escape');
    assert.equal(await alice.page.isVisible('#member-list'), false);
    alice.noComplaints();
  });

  test('asks who is there now and then, however often somebody speaks who is not', async () => {
    const alice = await scene.open();
    await alice.page.clock.install();
    let asked = 0;
    alice.page.on('request', (request) => (asked += Number(request.url().includes('/members?'))));
    await alice.enterLive('devices', scene.stack.broker.token('alice'));
    await alice.page.waitForSelector('#members:not([hidden])');
    await alice.page.clock.pauseAt(Date.now() + 60000);
    const hear = async (times, ms) => {
      const before = asked;
      for (let n = 0; n < times; n++) {
        const [text] = await scene.publishMany('devices', 1);
        await waitFor(async () => {
          await alice.page.clock.runFor(20); // a frame
          return alice.page.getByText(text, { exact: true }).isVisible();
        }, text);
        await alice.page.clock.runFor(ms);
      }
      return asked - before;
    };
    await waitFor(() => asked > 1, 'what was due');
    assert.equal(await hear(5, 300), 1, 'soon, though he speaks again before');
    const often = await hear(20, 1000);
    assert.ok(often <= 2, `${often} times in 20 s`);
  });

  test('has the list at the side of a wide window, and nothing moves when it comes', async () => {
    const alice = await scene.enter('side', 'alice', { viewport: { width: 1400, height: 800 } });
    const place = () => alice.page.$eval('#log', (log) => JSON.stringify(log.getBoundingClientRect()));
    const before = await place();
    const here = alice.page.getByRole('complementary', { name: 'Here now' });
    await here.getByText("alice's name").waitFor();
    assert.equal(await place(), before);
    assert.equal(await alice.page.isVisible('#members'), false);
    await alice.page.setViewportSize({ width: 800, height: 800 });
    await alice.page.click('#members summary');
    assert.ok(await alice.page.isVisible('#members #member-list'));
    await alice.page.setViewportSize({ width: 1400, height: 800 });
    await here.getByText("alice's name").waitFor();
    alice.noComplaints();
  });

  test('leads to a page of who is there, where no script runs', async () => {
    const alice = await scene.enterLive('folk', 'alice');
    const bob = await scene.enter('folk', 'bob', { javaScriptEnabled: false });
    await bob.page.click('a:has-text("Who is here")');
    await bob.page.waitForURL('**/rooms/folk/members');
    const lines = await bob.page.$$eval('.people li', (all) => all.map((li) => li.textContent.replace(/ since.*/, '')));
    assert.deepEqual(lines.sort(), ["alice's name by WebSocket and a page", "bob's name by a page"]);
    await bob.page.click('text=Back to the room');
    await bob.page.waitForURL('**/rooms/folk');
    bob.noComplaints();
    const nobody = await scene.open();
    assert.equal((await nobody.page.goto(`${scene.stack.url}/rooms/folk/members`)).status(), 401);
    assert.ok(await nobody.page.isVisible('#token'));
    await nobody.page.fill('#token', scene.stack.broker.token('carol', { other: 'rw' }));
    await nobody.page.click('form:has(#token) button');
    await nobody.page.waitForURL('**/rooms/folk/members');
    assert.match(await nobody.page.textContent('main'), /does not let you read this room/);
  });

  // What stands in the list: texts of messages, and lines between them by their class.
  const lines = ({ page }) => page.$$eval('#messages li', (all) =>
    all.map((li) => (li.id ? li.querySelector('.text').textContent : li.className)));

  test('shows where reading stopped, and how much is new in the title', async () => {
    const alice = await scene.enterLive('unread', 'alice');
    await scene.publish('unread', 'seen');
    await alice.shows('seen');
    const look = (state) => alice.page.evaluate((value) => {
      Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => value });
      document.dispatchEvent(new Event('visibilitychange'));
    }, state);
    const title = await alice.page.title();
    await look('hidden');
    await scene.publish('unread', 'one');
    await scene.publish('unread', 'two');
    await alice.shows('two');
    assert.equal(await alice.page.title(), `(2) ${title}`);
    assert.deepEqual(await lines(alice), ['day', 'seen', 'unread', 'one', 'two']);
    await look('visible');
    assert.equal(await alice.page.title(), title);
    assert.deepEqual(await lines(alice), ['day', 'seen', 'unread', 'one', 'two'], 'still there to be read');
    await look('hidden');
    assert.deepEqual(await lines(alice), ['day', 'seen', 'one', 'two']);
    await scene.publish('unread', 'three');
    await alice.shows('three');
    assert.deepEqual(await lines(alice), ['day', 'seen', 'one', 'two', 'unread', 'three']);
  });

  test('shows on the next visit where reading stopped', async () => {
    await scene.publish('again', 'one');
    const alice = await scene.enterLive('again', 'alice');
    assert.deepEqual(await lines(alice), ['day', 'one']);
    await alice.page.goto(scene.stack.url);
    await scene.publish('again', 'two');
    await scene.publish('again', 'three');
    await alice.page.goto(`${scene.stack.url}/rooms/again`);
    await alice.live();
    assert.deepEqual(await lines(alice), ['day', 'one', 'unread', 'two', 'three']);
    await alice.page.reload();
    await alice.live();
    assert.deepEqual(await lines(alice), ['day', 'one', 'two', 'three']);
  });

  test('shows to who reads above what came below', async () => {
    const alice = await scene.enterLive('above', 'alice');
    for (let n = 0; n < 40; n++) await scene.publish('above', `line ${n}`);
    await alice.shows('line 39');
    assert.ok(!(await lines(alice)).includes('unread'));
    const scroll = (top) => alice.page.$eval('#log', (log, to) => new Promise((done) => {
      log.addEventListener('scroll', () => done(), { once: true });
      log.scrollTo(0, to);
    }), top);
    await scroll(-400);
    await scene.publish('above', 'news');
    await alice.shows('news');
    assert.deepEqual((await lines(alice)).slice(-3), ['line 39', 'unread', 'news']);
    await scroll(0);
    await scene.publish('above', 'at the end');
    await alice.shows('at the end');
    assert.deepEqual((await lines(alice)).slice(-4), ['line 39', 'unread', 'news', 'at the end']);
    await scroll(-400);
    await scene.publish('above', 'more news');
    await alice.shows('more news');
    assert.deepEqual((await lines(alice)).slice(-4), ['news', 'at the end', 'unread', 'more news']);
  });

  test('has a line above each day, the same with and without scripts', async () => {
    await scene.publish('days', 'today');
    for (const options of [{ timezoneId: 'UTC' }, { javaScriptEnabled: false }]) {
      const alice = await scene.enter('days', 'alice', options);
      const days = await alice.page.$$eval('#messages .day time', (all) => all.map((time) => time.dateTime));
      assert.deepEqual(days, [new Date().toISOString().slice(0, 10)]);
      const day = await alice.page.textContent('#messages .day');
      // An item of the list: a separator would hide its words.
      const lines = alice.page.getByRole('listitem').filter({ hasText: new RegExp(`^${day}$`) });
      assert.equal(await lines.count(), 1);
    }
  });

  test('says no longer that it is today, once it is tomorrow', async () => {
    await scene.publish('night', 'evening');
    const passes = {
      'at midnight': ({ page }) => page.clock.fastForward('24:00:00'),
      'while it slept': async ({ page }) => {
        await page.clock.setSystemTime(Date.now() + 86400000);
        await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
      },
    };
    for (const [when, pass] of Object.entries(passes)) {
      const alice = await scene.open({ timezoneId: 'UTC' });
      await alice.page.clock.install({ time: Date.now() });
      await alice.enterLive('night', scene.stack.broker.token('alice'));
      const day = () => alice.page.textContent('#messages .day');
      assert.equal(await day(), 'Today');
      await pass(alice);
      await waitFor(async () => (await day()) !== 'Today', `another day, which came ${when}`);
    }
  });

  test('makes addresses clickable, and nothing else, whoever wrote the page', async () => {
    const text = 'see https://example.org/?a=1&b=<2> and javascript:alert(1)';
    await scene.publish('links', text);
    const links = (page) => page.$$eval('#messages .text a', (all) =>
      all.map((a) => [a.getAttribute('href'), a.textContent, a.rel, a.target]));
    const wanted = ['https://example.org/?a=1&b=', 'https://example.org/?a=1&b=', 'noopener noreferrer nofollow', '_blank'];
    const plain = await scene.enter('links', 'bob', { javaScriptEnabled: false });
    assert.deepEqual(await links(plain.page), [wanted]);
    const alice = await scene.enterLive('links', 'alice');
    await scene.publish('links', text);
    await alice.shows(text, 2);
    assert.deepEqual(await links(alice.page), [wanted, wanted]);
    alice.noComplaints();
  });

  test('draws measurements, the same with and without scripts, and goes on with them', async () => {
    const measure = (values) => scene.publish('weather', JSON.stringify(values));
    for (const t of [19.8, 21, 23.1]) await measure({ temperature: t, 'air <pressure>': 101300 + t, at: 'roof' });
    // As the markup says; dates are the reader's own where a script runs.
    const drawn = (page) => page.$eval('#chart', (chart) =>
      chart.outerHTML.replace(/(<time datetime="[^"]+")[^>]*>[^<]*/g, '$1>'));
    const words = (page, name) => page.textContent(`.series:has-text("${name}") p:first-child b`);
    const plain = await scene.enter('weather', 'bob', { javaScriptEnabled: false });
    assert.equal(await words(plain.page, 'temperature'), '23.1');
    assert.equal(await words(plain.page, 'air <pressure>'), '101323');
    assert.equal(await plain.page.getByRole('img', { name: 'temperature from 19.8 to 23.1' }).count(), 1);
    const alice = await scene.enterLive('weather', 'alice');
    assert.equal(await drawn(alice.page), await drawn(plain.page));
    await measure({ temperature: 25.125, 'air <pressure>': 1, third: -1 / 3 });
    await waitFor(async () => (await words(alice.page, 'temperature')) === '25.125', 'the new value');
    await plain.page.reload();
    assert.equal(await drawn(alice.page), await drawn(plain.page));
    assert.equal(await words(plain.page, 'third'), '-0.33333');
    alice.noComplaints();
  });

  // Where an element is in the window.
  const box = ({ page }, element) => page.$eval(element, (one) => one.getBoundingClientRect().toJSON());

  test('has its messages in sight in a small window, too, below measurements of much', async () => {
    const room = 'n'.repeat(64);
    const measure = (n) => scene.publish(room, JSON.stringify({ a: n, b: n, c: n, d: n }));
    for (const n of [1, 2, 3]) await measure(n);
    const alice = await scene.enterLive(room, 'alice', { viewport: { width: 320, height: 568 } });
    assert.equal((await box(alice, '#text')).height, 44, 'an empty field has one line');
    const height = async () => Math.round((await box(alice, '#log')).height);
    assert.ok((await height()) > 200, `the log has a height of ${await height()}`);
    await alice.page.fill('#text', 'line\n'.repeat(20));
    assert.ok((await height()) > 96, `the log has a height of ${await height()} above a long text`);
    // Who reads the last of them goes on reading it.
    await alice.page.$eval('.s3', (series) => series.scrollIntoView());
    const top = (await box(alice, '.s3')).top;
    await measure(4);
    await waitFor(async () => (await alice.page.textContent('.s3 b')) === '4', 'the new value');
    assert.equal((await box(alice, '.s3')).top, top);
  });

  test('says what is new above a text of many lines, not over it', async () => {
    const alice = await scene.enterLive('tall', 'alice');
    await scene.publishMany('tall', 40);
    await alice.page.fill('#text', 'line\n'.repeat(8));
    await alice.page.$eval('#log', (log) => log.scrollTo(0, -300));
    await scene.publish('tall', 'news');
    await alice.page.waitForSelector('.jump:not([hidden])');
    assert.ok((await box(alice, '.jump')).bottom <= (await box(alice, '#say')).top, 'it lies over the text');
  });

  test('is printed whole', async () => {
    await scene.publishMany('paper', 45);
    const alice = await scene.enterLive('paper', 'alice');
    await alice.page.emulateMedia({ media: 'print' });
    const { height } = await box(alice, '#log');
    assert.ok(height > 700, `the log has a height of ${height}`);
    assert.equal(await alice.page.$eval('#log', (log) => log.scrollHeight - log.clientHeight), 0);
    assert.equal(await alice.page.isVisible('#say'), false);
  });

  test('says in words whether it is connected, where there are no colours for it', async () => {
    const alice = await scene.enterLive('colours', 'alice', { viewport: { width: 360, height: 640 } });
    const width = async () => (await box(alice, '#status span')).width;
    assert.equal(await width(), 0);
    await alice.page.emulateMedia({ forcedColors: 'active' });
    assert.ok((await width()) > 10);
  });

  test('draws nothing where people talk', async () => {
    const alice = await scene.enterLive('talk', 'alice');
    for (const text of ['words', '42', 'more words']) await scene.publish('talk', text);
    await alice.shows('more words');
    assert.equal(await alice.page.$('#chart'), null);
    await alice.page.reload();
    assert.equal(await alice.page.$('#chart'), null);
  });
});
