// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The pages with scripts off, in Chromium: read, write, refresh, leaf through, sign in and out.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { describeBrowser } from './lib/scene.mjs';

const guests = { config: { guests: 'yes', guest_rights: '{"lobby":"rw"}' } };

describeBrowser('with scripts off', guests, (scene) => {
  const visit = (room, name) => scene.enter(room, name, { javaScriptEnabled: false });

  // Presses what leads to another page.
  async function press(visitor, selector) {
    await Promise.all([visitor.page.waitForEvent('load'), visitor.page.click(selector)]);
  }

  async function post(visitor, text) {
    await visitor.page.fill('#text', text);
    await press(visitor, '#say button');
  }

  // Messages that somebody else says: "line 0" and so on.
  const lines = (from, to) => Array.from({ length: to - from }, (_, n) => `line ${from + n}`);
  const sayMany = (room, count) => scene.publish(room, ...lines(0, count));

  test('two people read and write, and refresh to see what is new', async () => {
    const alice = await visit('plain', 'alice');
    const bob = await visit('plain', 'bob');
    await post(alice, 'hello\n  with a second line');
    const [id] = await alice.ids();
    assert.equal(alice.page.url(), `${scene.stack.url}/rooms/plain#m${id}`);
    assert.deepEqual(await bob.texts(), []);
    await press(bob, 'text=Refresh');
    assert.deepEqual(await bob.texts(), ['hello\n  with a second line']);
    await post(bob, 'hello yourself');
    await press(alice, 'text=Refresh'); // from an address with a fragment
    assert.deepEqual(await alice.texts(), ['hello\n  with a second line', 'hello yourself']);
    await alice.page.reload(); // posts nothing again
    assert.equal((await alice.texts()).length, 2);
    alice.noComplaints();
    bob.noComplaints();
  });

  test('lines and spaces look as they were typed', async () => {
    const alice = await visit('spaces', 'alice');
    await post(alice, 'a\n\n    b  c');
    assert.equal(await alice.page.innerText('#messages .text'), 'a\n\n    b  c');
    const height = (selector) => alice.page.$eval(selector, (one) => one.getBoundingClientRect().height);
    const lines = Math.round((await height('#messages .text')) / 24);
    assert.equal(lines, 3);
  });

  test('the newest messages are in sight at first', async () => {
    const alice = await visit('sight', 'alice');
    await sayMany('sight', 30);
    await press(alice, 'text=Refresh');
    const isInSight = await alice.page.$eval('#messages li:last-child', (li) => {
      const { top, bottom } = li.getBoundingClientRect();
      return top > 0 && bottom < innerHeight;
    });
    assert.ok(isInSight);
  });

  test('older messages are one link away, and the way back, too', async () => {
    const alice = await visit('leaf', 'alice');
    await sayMany('leaf', 120);
    await press(alice, 'text=Refresh');
    assert.deepEqual(await alice.texts(), lines(70, 120));
    await press(alice, 'text=Older messages');
    assert.deepEqual(await alice.texts(), lines(20, 70));
    await press(alice, 'text=Older messages');
    assert.deepEqual(await alice.texts(), lines(0, 20));
    assert.equal(await alice.page.$('text=Older messages'), null);
    await press(alice, 'text=Newer messages');
    assert.deepEqual(await alice.texts(), lines(20, 70));
    await press(alice, 'text=Newer messages');
    assert.deepEqual(await alice.texts(), lines(70, 120));
    assert.equal(await alice.page.$('text=Newer messages'), null);
    await press(alice, 'text=Older messages');
    await press(alice, 'text=Latest messages');
    assert.deepEqual(await alice.texts(), lines(70, 120));
    alice.noComplaints();
  });

  test('new messages appear in a frame for who wants to watch', async () => {
    const alice = await visit('watch', 'alice');
    await post(alice, 'before');
    // Such a page never ends loading.
    const open = (action) => Promise.all([alice.page.waitForEvent('domcontentloaded'), action()]);
    await open(() => alice.page.click('a:has-text("Watch")', { noWaitAfter: true }));
    const frame = alice.page.frameLocator('iframe.tail');
    await sayMany('watch', 3);
    await frame.locator('li:has-text("line 2")').waitFor();
    assert.deepEqual(await frame.locator('li .text').allTextContents(), ['line 0', 'line 1', 'line 2']);
    assert.ok(await frame.locator('li').last().isVisible());
    await alice.page.fill('#text', 'while watching');
    await open(() => alice.page.click('#say button', { noWaitAfter: true }));
    assert.match(alice.page.url(), /\/rooms\/watch\?live=1#m\d+$/);
    assert.deepEqual(await alice.texts(), ['before', 'line 0', 'line 1', 'line 2', 'while watching']);
    await sayMany('watch', 1);
    await frame.locator('li:has-text("line 0")').waitFor();
    assert.equal(await frame.locator('li').count(), 1);
    await press(alice, 'a:has-text("Refresh")');
    assert.equal(await alice.page.$('iframe'), null);
    alice.noComplaints();
  });

  test('a guest signs in with a nickname, sees his rooms, and signs out', async () => {
    const guest = await scene.open({ javaScriptEnabled: false });
    await guest.page.goto(scene.stack.url);
    await guest.page.fill('#nickname', 'Zoë <b>');
    await press(guest, 'form:has(#nickname) button');
    assert.match(await guest.page.textContent('.session'), /Signed in as\s+Zoë <b>/);
    await guest.page.fill('#room', 'lobby');
    await press(guest, 'form:has(#room) button');
    await post(guest, 'hello from a guest');
    assert.equal(await guest.page.textContent('#messages .by b'), 'Zoë <b>');
    await press(guest, '.brand');
    assert.match(await guest.page.textContent('.rooms'), /lobby\s+Zoë <b> hello from a guest/);
    await press(guest, '.rooms a');
    assert.deepEqual(await guest.texts(), ['hello from a guest']);
    await press(guest, 'text=Sign out');
    assert.equal(await guest.page.$('.rooms'), null);
    assert.deepEqual(await guest.context.cookies(), []);
    guest.noComplaints();
  });

  test('going back to a used form and writing something else posts that, too', async () => {
    const alice = await visit('back', 'alice');
    const key = () => alice.page.inputValue('[name="key"]');
    const first = await key();
    await post(alice, 'one');
    assert.notEqual(await key(), first);
    await alice.page.$eval('[name="key"]', (input, value) => (input.value = value), first);
    await post(alice, 'two');
    await alice.page.$eval('[name="key"]', (input, value) => (input.value = value), first);
    await post(alice, 'two'); // the same again is the same
    assert.deepEqual(await alice.texts(), ['one', 'two']);
  });

  test('a refused message is still in the form', async () => {
    const alice = await visit('kept-text', 'alice');
    await scene.stack.killBroker();
    await alice.page.fill('#text', '  my "precious"\n</textarea><b>words</b>');
    await press(alice, '#say button');
    assert.match(await alice.page.textContent('[role="alert"]'), /not sure|try again/i);
    assert.equal(await alice.page.inputValue('#text'), '  my "precious"\n</textarea><b>words</b>');
    await scene.stack.startBroker();
    await scene.stack.ready();
    await press(alice, '#say button');
    assert.deepEqual(await alice.texts(), ['  my "precious"\n</textarea><b>words</b>']);
  });
});
