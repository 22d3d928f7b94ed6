// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
// Lifecycle events ($aws/events/..., docs/protocol.md): who comes, goes and subscribes.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { networkInterfaces } from 'node:os';
import { after, before, it } from 'node:test';

import { OUT, startBroker } from './lib/broker.mjs';
import { connect } from './lib/client.mjs';
import { describeBrokers, describeOneBroker } from './lib/each.mjs';
import * as bytes from './lib/mqtt_bytes.mjs';
import { startStack } from './lib/stack.mjs';
import { soonS } from './lib/token.mjs';
import { waitFor, within } from './lib/wait.mjs';

const stays = { clean: false, properties: { sessionExpiryInterval: 3600 } };

// Somebody who hears all events.
class Listener {
  static async start(broker, sub = 'operator', claims = {}) {
    const it = new Listener();
    it.client = await connect(broker, { token: broker.token(sub, {}, { connections: 'r', ...claims }) });
    assert.deepEqual(await it.client.subscribe('$aws/events/#'), [0]);
    return it;
  }

  // The events about one client id so far, without its own.
  of(id) {
    return this.client.messages.filter((m) => m.topic.startsWith('$aws/events/') && m.topic.endsWith(`/${id}`))
      .map((m) => ({ topic: m.topic, ...JSON.parse(m.text) }));
  }

  async heard(id, ...types) {
    const told = () => this.of(id).map((e) => e.eventType);
    await waitFor(() => told().length >= types.length, `${types} of ${id}`).catch(() => {});
    assert.deepEqual(told(), types);
    return this.of(id);
  }

  end() {
    return this.client.end();
  }
}

