// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
// The same set-up for all tests with a browser: a stack, Chromium, and who comes by either.
import { after, afterEach, before, describe } from 'node:test';

import { connect, dropLeftovers } from '../../system/lib/client.mjs';
import { startStack } from '../../system/lib/stack.mjs';
import { launch, skip, Visitor } from './browser.mjs';
import { Proxy } from './proxy.mjs';

// What the tests of a file share. What is opened by it is closed when the test is over.
class Scene {
  #opened = [];
  #device;
  #said = 0;

  async start(options) {
    this.stack = await startStack(options);
    if (options.tls) this.stack.url = this.stack.secureUrl;
    this.browser = await launch();
  }

  async closeOpened() {
    await Promise.all(this.#opened.splice(0).map((one) => one.close()));
  }

  async stop() {
    dropLeftovers();
    await this.browser?.close();
    await this.stack?.stop();
  }

  // A browser window, nobody signed in yet. `options` are the window's; `proxy`, if any, stands
  // between it and the stack.
  async open({ proxy, ...options } = {}) {
    const at = proxy ?? this.stack;
    const visitor = await Visitor.create(this.browser, at, { ignoreHTTPSErrors: true, ...options });
    this.#opened.push(visitor);
    return visitor;
  }

  // Somebody who may do anything in every room, and has come to this one. His name is not what he is
  // known by (alice's name, alice); `claims` are further ones of the token.
  async enter(room, name = 'alice', { claims, ...options } = {}) {
    const visitor = await this.open(options);
    const all = { name: `${name}'s name`, ...claims };
    await visitor.enter(room, this.stack.broker.token(name, undefined, all));
    return visitor;
  }

  async enterLive(...who) {
    const visitor = await this.enter(...who);
    await visitor.live();
    return visitor;
  }

  async proxy(settings) {
    const proxy = Object.assign(await Proxy.create(this.stack.url), settings);
    this.#opened.push(proxy);
    return proxy;
  }

  // A device says this, one after the other; it comes again where the broker was away.
  async publish(room, ...texts) {
    const token = this.stack.broker.token('device');
    if (!this.#device || this.#device.isClosed) this.#device = await connect(this.stack.broker, { token });
    for (const text of texts) await this.#device.publish(`rooms/${room}/messages`, text);
  }

  // The same with so many texts, no two of them alike. Gives them.
  async publishMany(room, count) {
    const texts = Array.from({ length: count }, () => `device ${++this.#said}`);
    await this.publish(room, ...texts);
    return texts;
  }

  // What the database has of a room, once it has so many messages: a page may show them before.
  kept(room, count) {
    return this.stack.broker.stored(room, count);
  }
}

// `define(scene)` defines tests that use it. `options` are startStack's, or give them.
export function describeBrowser(title, options, define) {
  describe(title, { skip }, () => {
    const scene = new Scene();
    before(async () => scene.start(typeof options === 'function' ? await options() : options));
    afterEach(() => scene.closeOpened());
    after(() => scene.stop());
    define(scene);
  });
}
