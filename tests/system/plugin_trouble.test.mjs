// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
// When the log cannot take any more: publishes are refused, with a reason, and the broker goes on;
// what was acknowledged is not lost; when there is room again, all is as before.
import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync, rmSync, unlinkSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, it } from 'node:test';

import { startBroker } from './lib/broker.mjs';
import { connect } from './lib/client.mjs';
import { describeBrokers } from './lib/each.mjs';
import { Program } from './lib/process.mjs';
import { mountSmall, unmount } from './lib/small_disk.mjs';
import { waitFor, within } from './lib/wait.mjs';

const FULL = (kind) => (kind.is21 ? 0x97 : 0x87);

// To the last page; the broker may take some of it meanwhile.
function fillUp(folder) {
  const file = openSync(join(folder, 'filler'), 'w');
  for (const page = Buffer.alloc(4096); ; ) {
    try {
      writeSync(file, page);
    } catch (error) {
      if (error.code !== 'ENOSPC') throw error;
      closeSync(file);
      return;
    }
  }
}

const probe = mountSmall(1 << 20);
if (probe) unmount(probe);

// Publishes numbered texts until one is refused, and gives the refusal's code; `acked` gets those
// that were acknowledged.
async function publishUntilRefused(client, topic, acked, filler = 2000) {
  for (let i = 0; i < 20000; i++) {
    const text = `${acked.length}:${'x'.repeat(filler)}`;
    const code = await client.publish(topic, text);
    if (code >= 0x80) return code;
    acked.push(text);
  }
  throw new Error('nothing was refused');
}

async function publishUntilAccepted(client, topic, acked) {
  await waitFor(async () => {
    const text = `${acked.length}:again`;
    const isAccepted = (await client.publish(topic, text)) < 0x80;
    if (isAccepted) acked.push(text);
    return isAccepted;
  }, 'a publish to be accepted');
}

const kept = async (broker, room) => (await broker.messages(room)).map((m) => m.payload);

// All that was acknowledged is there once and in order; more may be (refused, and kept all the same).
async function assertKept(broker, room, acked) {
  await waitFor(async () => (await kept(broker, room)).at(-1) === acked.at(-1), 'the last message');
  const all = await kept(broker, room);
  const wanted = new Set(acked);
  assert.deepEqual(all.filter((text) => wanted.has(text)), acked);
  assert.equal(new Set(all).size, all.length);
}

describeBrokers('disk full', (kind) => {
  const skip = probe ? false : 'no file system can be mounted here';
  let folder;
  let broker;
  before(async () => {
    if (skip) return;
    folder = mountSmall(16 << 20);
    broker = await startBroker({ broker: kind, folder, roomwire: { spool_size: 1048576, max_tallies: 256 } });
  });
  after(async () => {
    await broker?.close();
    if (folder) unmount(folder);
  });

  it('refuses with a reason, and resumes when there is room', { skip }, async (t) => {
    const acked = [];
    const topic = 'rooms/full/messages';
    const alice = await connect(broker, { token: broker.token('alice') });
    await alice.subscribe(topic, { qos: 1 });
    const gateway = await connect(broker, { token: broker.serviceSecret, username: 'roomwire-gateway',
      clientId: 'roomwire-0000000000000001', socket: broker.socket });
    await alice.publish(topic, 'first');
    acked.push('first');
    t.after(() => rmSync(join(folder, 'filler'), { force: true }));
    fillUp(folder);
    assert.equal(await publishUntilRefused(alice, topic, acked), FULL(kind));
    await broker.says('cannot store: the disk is full');
    await broker.says('refusing new messages: the disk is full');

    // MQTT 3.1.1 knows no refusal: the connection ends without an acknowledgement.
    const three = await connect(broker, { token: broker.token('three'), version: 4 });
    let isAcked = false;
    three.mqtt.publish(topic, 'not kept', { qos: 1 }, (error) => (isAcked ||= !error));
    await within(three.closed, 'the connection to be closed');
    assert.equal(isAcked, false);
    await three.mqtt.endAsync(true);

    await gateway.publish(topic, 'x', { qos: 1, properties: { userProperties: { 'rw-as': 'bob', 'rw-face': 'http', 'rw-ref': '9' } } });
    const answer = await waitFor(() => gateway.messages.map((m) => JSON.parse(m.text)).find((a) => a.ref === 9), 'the answer');
    assert.deepEqual(answer, { ref: 9, error: 'full', detail: 'the disk is full' });

    // Everything else goes on: live topics, subscriptions, and one line says it, not one a message.
    assert.ok((await alice.publish('rooms/full/typing', 'live')) < 0x80);
    for (let i = 0; i < 20; i++) assert.equal(await alice.publish(topic, 'no'), FULL(kind));
    assert.equal(broker.log.match(/refusing new messages/g).length, 1);

    unlinkSync(join(folder, 'filler'));
    await publishUntilAccepted(alice, topic, acked);
    await broker.says('accepting new messages again');
    await assertKept(broker, 'full', acked);
    await waitFor(() => alice.messages.length >= acked.length, 'all deliveries');
    assert.deepEqual(alice.messages.map((m) => m.text), acked);
    await alice.end();
    await gateway.end();
  });

  it('loses nothing by kill -9 and a start while it is full', { skip }, async () => {
    const acked = [];
    const topic = 'rooms/killed/messages';
    let alice = await connect(broker, { token: broker.token('alice') });
    fillUp(folder);
    await publishUntilRefused(alice, topic, acked, 500);
    assert.ok(acked.length > 0);
    await broker.kill();
    await alice.mqtt.endAsync(true);
    await broker.start();
    alice = await connect(broker, { token: broker.token('alice') });
    assert.equal(await publishUntilRefused(alice, topic, acked, 500), FULL(kind));
    unlinkSync(join(folder, 'filler'));
    await publishUntilAccepted(alice, topic, acked);
    await assertKept(broker, 'killed', acked);
    await alice.end();
  });
});

