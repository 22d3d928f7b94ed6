// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
// What a client goes through: expiry, takeover, SIGHUP, a restart of the broker, and coming in where
// no token is asked for.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, it } from 'node:test';

import { OUT, freePort, startBroker } from './lib/broker.mjs';
import { Client, connect, connectRefused } from './lib/client.mjs';
import { describeBrokers, describeOneBroker } from './lib/each.mjs';
import { introduce, mint, soonS } from './lib/token.mjs';
import { waitFor, within } from './lib/wait.mjs';

const stays = { clean: false, properties: { sessionExpiryInterval: 3600 } };
const texts = (client) => client.messages.map((m) => m.text);

// The messages delivered to a subject, as they were counted.
async function deliveries(broker, subject, expected) {
  const count = async () => {
    const rows = await broker.traffic(`subject = '${subject}' AND direction = ${OUT}`);
    return rows.reduce((sum, row) => sum + row.messages, 0);
  };
  await waitFor(async () => (await count()) >= expected, `${expected} deliveries counted for ${subject}`);
  assert.equal(await count(), expected);
}

describeOneBroker('expiry', { roomwire: { leeway_s: 0 } }, (get) => {
  it('ends the connection, and says so to MQTT 5', async () => {
    const broker = get();
    const until = soonS();
    const clients = [];
    for (const version of [4, 5])
      clients.push(await connect(broker, { version, token: broker.token('short', { '*': 'rw' }, { exp: until }) }));
    const lasting = await connect(broker, { token: broker.token('long') });
    for (const client of [...clients, lasting]) await client.subscribe('rooms/lobby/messages', { qos: 1 });
    for (const client of clients) await within(client.closed, 'the end of the token');
    assert.ok(Date.now() / 1000 >= until - 0.05, 'not before its time');
    assert.ok(Date.now() / 1000 < until + 5, 'in time');
    assert.equal(clients[1].disconnectCode, 0x98);
    await broker.says(/refused what=connection client=\S+ subject=short why="the token expired"/);
    await lasting.publish('rooms/lobby/messages', 'after');
    assert.deepEqual(texts(lasting), ['after']);
    for (const client of [...clients, lasting]) await client.end();
  });

  it('leaves subscriptions and queue to who comes back with a new token', async () => {
    const broker = get();
    const ending = broker.token('back', { '*': 'rw' }, { exp: soonS() });
    const firsts = [];
    for (const version of [4, 5]) {
      const options = { ...stays, version, clientId: `back-${version}` };
      const first = await connect(broker, { ...options, token: ending });
      await first.subscribe(`rooms/back-${version}/messages`, { qos: 1 });
      firsts.push({ version, options, first });
    }
    for (const { version, options, first } of firsts) {
      await within(first.closed, 'the end of the token');
      const other = await connect(broker, { token: broker.token('other') });
      await other.publish(`rooms/back-${version}/messages`, 'while you were away');
      await other.end();
      const second = await connect(broker, { ...options, token: broker.token('back') });
      assert.equal(second.connack.sessionPresent, true);
      assert.deepEqual((await second.receive(1)).map((m) => m.text), ['while you were away']);
      await first.end();
      await second.end();
    }
  });
});

describeOneBroker('takeover', {}, (get) => {
  it('ends the old client and leaves the new one everything', async () => {
    const broker = get();
    for (const version of [4, 5]) {
      const options = { version, clientId: `same-${version}` };
      const first = await connect(broker, { ...options, token: broker.token('first') });
      const second = await connect(broker, { ...options, token: broker.token('second', { lobby: 'rw' }) });
      await within(first.closed, 'the old client to be closed');
      await second.subscribe('rooms/lobby/messages', { qos: 1 });
      assert.equal(await second.publish('rooms/lobby/messages', 'hello'), 0);
      await waitFor(() => second.messages.length > 0, 'a message');
      if (version === 5) {
        assert.equal(second.messages.at(-1).stamp.from, 'second');
        assert.equal(await second.publish('rooms/ops/messages', 'not his right'), 0x87);
      }
      await first.end();
      await second.end();
    }
  });

  it('many times over does not confuse anybody', async () => {
    const broker = get();
    const clients = [];
    for (let i = 0; i < 30; i++)
      clients.push(await connect(broker, { version: 4 + (i % 2), clientId: 'busy', clean: i % 3 > 0, token: broker.token(`s${i}`) }));
    const last = clients.at(-1);
    await last.subscribe('rooms/busy/messages', { qos: 1 });
    await last.publish('rooms/busy/messages', 'still me');
    assert.equal((await last.receive(1))[0].stamp?.from ?? 's29', 's29');
    for (const client of clients) await client.mqtt.endAsync(true);
  });
});

