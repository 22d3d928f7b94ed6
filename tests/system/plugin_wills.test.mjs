// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
// Last wills: to a room they are messages like any other, stamped, kept and counted once; elsewhere
// they are judged like publishes.
import assert from 'node:assert/strict';
import { it } from 'node:test';

import { FACE, IN, startBroker } from './lib/broker.mjs';
import { connect } from './lib/client.mjs';
import { describeBrokers, describeOneBroker } from './lib/each.mjs';
import { nowS, soonS } from './lib/token.mjs';
import { waitFor, within } from './lib/wait.mjs';

const willTo = (topic, payload, more = {}) => ({ topic, payload: Buffer.from(payload), qos: 1, retain: false, ...more });

// Without what other tests left retained, unless asked for (MQTT 5, retain handling).
async function reader(broker, filter = 'rooms/+/#', rh = 2) {
  const client = await connect(broker, { token: broker.token('reader') });
  await client.subscribe(filter, { qos: 1, rh });
  return client;
}

// Nothing but the expected messages came: what is published last comes last.
async function assertOnly(client, expected) {
  await client.publish('rooms/end/messages', 'end');
  const messages = await waitFor(() => client.messages.at(-1)?.text === 'end' && client.messages, 'the end');
  assert.deepEqual(messages.slice(0, -1).map((m) => [m.topic, m.text]), expected);
  return messages;
}

