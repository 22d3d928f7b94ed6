// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The room's page with scripts on, in Chromium, with the session cookie and nothing else.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FACE } from '../system/lib/broker.mjs';
import { connect } from '../system/lib/client.mjs';
import { soonS } from '../system/lib/token.mjs';
import { waitFor } from '../system/lib/wait.mjs';
import { describeBrowser } from './lib/scene.mjs';

// What a message's elements say and how they look, by whichever side they were made.
const elements = (page) =>
  page.$$eval('#messages li[id]', (all) =>
    all.map((li) => ({
      id: li.id,
      classes: [...li.classList].filter((name) => name !== 'new').sort(),
      initial: li.dataset.initial,
      sender: li.querySelector('.by b').title,
      name: li.querySelector('.by b bdi').textContent,
      date: li.querySelector('.by time').dateTime,
      shownDate: li.querySelector('.by time').textContent,
      text: li.querySelector('.text').textContent,
      textClass: li.querySelector('.text').className,
      link: li.querySelector('.text a')?.getAttribute('href'),
    })));

describeBrowser('a live room', {}, (scene) => {
  test('two pages exchange messages, and both show the same ones in the same order', async () => {
    const alice = await scene.enterLive('exchange', 'alice');
    const bob = await scene.enterLive('exchange', 'bob');
    await alice.say('hello');
    await bob.shows('hello');
    await bob.say('hello yourself');
    await alice.shows('hello yourself');
    for (let n = 0; n < 20; n++) await (n % 2 ? alice : bob).say(`number ${n}`);
    for (const one of [alice, bob]) {
      await waitFor(async () => (await one.texts()).length === 22, 'all 22 messages');
      await one.hasSentAll();
    }
    assert.deepEqual(await alice.texts(), await bob.texts());
    const ids = await alice.ids();
    assert.deepEqual(ids, [...ids].sort((a, b) => a - b));
    const kept = await scene.kept('exchange', 22);
    assert.deepEqual(ids, kept.map(({ id }) => id));
    assert.equal(await alice.page.textContent('#messages li[id] >> nth=1 >> .by b'), "bob's name");
    alice.noComplaints();
    bob.noComplaints();
  });

  test('what is retained was on the page, and does not come and cost once more', async () => {
    const device = await connect(scene.stack.broker, { token: scene.stack.broker.token('device') });
    await device.publish('rooms/retained/messages', 'the last value', { qos: 1, retain: true });
    const alice = await scene.enterLive('retained', 'alice');
    await alice.shows('the last value');
    await device.publish('rooms/retained/messages', 'the next one');
    await alice.shows('the next one');
    await waitFor(async () => {
      const rows = await scene.stack.broker.traffic("room = 'retained' AND subject = 'alice' AND direction = 1");
      const count = (face) => rows.find((row) => row.face === FACE[face])?.messages;
      assert.ok((count('ws') ?? 0) <= 1, JSON.stringify(rows));
      return count('html') === 1 && count('ws') === 1;
    }, 'the traffic');
    await device.end();
    alice.noComplaints();
  });

  test('no token is within the reach of scripts', async () => {
    const alice = await scene.enterLive('cookie', 'alice');
    assert.equal(await alice.page.evaluate('document.cookie'), '');
    const [cookie, ...others] = await alice.context.cookies();
    assert.equal(others.length, 0);
    assert.equal(cookie.httpOnly, true);
    assert.equal(cookie.sameSite, 'Lax');
    assert.ok(!(await alice.page.content()).includes(cookie.value));
  });

  test('what devices publish appears: text, data, and what looks like markup', async () => {
    const alice = await scene.enterLive('devices', 'alice');
    const sensor = await connect(scene.stack.broker, { token: scene.stack.broker.token('sensor') });
    await sensor.publish('rooms/devices/messages', '{"t": 21}');
    await sensor.publish('rooms/devices/messages', Buffer.from([0xff, 0x00, 0x80]),
      { qos: 1, properties: { contentType: 'application/x-thing' } });
    await sensor.publish('rooms/devices/messages', '');
    await sensor.publish('rooms/devices/messages', '<b>bold</b>');
    await sensor.end();
    await alice.shows('<b>bold</b>');
    assert.deepEqual(await alice.texts(), ['{"t": 21}', '3 bytes of application/x-thing', '', '<b>bold</b>']);
    // The server makes the same elements as the script.
    const live = await elements(alice.page);
    await alice.page.reload();
    await alice.live();
    assert.deepEqual(await elements(alice.page), live);
    assert.equal(live.length, 4);
    alice.noComplaints();
  });

  test('a page that was away for many messages shows all of them, once', async () => {
    const alice = await scene.enterLive('away', 'alice');
    await alice.say('first');
    await alice.shows('first');
    await alice.context.setOffline(true);
    const wanted = ['first'];
    for (let n = 0; n < 120; n++) {
      wanted.push(`missed ${n}`);
      await scene.publish('away', `missed ${n}`);
    }
    await alice.context.setOffline(false);
    await scene.publish('away', 'last');
    wanted.push('last');
    await alice.shows('last');
    assert.deepEqual(await alice.texts(), wanted);
  });

  test('older messages come before the others, and what is read stays where it is', async () => {
    const wanted = Array.from({ length: 130 }, (_, n) => `line ${n}`);
    await scene.publish('older', ...wanted);
    const alice = await scene.enterLive('older', 'alice');
    assert.deepEqual(await alice.texts(), wanted.slice(-50));
    for (const count of [100, 130]) {
      // Scrolling up is enough; what is in sight stays where it is.
      const top = () => alice.page.$eval('#messages li:nth-last-child(50) .text', (li) => li.getBoundingClientRect().top);
      const before = await alice.page.$eval('#log', (log) => {
        log.scrollTo(0, -log.scrollHeight);
        return log.querySelector('#messages li:nth-last-child(50) .text').getBoundingClientRect().top;
      });
      await waitFor(async () => (await alice.texts()).length === count, `${count} messages`);
      assert.ok(Math.abs((await top()) - before) < 2, 'the text that was read moved');
    }
    assert.deepEqual(await alice.texts(), wanted);
    assert.equal(await alice.page.$('#older'), null);
    // News arrives below what is read, and a button leads there.
    const first = () => alice.page.$eval('#messages li:nth-child(20) .text', (li) => li.getBoundingClientRect().top);
    const before = await first();
    await scene.publish('older', 'news');
    await alice.page.click('.jump:has-text("1 new message")', { trial: true });
    assert.ok(Math.abs((await first()) - before) < 2, 'the text that was read moved');
    await alice.page.click('.jump');
    await waitFor(() => alice.page.$eval('#log', (log) => log.scrollTop === 0), 'the end of the list');
    await alice.page.waitForSelector('.jump', { state: 'hidden' });
    alice.noComplaints();
  });

  test('by keyboard: Enter sends, Shift+Enter begins a line, the focus stays', async () => {
    const alice = await scene.enterLive('keyboard', 'alice');
    assert.equal(await alice.page.evaluate('document.activeElement.id'), 'text');
    await alice.page.keyboard.type('one');
    await alice.page.keyboard.press('Shift+Enter');
    await alice.page.keyboard.type('two');
    await alice.page.keyboard.press('Enter');
    await alice.shows('one\ntwo');
    assert.equal(await alice.page.inputValue('#text'), '');
    assert.equal(await alice.page.evaluate('document.activeElement.id'), 'text');
    await alice.page.keyboard.press('Enter');
    await alice.page.keyboard.type('   ');
    await alice.page.keyboard.press('Enter');
    await alice.page.keyboard.press('Control+A');
    await alice.page.keyboard.type('three');
    await alice.page.keyboard.press('Tab');
    await alice.page.keyboard.press('Enter'); // the button
    await alice.shows('three');
    assert.deepEqual(await alice.texts(), ['one\ntwo', 'three']);
    assert.equal(await alice.page.evaluate('document.activeElement.id'), 'text');
    alice.noComplaints();
  });

  test('by keyboard: the focus does not go with the button or link that was pressed', async () => {
    await scene.publishMany('focus', 110);
    const alice = await scene.enterLive('focus', 'alice');
    const focused = () => alice.page.evaluate(() => document.activeElement.id);
    await alice.say('x'.repeat(131073));
    const press = async (button) => {
      await alice.page.focus(button);
      await alice.page.keyboard.press('Enter');
    };
    await press('#pending button:has-text("Discard")');
    await alice.hasSentAll();
    assert.equal(await focused(), 'log');
    await alice.page.$eval('#log', (log) => log.scrollTo(0, -300));
    await scene.publish('focus', 'news');
    await press('.jump');
    await alice.page.waitForSelector('.jump', { state: 'hidden' });
    assert.equal(await focused(), 'log');
    await alice.page.$eval('#older', (link) => link.focus({ preventScroll: true }));
    for (const [count, id] of [[101, 'older'], [111, 'log']]) {
      await alice.page.keyboard.press('Enter');
      await waitFor(async () => (await alice.texts()).length === count, `${count} messages`);
      assert.equal(await focused(), id);
    }
    alice.noComplaints();
  });

  test('by an input method: the Enter that ends a composition sends nothing', async () => {
    const alice = await scene.enterLive('composed', 'alice');
    await alice.page.fill('#text', 'かな');
    const press = (keyCode) => alice.page.$eval('#text', (input, code) => {
      const how = { key: 'Enter', keyCode: code, bubbles: true, cancelable: true };
      input.dispatchEvent(new KeyboardEvent('keydown', how));
    }, keyCode);
    await press(229); // as Safari does
    assert.equal(await alice.page.inputValue('#text'), 'かな');
    await press(13);
    await alice.shows('かな');
  });

  test('the focus stays where the reader took it before the script came', async () => {
    const alice = await scene.enterLive('focus', 'alice');
    let held;
    await alice.page.route('**/assets/room.js*', (route) => (held = route));
    await alice.page.reload({ waitUntil: 'commit' });
    await waitFor(() => held, 'the script');
    await alice.page.focus('.session button');
    await held.continue();
    await alice.live();
    assert.equal(await alice.page.evaluate('document.activeElement.textContent'), 'Sign out');
  });

  test('screen readers hear the new messages, not all of them again', async () => {
    const alice = await scene.enterLive('reader', 'alice');
    const log = alice.page.getByRole('log');
    assert.equal(await log.count(), 1);
    assert.equal(await log.getAttribute('aria-live'), null); // role=log is polite by itself
    assert.equal(await alice.page.getByRole('status').textContent(), 'Live');
    assert.equal(await alice.page.getByRole('textbox', { name: 'Your message' }).count(), 1);
    assert.equal(await alice.page.getByRole('button', { name: 'Send' }).count(), 1);
  });

  test('screen readers hear what is said here when it is in the room, and when it was not sent', async () => {
    const alice = await scene.enterLive('heard', 'alice');
    // What is added where it is told, by the nearest element that says so.
    await alice.page.evaluate(() => {
      globalThis.heard = [];
      const isText = (node) => node.textContent.trim() !== '';
      const textOf = (node) => node.querySelector?.('.text')?.textContent ?? node.textContent;
      new MutationObserver((changes) => {
        for (const { target, addedNodes } of changes) {
          if (target.closest('[aria-live], [role=log]')?.ariaLive === 'off') continue;
          globalThis.heard.push(...[...addedNodes].filter(isText).map(textOf));
        }
      }).observe(document.getElementById('log'), { childList: true, subtree: true });
    });
    await alice.say('hello');
    await alice.shows('hello');
    await alice.hasSentAll();
    assert.deepEqual((await alice.page.evaluate(() => globalThis.heard)).filter((text) => text !== 'Today'), ['hello']);
    await alice.say('x'.repeat(131073));
    await alice.page.getByRole('alert').filter({ hasText: /^Not sent: 131073 bytes/ }).waitFor();
  });

  test('nothing jumps when the script begins, or when a message comes', async () => {
    for (let n = 0; n < 60; n++) await scene.publish('still', `line ${n}`);
    const alice = await scene.enterLive('still', 'alice');
    await alice.page.addInitScript(() => {
      globalThis.shift = 0;
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) globalThis.shift += entry.value;
      }).observe({ type: 'layout-shift', buffered: true });
    });
    await alice.page.reload();
    await alice.live();
    const place = () => alice.page.$eval('#text', (input) => JSON.stringify(input.getBoundingClientRect()));
    const before = await place();
    await alice.page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    assert.equal(await alice.page.evaluate('shift'), 0);
    await scene.publish('still', 'news');
    await alice.shows('news');
    assert.equal(await place(), before);
    assert.ok(await alice.page.$eval('#messages li:last-child', (li) => li.getBoundingClientRect().bottom <=
      document.getElementById('log').getBoundingClientRect().bottom), 'the news is out of sight');
  });

  test('a message that is too long is not sent, and can be edited or discarded', async () => {
    const alice = await scene.enterLive('long', 'alice');
    await alice.say('x'.repeat(131073));
    await alice.page.waitForSelector('#pending .failed');
    assert.equal(await alice.page.$('#pending button:has-text("Try again")'), null, 'which would be in vain');
    await alice.page.fill('#text', 'written meanwhile');
    await alice.page.click('#pending button:has-text("Edit")');
    await alice.hasSentAll();
    assert.equal(await alice.page.inputValue('#text'), `${'x'.repeat(131073)}\nwritten meanwhile`);
    assert.equal(await alice.page.evaluate('document.activeElement.id'), 'text');
    await alice.page.press('#text', 'Enter');
    await alice.page.waitForSelector('#pending .failed');
    await alice.page.click('#pending button:has-text("Discard")');
    await alice.hasSentAll();
    await alice.say('y'.repeat(131072));
    await alice.shows('y'.repeat(131072));
    alice.noComplaints();
  });

  test('who may only read is told so', async () => {
    const carol = await scene.open();
    await carol.enterLive('refused', scene.stack.broker.token('carol', { refused: 'r' }));
    assert.equal(await carol.page.$('#say textarea'), null);
    assert.match(await carol.page.textContent('.say'), /not write/);
    carol.noComplaints();
  });

  test("a reader's clock that is wrong ends no session", async () => {
    const alice = await scene.open();
    await alice.page.clock.install({ time: Date.now() + 7200e3 });
    const exp = Math.floor(Date.now() / 1000) + 3600;
    await alice.enterLive('wrong', scene.stack.broker.token('alice', undefined, { exp }));
    assert.equal(await alice.page.textContent('#status'), 'Live');
  });

  test('the end of the session is told, and leads back to the room', async () => {
    const exp = soonS(6);
    const dora = await scene.open();
    await dora.page.clock.install();
    await dora.enterLive('session', scene.stack.broker.token('dora', undefined, { exp }));
    await dora.page.fill('#text', 'half a thought');
    await dora.page.waitForSelector('#members:not([hidden])');
    await dora.page.waitForSelector('#status[data-state="over"]');
    const asked = [];
    dora.page.on('request', (request) => asked.push(request.url()));
    await dora.page.clock.runFor(60000);
    assert.deepEqual(asked, [], 'nothing is asked any more');
    await dora.page.click('#status a');
    await dora.page.fill('#token', scene.stack.broker.token('dora'));
    await dora.page.click('form:has(#token) button');
    await dora.live();
    assert.equal(await dora.page.inputValue('#text'), 'half a thought');
  });
});