describeBrokers('SIGHUP', (kind) => {
  let broker;
  before(async () => (broker = await startBroker({ broker: kind })));
  after(() => broker?.close());

  it('reads the keys again: who has a token of the old one goes, with the will', async () => {
    const watcherToken = broker.token('watcher');
    const old = broker.secret;
    const will = { topic: 'rooms/lobby/messages', payload: Buffer.from('my key is gone'), qos: 1 };
    const stale = await connect(broker, { token: mint(old, { sub: 'stale', rooms: { '*': 'rw' } }), will });
    const nameless = await connect(broker, { token: broker.token('nameless'), username: undefined });
    // First with the same key: nobody goes, whether or not they gave a user name.
    await broker.reload();
    for (const client of [stale, nameless]) assert.equal(await client.publish('rooms/other/messages', 'here'), 0);
    assert.ok(!stale.isClosed && !nameless.isClosed);

    broker.secret = randomBytes(32).toString('hex');
    writeFileSync(join(broker.folder, 'jwt.secret'), broker.secret);
    await broker.reload();
    await within(stale.closed, 'the stale client to be closed');
    await within(nameless.closed, 'the other one too');
    await broker.says(/refused what=connect client=\S+ address=\S+ why="[^"]*signature[^"]*"/);
    assert.equal(await connectRefused(broker, { token: watcherToken }), 0x87);
    const reader = await connect(broker, { token: broker.token('reader') });
    await reader.publish('rooms/lobby/messages', 'next');
    const rows = await broker.stored('lobby', 2);
    assert.deepEqual(rows.map((r) => [r.payload, r.sender]), [['my key is gone', 'stale'], ['next', 'reader']]);
    for (const client of [stale, nameless, reader]) await client.end();
  });

  it('with a configuration that is no good changes nothing', async () => {
    const client = await connect(broker, { token: broker.token('alice') });
    const conf = readFileSync(join(broker.folder, 'roomwire.conf'));
    for (const [text, why] of [['nonsense', /roomwire\.conf:1/], ['secret_file = nowhere\n', /nowhere/]]) {
      writeFileSync(join(broker.folder, 'roomwire.conf'), text);
      const since = broker.log.length;
      await broker.reload();
      await broker.says(new RegExp(`not reloaded: .*${why.source}`), since);
      assert.equal(await client.publish('rooms/lobby/messages', 'still here'), 0);
      await (await connect(broker, { token: broker.token('bob') })).end();
    }
    writeFileSync(join(broker.folder, 'roomwire.conf'), conf);
    await broker.reload();
    await client.end();
  });

  it('leaves offline sessions, those of before a restart too, and the face of a relayed client', async () => {
    const options = { ...stays, clientId: 'away', token: broker.token('away') };
    const away = await connect(broker, options);
    await away.subscribe('rooms/hup/messages', { qos: 1 });
    await away.end();
    const who = { address: '9.8.7.6:1234', clientId: 'relayed', username: 'own' };
    const relayed = await connect(broker, { clientId: 'relayed', token: broker.token('relayed'),
      username: introduce(broker.serviceSecret, who) });
    await broker.reload();
    await broker.reload();
    await relayed.publish('rooms/hup/messages', 'one');
    await broker.restart();
    await broker.reload();
    const again = await connect(broker, { clientId: 'relayed', token: broker.token('relayed'),
      username: introduce(broker.serviceSecret, who) });
    await broker.reload();
    await again.publish('rooms/hup/messages', 'two');
    const back = await connect(broker, options);
    // Without `persistence true` the broker forgot the session at its restart.
    assert.equal(back.connack.sessionPresent, false);
    const rows = await waitFor(async () => {
      const all = await broker.traffic("subject = 'relayed'");
      return all[0]?.messages === 2 && all;
    }, 'two publishes');
    assert.deepEqual(rows.map((r) => r.face), [1]);
    for (const client of [relayed, again, back]) await client.mqtt.endAsync(true);
  });
});

