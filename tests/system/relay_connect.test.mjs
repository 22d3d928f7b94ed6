// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// What becomes of the upgrade request and of the CONNECT packet, seen from the broker's side.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { connack, connect, field, packet, pingreq } from './lib/mqtt_bytes.mjs';
import { binary, RawWebSocket, upgradeRequest } from './lib/raw_websocket.mjs';
import { Stand, withStand } from './lib/relay_stand.mjs';

let stand;

before(async () => {
  stand = await Stand.start({
    config: {
      connect_timeout_ms: 700,
      max_packet: 100000,
      allowed_origins: 'https://friend.example',
    },
  });
});
after(() => stand?.stop());

const bearer = (token) => ({ Authorization: `Bearer ${token}` });

test('the upgrade is answered as RFC 6455 §4.2.2 says', async () => {
  const ws = await stand.open();
  assert.equal(ws.status, 101);
  assert.equal(ws.fields['sec-websocket-accept'], ws.expectedAccept);
  assert.equal(ws.fields['sec-websocket-protocol'], 'mqtt');
  assert.equal(ws.fields.upgrade.toLowerCase(), 'websocket');
  assert.equal(ws.fields['sec-websocket-extensions'], undefined);
  ws.destroy();
});

test('only a subprotocol that was offered is answered', async () => {
  const ws = await stand.open({ 'Sec-WebSocket-Protocol': 'wamp, mqttv3.1' });
  assert.equal(ws.status, 101);
  assert.equal(ws.fields['sec-websocket-protocol'], 'mqttv3.1');
  ws.destroy();
});

const refusals = [
  ['no upgrade', { Upgrade: null, Connection: null }, {}, 426],
  ['another upgrade', { Upgrade: 'h2c' }, {}, 426],
  ['HTTP/1.0', {}, { version: '1.0' }, 426],
  ['version 8', { 'Sec-WebSocket-Version': '8' }, {}, 426],
  ['no key', { 'Sec-WebSocket-Key': null }, {}, 400],
  ['a short key', { 'Sec-WebSocket-Key': 'c2hvcnQ=' }, {}, 400],
  ['no subprotocol', { 'Sec-WebSocket-Protocol': null }, {}, 400],
  ['another subprotocol', { 'Sec-WebSocket-Protocol': 'wamp' }, {}, 400],
  ['another method', {}, { method: 'POST' }, 405],
  ['HEAD', {}, { method: 'HEAD' }, 405],
  ['a foreign origin', { Origin: 'https://evil.example' }, {}, 403],
  ['the origin null', { Origin: 'null' }, {}, 403],
  ['our host with another scheme, and a cookie', { Origin: 'https://localhost', Cookie: 'roomwire=x' }, {}, 403],
  ['our host with another scheme and port', { Origin: 'https://localhost:1' }, {}, 403],
];
for (const [what, headers, rest, status] of refusals)
  test(`refused before the upgrade: ${what}`, async () => {
    const ws = await stand.open(headers, rest);
    assert.equal(ws.status, status);
    if (status === 426) {
      assert.equal(ws.fields['sec-websocket-version'], '13');
      assert.equal(ws.fields.upgrade, 'websocket');
      assert.equal(ws.fields.connection, 'Upgrade'); // the last of the two, where it closes as well
    }
    assert.equal(ws.fields['www-authenticate'], undefined); // no token would do better
    if (status === 405) assert.match(ws.fields.allow, /GET/);
    await stand.says(new RegExp(`refuse status=${status} address=${ws.address} `));
    assert.equal(stand.countLines(new RegExp(`address=${ws.address} `)), 1);
    ws.destroy();
  });

test('our own origin and those listed are let in', async () => {
  for (const origin of ['http://localhost', 'https://friend.example']) {
    const ws = await stand.open({ Origin: origin });
    assert.equal(ws.status, 101, origin);
    ws.destroy();
  }
});

test("a program's origin may have the wrong scheme, as that of Paho's client for Python", async () => {
  for (const [host, origin] of [['localhost:8080', 'https://localhost:8080'], ['localhost:80', 'https://localhost:80']]) {
    const ws = await stand.open({ Host: host, Origin: origin });
    assert.equal(ws.status, 101, origin);
    ws.destroy();
  }
});

test('an upgrade that says whose it is is refused with the token of somebody else', async () => {
  const token = stand.mint({ sub: 'alice', exp: 4e9 });
  for (const headers of [{ Cookie: `roomwire=${token}` }, bearer(token)]) {
    for (const [subject, status] of [['alice', 101], ['bob', 401]]) {
      const ws = await stand.open(headers, { path: `/mqtt?subject=${subject}` });
      assert.equal(ws.status, status, subject);
      ws.destroy();
    }
  }
});

