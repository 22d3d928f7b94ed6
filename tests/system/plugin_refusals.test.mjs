// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
// What is refused: each with a clear answer, one line in the log that shows no secret, and a broker
// that goes on as before.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { after, before, it } from 'node:test';

import { startBroker } from './lib/broker.mjs';
import { connect, connectRefused, pub } from './lib/client.mjs';
import { describeBrokers, describeOneBroker } from './lib/each.mjs';
import { introduce, mint, mintUnsigned, mintWithKey, nowS } from './lib/token.mjs';
import { waitFor, within } from './lib/wait.mjs';

const NOT_AUTHORIZED = 0x87;

// Runs `attempt` and gives the refusals that were logged meanwhile, after checking that no secret
// is among them.
async function refusals(broker, count, attempt, secrets = []) {
  const since = broker.log.length;
  await attempt();
  const lines = () => broker.log.slice(since).match(/roomwire: refused .*/g) ?? [];
  await waitFor(() => lines().length >= count, `${count} refusals in\n${broker.log.slice(since)}`);
  assert.equal(lines().length, count, lines().join('\n'));
  for (const secret of [broker.secret, broker.serviceSecret, ...secrets])
    assert.ok(!broker.log.slice(since).includes(secret), 'a secret in the log');
  return lines();
}

async function assertHealthy(broker) {
  const client = await connect(broker, { token: broker.token('healthy') });
  assert.equal(await client.publish('rooms/health/messages', 'still here'), 0);
  await client.end();
}

