// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Bytes behind CONNECT: unchanged both ways however they are cut, and RFC 6455 kept to the letter.
// Once over TCP and once over TLS.
import assert from 'node:assert/strict';
import { randomBytes, randomInt } from 'node:crypto';
import { after, before, describe, test } from 'node:test';

import { disconnect, packet, pingreq, publish } from './lib/mqtt_bytes.mjs';
import { binary, frame, opcodes } from './lib/raw_websocket.mjs';
import { digest, Stand } from './lib/relay_stand.mjs';

const MAX_PACKET = 3000000;

for (const tls of [false, true])
  describe(tls ? 'wss' : 'ws', () => {
    let stand;

    before(async () => {
      stand = await Stand.start({
        tls,
        config: { max_packet: MAX_PACKET, max_relay_buffer: 65536 },
      });
    });
    after(() => stand?.stop());

    test('what the client sends reaches the broker as it is, in frames of all sizes', async () => {
      const { ws, peer } = await stand.relay();
      const sent = [];
      for (const len of [0, 1, 100, 125, 126, 5000, 65535, 65536, 200000, 1000000]) {
        const message = publish('t', randomBytes(len));
        sent.push(message);
        ws.send(binary(message));
      }
      const all = Buffer.concat(sent);
      assert.equal(digest(await peer.take(all.length)), digest(all));
      ws.destroy();
    });

    test('packets and frames need not begin together', async () => {
      const { ws, peer } = await stand.relay();
      const all = Buffer.concat(
        Array.from({ length: 300 }, () => publish('a/b', randomBytes(randomInt(2000)))),
      );
      for (let at = 0; at < all.length;) {
        const len = randomInt(1, 3000);
        ws.send(binary(all.subarray(at, at + len)));
        at += len;
      }
      assert.equal(digest(await peer.take(all.length)), digest(all));
      ws.destroy();
    });

    test('frames may be cut anywhere on the wire', async () => {
      const { ws, peer } = await stand.relay();
      const all = Buffer.concat(
        Array.from({ length: 30 }, () => publish('a/b', randomBytes(randomInt(300)))),
      );
      const wire = [];
      for (let at = 0; at < all.length; at += 97) wire.push(binary(all.subarray(at, at + 97)));
      for (const byte of Buffer.concat(wire)) {
        ws.send(Buffer.from([byte]));
        if (randomInt(8) === 0) await new Promise((done) => setImmediate(done));
      }
      assert.equal(digest(await peer.take(all.length)), digest(all));
      ws.destroy();
    });

    test('a message may be fragmented, with control frames in between', async () => {
      const { ws, peer } = await stand.relay();
      const message = publish('t', randomBytes(1000));
      for (let at = 0; at < message.length; at += 100) {
        const isLast = at + 100 >= message.length;
        ws.send(
          frame(at === 0 ? opcodes.binary : opcodes.continuation, message.subarray(at, at + 100), {
            fin: isLast,
          }),
        );
        ws.send(frame(opcodes.ping, `ping ${at}`));
        ws.send(frame(opcodes.pong, 'unasked'));
      }
      assert.deepEqual(await peer.take(message.length), message);
      for (let at = 0; at < message.length; at += 100) {
        const pong = await ws.next();
        assert.equal(pong.opcode, opcodes.pong);
        assert.equal(pong.payload.toString(), `ping ${at}`);
      }
      ws.destroy();
    });

    test('what the broker sends reaches the client as it is, in whole binary frames', async () => {
      const { ws, peer } = await stand.relay();
      const sent = Array.from({ length: 400 }, (_, i) => publish('a/b', randomBytes(i * 40)));
      const all = Buffer.concat(sent);
      for (const message of sent) peer.send(message);
      const parts = [];
      for (let have = 0; have < all.length;) {
        const next = await ws.next();
        assert.equal(next.opcode, opcodes.binary);
        assert.ok(next.fin && next.rsv === 0 && next.payload.length > 0);
        parts.push(next.payload);
        have += next.payload.length;
      }
      assert.equal(digest(Buffer.concat(parts)), digest(all));
      ws.destroy();
    });

    test('both directions at once, more than all buffers hold', async () => {
      const { ws, peer } = await stand.relay();
      const up = Buffer.concat(
        Array.from({ length: 200 }, () => publish('up', randomBytes(40000))),
      );
      const down = Buffer.concat(
        Array.from({ length: 200 }, () => publish('down', randomBytes(40000))),
      );
      for (let at = 0; at < up.length; at += 30000) ws.send(binary(up.subarray(at, at + 30000)));
      peer.send(down);
      const [gotDown, gotUp] = await Promise.all([ws.payload(down.length), peer.take(up.length)]);
      assert.equal(digest(gotUp), digest(up));
      assert.equal(digest(gotDown), digest(down));
      ws.destroy();
    });

    test('a ping is answered with its payload', async () => {
      const { ws } = await stand.relay();
      for (const payload of ['', 'x', 'y'.repeat(125)]) {
        ws.send(frame(opcodes.ping, payload));
        const pong = await ws.next();
        assert.equal(pong.opcode, opcodes.pong);
        assert.equal(pong.payload.toString(), payload);
      }
      ws.destroy();
    });

    test('pings are answered before CONNECT, too', async () => {
      const ws = await stand.open();
      ws.send(frame(opcodes.ping, 'early'));
      assert.equal((await ws.next()).payload.toString(), 'early');
      ws.destroy();
    });

    const codeOf = (code) => Buffer.from([code >> 8, code & 0xff]);
    const closes = [
      ['no code', '', 0],
      ['1000', codeOf(1000), 1000],
      ['1001 with a reason', Buffer.concat([codeOf(1001), Buffer.from('leaving é')]), 1001],
      ['4999', codeOf(4999), 4999],
      ['a payload of one byte', 'x', 1002],
      ['999', codeOf(999), 1002],
      ['1005', codeOf(1005), 1002],
      ['1006', codeOf(1006), 1002],
      ['1016', codeOf(1016), 1002],
      ['5000', codeOf(5000), 1002],
      ['a reason that is not UTF-8', Buffer.concat([codeOf(1000), Buffer.from([0xff])]), 1007],
    ];
    for (const [what, payload, code] of closes)
      test(`Close with ${what} is answered with ${code || 'no code'} and the end`, async () => {
        const { ws, peer } = await stand.relay();
        ws.send(Buffer.concat([binary(pingreq), frame(opcodes.close, payload)]));
        assert.equal(await ws.closed(), code);
        assert.deepEqual(await peer.take(2), pingreq); // what came before it is the broker's
        await peer.ended();
      });

    const violations = [
      ['a text frame', frame(opcodes.text, 'x'), 1003],
      ['a frame without a mask', frame(opcodes.binary, 'x', { mask: false }), 1002],
      ['a ping without a mask', frame(opcodes.ping, '', { mask: false }), 1002],
      ['RSV1', frame(opcodes.binary, 'x', { rsv: 4 }), 1002],
      ['RSV2', frame(opcodes.binary, 'x', { rsv: 2 }), 1002],
      ['RSV3', frame(opcodes.binary, 'x', { rsv: 1 }), 1002],
      ['opcode 3', frame(3, 'x'), 1002],
      ['opcode 15', frame(15, 'x'), 1002],
      ['a fragmented ping', frame(opcodes.ping, 'x', { fin: false }), 1002],
      ['a ping of 126 bytes', frame(opcodes.ping, 'x'.repeat(126)), 1002],
      ['a continuation of nothing', frame(opcodes.continuation, 'x'), 1002],
      [
        'a message inside another',
        Buffer.concat([frame(opcodes.binary, '\xc0', { fin: false }), binary('x')]),
        1002,
      ],
      ['a length not in its shortest form', frame(opcodes.binary, 'x', { lengthSize: 8 }), 1002],
      ['a length of 2^63', frame(opcodes.binary, 'x', { length: 2n ** 63n, lengthSize: 8 }), 1002],
      ['a length of 2^62', frame(opcodes.binary, 'x', { length: 2n ** 62n, lengthSize: 8 }), 1009],
      [
        'a message over max_packet',
        frame(opcodes.binary, 'x', { length: MAX_PACKET + 1, lengthSize: 8 }),
        1009,
      ],
      ['an MQTT packet over max_packet', binary([0x30, 0xff, 0xff, 0xff, 0x7f]), 1009],
      ['an MQTT length of five bytes', binary([0x30, 0x80, 0x80, 0x80, 0x80, 1]), 1002],
    ];
    for (const [what, bytes, code] of violations)
      test(`${what} ends the connection with ${code} and one line in the log`, async () => {
        const { ws, peer } = await stand.relay();
        ws.send(bytes);
        assert.equal(await ws.closed(), code);
        await peer.ended();
        await stand.says(new RegExp(`relay: ended address=${ws.address} code=${code}`));
        assert.equal(stand.countLines(new RegExp(`address=${ws.address} `)), 1);
      });

    test('a Close frame reaches a client that is still sending', async () => {
      const { ws } = await stand.relay();
      ws.send(frame(opcodes.text, 'x'));
      for (let i = 0; i < 20; i++) ws.send(binary(publish('t', randomBytes(10000))));
      assert.equal(await ws.closed(), 1003);
    });

    test('fragments count together', async () => {
      const { ws } = await stand.relay();
      const part = Buffer.alloc(1000000, 0xc0);
      ws.send(frame(opcodes.binary, Buffer.concat([packet(0x30, part)]), { fin: false }));
      ws.send(frame(opcodes.continuation, packet(0x30, part), { fin: false }));
      ws.send(frame(opcodes.continuation, packet(0x30, part), { fin: false }));
      assert.equal(await ws.closed(), 1009);
    });

    test("a client that leaves without a Close frame: what it had sent is the broker's", async () => {
      const { ws, peer } = await stand.relay();
      const all = Buffer.concat([publish('t', randomBytes(200000)), disconnect]);
      ws.send(binary(all));
      ws.socket.end();
      assert.equal(digest(await peer.take(all.length)), digest(all));
      await peer.ended();
    });

    test('pings of a client that does not read cost bounded memory', async () => {
      const { ws, peer } = await stand.relay();
      ws.socket.pause();
      peer.send(publish('down', Buffer.alloc(20000000))); // fills every buffer on the way
      const before = stand.memory();
      const rounds = 50;
      for (let round = 1; round <= rounds; round++)
        ws.send(
          Buffer.concat(
            Array.from({ length: 2000 }, (_, i) =>
              frame(
                opcodes.ping,
                `${i === 1999 && round === rounds ? 'last' : 'ping'} `.padEnd(125, '.'),
              ),
            ),
          ),
        );
      ws.send(binary(pingreq));
      assert.deepEqual(await peer.take(2), pingreq); // all pings before it were read
      assert.ok(stand.memory() - before < 3000000);
      ws.socket.resume();
      let count = 0;
      for (
        let next = await ws.next();
        !next.payload.toString().startsWith('last');
        next = await ws.next()
      )
        count += next.opcode === opcodes.pong;
      assert.ok(count < 2000 * rounds - 1); // the latest is answered in any case, others were passed over
      ws.destroy();
    });
  });