describeOneBroker('lifecycle events', { roomwire: { leeway_s: 0 } }, (get, kind) => {
  it('tell who connects and disconnects', async () => {
    const broker = get();
    const listener = await Listener.start(broker);
    const before = Date.now();
    const client = await connect(broker, { clientId: 'lamp', token: broker.token('alice') });
    const [connected] = await listener.heard('lamp', 'connected');
    const { timestamp, sessionIdentifier, versionNumber } = connected;
    assert.deepEqual(connected, { topic: '$aws/events/presence/connected/lamp', clientId: 'lamp', timestamp,
      eventType: 'connected', sessionIdentifier, principalIdentifier: 'alice', ipAddress: '127.0.0.1', versionNumber });
    assert.ok(timestamp >= before - 200 && timestamp <= Date.now());
    await client.end();
    const [, gone] = await listener.heard('lamp', 'connected', 'disconnected');
    const known = kind.is21 ? { clientInitiatedDisconnect: true, disconnectReason: 'CLIENT_INITIATED_DISCONNECT' } : {};
    assert.deepEqual(gone, { topic: '$aws/events/presence/disconnected/lamp', clientId: 'lamp', timestamp: gone.timestamp,
      eventType: 'disconnected', sessionIdentifier, principalIdentifier: 'alice', ipAddress: '127.0.0.1', versionNumber, ...known });
    await listener.end();
  });

  it('tell a lost connection, as far as the broker does', async () => {
    const broker = get();
    const listener = await Listener.start(broker);
    const client = await connect(broker, { clientId: 'lost', token: broker.token('alice') });
    client.mqtt.stream.destroy();
    const [, gone] = await listener.heard('lost', 'connected', 'disconnected');
    assert.equal(gone.disconnectReason, kind.is21 ? 'CONNECTION_LOST' : undefined);
    assert.equal(gone.clientInitiatedDisconnect, kind.is21 ? false : undefined);
    await listener.end();
  });

  it('tell a takeover so that nobody takes the new connection for gone', async () => {
    const broker = get();
    const listener = await Listener.start(broker);
    const options = { clientId: 'twice', token: broker.token('alice') };
    const first = await connect(broker, options);
    const second = await connect(broker, { ...options, ...stays });
    await within(first.closed, 'the takeover');
    const [one, gone, two] = await listener.heard('twice', 'connected', 'disconnected', 'connected');
    assert.equal(gone.disconnectReason, 'DUPLICATE_CLIENTID');
    assert.equal(gone.clientInitiatedDisconnect, false);
    assert.deepEqual([gone.versionNumber, gone.sessionIdentifier], [one.versionNumber, one.sessionIdentifier]);
    assert.ok(two.versionNumber > one.versionNumber);
    assert.notEqual(two.sessionIdentifier, one.sessionIdentifier);
    // A session that stays is told of once at each end, too.
    await second.end();
    const third = await connect(broker, { ...options, ...stays });
    await third.end();
    const all = await listener.heard('twice', 'connected', 'disconnected', 'connected', 'disconnected', 'connected', 'disconnected');
    const versions = all.map((e) => e.versionNumber);
    assert.deepEqual(versions, [0, 0, 2, 2, 4, 4].map((i) => versions[i]));
    await listener.end();
  });

  it('tell that a token ended', async () => {
    const broker = get();
    const listener = await Listener.start(broker);
    const client = await connect(broker, { clientId: 'short', token: broker.token('short', {}, { exp: soonS() }),
      will: { topic: 'rooms/x/messages', payload: 'bye', qos: 0 } });
    await within(client.closed, 'the end of the token');
    const [, gone] = await listener.heard('short', 'connected', 'disconnected');
    assert.equal(gone.disconnectReason, 'CUSTOMAUTH_TTL_EXPIRATION');
    await listener.end();
  });

  it('tell that a token stopped being good', async () => {
    const broker = get();
    const listener = await Listener.start(broker, 'operator', { iss: 'us' });
    const client = await connect(broker, { clientId: 'unwanted', token: broker.token('alice', {}, { iss: 'them' }) });
    try {
      broker.writeRoomwireConf({ issuer: 'us' });
      await broker.reload();
      await within(client.closed, 'the end of the connection');
      const [, gone] = await listener.heard('unwanted', 'connected', 'disconnected');
      assert.equal(gone.disconnectReason, 'AUTH_ERROR');
      assert.equal(gone.clientInitiatedDisconnect, false);
    } finally {
      broker.writeRoomwireConf({ issuer: undefined });
      await broker.reload();
    }
    await listener.end();
  });

  // Somebody by bytes alone, who has connected. Gives the socket.
  async function connectRaw(t, clientId, options) {
    const broker = get();
    const socket = connectTcp(broker.port, '127.0.0.1');
    t.after(() => socket.destroy());
    socket.write(bytes.connect({ clientId, username: 'user', password: broker.token('alice'), ...options }));
    assert.deepEqual((await within(once(socket, 'data'), 'CONNACK'))[0], bytes.connack);
    return socket;
  }

  it('tell a client that fell silent, as far as the broker does', async (t) => {
    const listener = await Listener.start(get());
    const socket = await connectRaw(t, 'silent', { keepAlive: 1 });
    await within(once(socket, 'end'), 'the broker to give it up');
    const [, gone] = await listener.heard('silent', 'connected', 'disconnected');
    assert.equal(gone.disconnectReason, kind.is21 ? 'MQTT_KEEP_ALIVE_TIMEOUT' : undefined);
    assert.equal(gone.clientInitiatedDisconnect, kind.is21 ? false : undefined);
    await listener.end();
  });

  it('tell a client that broke the protocol, as far as the broker does', async (t) => {
    const listener = await Listener.start(get());
    const socket = await connectRaw(t, 'rude');
    socket.write(bytes.connect()); // the second one
    await within(once(socket, 'end'), 'the broker to refuse it');
    const [, gone] = await listener.heard('rude', 'connected', 'disconnected');
    assert.equal(gone.disconnectReason, kind.is21 ? 'CLIENT_ERROR' : undefined);
    assert.equal(gone.clientInitiatedDisconnect, kind.is21 ? false : undefined);
    await listener.end();
  });

  it('tell who subscribes and unsubscribes, and nothing of what is refused', async () => {
    const broker = get();
    const listener = await Listener.start(broker);
    const client = await connect(broker, { clientId: 'subs', token: broker.token('alice', { lobby: 'rw' }) });
    await client.subscribe('rooms/lobby/#');
    assert.notDeepEqual(await client.subscribe('rooms/secret/#'), [0]);
    await client.mqtt.unsubscribeAsync('rooms/lobby/#');
    const [connected, subscribed, unsubscribed] = await listener.heard('subs', 'connected', 'subscribed', 'unsubscribed');
    assert.deepEqual(subscribed, { topic: '$aws/events/subscriptions/subscribed/subs', clientId: 'subs',
      timestamp: subscribed.timestamp, eventType: 'subscribed', sessionIdentifier: connected.sessionIdentifier,
      principalIdentifier: 'alice', topics: ['rooms/lobby/#'] });
    assert.deepEqual([unsubscribed.topic, unsubscribed.topics], ['$aws/events/subscriptions/unsubscribed/subs', ['rooms/lobby/#']]);
    await client.end();
    await listener.end();
  });

  it('are silent about refused connections, odd client ids, SIGHUP and the gateway', async () => {
    const broker = get();
    const listener = await Listener.start(broker);
    const stay = await connect(broker, { clientId: 'stay', token: broker.token('alice') });
    await listener.heard('stay', 'connected');
    await assert.rejects(connect(broker, { clientId: 'bad', token: 'no token' }));
    const odd = await connect(broker, { clientId: 'a/+', token: broker.token('alice') });
    const gateway = await connect(broker, { token: broker.serviceSecret, username: 'roomwire-gateway',
      clientId: 'roomwire-00000000000000aa', socket: broker.socket });
    await broker.reload();
    const last = await connect(broker, { clientId: 'last', token: broker.token('alice') });
    await listener.heard('last', 'connected');
    await listener.heard('stay', 'connected');
    for (const id of ['bad', '+', 'roomwire-00000000000000aa']) assert.deepEqual(listener.of(id), [], id);
    for (const client of [stay, odd, gateway, last, listener]) await client.end();
  });

  it('are for those with the right to hear them, and nobody can forge them', async () => {
    const broker = get();
    const listener = await Listener.start(broker);
    const many = broker.token('many', null, { acl: { all: ['#', '$aws/#', '$roomwire/#'] } });
    const plain = await connect(broker, { token: broker.token('plain', { '*': 'rw' }) });
    for (const filter of ['$aws/events/#', '$aws/#', '$aws/events/presence/connected/plain', '$share/g/$aws/events/#'])
      assert.ok((await plain.subscribe(filter))[0] >= 0x80, filter);
    const forger = await connect(broker, { clientId: 'forger', token: many,
      will: { topic: '$aws/events/presence/connected/forged', payload: '{"eventType":"will"}', qos: 0 } });
    const owner = await connect(broker, { token: broker.token('owner', {}, { connections: true }) });
    for (const client of [forger, owner, plain])
      for (const topic of ['$aws/events/presence/connected/forged', '$roomwire/connection'])
        assert.equal(await client.publish(topic, '{"eventType":"forged"}'), 0x87, topic);
    forger.mqtt.stream.destroy(); // its will follows
    await listener.heard('forger', 'connected', 'disconnected');
    const last = await connect(broker, { clientId: 'after', token: broker.token('alice') });
    await listener.heard('after', 'connected');
    assert.deepEqual(listener.of('forged'), []);
    for (const client of [plain, owner, last, listener]) await client.end();
  });

  it('are metered as deliveries to who hears them', async () => {
    const broker = get();
    const listener = await Listener.start(broker, 'metered');
    const client = await connect(broker, { clientId: 'counted', token: broker.token('quiet') });
    await client.end();
    await listener.heard('counted', 'connected', 'disconnected');
    const told = listener.client.messages.length;
    await listener.end();
    const sum = async () => (await broker.traffic("subject = 'metered'")).reduce((all, row) => {
      assert.deepEqual([row.room, row.direction], ['', OUT]);
      return all + row.messages;
    }, 0);
    await waitFor(async () => (await sum()) >= told, `${told} deliveries`);
    assert.equal(await sum(), told);
    assert.deepEqual(await broker.traffic("subject = 'quiet'"), []);
  });
});