test('a bad token in Authorization is refused before the upgrade, with the reason', async () => {
  const expired = stand.mint({ sub: 'alice', exp: 1000 });
  const badSignature = `${stand.token.slice(0, -4)}AAAA`;
  for (const token of [expired, badSignature, 'nonsense']) {
    const ws = await stand.open(bearer(token));
    assert.equal(ws.status, 401);
    assert.match(ws.fields['www-authenticate'], /^Bearer.*error/);
    ws.destroy();
  }
  assert.ok(
    !stand.gateway.lines.some((line) => line.includes(expired) || line.includes(badSignature)),
  );
});

const versions = [
  ['3.1', 3],
  ['3.1.1', 4],
  ['5', 5],
];
for (const [name, level] of versions) {
  test(`MQTT ${name}: the token of Authorization becomes the password`, async () => {
    for (const authorization of [`Bearer ${stand.token}`, `bearer ${stand.token}`, stand.token]) {
      const { ws, peer } = await stand.begin(connect({ level }), { Authorization: authorization });
      const username = stand.introduction(ws, 'c1', '');
      assert.deepEqual(peer.connect, connect({ level, username, password: stand.token }));
      ws.destroy();
    }
  });

  test(`MQTT ${name}: the client's own password stays, its user name is kept in the introduction`, async () => {
    const own = { level, username: 'my name', password: 'my password' };
    const { ws, peer } = await stand.begin(connect(own), bearer(stand.token));
    assert.deepEqual(
      peer.connect,
      connect({ ...own, username: stand.introduction(ws, 'c1', 'my name') }),
    );
    ws.destroy();
  });

  test(`MQTT ${name}: will and properties stay byte for byte`, async () => {
    const will = { topic: 'rooms/a/messages', payload: Buffer.from([0, 1, 2, 255]) };
    const properties = Buffer.concat([
      Buffer.from([0x11, 0, 0, 0, 10, 0x26]),
      field('k'),
      field('v'),
    ]);
    const own = { level, will, properties, clientId: '', keepAlive: 7 };
    const { ws, peer } = await stand.begin(connect(own), bearer(stand.token));
    const username = stand.introduction(ws, '', '');
    assert.deepEqual(peer.connect, connect({ ...own, username, password: stand.token }));
    ws.destroy();
  });
}

test('without any token the client is introduced without a password', async () => {
  const { ws, peer } = await stand.begin(connect());
  assert.deepEqual(peer.connect, connect({ username: stand.introduction(ws, 'c1', '') }));
  ws.destroy();
});

test('the session cookie supplies the token', async () => {
  const { ws, peer } = await stand.begin(connect(), { Cookie: `roomwire=${stand.token}` });
  assert.deepEqual(
    peer.connect,
    connect({ username: stand.introduction(ws, 'c1', ''), password: stand.token }),
  );
  ws.destroy();
});

test('Authorization goes before the cookie', async () => {
  const headers = { Cookie: 'roomwire=of-the-cookie', ...bearer(stand.token) };
  const { ws, peer } = await stand.begin(connect(), headers);
  assert.deepEqual(
    peer.connect,
    connect({ username: stand.introduction(ws, 'c1', ''), password: stand.token }),
  );
  ws.destroy();
});

test('a bad cookie does not keep out a client with a password of its own', async () => {
  const own = { username: 'u', password: 'my own' };
  const { ws, peer } = await stand.begin(connect(own), { Cookie: 'roomwire=nonsense' });
  assert.deepEqual(peer.connect, connect({ ...own, username: stand.introduction(ws, 'c1', 'u') }));
  ws.destroy();
});

test('a client cannot introduce itself', async () => {
  const forged = 'rw1 ws 10.0.0.1:1 00000000000000000000000000000000 somebody';
  const { ws, peer } = await stand.begin(connect({ username: forged }));
  assert.deepEqual(peer.connect, connect({ username: stand.introduction(ws, 'c1', forged) }));
  ws.destroy();
});

test('CONNECT may come byte by byte, each in a frame of its own', async () => {
  const ws = await stand.open(bearer(stand.token));
  const arriving = stand.broker.peer();
  for (const byte of connect()) ws.send(binary([byte]));
  const peer = await arriving;
  assert.deepEqual(
    peer.connect,
    connect({ username: stand.introduction(ws, 'c1', ''), password: stand.token }),
  );
  ws.destroy();
});