describeOneBroker('a will', {}, (get, kind) => {
  for (const version of [4, 5]) {
    for (const qos of [0, 1, 2]) {
      it(`to a room is stamped, kept and counted (MQTT ${version}, QoS ${qos})`, async () => {
        const broker = get();
        const room = `will-${version}-${qos}`;
        const topic = `rooms/${room}/messages`;
        const watcher = await reader(broker, [topic, 'rooms/end/messages']);
        await watcher.publish(topic, 'before');
        const alice = await connect(broker, { version, clientId: `w-${version}-${qos}`,
          token: broker.token('alice', { '*': 'rw' }, { name: 'Alice' }), will: willTo(topic, 'gone', { qos }) });
        await alice.drop();
        await waitFor(() => watcher.messages.length >= 2, 'the will');
        const [before, will] = await assertOnly(watcher, [[topic, 'before'], [topic, 'gone']]);
        assert.equal(will.stamp.prev, before.stamp.id);
        assert.equal(will.stamp.from, 'alice');
        assert.equal(will.stamp.name, 'Alice');
        const rows = await broker.stored(room, 2);
        assert.equal(rows.length, 2);
        assert.deepEqual([rows[1].id, rows[1].sender, rows[1].payload], [will.stamp.id, 'alice', 'gone']);
        const counted = await broker.traffic(`room = '${room}' AND subject = 'alice'`);
        assert.deepEqual(counted, [{ room, subject: 'alice', face: FACE.mqtt, direction: IN, messages: 1, blocks: 1, bytes: 4 }]);
        await watcher.end();
      });
    }
  }

  it('that is retained has its stamp for whoever comes later', async () => {
    const broker = get();
    const alice = await connect(broker, { token: broker.token('alice'),
      will: willTo('rooms/stay/messages', 'offline', { retain: true }) });
    await alice.drop();
    await broker.stored('stay');
    const late = await reader(broker, 'rooms/stay/messages', 0);
    const [message] = await late.receive(1);
    assert.equal(message.retain, true);
    assert.equal(message.stamp.from, 'alice');
    await late.end();
  });

  it('is not sent after a DISCONNECT', async () => {
    const broker = get();
    const watcher = await reader(broker);
    const alice = await connect(broker, { token: broker.token('alice'), will: willTo('rooms/calm/messages', 'no') });
    await alice.end();
    await assertOnly(watcher, []);
    await watcher.end();
  });

  it('without the right goes nowhere, and that is logged', async () => {
    const broker = get();
    const watcher = await reader(broker);
    for (const topic of ['rooms/ops/messages', 'rooms/ops/typing', 'rooms/.bad/messages', 'elsewhere']) {
      const since = broker.log.length;
      const eve = await connect(broker, { token: broker.token('eve', { lobby: 'rw' }), will: willTo(topic, 'no') });
      await eve.drop();
      await broker.says(new RegExp(`refused what=will subject=eve topic=${topic.replace('.', '\\.')}`), since);
    }
    await assertOnly(watcher, []);
    await watcher.end();
  });

  it('to a live topic passes as it is, and is counted', async () => {
    const broker = get();
    const watcher = await reader(broker);
    const alice = await connect(broker, { token: broker.token('livewill'), will: willTo('rooms/live/presence', 'x'.repeat(513)) });
    await alice.drop();
    const [message] = await watcher.receive(1);
    assert.equal(message.topic, 'rooms/live/presence');
    assert.equal(message.stamp, undefined);
    const rows = await waitFor(async () => {
      const all = await broker.traffic("subject = 'livewill'");
      return all.length > 0 && all;
    }, 'the count');
    assert.deepEqual(rows.map((r) => [r.room, r.direction, r.messages, r.blocks]), [['live', IN, 1, 2]]);
    await watcher.end();
  });

  for (const version of [4, 5]) {
    it(`of a client that is taken over is sent once (MQTT ${version})`, async () => {
      const broker = get();
      const room = `over-${version}`;
      const topic = `rooms/${room}/messages`;
      const watcher = await reader(broker);
      const options = { version, clientId: `taken-${version}`, token: broker.token('alice'), will: willTo(topic, 'taken over') };
      const first = await connect(broker, options);
      const second = await connect(broker, { ...options, will: undefined });
      await within(first.closed, 'the first to be closed');
      await second.publish(topic, 'mine now');
      await waitFor(() => watcher.messages.length >= 2, 'both');
      await second.publish(topic, 'third');
      await waitFor(() => watcher.messages.length >= 3, 'all three');
      const messages = await assertOnly(watcher, [[topic, 'taken over'], [topic, 'mine now'], [topic, 'third']]
        .sort((a, b) => order(watcher, a) - order(watcher, b)));
      const mine = messages.slice(0, 3);
      assert.deepEqual(mine.map((m) => m.stamp !== undefined), [true, true, true]);
      assert.equal(mine[2].stamp.prev, mine[1].stamp.id);
      assert.equal((await broker.stored(room, 3)).length, 3);
      for (const client of [first, second, watcher]) await client.end();
    });
  }

  it('with a delay is sent when that is over, and not if the client is back in time', async () => {
    const broker = get();
    const watcher = await reader(broker);
    const options = { token: broker.token('slow'), clean: false, properties: { sessionExpiryInterval: 60 } };
    const will = (room) => willTo(`rooms/${room}/messages`, 'late', { properties: { willDelayInterval: 1 } });
    const back = await connect(broker, { ...options, clientId: 'back', will: will('back') });
    await back.drop();
    const again = await connect(broker, { ...options, clientId: 'back' });
    const away = await connect(broker, { ...options, clientId: 'away', will: will('away') });
    await away.drop();
    await waitFor(() => watcher.messages.length >= 1, 'the delayed will');
    assert.equal(watcher.messages[0].stamp.from, 'slow');
    await assertOnly(watcher, [['rooms/away/messages', 'late']]);
    await again.end();
    await watcher.end();
  });

  it('is sent when the token expires, by the rights that it had', async () => {
    const broker = await startBroker({ broker: kind, roomwire: { leeway_s: 0 } });
    const watcher = await reader(broker);
    const exp = soonS();
    const token = broker.token('alice', { lobby: 'rw' }, { exp });
    const alice = await connect(broker, { token, will: willTo('rooms/lobby/messages', 'expired') });
    await within(alice.closed, 'the end of the token');
    assert.ok(nowS() >= exp, 'not before its time');
    const [will] = await watcher.receive(1);
    assert.deepEqual([will.text, will.stamp.from], ['expired', 'alice']);
    await watcher.end();
    await alice.end();
    await broker.close();
  });

  if (kind.is21) {
    it('keeps its content type, properties and key, and may not forge a stamp', async () => {
      const broker = get();
      const watcher = await reader(broker);
      const properties = { contentType: 'text/x', userProperties: { mine: 'stays', key: 'w1' } };
      for (let i = 0; i < 2; i++) {
        const alice = await connect(broker, { token: broker.token('alice'), will: willTo('rooms/typed/messages', 'typed', { properties }) });
        await alice.drop();
        await broker.stored('typed');
      }
      const since = broker.log.length;
      for (const topic of ['rooms/typed/messages', 'rooms/typed/status']) {
        const eve = await connect(broker, { token: broker.token('eve'),
          will: willTo(topic, 'forged', { properties: { userProperties: { 'rw-id': '1' } } }) });
        await eve.drop();
        await broker.says(new RegExp(`refused what=will subject=eve .*${topic}`), since);
      }
      const [message] = await assertOnly(watcher, [['rooms/typed/messages', 'typed']]);
      assert.equal(message.type, 'text/x');
      assert.equal(message.pairs.mine, 'stays');
      assert.equal((await broker.messages('typed'))[0].type, 'text/x');
      await watcher.end();
    });
  }
});

