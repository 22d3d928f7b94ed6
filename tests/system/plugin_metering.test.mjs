// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
// The count is exact: what was published and what was delivered, in 512-byte blocks, for each
// subject, room and face, whatever dies when.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { it } from 'node:test';

import { FACE, IN, OUT, startBroker } from './lib/broker.mjs';
import { connect } from './lib/client.mjs';
import { describeBrokers, describeOneBroker } from './lib/each.mjs';
import * as bytes from './lib/mqtt_bytes.mjs';
import { introduce } from './lib/token.mjs';
import { waitFor, within } from './lib/wait.mjs';

const blocks = (bytes) => Math.max(1, Math.ceil(bytes / 512));

// The traffic in a room or of a subject once it is as expected, or as it is after all that time.
async function traffic(broker, where, expected) {
  const want = JSON.stringify(expected);
  let rows;
  await waitFor(async () => JSON.stringify((rows = await broker.traffic(where))) === want, 'the counts').catch(() => {});
  assert.deepEqual(rows, expected);
}

const row = (room, subject, direction, messages, blocksCounted, bytes, face = FACE.mqtt) =>
  ({ room, subject, face, direction, messages, blocks: blocksCounted, bytes });

async function reader(broker, subject, filters, options = {}) {
  const client = await connect(broker, { token: broker.token(subject), ...options });
  await client.subscribe(filters, { qos: 2 });
  return client;
}