describeOneBroker('CONNECT', { roomwire: { audience: 'roomwire', issuer: 'tests', leeway_s: 0 } }, (get) => {
  const claims = { sub: 'eve', aud: 'roomwire', iss: 'tests', rooms: { '*': 'rw' } };
  const bad = {
    'no token': () => undefined,
    'an empty token': () => '',
    'no token at all': () => 'not.a.token',
    'a wrong signature': (b) => mint(`${b.secret}x`, claims),
    'a cut signature': (b) => mint(b.secret, claims).slice(0, -2),
    'alg none': () => mintUnsigned(claims),
    'alg none and a signature': (b) => mint(b.secret, claims, { alg: 'none' }),
    'an unknown alg': (b) => mint(b.secret, claims, { alg: 'HS257' }),
    'an expired token': (b) => mint(b.secret, { ...claims, exp: nowS() - 1 }),
    'no expiry': (b) => mint(b.secret, { ...claims, exp: undefined }),
    'a token not yet valid': (b) => mint(b.secret, { ...claims, nbf: nowS() + 60 }),
    'another audience': (b) => mint(b.secret, { ...claims, aud: 'elsewhere' }),
    'another issuer': (b) => mint(b.secret, { ...claims, iss: 'elsewhere' }),
    'no subject': (b) => mint(b.secret, { ...claims, sub: undefined }),
    'rights of the wrong shape': (b) => mint(b.secret, { ...claims, rooms: 'all' }),
    'a token over the limit': (b) => mint(b.secret, { ...claims, filler: 'x'.repeat(9000) }),
  };
  for (const [name, make] of Object.entries(bad)) {
    it(`with ${name} is refused`, async () => {
      const broker = get();
      const token = make(broker);
      const [line] = await refusals(broker, 1, async () => {
        assert.equal(await connectRefused(broker, { token, clientId: `bad-client` }), NOT_AUTHORIZED);
      }, token ? [token] : []);
      assert.match(line, /what=connect client=bad-client address=127\.0\.0\.1\S* why="[^"]+"/);
    });
  }

  it("with the gateway's form of client id is refused", async () => {
    const broker = get();
    const clientId = 'roomwire-0123456789abcdef';
    const [line] = await refusals(broker, 1, async () => {
      assert.equal(await connectRefused(broker, { token: mint(broker.secret, claims), clientId }),
        NOT_AUTHORIZED);
    });
    assert.match(line, /why="this form of client id is the gateway's"/);
  });

  it('of MQTT 3.1.1 is refused with its own code', async () => {
    const broker = get();
    assert.equal(await connectRefused(broker, { token: 'x.y.z', version: 4 }), 5);
    assert.equal(await connectRefused(broker, { token: undefined, username: undefined, version: 4 }), 5);
  });

  it('with a good token is accepted, bare or as "Bearer"', async () => {
    const broker = get();
    for (const prefix of ['', 'Bearer ', 'bearer ']) {
      const client = await connect(broker, { token: prefix + mint(broker.secret, claims) });
      await client.end();
    }
  });

  it('with an introduction that the relay did not make is refused', async () => {
    const broker = get();
    const token = mint(broker.secret, claims);
    const good = { address: '9.8.7.6:5', clientId: 'intro', username: 'me' };
    const usernames = [
      introduce('not the secret', good),
      introduce(broker.serviceSecret, { ...good, clientId: 'another' }),
      introduce(broker.serviceSecret, { ...good, face: 'http' }),
      introduce(broker.serviceSecret, good).replace('9.8.7.6', '6.6.6.6'),
      'rw1 ws', 'rw1 ',
    ];
    for (const username of usernames) {
      const [line] = await refusals(broker, 1, async () => {
        assert.equal(await connectRefused(broker, { token, clientId: 'intro', username }), NOT_AUTHORIZED);
      });
      assert.match(line, /why="the introduction is not good"/);
    }
    const client = await connect(broker, { token, clientId: 'intro', username: introduce(broker.serviceSecret, good) });
    await client.end();
    // The broker gives a client without an id one of its own; the relay had seen an empty one.
    const nameless = introduce(broker.serviceSecret, { ...good, clientId: '' });
    await (await connect(broker, { token, clientId: '', clean: true, username: nameless })).end();
  });

  it('as the service is refused without the secret, or with another form of client id', async () => {
    const broker = get();
    const good = { username: 'roomwire-gateway', token: broker.serviceSecret, clientId: 'roomwire-0123456789abcdef' };
    for (const change of [{ token: 'wrong-secret-wrong-secret' }, { token: mint(broker.secret, claims) },
      { clientId: 'roomwire-0123456789abcde' }, { clientId: 'roomwire-0123456789ABCDEF' }]) {
      const [line] = await refusals(broker, 1, async () => {
        assert.equal(await connectRefused(broker, { ...good, ...change }), NOT_AUTHORIZED);
      });
      assert.match(line, /why="the service /);
    }
    await (await connect(broker, good)).end();
  });

  it('in a flood is logged only so often, and counted', async () => {
    const broker = get();
    const since = broker.log.length;
    // A CONNECT packet of MQTT 3.1.1 with client id "x", user name "u" and password "p".
    const packet = Buffer.from('101300044d51545404c2003c0001780001750001 70'.replace(' ', ''), 'hex');
    const one = () => new Promise((resolve) => {
      const socket = createConnection(broker.port, '127.0.0.1', () => socket.write(packet));
      socket.on('close', resolve).on('error', () => {}).on('data', () => {});
    });
    for (let i = 0; i < 12; i++) await within(Promise.all(Array.from({ length: 100 }, one)), 'a flood');
    const match = await broker.says(/roomwire: refused more=(\d+), not logged one by one/, since);
    assert.ok(Number(match[1]) > 0);
    await assertHealthyWith(broker, mint(broker.secret, claims));
  });
});

async function assertHealthyWith(broker, token) {
  const client = await connect(broker, { token });
  assert.equal(await client.publish('rooms/health/messages', 'still here'), 0);
  await client.end();
}

describeBrokers('keys', (kind) => {
  let broker;
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const ed = generateKeyPairSync('ed25519');
  const rsaPem = rsa.publicKey.export({ type: 'spki', format: 'pem' });
  before(async () => {
    broker = await startBroker({ broker: kind });
    await broker.stop();
    writeFileSync(join(broker.folder, 'rsa.pem'), rsaPem);
    const jwk = { ...ed.publicKey.export({ format: 'jwk' }), kid: 'ed-1' };
    writeFileSync(join(broker.folder, 'keys.json'), JSON.stringify({ keys: [jwk] }));
    broker.writeRoomwireConf({ secret_file: '', key_file: 'rsa.pem', jwks_file: 'keys.json' });
    await broker.start();
  });
  after(() => broker?.close());

  it('an RSA key is never an HMAC secret', async () => {
    for (const secret of [rsaPem, rsaPem.trim(), rsa.publicKey.export({ type: 'spki', format: 'der' })]) {
      const token = mint(secret, { sub: 'eve', rooms: { '*': 'rw' } });
      assert.equal(await connectRefused(broker, { token }), NOT_AUTHORIZED);
    }
  });

  it('tokens of its own kind are good, whichever file the key is in', async () => {
    const claims = { sub: 'alice', rooms: { '*': 'rw' } };
    for (const token of [mintWithKey(rsa.privateKey, claims), mintWithKey(ed.privateKey, claims, { kid: 'ed-1' })])
      await assertHealthyWith(broker, token);
    const other = mintWithKey(ed.privateKey, claims, { kid: 'ed-2' });
    assert.equal(await connectRefused(broker, { token: other }), NOT_AUTHORIZED);
  });
});

describeOneBroker('rights', {}, (get) => {
  const limited = { lobby: 'rw', news: 'r', box: 'w' };

  it('a publish without the right is refused, and kept from history and readers', async () => {
    const broker = get();
    const reader = await connect(broker, { token: broker.token('reader') });
    await reader.subscribe('rooms/+/messages', { qos: 1 });
    const eve = await connect(broker, { token: broker.token('eve', limited), clientId: 'eve1' });
    for (const topic of ['rooms/news/messages', 'rooms/ops/messages', 'elsewhere', '$SYS/x', 'rooms/ops/typing',
      '$CONTROL/roomwire/v1', '$CONTROL/dynamic-security/v1', '$roomwire/answer']) {
      for (const qos of [1, 2]) {
        const lines = await refusals(broker, topic === '$SYS/x' ? 0 : 1, async () => {
          assert.equal(await eve.publish(topic, 'no', { qos }), NOT_AUTHORIZED);
        });
        if (lines.length) assert.match(lines[0], /what=publish client=eve1 subject=eve topic=\S+ why="[^"]+"/);
      }
    }
    assert.equal(await eve.publish('rooms/lobby/messages', 'yes'), 0);
    assert.equal(await eve.publish('rooms/box/messages', 'blind'), 0);
    assert.deepEqual((await reader.receive(2)).map((m) => m.text), ['yes', 'blind']);
    const rooms = await waitFor(async () => {
      const rows = await broker.sql("SELECT room FROM rooms WHERE room IN ('news', 'ops', 'box', 'lobby') ORDER BY 1");
      return rows.length >= 2 && rows.map((r) => r.room);
    }, 'two rooms');
    assert.deepEqual(rooms, ['box', 'lobby']);
    await eve.end();
    await reader.end();
  });

  it('MQTT 3.1.1 cannot be told, but nothing is kept or delivered either', async () => {
    const broker = get();
    const reader = await connect(broker, { token: broker.token('reader') });
    await reader.subscribe('rooms/+/#', { qos: 1 });
    const lines = await refusals(broker, 2, async () => {
      for (const qos of ['1', '2'])
        await pub(broker, broker.token('eve', limited), ['-t', 'rooms/ops/messages', '-q', qos, '-m', 'no'], { v: 4 });
    });
    assert.match(lines[0], /subject=eve topic=rooms\/ops\/messages/);
    await reader.publish('rooms/lobby/messages', 'next');
    assert.equal((await reader.receive(1))[0].text, 'next');
    await reader.end();
  });

  it('a subscription beyond the right is refused, wildcards as a whole', async () => {
    const broker = get();
    const eve = await connect(broker, { token: broker.token('eve', limited) });
    for (const filter of ['rooms/ops/messages', 'rooms/+/messages', 'rooms/#', '#', '+/+/+', 'rooms/box/messages',
      '$SYS/#', '$share/g/rooms/ops/messages', '$share/g/#', 'elsewhere', '$roomwire/answer', '$CONTROL/#'])
      assert.deepEqual(await eve.subscribe(filter, { qos: 1 }), [0x87], filter);
    assert.deepEqual(await eve.subscribe(['rooms/lobby/messages', 'rooms/news/messages', 'rooms/ops/messages'], { qos: 1 }),
      [1, 1, 0x87]);
    assert.deepEqual(await eve.subscribe('$share/g/rooms/news/messages', { qos: 1 }), [1]);
    await eve.end();
    const three = await connect(broker, { token: broker.token('eve', limited), version: 4 });
    assert.deepEqual(await three.subscribe('rooms/ops/messages', { qos: 1 }), [0x80]);
    await three.end();
  });

  it('rules of EMQX are judged with the QoS and the retained flag of what is done', async () => {
    const broker = get();
    const acl = [
      { permission: 'allow', action: 'publish', topic: 't/${clientid}', qos: [0, 1], retain: false },
      { permission: 'deny', action: 'publish', topic: 'rooms/loud/messages', qos: 2 },
      { permission: 'allow', action: 'all', topic: 'rooms/loud/#' },
      { permission: 'allow', action: 'subscribe', topic: 's/#', qos: 1 },
    ];
    const eve = await connect(broker, { clientId: 'eve1', token: broker.token('eve', null, { acl }),
      will: { topic: 't/eve1', payload: Buffer.from('bye'), qos: 1, retain: true } });
    const reader = await connect(broker, { token: broker.token('reader', null, { acl: { all: ['#'] } }) });
    await reader.subscribe(['t/#', 'rooms/loud/messages'], { qos: 1 });
    for (const [topic, qos, retain, code] of [['t/eve1', 0, false, 0], ['t/eve1', 1, false, 0],
      ['t/eve1', 2, false, NOT_AUTHORIZED], ['t/eve1', 1, true, NOT_AUTHORIZED], ['t/other', 1, false, NOT_AUTHORIZED],
      ['rooms/loud/messages', 1, false, 0], ['rooms/loud/messages', 2, false, NOT_AUTHORIZED]])
      assert.equal(await eve.publish(topic, `${qos}${retain}`, { qos, retain }) ?? 0, code, `${topic} ${qos} ${retain}`);
    assert.deepEqual(await eve.subscribe('s/a', { qos: 1 }), [1]);
    assert.deepEqual(await eve.subscribe('s/b', { qos: 0 }), [0x87]);
    await reader.publish('s/a', 'heard', { qos: 0 });
    assert.equal((await eve.receive(1))[0].text, 'heard');
    const [line] = await refusals(broker, 1, () => eve.mqtt.stream.destroy());
    assert.match(line, /what=will .*topic=t\/eve1/);
    assert.deepEqual((await reader.receive(3)).map(({ topic, text }) => `${topic} ${text}`),
      ['t/eve1 0false', 't/eve1 1false', 'rooms/loud/messages 1false']);
    await reader.end();
  });

  it('a forged stamp is refused on every topic', async () => {
    const broker = get();
    const eve = await connect(broker, { token: broker.token('eve') });
    await eve.subscribe('rooms/+/#', { qos: 1 });
    for (const name of ['rw-id', 'rw-from', 'rw-as', 'rw-ref', 'rw-', 'rw-anything']) {
      for (const topic of ['rooms/lobby/messages', 'rooms/lobby/typing']) {
        for (const qos of [1, 2]) {
          const options = { qos, properties: { userProperties: { harmless: 'x', [name]: 'forged' } } };
          const [line] = await refusals(broker, 1, async () => {
            assert.equal(await eve.publish(topic, 'forged', options), NOT_AUTHORIZED);
          });
          assert.match(line, /why="rw- properties are not for clients to send"/);
        }
      }
    }
    await eve.publish('rooms/lobby/messages', 'fine', { qos: 1, properties: { userProperties: { 'RW-id': 'mine' } } });
    assert.equal((await eve.receive(1))[0].text, 'fine');
    await eve.end();
  });

  it('a bad room name is refused', async () => {
    const broker = get();
    const eve = await connect(broker, { token: broker.token('eve') });
    for (const room of ['', '.', '..', '.hidden', '-x', '_x', 'a b', 'ä', 'a%2fb', `${'x'.repeat(65)}`, 'a\u0001b', 'a$', '😀']) {
      const topic = `rooms/${room}/messages`;
      const control = room.includes('\u0001');
      const [line] = await refusals(broker, control ? 0 : 1, async () => {
        if (control) {
          // U+0001 is not for topics at all: the broker itself ends the connection.
          const other = await connect(broker, { token: broker.token('eve') });
          other.mqtt.publish(topic, 'no', { qos: 1 });
          await within(other.closed, 'the connection to be closed');
          await other.mqtt.endAsync(true);
        } else {
          assert.equal(await eve.publish(topic, 'no'), NOT_AUTHORIZED, topic);
        }
      });
      if (line) assert.match(line, /why="no valid room name"/);
    }
    assert.equal(await eve.publish(`rooms/${'x'.repeat(64)}/messages`, 'just right'), 0);
    assert.equal(await eve.publish('rooms/A.b-c_9/messages', 'just right'), 0);
    await eve.end();
  });

  it('wildcards, NUL and bad UTF-8 in a topic end the connection', async () => {
    const broker = get();
    for (const topic of ['rooms/+/messages', 'rooms/#', 'rooms/a\0b/messages', Buffer.from([0x72, 0xff, 0xfe])]) {
      const eve = await connect(broker, { token: broker.token('eve') });
      const bytes = Buffer.from(topic);
      const head = Buffer.from([0x30, 2 + bytes.length + 1 + 1, 0, bytes.length]);
      // PUBLISH, QoS 0, by hand: no client library sends this.
      eve.mqtt.stream.write(Buffer.concat([head, bytes, Buffer.from([0, 0x78])]));
      await within(eve.closed, `the connection to be closed after ${topic}`);
      await eve.mqtt.endAsync(true);
    }
    await assertHealthy(broker);
  });

  it('what is bad about a key or a property is said', async () => {
    const broker = get();
    const eve = await connect(broker, { token: broker.token('eve') });
    const attempts = [
      [{ userProperties: { key: '' } }, 'the idempotency key is empty'],
      [{ userProperties: { key: 'k'.repeat(129) } }, 'the idempotency key is too long'],
      [{ userProperties: { key: ['one', 'two'] } }, 'one property is there twice, with two values'],
      [{ contentType: 't'.repeat(129) }, 'the content type is too long'],
    ];
    for (const [properties, why] of attempts) {
      const [line] = await refusals(broker, 1, async () => {
        assert.equal(await eve.publish('rooms/lobby/messages', 'no', { qos: 1, properties }), NOT_AUTHORIZED);
      });
      assert.ok(line.includes(`why="${why}"`), line);
    }
    assert.equal(await eve.publish('rooms/lobby/messages', 'yes',
      { qos: 1, properties: { userProperties: { key: 'k'.repeat(128) }, contentType: 't'.repeat(128) } }), 0);
    await eve.end();
  });

  it('a property named key means nothing where nothing is kept', async () => {
    const broker = get();
    const eve = await connect(broker, { token: broker.token('eve', null, { acl: { all: ['#'] } }) });
    await eve.subscribe(['rooms/lobby/live', 'elsewhere'], { qos: 1 });
    for (const topic of ['rooms/lobby/live', 'elsewhere'])
      for (const key of ['', 'k'.repeat(129), ['one', 'two']]) {
        assert.equal(await eve.publish(topic, 'yes', { qos: 1, properties: { userProperties: { key } } }), 0);
        const { pairs } = await waitFor(() => eve.messages.shift(), 'the message');
        assert.deepEqual(pairs.key, key);
      }
    await eve.end();
  });

  it('more rooms than max_rooms are refused, known ones are not', async () => {
    const broker = await startBroker({ broker: get().kind, roomwire: { max_rooms: 2 } });
    const client = await connect(broker, { token: broker.token('alice') });
    assert.equal(await client.publish('rooms/one/messages', 'x'), 0);
    assert.equal(await client.publish('rooms/two/messages', 'x'), 0);
    assert.ok(await client.publish('rooms/three/messages', 'x') >= 0x80);
    assert.equal(await client.publish('rooms/one/messages', 'x'), 0);
    await broker.says(/refused what=publish .*why="there are max_rooms rooms"/);
    await client.end();
    await broker.close();
  });
});
