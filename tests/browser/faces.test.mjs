// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The whole path at once: what mosquitto_pub says is the same message, by the same sender, for
// mosquitto_sub, a program that reads JSON, a page without scripts, MQTT.js in Node and a page in
// Chromium; and the bill is right to the block. By http and ws, and by https and wss.
import assert from 'node:assert/strict';
import * as http from 'node:http';
import * as https from 'node:https';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';

import { connect, pub, sub } from '../system/lib/client.mjs';
import { waitFor, within } from '../system/lib/wait.mjs';
import { describeBrowser } from './lib/scene.mjs';

const SIZE = 900; // two blocks of 512 bytes
const WAYS = [4, 5].flatMap((v) => [0, 1, 2].map((qos) => ({ v, qos })));

for (const scheme of ['http', 'https']) {
  describeBrowser(`every face, by ${scheme}`, { tls: scheme === 'https' }, (scene) => {
    const get = (path, name, accept, claims) => new Promise((resolve, reject) => {
      const { broker, url, ca } = scene.stack;
      const headers = { accept, authorization: `Bearer ${broker.token(name, { faces: 'r' }, claims)}` };
      const request = (scheme === 'https' ? https : http).get(url + path, { headers, ca }, (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (part) => (text += part));
        answer.on('end', () => (answer.statusCode === 200 ? resolve(text) : reject(new Error(text))));
      });
      request.on('error', reject);
    });

    // Each face's way to read: gives [id, sender, text] of all messages.
    const readJson = async () => JSON.parse(await get('/rooms/faces/messages', 'json', 'application/json'))
      .messages.map(({ id, from, text }) => [id, from, text]);
    const readPage = async () => {
      const page = await get('/rooms/faces', 'html', 'text/html');
      return [...page.matchAll(/<li id="m(\d+)"[^]*?<b title="([^"]*)"[^]*?class="text"[^>]*>([^<]*)</g)]
        .map(([, id, from, text]) => [Number(id), from, text]);
    };
    const readChromium = ({ page }) => page.$$eval('#messages li[id]', (all) => all.map((one) => [
      Number(one.id.slice(1)), one.querySelector('.by b').title, one.querySelector('.text').textContent,
    ]));
    // MQTT orders the messages of one quality of service (MQTT 5 §4.6): one of QoS 2 is shown at its
    // PUBREL, when one of QoS 0 that was published after it may be there already.
    const readSub = (out) => out.trimEnd().split('\n').map((line) => {
      const [, id] = /rw-id:(\d+)/.exec(line);
      const [, from] = /rw-from:([^\s|]+)/.exec(line);
      return [Number(id), from, line.split('|').at(-1)];
    }).sort(([one], [other]) => one - other);

    test('one message is the same for all, and the bill is exact', async (t) => {
      const { broker, url, ca } = scene.stack;
      const topic = 'rooms/faces/messages';
      const reader = await sub(broker, broker.token('sub', { faces: 'r' }),
        ['-t', topic, '-q', '2', '-C', `${WAYS.length}`, '-F', '%P|%p'], { v: 5 });
      t.after(() => reader.kill());
      const node = await connect(broker, {
        url: `${url.replace('http', 'ws')}/mqtt`, username: undefined,
        wsOptions: { ca, headers: { authorization: `Bearer ${broker.token('node', { faces: 'r' })}` } },
      });
      t.after(() => node.mqtt.endAsync(true));
      await node.subscribe(topic, { qos: 1 });
      const visitor = await scene.open();
      await visitor.enterLive('faces', broker.token('page', { faces: 'r' }));

      const said = WAYS.map(({ v, qos }) => `${v} ${qos} `.padEnd(SIZE, 'x'));
      for (const [i, { v, qos }] of WAYS.entries()) {
        const { code } = await pub(broker, broker.token('alice', { faces: 'rw' }),
          ['-t', topic, '-q', `${qos}`, '-m', said[i]], { v });
        assert.equal(code, 0);
      }

      await within(reader.ended, 'mosquitto_sub to have all');
      await node.receive(WAYS.length);
      await visitor.shows(said.at(-1));
      const expected = await readJson();
      assert.deepEqual(expected.map(([, from, text]) => [from, text]), said.map((text) => ['alice', text]));
      assert.deepEqual(readSub(reader.out), expected);
      assert.deepEqual(node.messages.map(({ stamp, text }) => [stamp.id, stamp.from, text]), expected);
      assert.deepEqual(await readChromium(visitor), expected);
      assert.deepEqual(await readPage(), expected);
      visitor.noComplaints();
      await visitor.close();

      const all = { messages: WAYS.length, blocks: 2 * WAYS.length, bytes: SIZE * WAYS.length };
      const none = { messages: 0, blocks: 0, bytes: 0 };
      const sums = (name, into, out) => ({
        name, messages_in: into.messages, blocks_in: into.blocks, bytes_in: into.bytes,
        messages_out: out.messages, blocks_out: out.blocks, bytes_out: out.bytes,
      });
      const people = [sums('alice', all, none),
        ...['html', 'json', 'node', 'page', 'sub'].map((name) => sums(name, none, all))];
      const shown = ({ name, messages_in, blocks_in, bytes_in, messages_out, blocks_out, bytes_out }) =>
        ({ name, messages_in, blocks_in, bytes_in, messages_out, blocks_out, bytes_out });
      let billed;
      // What the gateway counted comes a moment after what the plugin did.
      await waitFor(async () => {
        const bill = JSON.parse(await get('/bill', 'payer', 'application/json', { bill: 'r' })).today;
        billed = bill.people.map(shown).sort((a, b) => (a.name < b.name ? -1 : 1));
        return isDeepStrictEqual(billed, people);
      }, 'the whole bill').catch(() => {});
      assert.deepEqual(billed, people);
    });
  });
}