describeOneBroker('metering', {}, (get) => {
  it('900 bytes to three subscribers are 2 blocks in and 6 out', async () => {
    const broker = get();
    const topic = 'rooms/nine/messages';
    const readers = [];
    for (const [i, version] of [3, 4, 5].entries()) readers.push(await reader(broker, `r${i}`, topic, { version, clientId: `nine${i}` }));
    const alice = await connect(broker, { token: broker.token('alice') });
    await alice.publish(topic, 'x'.repeat(900));
    for (const client of readers) await client.receive(1);
    await traffic(broker, "room = 'nine'", [row('nine', 'alice', IN, 1, 2, 900),
      ...[0, 1, 2].map((i) => row('nine', `r${i}`, OUT, 1, 2, 900))]);
    for (const client of [...readers, alice]) await client.end();
  });

  for (const qos of [0, 1, 2]) {
    it(`block borders are where they should be (QoS ${qos})`, async () => {
      const broker = get();
      const room = `borders${qos}`;
      const sizes = [0, 1, 512, 513, 1024, 1025];
      const bob = await reader(broker, 'bob', `rooms/${room}/messages`);
      for (const size of sizes) await bob.publish(`rooms/${room}/messages`, Buffer.alloc(size), { qos });
      await bob.receive(sizes.length);
      await traffic(broker, `room = '${room}'`,
        [row(room, 'bob', IN, 6, 10, 3075), row(room, 'bob', OUT, 6, 10, 3075)]);
      await bob.end();
    });
  }

  it('live topics, topics outside the rooms, retained and shared ones are counted', async () => {
    const broker = get();
    const topics = { 'rooms/mix/typing': 'mix', 'rooms/mix/messages': 'mix', 'devices/d1': '' };
    const carol = await connect(broker, { token: broker.token('carol', null, { acl: { all: ['rooms/mix/#', 'devices/#', '$share/g/rooms/mix/#'] } }) });
    for (const topic of Object.keys(topics)) await carol.publish(topic, 'abc', { qos: 1, retain: true });
    const dave = await connect(broker, { token: broker.token('dave', null, { acl: { all: ['rooms/mix/#', 'devices/#'] } }) });
    await dave.subscribe(['rooms/mix/#', 'devices/d1'], { qos: 1 });
    await dave.receive(3);
    await traffic(broker, "subject IN ('carol', 'dave')", [
      row('', 'carol', IN, 1, 1, 3), row('', 'dave', OUT, 1, 1, 3),
      row('mix', 'carol', IN, 2, 2, 6), row('mix', 'dave', OUT, 2, 2, 6)]);
    const workers = [];
    for (let i = 0; i < 2; i++) workers.push(await reader(broker, `worker`, '$share/g/rooms/jobs/messages'));
    for (let i = 0; i < 4; i++) await workers[0].publish('rooms/jobs/messages', 'job');
    await waitFor(() => workers[0].messages.length + workers[1].messages.length === 4, 'four jobs');
    await traffic(broker, "subject = 'worker'", [row('jobs', 'worker', IN, 4, 4, 12), row('jobs', 'worker', OUT, 4, 4, 12)]);
    for (const client of [carol, dave, ...workers]) await client.end();
  });

  for (const version of [4, 5]) {
    it(`overlapping subscriptions cost what was delivered (MQTT ${version})`, async () => {
      const broker = get();
      const subject = `overlap${version}`;
      const filters = ['rooms/overlap/messages', 'rooms/overlap/#', 'rooms/+/messages'];
      const client = await reader(broker, subject, filters, { version });
      const sender = await connect(broker, { token: broker.token('sender') });
      for (let i = 0; i < 5; i++) await sender.publish('rooms/overlap/messages', `m${i}`, { qos: i % 3 });
      await client.publish('rooms/overlap/typing', 'end');
      await waitFor(() => client.messages.some((m) => m.text === 'end'), 'the end');
      // Others' retained messages came along.
      const here = client.messages.filter((m) => m.topic.startsWith('rooms/overlap/'));
      const bytes = here.reduce((sum, m) => sum + m.payload.length, 0);
      const n = here.length;
      await traffic(broker, `subject = '${subject}' AND room = 'overlap' AND direction = 1`, [row('overlap', subject, OUT, n, n, bytes)]);
      await client.end();
      await sender.end();
    });
  }

  it('what was refused or repeated costs nothing', async () => {
    const broker = get();
    const eve = await connect(broker, { token: broker.token('eve', { free: 'rw' }) });
    await eve.subscribe('rooms/free/messages', { qos: 1 });
    await eve.publish('rooms/ops/messages', 'no right');
    await eve.publish('rooms/free/messages', Buffer.alloc(131073));
    await eve.publish('rooms/free/messages', 'forged', { qos: 1, properties: { userProperties: { 'rw-id': '1' } } });
    for (let i = 0; i < 3; i++) await eve.publish('rooms/free/messages', 'once', { qos: 1, properties: { userProperties: { key: 'k' } } });
    await eve.receive(1);
    await traffic(broker, "subject = 'eve'", [row('free', 'eve', IN, 1, 1, 4), row('free', 'eve', OUT, 1, 1, 4)]);
    await eve.end();
  });

  it('a client that the relay introduced is counted as one of the web', async () => {
    const broker = get();
    const username = introduce(broker.serviceSecret, { address: '9.8.7.6:1', clientId: 'web1' });
    const web = await reader(broker, 'web', 'rooms/web/messages', { clientId: 'web1', username });
    await web.publish('rooms/web/messages', 'hello');
    await web.receive(1);
    await traffic(broker, "subject = 'web'",
      [row('web', 'web', IN, 1, 1, 5, FACE.ws), row('web', 'web', OUT, 1, 1, 5, FACE.ws)]);
    await web.end();
  });

  it('many of everything adds up to what the clients saw', async () => {
    const broker = get();
    const clients = [];
    for (let i = 0; i < 8; i++)
      clients.push(await reader(broker, `many${i}`, i % 2 ? ['rooms/m1/messages', 'rooms/m2/messages'] : ['rooms/m2/#'], { version: 4 + (i % 2) }));
    const sent = clients.map(() => ({ messages: 0, blocks: 0, bytes: 0 }));
    const work = clients.map(async (client, i) => {
      for (let n = 0; n < 60; n++) {
        const size = (n * 37 + i * 101) % 1400;
        await client.publish(`rooms/m${1 + (n % 2)}/messages`, Buffer.alloc(size, 'm'), { qos: n % 3 });
        sent[i].messages++;
        sent[i].blocks += blocks(size);
        sent[i].bytes += size;
      }
    });
    await Promise.all(work);
    for (const [i, client] of clients.entries()) await client.receive(i % 2 ? 480 : 240);
    const sum = (list) => list.reduce((t, m) => ({ messages: t.messages + 1, blocks: t.blocks + blocks(m.payload.length),
      bytes: t.bytes + m.payload.length }), { messages: 0, blocks: 0, bytes: 0 });
    let rows;
    await waitFor(async () => {
      rows = await broker.sql("SELECT subject, direction, SUM(messages) AS messages, SUM(blocks) AS blocks, SUM(bytes) AS bytes " +
        "FROM traffic WHERE subject LIKE 'many%' GROUP BY 1, 2 ORDER BY 1, 2");
      return rows.reduce((n, r) => n + r.messages, 0) >= 8 * 60 + 4 * 480 + 4 * 240;
    }, 'all counts');
    assert.deepEqual(rows, clients.flatMap((client, i) => [
      { subject: `many${i}`, direction: IN, ...sent[i] }, { subject: `many${i}`, direction: OUT, ...sum(client.messages) }]));
    for (const client of clients) await client.end();
  });
});

// A client whose session stays, and which acknowledges nothing of what it is sent, so that all of it
// comes again. With MQTT 5 it takes two at a time.
class Debtor {
  constructor(broker, subject, level) {
    Object.assign(this, { broker, subject, level, sentBefore: 0 });
  }

  // Once the broker has accepted the connection, but not yet heard of a client.
  async open() {
    const since = this.broker.log.length;
    this.sentBefore = this.sent;
    this.socket?.removeAllListeners('data'); // the last one is told that it was taken over
    this.heard = '';
    const socket = createConnection(this.broker.port, '127.0.0.1');
    this.socket = socket.on('data', (data) => (this.heard += data.toString('latin1')));
    await this.broker.says('New connection from', since);
  }

  // How many messages it was sent, on all its connections.
  get sent() {
    return this.sentBefore + (this.heard ?? '').split('payload;').length - 1;
  }

