// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
// The gateway's service connection, spoken to as docs/protocol.md has it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { it } from 'node:test';

import { FACE, IN, OUT, sanitizers, startBroker } from './lib/broker.mjs';
import { connect } from './lib/client.mjs';
import { describeBrokers, describeOneBroker } from './lib/each.mjs';
import { waitFor, within } from './lib/wait.mjs';

let number = 0;
const service = (broker) => connect(broker, { token: broker.serviceSecret, username: 'roomwire-gateway',
  clientId: `roomwire-${(++number).toString(16).padStart(16, '0')}`, socket: broker.socket });

const post = (client, topic, text, pairs, properties = {}) =>
  client.publish(topic, text, { qos: 1, properties: { ...properties, userProperties: pairs } });

const answers = (client) => client.messages.filter((m) => m.topic === '$roomwire/answer').map((m) => JSON.parse(m.text));
const responses = (client) => client.messages.filter((m) => m.topic === '$CONTROL/roomwire/v1/response').map((m) => JSON.parse(m.text));

// The response to one command: its error, else its data.
let asked = 0;
async function ask(client, command, members) {
  const correlationData = `ask-${++asked}`;
  await client.publish('$CONTROL/roomwire/v1', JSON.stringify({ commands: [{ command, correlationData, ...members }] }));
  const { data, error } = await waitFor(() => responses(client).flatMap((r) => r.responses)
    .find((r) => r.correlationData === correlationData), `the response to ${command}`);
  return error ?? data;
}

async function answer(client, ref) {
  return waitFor(() => answers(client).find((a) => a.ref === ref), `the answer to ${ref} in ${JSON.stringify(answers(client))}`);
}

