// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// What people say, are called, or put into addresses is shown as text: nothing of it runs, in a
// browser that would say so.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { connect } from '../system/lib/client.mjs';
import { describeBrowser } from './lib/scene.mjs';

const attacks = [
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '"><svg onload=alert(1)>',
  "' autofocus onfocus=alert(1) x='",
  '</textarea><script>alert(1)</script>',
  '</title><script>alert(1)</script>',
  'javascript:alert(1)',
  '{{{text}}} {{#messages}} ${alert(1)}',
  '<!--<script>',
  '&lt;script&gt;&amp;',
  '\u202Egnp.exe\u202C',
  '<style>*{display:none}</style><base href=//evil.example>',
];

describeBrowser('hostile input', {}, (scene) => {
  for (const javaScriptEnabled of [true, false]) {
    test(`in messages and names, scripts ${javaScriptEnabled ? 'on' : 'off'}`, async () => {
      const { broker, url } = scene.stack;
      const room = `attack-${javaScriptEnabled}`;
      for (const [n, text] of attacks.entries()) {
        const sub = `m${n} ${text}`.slice(0, 100);
        const mallory = await connect(broker, { token: broker.token(sub, { '*': 'rw' }, { name: text }) });
        await mallory.publish(`rooms/${room}/messages`, text);
        await mallory.end();
      }
      const alice = await scene.enter(room, 'alice', { javaScriptEnabled, claims: { name: attacks[0] } });
      assert.deepEqual(await alice.texts(), attacks);
      const names = await alice.page.$$eval('#messages .by b', (all) => all.map((one) => one.textContent));
      assert.deepEqual(names, attacks);
      assert.equal(await alice.page.$('#messages :is(script, img, svg, style, base)'), null);
      assert.match(await alice.page.textContent('.session'), /<script>alert/);
      await alice.page.goto(url);
      assert.match(await alice.page.textContent('.rooms'), /<style>/);
      assert.equal(await alice.page.$('.rooms :is(script, img, svg, style, base)'), null);
      alice.noComplaints();
    });
  }

  test('in live messages and names, and in what is typed', async () => {
    const alice = await scene.enterLive('live-attack');
    const { broker } = scene.stack;
    const mallory = await connect(broker, { token: broker.token('alice', undefined, { name: attacks[1] }) });
    for (const text of attacks) await mallory.publish('rooms/live-attack/messages', text);
    await mallory.end();
    for (const text of attacks) await alice.shows(text);
    for (const text of attacks.slice(0, 5)) {
      await alice.say(text);
      await alice.shows(text, 2);
    }
    assert.equal(await alice.page.$('#messages :is(script, img, svg, style, base)'), null);
    alice.noComplaints();
  });

  test('in addresses', async () => {
    const alice = await scene.enter('lobby');
    for (const text of attacks.slice(0, 6)) {
      const encoded = encodeURIComponent(text);
      for (const path of [`/rooms/${encoded}`, `/?room=${encoded}`, `/rooms/lobby?before=${encoded}`,
        `/${encoded}`, `/rooms/lobby?${encoded}=${encoded}`]) {
        const answer = await alice.page.goto(scene.stack.url + path);
        assert.ok(answer.status() < 500, `${path}: ${answer.status()}`);
        assert.equal(await alice.page.$('script:not([src])'), null, path);
      }
    }
    // Answers that are no success are no attack.
    alice.noComplaints(/Failed to load resource: the server responded with a status of 4\d\d/);
  });

  test('the policy forbids what pages of ours never do', async () => {
    const alice = await scene.enterLive('policy');
    const ran = await alice.page.evaluate(async () => {
      const script = document.createElement('script');
      script.textContent = 'globalThis.ranInline = true';
      document.body.append(script);
      const image = document.createElement('img');
      image.setAttribute('onerror', 'globalThis.ranHandler = true');
      image.src = '/nowhere';
      document.body.append(image);
      await new Promise((done) => image.addEventListener('error', done));
      return [globalThis.ranInline, globalThis.ranHandler];
    });
    assert.deepEqual(ran, [undefined, undefined]);
    assert.ok(alice.complaints.some((text) => text.includes('Content Security Policy')));
  });
});
