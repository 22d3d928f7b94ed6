// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
// Idempotency keys: a repeat within the lifetime is acknowledged, and neither kept nor delivered.
import assert from 'node:assert/strict';
import { it } from 'node:test';

import { startBroker } from './lib/broker.mjs';
import { connect } from './lib/client.mjs';
import { describeBrokers, describeOneBroker } from './lib/each.mjs';
import { waitFor } from './lib/wait.mjs';

const withKey = (key, qos = 1, more = {}) => ({ qos, ...more, properties: { userProperties: { key } } });
const keyed = (client, topic, text, key, qos, more) => client.publish(topic, text, withKey(key, qos, more));

describeOneBroker('idempotency keys', {}, (get) => {
  for (const qos of [0, 1, 2]) {
    it(`a repeat is acknowledged but goes nowhere (QoS ${qos})`, async () => {
      const broker = get();
      const topic = `rooms/keys-${qos}/messages`;
      const alice = await connect(broker, { token: broker.token('alice') });
      const three = await connect(broker, { token: broker.token('three'), version: 4 });
      for (const client of [alice, three]) await client.subscribe('rooms/+/messages', { qos: 2 });
      for (const text of ['first', 'again', 'and again'])
        assert.ok((await keyed(alice, topic, text, 'k', qos)) < 0x80);
      await keyed(alice, topic, 'another key', 'k2', qos);
      await alice.publish(topic, 'no key', { qos });
      const expected = ['first', 'another key', 'no key'];
      for (const client of [alice, three]) assert.deepEqual((await client.receive(3)).map((m) => m.text), expected);
      assert.equal(alice.messages[0].pairs.key, 'k');
      const rows = await broker.stored(`keys-${qos}`, 3);
      assert.deepEqual(rows.map((r) => r.payload), expected);
      await alice.end();
      await three.end();
    });
  }

  it('are unique to room and sender', async () => {
    const broker = get();
    const alice = await connect(broker, { token: broker.token('alice') });
    const bob = await connect(broker, { token: broker.token('bob') });
    await bob.subscribe('rooms/+/messages', { qos: 1 });
    await keyed(alice, 'rooms/mine/messages', '1', 'same');
    await keyed(bob, 'rooms/mine/messages', '2', 'same');
    await keyed(alice, 'rooms/yours/messages', '3', 'same');
    await keyed(alice, 'rooms/mine/messages', 'repeat', 'same');
    await keyed(alice, 'rooms/mine/typing', 'live topics have none', 'same');
    await bob.publish('rooms/yours/messages', 'end');
    await waitFor(() => bob.messages.at(-1)?.text === 'end', 'the end');
    assert.deepEqual(bob.messages.map((m) => m.text), ['1', '2', '3', 'end']);
    await alice.end();
    await bob.end();
  });

  it('a repeat does not take the place of the retained message', async () => {
    const broker = get();
    const alice = await connect(broker, { token: broker.token('alice') });
    await keyed(alice, 'rooms/retained/messages', 'the one', 'r', 1, { retain: true });
    await keyed(alice, 'rooms/retained/messages', 'a repeat', 'r', 1, { retain: true });
    await alice.subscribe('rooms/retained/messages', { qos: 1 });
    const [message] = await alice.receive(1);
    assert.equal(message.text, 'the one');
    assert.ok(message.stamp);
    await alice.end();
  });

  // A PUBLISH of QoS 2 whose PUBREC was lost is sent again with the same packet id on the next
  // connection, and released once: it must be delivered once, and with the stamp of the first.
  it('an unfinished QoS 2 publish is finished after a reconnect', async () => {
    const broker = get();
    const reader = await connect(broker, { token: broker.token('reader') });
    await reader.subscribe('rooms/exact/messages', { qos: 2 });
    const options = { token: broker.token('alice'), clientId: 'exact', clean: false,
      properties: { sessionExpiryInterval: 3600 } };
    const publish = { cmd: 'publish', topic: 'rooms/exact/messages', payload: 'once', qos: 2, messageId: 7,
      properties: { userProperties: { key: 'q2' } } };
    const first = await connect(broker, options);
    const since = broker.log.length;
    first.mqtt._writePacket(publish, () => {});
    await broker.says(/Sending PUBREC to exact/, since);
    await first.drop();
    const second = await connect(broker, options);
    const pubrec = new Promise((resolve) => second.mqtt.on('packetreceive', (packet) => {
      if (packet.cmd === 'pubrec') resolve(packet);
    }));
    second.mqtt._writePacket({ ...publish, dup: true }, () => {});
    assert.ok(((await pubrec).reasonCode ?? 0) < 0x80);
    second.mqtt._writePacket({ cmd: 'pubrel', messageId: 7, qos: 1 }, () => {});
    await waitFor(() => reader.messages.length > 0, 'the message');
    await reader.publish('rooms/exact/messages', 'end', { qos: 1 });
    await waitFor(() => reader.messages.at(-1).text === 'end', 'the end');
    assert.deepEqual(reader.messages.map((m) => m.text), ['once', 'end']);
    const rows = await broker.stored('exact', 2);
    assert.deepEqual(rows.map((r) => r.id), reader.messages.map((m) => m.stamp.id));
    await second.mqtt.endAsync(true);
    await reader.end();
  });
});

describeBrokers('idempotency keys and time', (kind) => {
  it('outlive the broker, stored or not', async () => {
    const broker = await startBroker({ broker: kind });
    const topic = 'rooms/restart/messages';
    for (const end of ['stop', 'kill']) {
      let alice = await connect(broker, { token: broker.token('alice') });
      assert.ok((await keyed(alice, topic, `before ${end}`, `key-${end}`)) < 0x80);
      await broker[end]();
      await alice.mqtt.endAsync(true);
      await broker.start();
      alice = await connect(broker, { token: broker.token('alice') });
      for (const qos of [1, 2]) assert.ok((await keyed(alice, topic, `after ${end}`, `key-${end}`, qos)) < 0x80);
      await alice.publish(topic, `end ${end}`);
      await waitFor(async () => (await broker.messages('restart')).some((m) => m.payload === `end ${end}`), 'the end');
      await alice.end();
    }
    assert.deepEqual((await broker.messages('restart')).map((m) => m.payload),
      ['before stop', 'end stop', 'before kill', 'end kill']);
    await broker.close();
  });

  it('may be used again after their lifetime', async () => {
    const broker = await startBroker({ broker: kind, roomwire: { key_lifetime_s: 1 } });
    const alice = await connect(broker, { token: broker.token('alice') });
    await alice.subscribe('rooms/again/messages', { qos: 1 });
    let repeats = 0;
    await keyed(alice, 'rooms/again/messages', 'first', 'k');
    await waitFor(async () => {
      repeats++;
      await keyed(alice, 'rooms/again/messages', 'later', 'k');
      return alice.messages.length > 1;
    }, 'the end of the lifetime');
    assert.ok(repeats > 1);
    assert.ok(alice.messages[1].stamp.ts - alice.messages[0].stamp.ts >= 1000);
    assert.equal((await broker.stored('again', 2)).length, 2);
    await alice.end();
    await broker.close();
  });
});