describeOneBroker('the service connection', {}, (get) => {
  it('publishes for somebody, and is told the stamp', async () => {
    const broker = get();
    const gateway = await service(broker);
    const reader = await connect(broker, { token: broker.token('reader') });
    await reader.subscribe('rooms/lobby/messages', { qos: 1 });
    const code = await post(gateway, 'rooms/lobby/messages', 'hello',
      { 'rw-as': 'alice', 'rw-as-name': 'Alice Ä', 'rw-face': 'html', 'rw-ref': '17' }, { contentType: 'text/plain' });
    assert.equal(code, 0);
    const [message] = await reader.receive(1);
    const told = await answer(gateway, 17);
    assert.deepEqual(told, { ref: 17, epoch: message.stamp.epoch, id: message.stamp.id, prev: 0, date_ms: message.stamp.ts, duplicate: false });
    assert.equal(message.stamp.from, 'alice');
    assert.equal(message.stamp.name, 'Alice Ä');
    const [row] = await broker.stored('lobby');
    assert.deepEqual([row.id, row.sender, row.name, row.type, row.payload], [told.id, 'alice', 'Alice Ä', 'text/plain', 'hello']);
    assert.deepEqual(await broker.traffic("subject = 'alice'"),
      [{ room: 'lobby', subject: 'alice', face: FACE.html, direction: IN, messages: 1, blocks: 1, bytes: 5 }]);
    await gateway.end();
    await reader.end();
  });

  it('is told the first id of a repeated key', async () => {
    const broker = get();
    const gateway = await service(broker);
    const pairs = { 'rw-as': 'bob', 'rw-face': 'http', key: 'k1' };
    await post(gateway, 'rooms/keys/messages', 'first', { ...pairs, 'rw-ref': '1' });
    await post(gateway, 'rooms/keys/messages', 'again', { ...pairs, 'rw-ref': '2' });
    const first = await answer(gateway, 1);
    assert.deepEqual(await answer(gateway, 2), { ref: 2, epoch: first.epoch, id: first.id, prev: 0, date_ms: 0, duplicate: true });
    // The same key from the person's own MQTT client is the same key.
    const bob = await connect(broker, { token: broker.token('bob') });
    await post(bob, 'rooms/keys/messages', 'by MQTT', { key: 'k1' });
    await post(gateway, 'rooms/keys/messages', 'end', { 'rw-as': 'bob', 'rw-face': 'http', 'rw-ref': '3' });
    assert.equal((await answer(gateway, 3)).prev, first.id);
    await bob.end();
    await gateway.end();
  });

  it('says behind a payload where it came from, which the message has no part of', async () => {
    const broker = get();
    const gateway = await service(broker);
    const reader = await connect(broker, { token: broker.token('reader') });
    await reader.subscribe('rooms/origin/messages', { qos: 1 });
    const origin = '{"source_ip":"::1"}';
    const say = (payload) => post(gateway, 'rooms/origin/messages', payload + origin,
      { 'rw-as': 'eve', 'rw-face': 'http', 'rw-origin': `${origin.length}` });
    await reader.publish('rooms/origin/messages', 'no webhook asks where this one comes from', { qos: 1 });
    await reader.receive(1);
    reader.messages.length = 0;
    await say('x'.repeat(512));
    await say('');
    assert.deepEqual((await reader.receive(2)).map(({ text }) => text), ['x'.repeat(512), '']);
    const rows = await waitFor(async () => {
      const all = await broker.sql('SELECT id, origin FROM origins ORDER BY id');
      return all.length === 2 && all;
    }, 'the origins');
    assert.deepEqual(rows, reader.messages.map(({ stamp }) => ({ id: stamp.id, origin })));
    assert.deepEqual((await broker.messages('origin')).slice(1).map(({ payload }) => payload), ['x'.repeat(512), '']);
    assert.deepEqual(await broker.traffic("subject = 'eve'"),
      [{ room: 'origin', subject: 'eve', face: FACE.http, direction: IN, messages: 2, blocks: 2, bytes: 512 }]);
    await gateway.end();
    await reader.end();
  });

  it('is told why a post is refused', async () => {
    const broker = get();
    const gateway = await service(broker);
    const good = { 'rw-as': 'alice', 'rw-face': 'http' };
    const cases = [
      [{ ...good, 'rw-as': '' }, 'x', 'invalid'],
      [{ 'rw-face': 'http' }, 'x', 'invalid'],
      [{ ...good, 'rw-as': 'a'.repeat(129) }, 'x', 'invalid'],
      [{ ...good, 'rw-face': 'fax' }, 'x', 'invalid'],
      [{ ...good, 'rw-as-name': 'n'.repeat(129) }, 'x', 'invalid'],
      [{ ...good, 'rw-origin': '6' }, 'short', 'invalid'],
      [{ ...good, 'rw-origin': '2049' }, 'x'.repeat(3000), 'invalid'],
      [{ ...good, 'rw-origin': '{}' }, '{}', 'invalid'],
      [{ ...good, key: 'k'.repeat(129) }, 'x', 'too_large'],
      [good, Buffer.alloc(131073), 'too_large'],
    ];
    for (const [i, [pairs, payload, error]] of cases.entries()) {
      const ref = 100 + i;
      assert.ok((await post(gateway, 'rooms/lobby/messages', payload, { ...pairs, 'rw-ref': `${ref}` })) >= 0x80);
      const told = await answer(gateway, ref);
      assert.equal(told.error, error);
      assert.ok(told.detail.length > 0);
    }
    await post(gateway, 'rooms/.bad/messages', 'x', { ...good, 'rw-ref': '200' });
    assert.equal((await answer(gateway, 200)).error, 'invalid');
    await gateway.end();
  });

  it('publishes to topics that are not kept, counted for whom it names', async () => {
    const broker = get();
    const gateway = await service(broker);
    const reader = await connect(broker, { token: broker.token('reader') });
    await reader.subscribe('rooms/lobby/typing', { qos: 1 });
    assert.equal(await post(gateway, 'rooms/lobby/typing', '…', { 'rw-as': 'carol', 'rw-face': 'http', 'rw-ref': '1' }), 0);
    assert.equal((await reader.receive(1))[0].stamp, undefined);
    const rows = await waitFor(async () => {
      const all = await broker.traffic("subject = 'carol'");
      return all.length && all;
    }, 'the count');
    assert.deepEqual(rows.map((r) => [r.room, r.face, r.direction, r.messages, r.bytes]), [['lobby', FACE.http, IN, 1, 3]]);
    for (const topic of ['$CONTROL/dynamic-security/v1', '$roomwire/answer', '$SYS/x'])
      assert.equal(await post(gateway, topic, 'x', { 'rw-as': 'carol', 'rw-face': 'http' }), 0x87);
    await gateway.end();
    await reader.end();
  });

  it('lists who is connected, in order and page by page', async () => {
    const broker = get();
    const gateway = await service(broker);
    const list = (members) => ask(gateway, 'listConnections', members);
    const join = (clientId, options = {}) => connect(broker, { clientId, token: broker.token(`of ${clientId}`), ...options });
    const stays = { clean: false, properties: { sessionExpiryInterval: 3600 } };

    const listener = await connect(broker, { clientId: 'listener', token: broker.token('operator', {}, { connections: 'r' }) });
    await listener.subscribe('$aws/events/presence/connected/#');
    const clients = [await join('away', stays), await join('taken over'), await join('with + in it')];
    for (const id of ['one', 'two', 'three']) clients.push(await join(id));
    clients.push(await join('taken over'));
    await clients[0].end();
    await within(clients[1].closed, 'the takeover');
    const told = await waitFor(() => listener.messages.length === 6 && listener.messages.map((m) => JSON.parse(m.text)), 'six events');

    // Clients of other tests may still be there: they came before.
    const all = await waitFor(async () => {
      const { connections, more } = await list({ after: 0, limit: 200 });
      assert.equal(more, false);
      return !connections.some((c) => c.clientId === 'away') && connections;
    }, 'the end of one');
    const start = all.find((c) => c.clientId === 'listener').versionNumber;
    const listed = all.filter((c) => c.versionNumber > start);
    assert.deepEqual(listed.map((c) => c.clientId), ['one', 'two', 'three', 'taken over']);
    for (const one of listed) {
      const event = told.findLast((e) => e.clientId === one.clientId);
      assert.deepEqual(one, { ...event, timestamp: one.timestamp });
      assert.ok(Math.abs(one.timestamp - event.timestamp) < 10000);
    }
    assert.deepEqual(await list({ after: start, limit: 3 }), { connections: listed.slice(0, 3), more: true });
    assert.deepEqual(await list({ after: listed[2].versionNumber, limit: 3 }), { connections: listed.slice(3), more: false });
    assert.deepEqual(await list({ after: start, limit: 4 }), { connections: listed, more: false });
    assert.deepEqual(await list({ after: listed[3].versionNumber, limit: 1 }), { connections: [], more: false });
    for (const wrong of [{}, { after: 0 }, { limit: 1 }, { after: -1, limit: 1 }, { after: '0', limit: 1 },
      { after: 0, limit: 0 }, { after: 0, limit: 201 }, { after: 0, limit: 1.5 }])
      assert.equal(await list(wrong), 'invalid', JSON.stringify(wrong));
    // Events have QoS 0: what is to keep its place among them has, too.
    assert.deepEqual([...new Set(gateway.messages.map((m) => m.qos))], [0]);
    for (const client of [...clients.slice(2), listener, gateway]) await client.end();
  });

  it('disconnects a client id, or only one connection of it', async () => {
    const broker = get();
    const gateway = await service(broker);
    const listener = await connect(broker, { token: broker.token('operator', {}, { connections: 'r' }) });
    await listener.subscribe('$aws/events/presence/connected/lamp');
    const join = () => connect(broker, { clientId: 'lamp', token: broker.token('lamp') });
    const sessions = () => listener.messages.map((m) => JSON.parse(m.text).sessionIdentifier);
    const remove = (session) => ask(gateway, 'deleteConnection', { clientId: 'lamp', session });
    const first = await join();
    const second = await join();
    await within(first.closed, 'the takeover');
    await listener.receive(2);
    for (const session of [sessions()[0], sessions()[1].slice(0, -1), `${sessions()[1]}0`, '']) assert.equal(await remove(session), 'not_found');
    assert.equal(await remove(7), 'invalid');
    assert.equal(await remove(sessions()[1]), undefined);
    assert.equal(await remove(sessions()[1]), 'not_found'); // as good as gone
    await within(second.closed, 'the end of the second connection');
    const third = await join();
    await listener.receive(3);
    assert.equal(await remove(undefined), undefined);
    await within(third.closed, 'the end of the third connection');
    for (const client of [listener, gateway]) await client.end();
  });

  it('has its traffic stored once for each number, and nobody pays for what it reads', async () => {
    const broker = get();
    const gateway = await service(broker);
    await gateway.subscribe('rooms/+/messages', { qos: 1 });
    const hour = Math.floor(Date.now() / 3600000);
    const count = { hour, room: 'paid', subject: 'dave', face: 'html', direction: 'out', messages: 3, blocks: 4, bytes: 1200 };
    const batch = (n, counts, more = {}) => gateway.publish('$CONTROL/roomwire/v1', JSON.stringify({ commands: [
      { command: 'storeTraffic', correlationData: `${n}`, source: 'feedfacefeedface', batch: n, counts, ...more }] }));
    await batch(1, [count]);
    await batch(1, [count]);
    await batch(2, [count, { ...count, face: 'poll', direction: 'in' }]);
    await batch(1, [count]);
    const told = await waitFor(() => responses(gateway).length >= 4 && responses(gateway), 'four responses');
    assert.deepEqual(told[0], { responses: [{ command: 'storeTraffic', correlationData: '1' }] });
    const rows = await waitFor(async () => {
      const all = await broker.traffic("subject = 'dave'");
      return all.some((r) => r.messages === 6) && all;
    }, 'the counts');
    assert.deepEqual(rows, [
      { room: 'paid', subject: 'dave', face: FACE.html, direction: OUT, messages: 6, blocks: 8, bytes: 2400 },
      { room: 'paid', subject: 'dave', face: FACE.poll, direction: IN, messages: 3, blocks: 4, bytes: 1200 }]);
    // What is wrong is answered, and stores nothing.
    for (const [counts, more] of [[[{ ...count, face: 'fax' }]], [[{ ...count, messages: -1 }]], [[{ ...count, hour: 'x' }]],
      [{}], [[count], { command: 'dropTables' }], [[count], { batch: 0 }], [[count], { source: 'x'.repeat(40) }]])
      await batch(3, counts, more);
    const wrong = await waitFor(() => responses(gateway).length >= 11 && responses(gateway).slice(4), 'the errors');
    for (const { responses: [one] } of wrong) assert.ok(one.error, JSON.stringify(one));
    await gateway.publish('$CONTROL/roomwire/v1', 'not JSON');
    assert.equal(await post(gateway, 'rooms/paid/messages', 'x', { 'rw-as': 'dave', 'rw-face': 'http', 'rw-ref': '5' }), 0);
    await answer(gateway, 5);
    await gateway.end();
    await waitFor(async () => (await broker.traffic("subject = 'dave' AND face = 2")).length === 1, 'the post');
    assert.deepEqual(await broker.traffic("room = 'paid' AND direction = 1 AND subject <> 'dave'"), []);
    assert.equal((await broker.traffic("subject = 'dave' AND face = 3"))[0].messages, 6);
  });
});