const hasIPv6 = Object.values(networkInterfaces()).flat().some(({ address }) => address === '::1');

describeBrokers('lifecycle events of WebSocket clients', (kind) => {
  let stack, listener;
  before(async () => {
    const listen = ['http://127.0.0.1:0', ...(hasIPv6 ? ['http://[::1]:0'] : [])].join(' ');
    stack = await startStack({ broker: kind, config: { listen } });
    listener = await Listener.start(stack.broker);
  });
  after(async () => {
    await listener?.end();
    await stack?.stop();
  });

  for (const [hostname, ipAddress] of [['127.0.0.1', '127.0.0.1'], ['[::1]', '::1']]) {
    const skip = ipAddress === '::1' && !hasIPv6 && 'there is no ::1 here';
    it(`have the face, and the address that the gateway saw: ${ipAddress}`, { skip }, async () => {
      const clientId = `page-${ipAddress}`;
      const { log } = stack.gateway.program;
      const [, , port] = [...log.matchAll(/listen url=http:\/\/(\S+):(\d+)/g)].find(([, at]) => at === hostname);
      // MQTT.js takes the brackets off what it finds in a URL, and then cannot read it.
      const client = await connect(stack.broker, { clientId, url: `ws://${hostname}:${port}/mqtt`, hostname,
        username: undefined, wsOptions: { headers: { authorization: `Bearer ${stack.broker.token('alice')}` } } });
      await listener.heard(clientId, 'connected');
      await client.end();
      for (const event of await listener.heard(clientId, 'connected', 'disconnected'))
        assert.deepEqual([event.ipAddress, event.face, event.principalIdentifier], [ipAddress, 'ws', 'alice']);
    });
  }
});

describeBrokers('lifecycle events over a restart', (kind) => {
  it('have rising version numbers, and say nothing while the broker stops', async () => {
    const broker = await startBroker({ broker: kind });
    try {
      const versions = [];
      for (const isLast of [false, true]) {
        const listener = await Listener.start(broker);
        const client = await connect(broker, { clientId: 'lamp', token: broker.token('alice') });
        versions.push((await listener.heard('lamp', 'connected'))[0].versionNumber);
        if (!isLast) await broker.restart();
        await (isLast ? client.end() : Promise.all([client.closed, listener.client.closed]));
        await listener.heard('lamp', 'connected', ...(isLast ? ['disconnected'] : []));
        if (isLast) await listener.end();
      }
      assert.ok(versions[1] > versions[0]);
    } finally {
      await broker.close();
    }
  });

  it('can be switched off', async () => {
    const broker = await startBroker({ broker: kind, roomwire: { lifecycle_events: 'no' } });
    try {
      const listener = await Listener.start(broker);
      const client = await connect(broker, { clientId: 'lamp', token: broker.token('alice') });
      await client.end();
      await listener.client.subscribe('$aws/events/presence/+/lamp'); // a turn of the loop later
      assert.deepEqual(listener.of('lamp'), []);
      await listener.end();
    } finally {
      await broker.close();
    }
  });
});
