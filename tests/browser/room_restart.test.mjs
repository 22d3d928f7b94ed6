// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Broker and gateway die and come back while pages read and write: each page shows every message of
// the room once, in order, and what was typed meanwhile is in the room once.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { freePort } from '../system/lib/broker.mjs';
import { waitFor, within } from '../system/lib/wait.mjs';
import { describeBrowser } from './lib/scene.mjs';

// The same address after a restart, as in life.
const options = async () => ({ config: { listen: `http://127.0.0.1:${await freePort()}` } });

describeBrowser('around a restart', options, (scene) => {
  // Each visitor says one line after the other until `isOver` is true. Gives the lines.
  async function talk(visitor, name, isOver) {
    const said = [];
    while (!isOver()) {
      said.push(`${name} ${said.length}`);
      await visitor.say(said.at(-1));
    }
    return said;
  }

  // Lets two pages talk to each other through `disturb`, and checks that both show all of it, and
  // what `disturb` itself said meanwhile.
  async function talkThrough(room, disturb) {
    const alice = await scene.enterLive(room, 'alice');
    const bob = await scene.enterLive(room, 'bob');
    let isOver = false;
    const talking = [talk(alice, 'alice', () => isOver), talk(bob, 'bob', () => isOver)];
    const others = (await disturb(alice)) ?? [];
    const before = (await alice.ids()).length;
    await waitFor(async () => (await alice.ids()).length > before, 'messages to come again');
    isOver = true;
    const said = [...others, ...(await Promise.all(talking)).flat()];
    await alice.hasSentAll();
    await bob.hasSentAll();
    const kept = await scene.kept(room, said.length);
    const texts = kept.map(({ payload }) => payload);
    assert.deepEqual([...texts].sort(), [...said].sort());
    for (const visitor of [alice, bob]) {
      await waitFor(async () => (await visitor.ids()).length >= kept.length, 'the page to show all');
      assert.deepEqual(await visitor.ids(), kept.map(({ id }) => id));
      assert.deepEqual(await visitor.texts(), texts);
    }
  }

  const isDown = (visitor) => visitor.page.waitForSelector('#status:not([data-state="live"])');

  test('of the broker, killed', () =>
    talkThrough('broker', async (alice) => {
      await scene.stack.killBroker();
      await isDown(alice);
      await scene.stack.startBroker();
      await alice.live();
    }));

  test('of the gateway, killed', () =>
    talkThrough('gateway', async (alice) => {
      await scene.stack.killGateway();
      await isDown(alice);
      const said = await scene.publishMany('gateway', 60);
      await scene.stack.startGateway();
      await alice.live();
      return said;
    }));

  test('of the gateway, which another one replaces', () =>
    talkThrough('replaced', async (alice) => {
      const old = await scene.stack.replaceGateway();
      const { code } = await within(old.program.ended, 'the end of the old gateway');
      assert.equal(code, 0);
      await alice.live();
    }));

  test('of both, one after the other', () =>
    talkThrough('both', async (alice) => {
      await scene.stack.killGateway();
      await scene.stack.killBroker();
      await isDown(alice);
      await scene.stack.startGateway();
      await scene.stack.startBroker();
      await alice.live();
      await scene.stack.killBroker();
      await isDown(alice);
      await scene.stack.startBroker();
      await alice.live();
    }));

  test('of the page itself: what was being typed is still there', async () => {
    const alice = await scene.enterLive('reload', 'alice');
    await alice.page.fill('#text', 'half a thought');
    await alice.page.reload();
    await alice.live();
    assert.equal(await alice.page.inputValue('#text'), 'half a thought');
    await alice.page.press('#text', 'Enter');
    await alice.shows('half a thought');
    await alice.page.reload();
    await alice.live();
    assert.equal(await alice.page.inputValue('#text'), '');
    assert.deepEqual(await alice.texts(), ['half a thought']);
  });

  test('where WebSocket is blocked, the page reads and writes by HTTP', async () => {
    const alice = await scene.open();
    await alice.page.addInitScript(() => {
      globalThis.WebSocket = class extends EventTarget {
        constructor() {
          super();
          this.readyState = 3;
          setTimeout(() => {
            this.dispatchEvent(new Event('error'));
            this.dispatchEvent(new CloseEvent('close', { code: 1006 }));
          });
        }

        close() {}
      };
    });
    await alice.enter('blocked', scene.stack.broker.token('alice'));
    await alice.say('by HTTP');
    await alice.shows('by HTTP');
    await alice.hasSentAll();
    await alice.page.waitForSelector('#status[data-state="http"]');
    const bob = await scene.enterLive('blocked', 'bob');
    await bob.say('by MQTT');
    await alice.shows('by MQTT');
    assert.deepEqual(await alice.texts(), ['by HTTP', 'by MQTT']);
    assert.deepEqual(await bob.texts(), ['by HTTP', 'by MQTT']);
  });
});