describeBrokers('persistence', (kind) => {
  let broker;
  before(async () => (broker = await startBroker({ broker: kind, persistence: true })));
  after(() => broker?.close());

  for (const version of [4, 5]) {
    it(`an offline session gets what came before and after a restart, each counted once (MQTT ${version})`, async () => {
      const subject = `offline-${version}`;
      const topic = `rooms/${subject}/messages`;
      const options = { ...stays, version, clientId: subject, token: broker.token(subject) };
      const first = await connect(broker, options);
      await first.subscribe(topic, { qos: 1 });
      await first.end();
      let sender = await connect(broker, { token: broker.token('sender') });
      await sender.publish(topic, '1');
      await sender.publish(topic, 'not queued', { qos: 0 });
      for (const text of ['2', '3']) await sender.publish(topic, text);
      await broker.restart();
      await broker.reload(); // the session is from the broker's file now: nobody's
      await sender.mqtt.endAsync(true);
      sender = await connect(broker, { token: broker.token('sender') });
      for (const text of ['4', '5']) await sender.publish(topic, text);
      const second = await connect(broker, options);
      assert.equal(second.connack.sessionPresent, true);
      await sender.publish(topic, '6');
      await waitFor(() => second.messages.length >= 6, 'six messages');
      assert.deepEqual(texts(second), ['1', '2', '3', '4', '5', '6']);
      if (version === 5) {
        for (const [i, message] of second.messages.entries())
          if (i > 1) assert.equal(message.stamp.prev, second.messages[i - 1].stamp.id, message.text);
        assert.ok(second.messages[1].stamp.prev > second.messages[0].stamp.id); // tells of the one not queued
      }
      await deliveries(broker, subject, 6);
      await second.end();
      await sender.end();
    });
  }

  it('a queue is not for who comes back without the right', async () => {
    const options = { ...stays, clientId: 'demoted' };
    const first = await connect(broker, { ...options, token: broker.token('demoted', { lobby: 'rw', ops: 'rw' }) });
    await first.subscribe(['rooms/lobby/messages', 'rooms/ops/messages'], { qos: 1 });
    await first.end();
    const sender = await connect(broker, { token: broker.token('sender') });
    await sender.publish('rooms/ops/messages', 'secret');
    await broker.restart();
    const again = await connect(broker, { token: broker.token('sender') });
    await again.publish('rooms/ops/messages', 'secret too');
    await again.publish('rooms/lobby/messages', 'for all');
    const second = await connect(broker, { ...options, token: broker.token('demoted', { lobby: 'rw' }) });
    assert.equal(second.connack.sessionPresent, true);
    await again.publish('rooms/ops/messages', 'secret still');
    await again.publish('rooms/lobby/messages', 'end');
    await waitFor(() => texts(second).includes('end'), 'the end');
    assert.deepEqual(texts(second), ['for all', 'end']);
    for (const client of [sender, again, second]) await client.mqtt.endAsync(true);
  });

  it('sequence, epoch and rooms go on after a restart', async () => {
    const alice = await connect(broker, { token: broker.token('alice') });
    await alice.subscribe('rooms/goes-on/messages', { qos: 1 });
    for (const text of ['1', '2']) await alice.publish('rooms/goes-on/messages', text);
    const [, before2] = await alice.receive(2);
    await broker.restart();
    await alice.mqtt.endAsync(true);
    const bob = await connect(broker, { token: broker.token('bob') });
    await bob.subscribe('rooms/goes-on/messages', { qos: 1 });
    await bob.publish('rooms/goes-on/messages', '3');
    const [third] = await bob.receive(1);
    assert.equal(third.stamp.prev, before2.stamp.id);
    assert.equal(third.stamp.epoch, before2.stamp.epoch);
    assert.ok(third.stamp.id > before2.stamp.id);
    await bob.end();
  });
});