const order = (watcher, [topic, text]) => watcher.messages.findIndex((m) => m.topic === topic && m.text === text);

describeBrokers('the broker stops', (kind) => {
  it('and the wills of those who are still there are kept, once', async () => {
    const broker = await startBroker({ broker: kind, persistence: true });
    const watcher = await connect(broker, { token: broker.token('watcher'), clientId: 'watcher', clean: false,
      properties: { sessionExpiryInterval: 3600 } });
    await watcher.subscribe('rooms/+/messages', { qos: 1 });
    const clients = [];
    for (const [i, version] of [4, 5, 4, 5].entries())
      clients.push(await connect(broker, { version, token: broker.token(`c${i}`), clientId: `c${i}`,
        will: willTo('rooms/stop/messages', `will ${i}`, { retain: i === 3 }) }));
    await clients[0].publish('rooms/stop/messages', 'before');
    await broker.restart();
    const rows = await broker.messages('stop');
    assert.deepEqual(rows.map((r) => r.payload).sort(), ['before', 'will 0', 'will 1', 'will 2', 'will 3']);
    for (const [i, row] of rows.entries()) assert.equal(row.prev, i === 0 ? 0 : rows[i - 1].id);
    // No bare copy is left over: neither queued nor retained.
    const late = await connect(broker, { token: broker.token('late') });
    await late.subscribe('rooms/+/messages', { qos: 1 });
    const again = await connect(broker, { token: broker.token('watcher'), clientId: 'watcher', clean: false,
      properties: { sessionExpiryInterval: 3600 } });
    await again.publish('rooms/stop/messages', 'after');
    await waitFor(() => again.messages.some((m) => m.text === 'after') && late.messages.length > 0, 'after');
    for (const message of [...again.messages, ...late.messages]) assert.ok(message.stamp, message.text);
    for (const client of [...clients, watcher, late, again]) await client.mqtt.endAsync(true);
    await broker.close();
  });

  // The broker of 2.0 hears of a signal when the next packet wakes it.
  it('and a publish of its last turn is what it is, and its key holds', async (t) => {
    const broker = await startBroker({ broker: kind, persistence: true });
    t.after(() => broker.close());
    const options = { qos: 1, properties: { contentType: 'text/x', userProperties: { key: 'last' } } };
    for (let round = 0; round < 6; round++) {
      const room = `last${round}`;
      const alice = await connect(broker, { token: broker.token('alice') });
      process.kill(broker.pid, 'SIGTERM');
      await new Promise((resolve) => setTimeout(resolve, 8 * round));
      const code = await Promise.race([alice.publish(`rooms/${room}/messages`, 'at the end', options).catch(() => 'none'),
        alice.closed.then(() => 'none')]);
      if (!kind.is21) assert.ok(code === 'none' || code === 0, `${code}`);
      await alice.mqtt.endAsync(true);
      await broker.program.ended;
      await broker.start();
      const again = await connect(broker, { token: broker.token('alice') });
      assert.equal(await again.publish(`rooms/${room}/messages`, 'at the end', options), 0);
      await again.end();
      const rows = await broker.stored(room);
      assert.deepEqual(rows.map(({ payload, type }) => [payload, type]), [['at the end', 'text/x']]);
    }
  });
});