describeBrokers('a database that somebody else holds', (kind) => {
  it('fills the spool, then publishes are refused; nobody waits', async () => {
    const broker = await startBroker({ broker: kind, roomwire: { spool_size: 1048576 } });
    const acked = [];
    const topic = 'rooms/held/messages';
    const alice = await connect(broker, { token: broker.token('alice') });
    await alice.publish(topic, 'first');
    acked.push('first');
    await waitFor(async () => (await kept(broker, 'held')).length === 1, 'the first message');
    const holder = new Program('sqlite3', [broker.database]);
    holder.child.stdin.write("BEGIN IMMEDIATE;\nSELECT 'holding';\n");
    await holder.says('holding');
    assert.equal(await publishUntilRefused(alice, topic, acked, 10000), FULL(kind));
    assert.ok(acked.length > 10, 'the spool takes what the database does not');
    await broker.says(/refusing new messages: the (spool is full|database cannot be written)/);
    let slowest = 0;
    for (let i = 0; i < 50; i++) {
      const begin = performance.now();
      await alice.publish('rooms/held/typing', 'still quick');
      slowest = Math.max(slowest, performance.now() - begin);
    }
    assert.ok(slowest < 1000, `a publish took ${slowest} ms`);
    holder.child.stdin.end('COMMIT;\n');
    await holder.ended;
    await publishUntilAccepted(alice, topic, acked);
    await assertKept(broker, 'held', acked);
    await alice.end();
    await broker.close();
  });
});

describeBrokers('a loss of power', (kind) => {
  // core/mapfile.h and core/watermark.c say what stands where.
  const forgetBoot = (broker) => {
    const file = openSync(`${broker.database}-spool`, 'r+');
    writeSync(file, Buffer.from('another'), 0, 7, 56);
    closeSync(file);
  };
  const readMark = (broker) => {
    const marks = readFileSync(`${broker.database}-mark`);
    const accepted = Array.from({ length: 4096 }, (_, i) => Number(marks.readBigInt64LE(64 + 8 * i)));
    return { committed: Number(marks.readBigInt64LE(24)), accepted: Math.max(...accepted) };
  };

  it('begins a new epoch, and readers are told how far the database really is', async () => {
    const broker = await startBroker({ broker: kind });
    const topic = 'rooms/held/messages';
    const alice = await connect(broker, { token: broker.token('alice') });
    await alice.publish(topic, 'stored');
    await waitFor(() => readMark(broker).committed === 1, 'the first message');
    const holder = new Program('sqlite3', [broker.database]);
    holder.child.stdin.write("BEGIN IMMEDIATE;\nSELECT 'holding';\n");
    await holder.says('holding');
    for (const text of ['not yet', 'nor this']) await alice.publish(topic, text);
    await broker.kill();
    await alice.mqtt.endAsync(true);
    assert.deepEqual(readMark(broker), { committed: 1, accepted: 3 });
    holder.child.stdin.end('COMMIT;\n');
    await holder.ended;
    forgetBoot(broker);
    await broker.start();
    await broker.says('the log has a new epoch');
    await assertKept(broker, 'held', ['stored', 'not yet', 'nor this']);
    await waitFor(() => readMark(broker).committed >= 3, 'the replay');
    assert.deepEqual(readMark(broker), { committed: 3, accepted: 3 });
    const again = await connect(broker, { token: broker.token('alice') });
    await again.publish(topic, 'new');
    const { id } = await waitFor(async () => (await broker.messages('held'))[3], 'the new message');
    assert.ok(id > 1000000, 'far from what may have been given');
    await waitFor(() => readMark(broker).committed === id, 'its commit');
    await again.end();
    await broker.close();
  });
});