  write(packet) {
    return within(new Promise((resolve) => this.socket.write(packet, resolve)), 'the write');
  }

  sendConnect() {
    return this.write(bytes.connect({ level: this.level, clientId: this.subject, clean: false,
      properties: [0x11, 0, 0, 14, 16, 0x21, 0, 2], username: 'user', password: this.broker.token(this.subject) }));
  }

  // Waits for so many messages behind the CONNACK of this connection.
  async takes(count) {
    await waitFor(() => this.sent - this.sentBefore >= count, `${count} messages`);
    assert.equal(this.heard.charCodeAt(2), 1, 'the session was there');
  }

  async resume(count) {
    await this.open();
    await this.sendConnect();
    await this.takes(count);
  }

  async end() {
    await this.write(bytes.disconnect);
    await within(once(this.socket, 'close'), 'the end');
  }
}

describeOneBroker('metering and sessions', {}, (get, kind) => {
  for (const level of [4, 5]) {
    it(`a queue is counted once, however often its client comes back (MQTT ${level})`, async () => {
      const broker = get();
      const subject = `debtor${level}`;
      const topic = `rooms/${subject}/messages`;
      const sender = await connect(broker, { token: broker.token(`sender${level}`) });
      const debtor = new Debtor(broker, subject, level);
      let accepted = 0, marks = 0;
      const publish = async (count) => {
        for (let i = 0; i < count; i++) await sender.publish(topic, 'payload;');
        accepted += count;
      };
      const atOnce = (more = 0) => (level === 5 ? 2 : accepted) + more;
      // Counts are stored together: with the mark comes all that was counted before.
      const assertCounted = async (what) => {
        await sender.publish('rooms/mark/typing', 'mark');
        marks++;
        await waitFor(async () => (await broker.traffic(`room = 'mark' AND subject = 'sender${level}'`))[0]?.messages === marks, 'the mark');
        const [counted] = await broker.traffic(`subject = '${subject}' AND direction = ${OUT}`);
        // 2.1 counts what is sent, also what is sent again.
        assert.equal(counted.messages, kind.is21 ? debtor.sent : accepted, what);
      };

      await debtor.open();
      await debtor.sendConnect();
      await debtor.write(bytes.subscribe(topic, { level, qos: 1 }));
      await waitFor(() => debtor.heard.includes('\x90'), 'SUBACK');
      // One that it never releases: some brokers ask about that, too, when it comes back.
      await debtor.write(bytes.publish(`rooms/${subject}/other`, 'unreleased', { level, qos: 2, id: 7 }));
      await waitFor(() => debtor.heard.includes('\x50'), 'PUBREC');
      await publish(5);
      await waitFor(() => debtor.sent >= atOnce(), 'the first ones');
      await assertCounted('accepted while it was there');
      for (let i = 0; i < 3; i++) {
        await debtor.end();
        await debtor.resume(atOnce());
      }
      await assertCounted('it came back');
      await debtor.resume(atOnce());
      await debtor.resume(atOnce());
      await assertCounted('it was taken over');

      await debtor.end();
      await publish(4);
      await sender.publish(topic, 'payload; that is not queued', { qos: 0 });
      const dying = await connect(broker, { token: broker.token('dying'), will: { topic, payload: 'payload;', qos: 1 } });
      await dying.drop();
      accepted++;
      await waitFor(async () => (await broker.messages(subject)).at(-1)?.sender === 'dying', 'the will');
      await debtor.resume(atOnce());
      await assertCounted('it was away, and some was queued');
      await debtor.resume(atOnce());
      await assertCounted('it came back to that, too');

      // It comes back and another one publishes, in one turn of the broker's loop.
      await debtor.open();
      process.kill(broker.pid, 'SIGSTOP');
      await debtor.sendConnect();
      await sender.publish(topic, 'payload; right behind', { qos: 0 });
      process.kill(broker.pid, 'SIGCONT');
      await debtor.takes(atOnce(1));
      accepted++;
      await assertCounted('something was published as it came back');
      await debtor.end();
      await sender.end();
    });
  }
});

describeBrokers('metering and kill -9', (kind) => {
  it('loses nothing that was delivered, and counts nothing twice', async () => {
    const broker = await startBroker({ broker: kind });
    let expected = 0;
    for (let round = 0; round < 5; round++) {
      const client = await reader(broker, 'alice', 'rooms/+/#');
      const count = 20 + round * 30;
      for (let i = 0; i < count; i++) await client.publish(`rooms/r/${i % 2 ? 'messages' : 'typing'}`, 'x'.repeat(600));
      await client.receive(count);
      expected += count;
      await (round === 3 ? broker.stop() : broker.kill());
      await client.mqtt.endAsync(true);
      await broker.start();
      await traffic(broker, "subject = 'alice'",
        [row('r', 'alice', IN, expected, 2 * expected, 600 * expected), row('r', 'alice', OUT, expected, 2 * expected, 600 * expected)]);
    }
    await broker.close();
  });
});