describeBrokers('posts with an origin', (kind) => {
  it('leave nothing in the memory of the broker that refuses them', { skip: sanitizers ? 'freed memory is kept for a while' : false }, async () => {
    const broker = await startBroker({ broker: kind, roomwire: { max_rooms: 1 } });
    const gateway = await service(broker);
    const origin = '{"source_ip":"::1"}';
    const say = (room) => post(gateway, `rooms/${room}/messages`, 'x'.repeat(100000) + origin,
      { 'rw-as': 'eve', 'rw-face': 'http', 'rw-origin': `${origin.length}` });
    const memoryKb = () => Number(readFileSync(`/proc/${broker.pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/)[1]);
    assert.equal(await say('one'), 0);
    for (let i = 0; i < 20; i++) assert.ok((await say('another')) >= 0x80);
    const before = memoryKb();
    for (let i = 0; i < 200; i++) await say('another');
    assert.ok(memoryKb() - before < 10000, `${memoryKb() - before} kB more after 20,000 kB of posts`);
    await gateway.end();
    await broker.close();
  });
});

describeBrokers('traffic that was answered', (kind) => {
  it('survives kill -9, once', async () => {
    const broker = await startBroker({ broker: kind });
    const hour = Math.floor(Date.now() / 3600000);
    let expected = 0;
    for (let round = 1; round <= 3; round++) {
      const gateway = await service(broker);
      for (let i = 0; i < 20; i++) {
        const n = (round - 1) * 20 + i + 1;
        await gateway.publish('$CONTROL/roomwire/v1', JSON.stringify({ commands: [{ command: 'storeTraffic',
          correlationData: `${n}`, source: '0123456789abcdef', batch: n,
          counts: [{ hour, room: 'r', subject: 's', face: 'sse', direction: 'out', messages: 1, blocks: 1, bytes: n }] }] }));
      }
      await waitFor(() => responses(gateway).length === 20, 'all answers');
      expected += 20;
      await broker.kill();
      await gateway.mqtt.endAsync(true);
      await broker.start();
      await waitFor(async () => (await broker.traffic("subject = 's'"))[0]?.messages >= expected, 'the counts');
      assert.equal((await broker.traffic("subject = 's'"))[0].messages, expected);
    }
    await broker.close();
  });
});