// A listener that takes certificates for names: the broker then asks no plugin about CONNECT.
describeBrokers('without a token, by certificate', (kind) => {
  let broker;
  let tlsPort;
  before(async () => {
    broker = await startBroker({ broker: kind, persistence: true });
    tlsPort = await freePort();
    const folder = broker.folder;
    const openssl = (...args) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-noenc'];
    openssl('req', '-x509', ...key, '-days', '2', '-subj', '/CN=test', '-keyout', 'ca.key', '-out', 'ca.crt',
      '-addext', 'subjectAltName=IP:127.0.0.1');
    openssl('req', ...key, '-subj', '/CN=mallory', '-keyout', 'mallory.key', '-out', 'mallory.csr');
    openssl('x509', '-req', '-in', 'mallory.csr', '-CA', 'ca.crt', '-CAkey', 'ca.key', '-days', '2', '-out', 'mallory.crt');
    broker.mosquittoLines.push(`listener ${tlsPort} 127.0.0.1`, `cafile ${folder}/ca.crt`, `certfile ${folder}/ca.crt`,
      `keyfile ${folder}/ca.key`, 'require_certificate true', 'use_identity_as_username true');
    broker.writeMosquittoConf();
    await broker.restart();
  });
  after(() => broker?.close());

  async function mallory(options) {
    const file = (name) => readFileSync(join(broker.folder, name));
    const client = new Client(`mqtts://127.0.0.1:${tlsPort}`, { protocolVersion: 5, reconnectPeriod: 0,
      ca: file('ca.crt'), cert: file('mallory.crt'), key: file('mallory.key'), ...options });
    await client.connected();
    return client;
  }

  it('a client may nothing', async () => {
    const client = await mallory({ clientId: 'mallory' });
    assert.deepEqual(await client.subscribe('rooms/lobby/messages', { qos: 1 }), [0x87]);
    assert.equal(await client.publish('rooms/lobby/messages', 'no'), 0x87);
    assert.equal(await client.publish('elsewhere', 'no'), 0x87);
    await client.end();
  });

  // The broker frees a client that left, and gives its address to the next one.
  it('a client is not taken for one who left', async () => {
    const left = [];
    for (let i = 0; i < 40; i++) left.push(await connect(broker, { clientId: `left-${i}`, token: broker.token('alice') }));
    for (const client of left) await client.end();
    const come = [];
    for (let i = 0; i < 40; i++) come.push(await mallory({ clientId: `come-${i}` }));
    for (const client of come)
      for (const topic of ['messages', 'live'])
        assert.equal(await client.publish(`rooms/name/${topic}`, 'as alice'), 0x87);
    const sender = await connect(broker, { token: broker.token('sender') });
    assert.equal(await sender.publish('rooms/name/messages', 'own'), 0);
    const rows = await broker.stored('name');
    assert.deepEqual(rows.map((row) => [row.sender, row.payload]), [['sender', 'own']]);
    for (const client of [...come, sender]) await client.end();
  });

  it("does not get at another's session and queue", async () => {
    for (const restarts of [false, true]) {
      const options = { ...stays, clientId: `victim-${restarts}` };
      const victim = await connect(broker, { ...options, token: broker.token('victim') });
      await victim.subscribe('rooms/private/messages', { qos: 1 });
      await victim.end();
      let sender = await connect(broker, { token: broker.token('sender') });
      await sender.publish('rooms/private/messages', 'secret');
      if (restarts) await broker.restart();
      // Many, so that a pointer of a client that is gone gets used again.
      for (let i = 0; i < 20; i++) await (await mallory({ clientId: `filler-${i}` })).end();
      const thief = await mallory(options);
      sender = await connect(broker, { token: broker.token('sender') });
      await sender.publish('rooms/private/messages', 'secret too');
      assert.equal(await thief.publish('rooms/private/messages', 'hello'), 0x87); // all before has been handled
      assert.deepEqual(texts(thief), []);
      await thief.end();
      await sender.mqtt.endAsync(true);
    }
  });
});
