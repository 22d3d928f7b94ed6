// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The room's page on a phone, by day and by night, in a time zone whose calendar is not the server's;
// and in wider windows.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { run } from '../system/lib/process.mjs';
import { hueOf } from '../../webui/people.js';
import { describeBrowser } from './lib/scene.mjs';

const timeZone = 'Pacific/Auckland';
const phone = { viewport: { width: 360, height: 640 }, isMobile: true, hasTouch: true, timezoneId: timeZone,
  locale: 'en-NZ' };
const ROOM = 'a-room-with-a-rather-long-name';
const LONG_WORD = 'https://example.org/' + 'unbroken'.repeat(60);

// Midnights of Auckland, in summer time and in winter: each pair is of one day of the server's.
const past = [
  { date: '2025-01-15T10:59:30Z', day: '2025-01-15', words: /15.*January.*2025/, time: /^15 Jan.* 11:59/ },
  { date: '2025-01-15T11:00:30Z', day: '2025-01-16', words: /16.*January.*2025/, time: /^16 Jan.* (12|0?0):00/ },
  { date: '2025-07-01T11:59:30Z', day: '2025-07-01', words: /1.*July.*2025/, time: /^1 Jul.* 11:59/ },
  { date: '2025-07-01T12:00:30Z', day: '2025-07-02', words: /2.*July.*2025/, time: /^2 Jul.* (12|0?0):00/ },
];

// One person of each colour.
function people() {
  const found = [];
  for (let n = 0; found.filter(Boolean).length < 8; n++) found[hueOf(`person-${n}`)] ??= `person-${n}`;
  return found;
}

// In the page: how words stand out from what is behind them (WCAG 2.2, contrast ratio).
function measure(selectors) {
  const parse = (colour) => colour.match(/[\d.]+/g).map(Number);
  const luminance = (colour) => {
    const [r, g, b] = parse(colour).map((value) => value / 255)
      .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    const { backgroundColor } = getComputedStyle(element);
    return parse(backgroundColor)[3] === 0 ? behind(element.parentElement) : backgroundColor;
  };
  return [...document.querySelectorAll(selectors)].map((element) => {
    const { color } = getComputedStyle(element);
    const [dark, light] = [luminance(color), luminance(behind(element))].sort((a, b) => a - b);
    const what = `${element.localName}.${element.className} in ${element.closest('li').className}`;
    return { what, ratio: (light + 0.05) / (dark + 0.05), ground: luminance(behind(element)) };
  });
}

