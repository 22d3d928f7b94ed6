// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// MQTT.js through /mqtt to Mosquitto with the plugin: everything that a user of the relay sees.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';

import mqtt from 'mqtt';

import { connect, packet } from './lib/mqtt_bytes.mjs';
import { binary } from './lib/raw_websocket.mjs';
import { Stand, withStand } from './lib/relay_stand.mjs';
import { nowS, soonS } from './lib/token.mjs';

const once = (emitter, event) =>
  new Promise((done) => emitter.once(event, (...values) => done(values)));

for (const tls of [false, true])
  describe(tls ? 'wss' : 'ws', () => {
    let stand;

    before(async () => {
      // A thousand clients of one process may need longer than the usual ten seconds on a busy machine.
      const config = { connect_timeout_ms: 60000, head_timeout_ms: 60000 };
      stand = await Stand.start({ broker: 'mosquitto', tls, config });
    });
    after(() => stand?.stop());

    function client(options = {}) {
      return mqtt.connect(stand.url, { reconnectPeriod: 0, rejectUnauthorized: false, ...options });
    }

    const bearer = (token) => ({ headers: { Authorization: `Bearer ${token}` } });

    // Publishes to a room from one client and hears it on another, each connected by `options`.
    async function exchange(options) {
      const reader = client(options);
      await reader.subscribeAsync('rooms/lobby/messages');
      const writer = client(options);
      const text = randomBytes(8).toString('hex');
      const heard = once(reader, 'message');
      await writer.publishAsync('rooms/lobby/messages', text, { qos: 1 });
      const [topic, payload, sent] = await heard;
      assert.equal(topic, 'rooms/lobby/messages');
      assert.equal(payload.toString(), text);
      await Promise.all([reader.endAsync(), writer.endAsync()]);
      return sent;
    }

    const versions = [
      ['3.1', { protocolId: 'MQIsdp', protocolVersion: 3, clientId: undefined }],
      ['3.1.1', { protocolVersion: 4 }],
      ['5', { protocolVersion: 5 }],
    ];
    for (const [name, version] of versions) {
      test(`MQTT ${name} with the token in Authorization`, () =>
        exchange({ ...version, wsOptions: bearer(stand.token) }));

      test(`MQTT ${name} with the token in the session cookie`, () => {
        const cookie = `${tls ? '__Host-' : ''}roomwire=${stand.token}`;
        return exchange({ ...version, wsOptions: { headers: { Cookie: cookie } } });
      });

      test(`MQTT ${name} with the token as password`, () =>
        exchange({ ...version, username: 'any name', password: stand.token }));
    }

    test('MQTT 5: the stamp says who sent it', async () => {
      const { properties } = await exchange({ protocolVersion: 5, wsOptions: bearer(stand.token) });
      assert.equal(properties.userProperties['rw-from'], 'alice');
      assert.match(properties.userProperties['rw-id'], /^[0-9]+$/);
    });

    test('the password of CONNECT goes before the token of the request', async () => {
      const options = {
        protocolVersion: 5,
        username: 'u',
        password: stand.mint({ sub: 'bob', rooms: { '*': 'rw' } }),
      };
      const { properties } = await exchange({ ...options, wsOptions: bearer(stand.token) });
      assert.equal(properties.userProperties['rw-from'], 'bob');
    });

    for (const [what, options] of [
      ['no token at all', {}],
      [
        'a bad token in the cookie',
        { wsOptions: { headers: { Cookie: 'roomwire=bad; __Host-roomwire=bad' } } },
      ],
      [
        'a bad password behind a good Authorization',
        { username: 'u', password: 'bad', good: true },
      ],
    ])
      test(`${what} is refused by CONNACK`, async () => {
        const wsOptions = options.good ? bearer(stand.token) : options.wsOptions;
        for (const protocolVersion of [4, 5]) {
          const refused = client({ ...options, wsOptions, protocolVersion });
          const [error] = await once(refused, 'error');
          assert.match(
            error.message,
            /Not authorized|Bad username or password|Bad User Name or Password/i,
          );
          await refused.endAsync(true);
        }
      });

    test('a forged introduction is not believed', async () => {
      // Through the relay it is only somebody's odd user name.
      const sent = await exchange({
        protocolVersion: 5,
        username: `rw1 ws 10.0.0.1:1 ${'0'.repeat(32)} x`,
        wsOptions: bearer(stand.token),
      });
      assert.equal(sent.properties.userProperties['rw-from'], 'alice');
    });

    test('payloads up to the limit arrive whole, both ways', async () => {
      const options = { protocolVersion: 5, wsOptions: bearer(stand.token) };
      const reader = client(options);
      await reader.subscribeAsync('rooms/large/messages');
      const writer = client(options);
      for (const len of [0, 1, 125, 126, 5000, 30000, 65535, 65536, 70000, 131072]) {
        const sent = randomBytes(len);
        const heard = once(reader, 'message');
        await writer.publishAsync('rooms/large/messages', sent, { qos: 1 });
        assert.ok((await heard)[1].equals(sent), `${len} bytes`);
      }
      await Promise.all([reader.endAsync(), writer.endAsync()]);
    });

    test('a second CONNECT ends the connection, and nothing else', async () => {
      const ws = await stand.open({ Authorization: `Bearer ${stand.token}` });
      ws.send(binary(connect({ clientId: 'second-connect' })));
      assert.deepEqual((await ws.payload(4)).subarray(0, 4), Buffer.from([0x20, 2, 0, 0]));
      ws.send(binary(connect({ clientId: 'second-connect' })));
      assert.equal(await ws.closed(), 1001);
      await exchange({ wsOptions: bearer(stand.token) });
    });

    test('a last will is sent when the WebSocket breaks off, not after DISCONNECT', async () => {
      const options = { protocolVersion: 5, wsOptions: bearer(stand.token) };
      const reader = client(options);
      await reader.subscribeAsync('rooms/lobby/will');
      const heard = [];
      reader.on('message', (topic, payload) => heard.push(payload.toString()));
      const polite = client({ ...options, will: { topic: 'rooms/lobby/will', payload: 'polite' } });
      await once(polite, 'connect');
      await polite.endAsync();
      const breaking = client({
        ...options,
        will: { topic: 'rooms/lobby/will', payload: 'breaking' },
      });
      await once(breaking, 'connect');
      const message = once(reader, 'message');
      breaking.stream.destroy();
      await message;
      assert.deepEqual(heard, ['breaking']);
      await breaking.endAsync(true);
      await reader.endAsync();
    });

    test('the connection of an expired token ends', async () => {
      const exp = soonS();
      const token = stand.mint({ sub: 'short', rooms: {}, exp });
      const short = client({ protocolVersion: 5, wsOptions: bearer(token) });
      await once(short, 'connect');
      await once(short, 'close');
      assert.ok(nowS() >= exp, 'not before its time');
      await short.endAsync(true);
    });

    test('1000 clients at once', async () => {
      const clients = Array.from({ length: 1000 }, (_, i) =>
        client({
          clientId: `many-${i}`,
          protocolVersion: 5,
          connectTimeout: 60000,
          wsOptions: bearer(stand.token),
        }),
      );
      await Promise.all(clients.map((each) => once(each, 'connect')));
      await Promise.all(clients.map((each) => each.subscribeAsync('rooms/many/messages')));
      const heard = clients.map((each) => once(each, 'message'));
      await clients[0].publishAsync('rooms/many/messages', 'to all', { qos: 1 });
      for (const [, payload] of await Promise.all(heard))
        assert.equal(payload.toString(), 'to all');
      await Promise.all(clients.map((each) => each.endAsync()));
    });

    test('a broker that is killed ends its clients, which come back once it is back', async () => {
      const faithful = client({
        protocolVersion: 5,
        reconnectPeriod: 50,
        wsOptions: bearer(stand.token),
      });
      await once(faithful, 'connect');
      const closed = once(faithful, 'close');
      await stand.stack.killBroker();
      await closed;
      const back = once(faithful, 'connect');
      await stand.stack.startBroker();
      await back;
      await faithful.endAsync();
      await exchange({ wsOptions: bearer(stand.token) });
    });

    test('no token is in any log', () => {
      const signature = stand.token.split('.')[2];
      for (const { log } of [stand.gateway.program, stand.stack.broker.program])
        assert.ok(log.length > 0 && !log.includes(signature));
    });
  });

test('packets that are far too long never reach the broker', () =>
  withStand({ broker: 'mosquitto', config: { max_packet: 300000 } }, async (stand) => {
    const ws = await stand.open({ Authorization: `Bearer ${stand.token}` });
    ws.send(binary(connect()));
    await ws.payload(4);
    ws.send(binary(packet(0x30, Buffer.alloc(300000))));
    assert.equal(await ws.closed(), 1009);
  }));
