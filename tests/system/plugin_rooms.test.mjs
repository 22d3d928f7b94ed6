// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
// What a message in a room gets, and where it ends up: stamp, order, history, retained, live topics.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { it } from 'node:test';

import { connect, pub, sub } from './lib/client.mjs';
import { describeOneBroker } from './lib/each.mjs';
import { waitFor } from './lib/wait.mjs';

describeOneBroker('rooms', {}, (get) => {
  for (const v of [4, 5]) {
    for (const qos of [0, 1, 2]) {
      it(`mosquitto_pub ${v} with QoS ${qos} reaches mosquitto_sub 3.1.1 and 5, and the history`, async () => {
        const broker = get();
        const room = `tools-${v}-${qos}`;
        const topic = `rooms/${room}/messages`;
        const token = broker.token('alice', { '*': 'rw' }, { name: 'Alice' });
        const readers = [
          await sub(broker, token, ['-t', topic, '-q', '2', '-C', '3'], { v: 4 }),
          await sub(broker, token, ['-t', topic, '-q', '2', '-C', '3'], { v: 5 }),
        ];
        for (const text of ['one', 'two', 'drei €'])
          assert.equal((await pub(broker, token, ['-t', topic, '-q', `${qos}`, '-m', text], { v })).code, 0);
        for (const reader of readers) {
          await reader.ended;
          for (const text of ['one', 'two', 'drei €']) assert.match(reader.out, new RegExp(`^${text}$`, 'm'));
        }
        const messages = await broker.stored(room, 3);
        assert.deepEqual(messages.map((m) => [m.payload, m.sender, m.name]),
          [['one', 'alice', 'Alice'], ['two', 'alice', 'Alice'], ['drei €', 'alice', 'Alice']]);
      });
    }
  }

  it('stamps form a chain that every MQTT 5 reader sees alike', async () => {
    const broker = get();
    const alice = await connect(broker, { token: broker.token('alice', { '*': 'rw' }, { name: 'Ä name' }) });
    const bob = await connect(broker, { token: broker.token('bob') });
    const old = await connect(broker, { token: broker.token('old'), version: 4 });
    for (const reader of [alice, bob, old])
      await reader.subscribe(['rooms/chain/messages', 'rooms/other/messages'], { qos: 1 });
    const before = Date.now();
    for (let i = 0; i < 10; i++) {
      // Acknowledged, or the broker might read the next sender's message first.
      await [alice, bob, old][i % 3].publish('rooms/chain/messages', `m${i}`, { qos: 1 + (i % 2) });
      if (i % 4 === 0) await bob.publish('rooms/other/messages', 'noise');
    }
    for (const reader of [alice, bob, old]) await reader.receive(13);
    const chain = bob.messages.filter((m) => m.topic === 'rooms/chain/messages');
    assert.deepEqual(chain.map((m) => m.text), Array.from({ length: 10 }, (_, i) => `m${i}`));
    let prev = 0;
    for (const { stamp } of chain) {
      assert.equal(stamp.prev, prev);
      assert.ok(stamp.id > prev);
      assert.match(stamp.epoch, /^[0-9a-z]{4,16}$/);
      assert.ok(stamp.ts >= before && stamp.ts <= Date.now());
      prev = stamp.id;
    }
    assert.deepEqual(chain.slice(0, 3).map((m) => [m.stamp.from, m.stamp.name]),
      [['alice', 'Ä name'], ['bob', undefined], ['old', undefined]]);
    assert.deepEqual(alice.messages.map((m) => m.stamp), bob.messages.map((m) => m.stamp));
    assert.deepEqual(old.messages.map((m) => m.text), bob.messages.map((m) => m.text));
    const rows = await broker.stored('chain', 10);
    assert.deepEqual(rows.map((r) => [r.id, r.prev, r.date_ms]),
      chain.map(({ stamp }) => [stamp.id, stamp.prev, stamp.ts]));
    for (const client of [alice, bob, old]) await client.end();
  });

  it('a retained message has its stamp for whoever subscribes later', async () => {
    const broker = get();
    const alice = await connect(broker, { token: broker.token('alice') });
    await alice.publish('rooms/kept/messages', 'for later', { qos: 1, retain: true });
    const late = await connect(broker, { token: broker.token('late') });
    await late.subscribe('rooms/kept/messages', { qos: 1 });
    const [message] = await late.receive(1);
    assert.equal(message.retain, true);
    assert.equal(message.text, 'for later');
    assert.equal(message.stamp.from, 'alice');
    assert.equal(message.stamp.prev, 0);
    await alice.end();
    await late.end();
  });

  it('payload, content type and the own properties of a message stay as they are', async () => {
    const broker = get();
    const alice = await connect(broker, { token: broker.token('alice') });
    await alice.subscribe('rooms/bytes/messages', { qos: 1 });
    const payloads = [Buffer.alloc(0), randomBytes(2000), Buffer.from('zero \0 inside 😀')];
    for (const payload of payloads)
      assert.equal(await alice.publish('rooms/bytes/messages', payload, { qos: 1, properties: {
        contentType: 'application/x-test', userProperties: { mine: 'stays' } } }), 0);
    const messages = await alice.receive(3);
    for (const [i, message] of messages.entries()) {
      assert.ok(message.payload.equals(payloads[i]));
      assert.equal(message.type, 'application/x-test');
      assert.equal(message.pairs.mine, 'stays');
    }
    await broker.stored('bytes', 3);
    const rows = await broker.sql('SELECT hex(payload) AS hex, type FROM messages JOIN rooms ' +
      "USING (room_id) WHERE room = 'bytes' ORDER BY id");
    assert.deepEqual(rows.map((r) => r.hex.toLowerCase()), payloads.map((p) => p.toString('hex')));
    assert.equal(rows[1].type, 'application/x-test');
    await alice.end();
  });

  it('what is published below a room but not to its messages is live only', async () => {
    const broker = get();
    const alice = await connect(broker, { token: broker.token('alice') });
    await alice.subscribe('rooms/live/#', { qos: 1 });
    await alice.publish('rooms/live/typing', 'alice types');
    await alice.publish('rooms/live/messages', 'kept');
    const [typing, kept] = await alice.receive(2);
    assert.equal(typing.stamp, undefined);
    assert.equal(kept.stamp.prev, 0);
    assert.equal((await broker.stored('live', 1)).length, 1);
    await alice.end();
  });

  it('the longest payload is taken, one byte more is not, and nothing is lost by that', async () => {
    const broker = get();
    const alice = await connect(broker, { token: broker.token('alice') });
    await alice.subscribe('rooms/long/messages', { qos: 1 });
    assert.equal(await alice.publish('rooms/long/messages', Buffer.alloc(131072, 'x')), 0);
    const since = broker.log.length;
    assert.equal(await alice.publish('rooms/long/messages', Buffer.alloc(131073, 'x')), 0x87);
    await broker.says(/refused what=publish .*topic=rooms\/long\/messages why="the payload is longer than max_payload"/, since);
    assert.equal(await alice.publish('rooms/long/messages', 'after'), 0);
    const messages = await alice.receive(2);
    assert.equal(messages[1].stamp.prev, messages[0].stamp.id);
    assert.equal(await alice.publish('rooms/long/typing', Buffer.alloc(131073, 'x')), 0x87);
    await alice.end();
  });

  it('MQTT 3.1 is understood too', async () => {
    const broker = get();
    const alice = await connect(broker, { token: broker.token('alice'), version: 3, clientId: 'thirtyone' });
    await alice.subscribe('rooms/old/messages', { qos: 1 });
    await alice.publish('rooms/old/messages', 'still here');
    assert.equal((await alice.receive(1))[0].text, 'still here');
    assert.equal((await broker.stored('old', 1))[0].payload, 'still here');
    await alice.end();
  });

  it('of a shared subscription one member gets each message', async () => {
    const broker = get();
    const members = [];
    for (let i = 0; i < 2; i++) {
      members.push(await connect(broker, { token: broker.token(`worker${i}`) }));
      assert.deepEqual(await members[i].subscribe('$share/team/rooms/jobs/messages', { qos: 1 }), [1]);
    }
    const alice = await connect(broker, { token: broker.token('alice') });
    for (let i = 0; i < 6; i++) await alice.publish('rooms/jobs/messages', `job ${i}`);
    await waitFor(() => members[0].messages.length + members[1].messages.length === 6, 'six jobs');
    assert.equal(members[0].messages.length, 3);
    for (const client of [...members, alice]) await client.end();
  });
});
