// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// P3 and P4 together: ten publishers, every kind of reader, and both programs killed with -9 in the
// middle, three times each. Nothing that was acknowledged is missing or doubled on any face, and all
// faces have one order.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import mqtt from 'mqtt';

import { EventReader, PollReader } from './lib/readers.mjs';
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

// As deepEqual, but of 5,000 ids it says where they part.
function assertSame(actual, expected) {
  const length = Math.max(actual.length, expected.length);
  for (let i = 0; i < length; i += 1) {
    const around = [actual, expected].map((ids) => ids.slice(Math.max(i - 3, 0), i + 4).join(' '));
    assert.equal(actual[i], expected[i], `at ${i}: ${around[0]}, not ${around[1]}`);
  }
}

test('nothing is missing or doubled on any face while both programs are killed', async (t) => {
  const stack = await startStack({ config: { read_wait_ms: 1000 } });
  t.after(() => stack.stop());
  const alice = await stack.caller('alice', '*=rw');
  let { url } = stack; // readers keep asking while there is no gateway
  const room = (query = '') => () => `${(url = stack.url ?? url)}/rooms/chaos/messages${query}`;
  const stream = new EventReader(room('?lastEventId=earliest'), alice.token);
  const poll = new PollReader(room(), alice.token);
  t.after(() => Promise.all([stream.stop(), poll.stop()]));
  const seen = [];
  const subscriber = mqtt.connect(`mqtt://127.0.0.1:${stack.broker.port}`, {
    protocolVersion: 5, username: 's', password: alice.token, reconnectPeriod: 50,
  });
  t.after(() => subscriber.endAsync(true));
  subscriber.on('error', () => {});
  subscriber.on('message', (topic, payload, packet) =>
    seen.push({ id: Number(packet.properties.userProperties['rw-id']), text: `${payload}` }));
  await subscriber.subscribeAsync('rooms/chaos/messages', { qos: 1 });

  const publishers = Array.from({ length: PUBLISHERS }, (_, i) => publish(stack, alice.token, i));
  t.after(() => Promise.all(publishers.map((publisher) => publisher.client.endAsync(true))));
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
  await Promise.all(publishers.map((publisher) => publisher.done));
  await stack.ready();

  const history = await alice.history('chaos');
  const ids = history.map((message) => message.id);
  const expected = publishers.flatMap((publisher) => [...publisher.acked]).sort();
  assert.deepEqual(history.map((message) => message.text).sort(), expected);
  assert.equal(expected.length, PUBLISHERS * EACH);
  let prev = 0;
  for (const message of history) {
    assert.equal(message.prev, prev);
    prev = message.id;
  }
  for (const reader of [stream, poll]) {
    await waitFor(() => reader.messages.length >= ids.length, 'all messages', PATIENCE_MS);
    assertSame(reader.messages.map((message) => message.id), ids);
  }
  // A plain subscriber has no past; what it saw has one order, and is what the others saw.
  const textOf = new Map(history.map((message) => [message.id, message.text]));
  for (const [i, message] of seen.entries()) {
    assert.equal(textOf.get(message.id), message.text);
    if (i > 0) assert.ok(message.id > seen[i - 1].id);
  }
});