describeBrowser('the page on a phone', {}, (scene) => {
  const senders = people();
  before(fill);

  const post = async (name, text) => {
    const caller = await scene.stack.caller(name, '*=rw');
    const answer = await caller.post(`/rooms/${ROOM}/messages`, { text });
    assert.equal(answer.status, 201, answer.text);
    return answer.json;
  };

  // What was said at those midnights, and everybody's word of today.
  async function fill() {
    const changes = [];
    for (const { date } of past) {
      const { id } = await post('person-0', `said at ${date}`);
      changes.push(`UPDATE messages SET date_ms = ${Date.parse(date)} WHERE id = ${id}
        AND room_id = (SELECT room_id FROM rooms WHERE room = '${ROOM}');`);
    }
    for (const name of senders) await post(name, `${LONG_WORD} of ${name}`);
    await scene.stack.broker.stop();
    const { code, log } = await run('sqlite3', [scene.stack.broker.database, changes.join('\n')]);
    assert.equal(code, 0, log);
    await scene.stack.startBroker();
    await scene.stack.ready();
  }

  const visit = (options) =>
    scene.enterLive(ROOM, 'alice', { claims: { name: 'Alice '.repeat(6).trim() }, ...phone, ...options });

  async function assertFits({ page }, ...more) {
    const { width, height } = page.viewportSize();
    const [inner, outer, log, shown] = await page.evaluate(() => [innerWidth,
      document.documentElement.scrollWidth, document.getElementById('log').scrollWidth,
      document.getElementById('log').clientWidth]);
    assert.equal(inner, width, 'nothing makes a phone zoom out');
    assert.ok(outer <= inner, `${outer} px in ${inner}`);
    assert.ok(log <= shown, `messages of ${log} px in ${shown}`);
    for (const selector of ['#text', '#say button', '#messages li:last-child', ...more]) {
      const { top, left, bottom, right } = await page.$eval(selector, (one) => one.getBoundingClientRect().toJSON());
      assert.ok(top >= 0 && left >= 0 && bottom <= height && right <= width, `${selector} is in sight`);
    }
  }

  for (const colorScheme of ['dark', 'light']) {
    test(`${colorScheme}: all of it fits, and is easy to read`, async () => {
      const alice = await visit({ colorScheme });
      await assertFits(alice);
      await alice.say(`${colorScheme} hello`);
      await alice.shows(`${colorScheme} hello`);
      await alice.hasSentAll();
      await assertFits(alice);
      await alice.page.setViewportSize({ width: 360, height: 320 }); // what a keyboard leaves
      await assertFits(alice);
      await alice.page.tap('#member-count');
      await alice.page.waitForSelector('#member-list li');
      await assertFits(alice, '#member-list');
      const seen = await alice.page.evaluate(measure,
        '#messages .text, #messages .text a, #messages .by b, #messages .by time, #messages .day time');
      assert.ok(seen.length > 3 * senders.length);
      assert.deepEqual(seen.filter(({ ratio }) => !(ratio >= 4.5)), []);
      for (const { ground } of seen) assert.ok(colorScheme === 'dark' ? ground < 0.05 : ground > 0.9);
      const hues = await alice.page.$$eval('#messages li[id]', (all) => all.map((li) => /hue\d/.exec(li.className)[0]));
      assert.equal(new Set(hues).size, 8);
      alice.noComplaints();
    });
  }

  test('wider windows: names and messages of one long word fit, and the list of who is here', async () => {
    const room = 'room'.repeat(16);
    const bob = await scene.enterLive(room, 'bob', { claims: { name: 'W'.repeat(128) } });
    const alice = await scene.enterLive(room, 'al', { claims: { name: 'Al' } }); // there is much room for the room's name
    await bob.say('W'.repeat(2000));
    await bob.hasSentAll();
    await alice.say('short');
    await alice.hasSentAll();
    await alice.page.click('#member-count');
    await alice.page.waitForSelector('#member-list li:nth-child(2)');
    for (const width of [640, 641, 720, 800, 960, 1120, 1279, 1280]) {
      await alice.page.setViewportSize({ width, height: 700 });
      await alice.page.waitForSelector(`${width < 1280 ? '#members' : '#here'} #member-list`);
      await assertFits(alice, '#member-list', '.session button');
      const [list, shown] = await alice.page.$eval('#member-list', (one) => [one.scrollWidth, one.clientWidth]);
      assert.ok(list <= shown, `members of ${list} px in ${shown}`);
    }
    alice.noComplaints();
  });

  test("times and days are those of the reader's calendar", async () => {
    const alice = await visit({});
    await alice.say('now, live');
    await alice.shows('now, live');
    await alice.hasSentAll();
    const days = await alice.page.$$eval('#messages .day time', (all) => all.map((time) => [time.dateTime, time.textContent]));
    const times = await alice.page.$$eval('#messages li[id] .by time', (all) => all.map((time) => [time.dateTime, time.textContent]));
    for (const [n, { date, day, words, time }] of past.entries()) {
      assert.equal(days[n][0], day);
      assert.match(days[n][1], words);
      assert.equal(Date.parse(times[n][0]), Date.parse(date));
      assert.match(times[n][1], time);
    }
    const [now, shown] = times.at(-1);
    const inAuckland = (options) => new Intl.DateTimeFormat('en-CA', { timeZone, ...options }).format(new Date(now));
    // By its parts: what a short date looks like is up to the version of Node.
    const parts = new Intl.DateTimeFormat('en', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' })
      .formatToParts(new Date(now));
    const part = (type) => parts.find((one) => one.type === type).value;
    assert.equal(days.at(-1)[0], `${part('year')}-${part('month')}-${part('day')}`);
    const clock = (hour12) => /\d+:\d+/.exec(inAuckland({ timeStyle: 'short', hour12 }))[0].padStart(5, '0');
    assert.ok([true, false].map(clock).includes(/\d+:\d+/.exec(shown)[0].padStart(5, '0')), `${now} is ${shown}`);
    alice.noComplaints();
  });
});
