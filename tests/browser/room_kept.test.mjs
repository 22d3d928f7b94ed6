// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// What was written and not sent outlives the page and the session, and is nobody else's.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { soonS } from '../system/lib/token.mjs';
import { describeBrowser } from './lib/scene.mjs';

const config = { key_lifetime_s: 600 };

describeBrowser('what was written', { config }, (scene) => {
  // Nothing gets through from here on.
  async function cutOff(visitor, proxy) {
    proxy.blocksWebSocket = true;
    await visitor.page.route('**/messages*', (route) => route.abort());
    proxy.cut();
    await visitor.page.waitForSelector('#status[data-state="down"]');
  }

  async function reconnect(visitor, proxy) {
    proxy.blocksWebSocket = false;
    await visitor.page.unrouteAll();
  }

  async function signIn(visitor, name) {
    await visitor.page.fill('#token', scene.stack.broker.token(name));
    await visitor.page.click('form:has(#token) button');
    await visitor.live();
  }

  const inRoom = async (room, count) => (await scene.kept(room, count)).map(({ payload }) => payload);

  test('is sent by the page that comes after a reload, once', async () => {
    const proxy = await scene.proxy();
    const alice = await scene.enterLive('reload', 'alice', { proxy });
    await alice.say('kept'); // whether or not the page was told so
    await cutOff(alice, proxy);
    await alice.say('one');
    await alice.say('two');
    await reconnect(alice, proxy);
    await alice.page.reload();
    await alice.live();
    await alice.hasSentAll();
    assert.deepEqual(await inRoom('reload', 3), ['kept', 'one', 'two']);
    assert.deepEqual(await alice.texts(), ['kept', 'one', 'two']);
  });

  test('need not be sent: what never left can be edited, what may have can be given up', async () => {
    const proxy = await scene.proxy();
    const alice = await scene.enterLive('waiting', 'alice', { proxy });
    await cutOff(alice, proxy);
    await alice.say('one');
    await alice.page.waitForSelector('#pending li:has-text("one") button:has-text("Stop trying")');
    await alice.say('two');
    const press = (text, name) => alice.page.locator('#pending li', { hasText: text }).getByRole('button', { name }).click();
    await press('two', 'Edit');
    assert.equal(await alice.page.inputValue('#text'), 'two');
    await press('one', 'Stop trying');
    await alice.hasSentAll();
    await reconnect(alice, proxy);
    await alice.live();
    await alice.page.press('#text', 'Enter');
    await alice.shows('two');
    assert.deepEqual(await inRoom('waiting', 1), ['two']);
  });

  test('is sent after signing in again, where the session ended before', async () => {
    const exp = soonS(6);
    const proxy = await scene.proxy();
    const alice = await scene.enterLive('ended', 'alice', { proxy, claims: { exp } });
    await cutOff(alice, proxy);
    await alice.say('written offline');
    await alice.page.waitForSelector('#status[data-state="over"]');
    assert.match(await alice.page.textContent('#pending .note'), /^Not sent yet: sign in again\./);
    await reconnect(alice, proxy);
    await alice.page.click('#status a');
    await signIn(alice, 'alice');
    await alice.hasSentAll();
    assert.deepEqual(await inRoom('ended', 1), ['written offline']);
    assert.deepEqual(dialogs(alice), [], 'leaving loses nothing');
  });

  test('is not sent again once the server may have forgotten it', async () => {
    const proxy = await scene.proxy({ blocksWebSocket: true });
    const alice = await scene.open({ proxy });
    await alice.page.clock.install();
    await alice.enter('forgotten', scene.stack.broker.token('alice'));
    await alice.page.waitForSelector('#status:has-text("Live by event stream")');
    await alice.page.route('**/messages?*', async (route) => {
      if (route.request().method() !== 'POST') return route.continue();
      await route.fetch();
      return route.abort(); // and nobody gets the answer
    });
    await alice.say('once');
    await alice.shows('once');
    await alice.page.waitForSelector('#pending .queued');
    await alice.page.clock.fastForward(config.key_lifetime_s * 1000);
    await alice.page.waitForSelector('#pending .failed .note:has-text("too long ago")');
    assert.deepEqual(await inRoom('forgotten', 1), ['once']);
  });

  // Somebody signs out in another window, and somebody else signs in.
  async function changeReader(alice, room) {
    const other = await alice.context.newPage();
    const url = `${alice.stack.url}/rooms/${room}`;
    await other.goto(url);
    await other.click('.session button');
    await other.goto(url);
    await other.fill('#token', scene.stack.broker.token('bob'));
    await other.click('form:has(#token) button');
    await other.waitForSelector('#say');
  }

  test('is not sent in the name of who signed in later in another window', async () => {
    const proxy = await scene.proxy();
    const alice = await scene.enterLive('tabs', 'alice', { proxy });
    await cutOff(alice, proxy);
    await alice.say('by alice');
    await changeReader(alice, 'tabs');
    await reconnect(alice, proxy);
    await alice.page.waitForSelector('#status[data-state="over"]');
    assert.match(await alice.page.textContent('#pending .note'), /^Not sent yet: sign in again\./);
    assert.deepEqual(await inRoom('tabs', 0), []);
  });

  test('and read ends when somebody looks at a window whose reader is another by now', async () => {
    const alice = await scene.enterLive('looks', 'alice');
    await changeReader(alice, 'looks');
    await alice.page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
    await alice.page.waitForSelector('#status[data-state="over"]');
  });

  test('and read ends, too, when its event stream is to come back', async () => {
    const proxy = await scene.proxy({ blocksWebSocket: true });
    const alice = await scene.enter('stream', 'alice', { proxy });
    await alice.page.waitForSelector('#status:has-text("Live by event stream")');
    // Nobody looks: nothing but the stream is asked for soon.
    await alice.page.evaluate(() => Object.defineProperty(document, 'visibilityState', { get: () => 'hidden' }));
    await changeReader(alice, 'stream');
    await scene.publish('stream', 'before');
    await alice.shows('before'); // by what is open
    proxy.cut();
    await scene.publish('stream', 'behind');
    await alice.page.waitForSelector('#status[data-state="over"]');
    assert.deepEqual(await alice.texts(), ['before']);
  });

  // Writes what cannot be sent, and what is not finished.
  async function write(visitor) {
    await visitor.say('x'.repeat(131073));
    await visitor.page.waitForSelector('#pending .failed');
    await visitor.page.fill('#text', 'half a thought');
  }

  const kept = ({ page }) => page.evaluate(() => Object.keys({ ...sessionStorage, ...localStorage }));
  const dialogs = ({ complaints }) => complaints.filter((text) => text.startsWith('dialog'));

  test('and not sent is not there for who signs in next', async () => {
    const alice = await scene.enterLive('next', 'alice');
    await write(alice);
    await alice.page.click('.session button');
    for (const name of ['mallory', 'alice']) {
      await alice.page.goto(`${scene.stack.url}/rooms/next`);
      assert.deepEqual(await kept(alice), []);
      await signIn(alice, name);
      assert.equal(await alice.page.inputValue('#text'), '');
      assert.equal(await alice.page.$('#pending li'), null);
      await alice.page.click('.session button');
    }
    assert.equal(dialogs(alice).length, 1);
  });

  test('is not there either once its writer signed out on another page', async () => {
    const alice = await scene.enterLive('page', 'alice');
    await alice.page.fill('#text', 'half a thought');
    await alice.page.goto(scene.stack.url);
    assert.equal((await kept(alice)).length, 2); // the draft, and where reading stopped
    await alice.page.click('.session button');
    await alice.page.waitForSelector('#sign-in');
    assert.deepEqual(await kept(alice), []);
  });

  test('is still there for who did not sign out after all', async () => {
    const alice = await scene.enterLive('stays', 'alice');
    await write(alice);
    alice.page.removeAllListeners('dialog');
    alice.page.once('dialog', (dialog) => dialog.dismiss());
    await alice.page.click('.session button');
    alice.page.on('dialog', (dialog) => dialog.accept());
    await alice.page.reload();
    await alice.page.waitForSelector('#pending .failed');
    assert.equal(await alice.page.inputValue('#text'), 'half a thought');
  });

  test('and whose session ended is not there for somebody else', async () => {
    const alice = await scene.enterLive('other', 'alice');
    await write(alice);
    await alice.context.clearCookies();
    await alice.page.goto(`${scene.stack.url}/rooms/other`);
    await signIn(alice, 'mallory');
    assert.equal(await alice.page.inputValue('#text'), '');
    assert.equal(await alice.page.$('#pending li'), null);
  });
});