test('CONNECT may come byte by byte on the wire', async () => {
  const ws = await stand.open(bearer(stand.token));
  const arriving = stand.broker.peer();
  for (const byte of binary(connect())) {
    ws.send(Buffer.from([byte]));
    await new Promise((done) => setImmediate(done));
  }
  const peer = await arriving;
  assert.deepEqual(
    peer.connect,
    connect({ username: stand.introduction(ws, 'c1', ''), password: stand.token }),
  );
  ws.destroy();
});

test('CONNECT and what follows may come with the upgrade request itself', async () => {
  const follows = [packet(0x82, [0, 1], field('#'), [0]), pingreq];
  const first = Buffer.concat([binary(connect()), ...follows.map(binary)]);
  const arriving = stand.broker.peer();
  const ws = await RawWebSocket.open(stand.port, upgradeRequest(bearer(stand.token)), { first });
  assert.equal(ws.status, 101);
  const peer = await arriving;
  const behind = Buffer.concat(follows);
  assert.deepEqual(await peer.take(behind.length), behind);
  peer.send(connack);
  assert.deepEqual(await ws.payload(4), connack);
  ws.destroy();
});

// The log has one line for it, and nothing of what was sent.
async function assertEnded(ws, code, reason) {
  const pattern = new RegExp(`relay: ended address=${ws.address} code=${code} reason="${reason}"`);
  assert.equal(await ws.closed(), code);
  await stand.says(pattern);
  assert.equal(stand.countLines(new RegExp(`address=${ws.address} `)), 1);
}

test('a CONNECT that never comes ends the connection in time', async () => {
  const ws = await stand.open();
  await assertEnded(ws, 1008, 'no CONNECT packet in time');
});

test('a CONNECT that comes too slowly ends the connection in time', async () => {
  const ws = await stand.open();
  const bytes = connect({ clientId: 'x'.repeat(1000) });
  let at = 0;
  const timer = setInterval(() => ws.send(binary([bytes[at++]])), 20);
  await assertEnded(ws, 1008, 'no CONNECT packet in time');
  clearInterval(timer);
});

const malformed = [
  ['another packet first', pingreq, 1002, 'the first packet is not CONNECT'],
  [
    'HTTP in the WebSocket',
    Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    1002,
    'the first packet is not CONNECT',
  ],
  [
    'an unknown protocol',
    packet(0x10, field('MQXX'), [4, 2, 0, 60], field('c')),
    1002,
    'an unknown protocol name',
  ],
  [
    'a password without a user name in 3.1.1',
    connect({ password: 'p' }),
    1002,
    'a password without a user name',
  ],
  [
    'more than a CONNECT packet may have',
    Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f]),
    1009,
    'a CONNECT packet that is too long',
  ],
  [
    'behind CONNECT what is no packet',
    Buffer.concat([connect(), Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 0x01])]),
    1002,
    'a malformed MQTT packet',
  ],
];
for (const [what, bytes, code, reason] of malformed)
  test(`refused as the first packet: ${what}`, async () => {
    const ws = await stand.open(bearer(stand.token));
    ws.send(binary(bytes));
    await assertEnded(ws, code, reason);
  });

test('a version of MQTT that is not spoken here is told so by CONNACK', async () => {
  const ws = await stand.open(bearer(stand.token));
  ws.send(binary(packet(0x10, field('MQTT'), [6, 2, 0, 60], field('c'))));
  assert.deepEqual(await ws.payload(4), Buffer.from([0x20, 2, 0, 1]));
  await assertEnded(ws, 1002, 'an unknown version of MQTT');
});

test('a user name that the introduction does not fit before is refused', async () => {
  const ws = await stand.open();
  ws.send(binary(connect({ username: 'u'.repeat(65530) })));
  await assertEnded(ws, 1009, 'a user name or token that is too long');
});

test('MQTT 5 may have a password without a user name', async () => {
  const { ws, peer } = await stand.begin(connect({ level: 5, password: 'pw' }));
  assert.deepEqual(
    peer.connect,
    connect({ level: 5, username: stand.introduction(ws, 'c1', ''), password: 'pw' }),
  );
  ws.destroy();
});

test('"*" in allowed_origins lends the cookie to no foreign page', () =>
  withStand({ config: { allowed_origins: '*' } }, async (open) => {
    const headers = { Origin: 'https://other.example', Cookie: `roomwire=${open.token}` };
    for (const path of ['/mqtt', '/mqtt?subject=alice']) {
      const ws = await open.open(headers, { path });
      assert.equal(ws.status, 101);
      const arriving = open.broker.peer();
      ws.send(binary(connect()));
      const { connect: sent } = await arriving;
      assert.deepEqual(sent, connect({ username: open.introduction(ws, 'c1', '') }));
      ws.destroy();
    }
  }));