describeBrokers('an older Roomwire', (kind) => {
  // CRC-32C, as core/spool.c has it of each frame.
  const crc32c = (crc, bytes) => {
    for (const byte of bytes) {
      crc ^= byte;
      for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
    }
    return crc;
  };
  // Gives the record with that payload another layout, and returns the one that it had.
  const changeLayout = (broker, payload, layout) => {
    const path = `${broker.database}-spool`;
    const spool = readFileSync(path);
    const end = (at) => at + 16 + spool.readUInt32LE(at + 4);
    let at = 4096;
    while (!spool.subarray(at, end(at)).includes(payload)) at = Math.ceil(end(at) / 16) * 16;
    const before = spool[at + 17];
    spool[at + 17] = layout;
    spool.writeUInt32LE(~crc32c(~spool.readUInt32LE(40), spool.subarray(at + 4, end(at))) >>> 0, at);
    writeFileSync(path, spool);
    return before;
  };

  it('does not start on what a newer one has yet to store, and loses nothing of it', async () => {
    const broker = await startBroker({ broker: kind });
    const topic = 'rooms/held/messages';
    const alice = await connect(broker, { token: broker.token('alice') });
    const holder = new Program('sqlite3', [broker.database]);
    holder.child.stdin.write("BEGIN IMMEDIATE;\nSELECT 'holding';\n");
    await holder.says('holding');
    for (const text of ['one', 'from a newer one', 'two']) await alice.publish(topic, text);
    await broker.kill();
    await alice.mqtt.endAsync(true);
    holder.child.stdin.end('COMMIT;\n');
    await holder.ended;
    const layout = changeLayout(broker, 'from a newer one', 99);
    for (let i = 0; i < 2; i++)
      await assert.rejects(broker.start(), /cannot start: the spool has messages of a newer Roomwire/);
    changeLayout(broker, 'from a newer one', layout);
    await broker.start();
    await assertKept(broker, 'held', ['one', 'from a newer one', 'two']);
    await broker.close();
  });
});

describeBrokers('durability = strict', (kind) => {
  it('has the message in the database before the acknowledgement', async () => {
    const broker = await startBroker({ broker: kind, roomwire: { durability: 'strict' } });
    const alice = await connect(broker, { token: broker.token('alice') });
    for (let i = 1; i <= 10; i++) {
      assert.ok((await alice.publish('rooms/strict/messages', `m${i}`, { qos: 1 + (i % 2) })) < 0x80);
      assert.equal((await kept(broker, 'strict')).length, i);
    }
    await alice.end();
    await broker.close();
  });
});

describeBrokers('start', (kind) => {
  it('is refused with a clear line where something is missing or wrong', async () => {
    const broker = await startBroker({ broker: kind });
    await broker.stop();
    const fails = async (changes, why) => {
      const saved = { ...broker.roomwire };
      broker.writeRoomwireConf(changes);
      await assert.rejects(broker.start(), why);
      broker.roomwire = saved;
      broker.writeRoomwireConf();
    };
    await fails({ secret_file: 'nowhere.secret' }, /cannot start: .*nowhere\.secret/);
    await fails({ no_such_option: '1' }, /cannot start: .*roomwire\.conf:\d+: no_such_option: no such option/);
    await fails({ service_secret_file: 'short.secret' }, /cannot start: .*short\.secret/);
    await fails({ room_topic: 'rooms/+/+' }, /cannot start: /);
    await fails({ database: 'no/such/folder/roomwire.db' }, /cannot start: .*no\/such\/folder/);
    writeFileSync(join(broker.folder, 'not.db'), 'this is no database at all, not in the least'.repeat(30));
    await fails({ database: 'not.db' }, /cannot start: .*not\.db/);
    const lines = broker.mosquittoLines;
    broker.mosquittoLines = lines.filter((line) => !line.startsWith('plugin_opt_config'));
    broker.writeMosquittoConf();
    await assert.rejects(broker.start(), /cannot start: plugin_opt_config is missing/);
    broker.mosquittoLines = lines;
    broker.writeMosquittoConf();
    await broker.start();
    await broker.close();
  });

  it('of a second broker on the same database is refused', async () => {
    const broker = await startBroker({ broker: kind });
    const other = broker.program;
    await assert.rejects(broker.start(), /cannot start: .*in use by another broker/);
    broker.program = other;
    const alice = await connect(broker, { token: broker.token('alice') });
    assert.ok((await alice.publish('rooms/lobby/messages', 'not disturbed')) < 0x80);
    await alice.end();
    await broker.close();
  });
});
