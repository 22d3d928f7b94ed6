// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// P3 and P4 together: ten publishers, every kind of reader, and both programs killed with -9 in the
// middle, three times each. Nothing that was acknowledged is missing or doubled on any face, and all
// faces have one order with an unbroken chain of `prev`.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import mqtt from 'mqtt';

import { freePort } from './lib/broker.mjs';
import {
  EventReader, LiveReader, MqttReader, PollReader, assertChain, assertRuns, assertSame,
} from './lib/readers.mjs';
import { startStack } from './lib/stack.mjs';
import { sleep, waitFor } from './lib/wait.mjs';

const PUBLISHERS = 10;
const EACH = 500;
const WINDOW = 20;
const KILLS = 3;
const PATIENCE_MS = 120000;

// Publishes EACH messages, each until it is acknowledged, whatever happens to the broker. The key
// makes a message that is sent again the same one.
function publish(stack, token, number) {
  const client = mqtt.connect(`mqtt://127.0.0.1:${stack.broker.port}`, {
    protocolVersion: 5, clientId: `publisher-${number}`, clean: true, username: 'p', password: token,
    reconnectPeriod: 50, connectTimeout: 5000,
  });
  client.on('error', () => {});
  const acked = new Set();
  let next = 0;
  const publishNext = async () => {
    while (next < EACH) {
      const text = `${number}/${next++}`;
      const options = { qos: 1, properties: { userProperties: { key: text } } };
      // MQTT.js gives up some messages when the connection closes; the key makes a repeat harmless.
      while (!acked.has(text) && !client.disconnecting)
        await client.publishAsync('rooms/chaos/messages', text, options)
          .then(() => acked.add(text), () => sleep(20));
    }
  };
  const all = Promise.all(Array.from({ length: WINDOW }, publishNext));
  return { acked, client, done: all.finally(() => client.endAsync(true)) };
}

// All readers there are. Those by MQTT are over TCP, and over WebSocket by way of the gateway.
function openReaders(stack, token) {
  const at = (path) => () => stack.address + path;
  const tcp = `mqtt://127.0.0.1:${stack.broker.port}`;
  const ws = `${stack.address.replace('http', 'ws')}/mqtt`;
  return {
    stream: new EventReader(at('/rooms/chaos/messages?lastEventId=earliest'), token),
    poll: new PollReader(at('/rooms/chaos/messages'), token),
    live: new LiveReader(at('/rooms/chaos/live'), token),
    mqtt: [tcp, ws].flatMap((url) => [4, 5].map((version) => new MqttReader(url, token, 'chaos', version))),
  };
}

// Kills broker and gateway in turns while the publishers are at it.
async function killAll(stack, publishers) {
  const count = () => publishers.reduce((sum, publisher) => sum + publisher.acked.size, 0);
  for (let kill = 1; kill <= 2 * KILLS; kill += 1) {
    const at = (PUBLISHERS * EACH * kill) / (2 * KILLS + 1);
    await waitFor(() => count() >= at, `${at} acknowledged messages`, PATIENCE_MS);
    if (kill % 2 === 1) {
      await stack.killBroker();
      await stack.startBroker();
    } else {
      await stack.killGateway();
      await stack.startGateway();
    }
  }
}

test('nothing is missing or doubled on any face while both programs are killed', async (t) => {
  const port = await freePort();
  const stack = await startStack({ config: { listen: `http://127.0.0.1:${port}` } });
  t.after(() => stack.stop());
  stack.address = stack.url; // readers keep asking while there is no gateway
  const alice = await stack.caller('alice', '*=rw');
  const readers = openReaders(stack, alice.token);
  t.after(() => Promise.all(Object.values(readers).flat().map((reader) => reader.stop())));
  await Promise.all(readers.mqtt.map((reader) => reader.done));

  const publishers = Array.from({ length: PUBLISHERS }, (_, i) => publish(stack, alice.token, i));
  t.after(() => Promise.all(publishers.map((publisher) => publisher.client.endAsync(true))));
  await killAll(stack, publishers);
  await Promise.all(publishers.map((publisher) => publisher.done));
  await stack.ready();

  const history = await alice.history('chaos');
  const ids = history.map((message) => message.id);
  const expected = publishers.flatMap((publisher) => [...publisher.acked]).sort();
  assert.equal(expected.length, PUBLISHERS * EACH);
  assert.deepEqual(history.map((message) => message.text).sort(), expected);
  assertChain(history);
  for (const reader of [readers.stream, readers.poll]) {
    await waitFor(() => reader.messages.length >= ids.length, 'all messages', PATIENCE_MS);
    assertSame(reader.messages.map((message) => message.id), ids);
    assertChain(reader.messages);
  }
  await waitFor(() => readers.live.ids.length >= ids.length, 'all messages', PATIENCE_MS);
  assertSame(readers.live.ids, ids);
  assert.equal(readers.live.gaps, 0);

  // A last word, which shows that every subscriber came back.
  const last = await alice.post('/rooms/chaos/messages', { text: 'last' });
  assert.equal(last.status, 201, last.text);
  for (const reader of readers.mqtt) {
    await waitFor(() => reader.connections.at(-1).at(-1)?.text === 'last', 'the last word', PATIENCE_MS);
    assert.ok(reader.connections.length > KILLS);
    assertRuns(reader.connections, [...history, last.json], reader.client.options.protocolVersion === 5);
  }
});
