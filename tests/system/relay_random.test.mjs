// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
// Strangers who send what comes to mind, cut anywhere, and leave in any way, before and behind
// CONNECT: the gateway goes on. A failure names its seed: ROOMWIRE_SEED=n repeats the bytes.
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { test } from 'node:test';

import { connack, connect, disconnect, packet, pingreq, subscribe } from './lib/mqtt_bytes.mjs';
import { binary, frame, opcodes, upgradeRequest } from './lib/raw_websocket.mjs';
import { hooksTo, Receiver } from './lib/receiver.mjs';
import { withStand } from './lib/relay_stand.mjs';
import { sleep, waitFor } from './lib/wait.mjs';

const CONNECTIONS = 300, AT_ONCE = 60;
const bearer = (token) => ({ Authorization: `Bearer ${token}` });
const seed = Number(process.env.ROOMWIRE_SEED ?? randomInt(2 ** 31));

// Numbers from 0 to below n that the seed decides.
function dice(state) {
  return (n) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return Math.floor((state / 0x80000000) * n);
  };
}

function noise(roll, max) {
  return Buffer.from(Array.from({ length: roll(max) }, () => roll(256)));
}

// What a client may send next, right or wrong.
function piece(roll, token) {
  const pick = (...list) => list[roll(list.length)];
  const hello = connect({ level: pick(3, 4, 5), clientId: `c${roll(5)}`, username: 'u', password: pick(token, 'bad') });
  const publish = packet(0x30, [0, 16], 'rooms/a/messages', noise(roll, 20000));
  switch (roll(10)) {
    case 0: return binary(Buffer.concat([hello, pick('', [0x30, 255, 255, 255, 255, 1], publish, noise(roll, 300))].map((part) => Buffer.from(part))));
    case 1: return binary(connect({ level: pick(3, 4, 5), clientId: 'x' }));
    case 2: return binary(publish);
    case 3: return frame(opcodes.ping, noise(roll, 126));
    case 4: return frame(opcodes.close, pick([], [3, 232], [1], [3, 232, 255]));
    case 5: return frame(opcodes.text, 'x');
    case 6: return Buffer.concat([frame(opcodes.binary, hello.subarray(0, 9), { fin: false }), frame(opcodes.ping, 'p'), frame(opcodes.continuation, hello.subarray(9))]);
    case 7: return noise(roll, 40);
    case 8: return binary(pick(noise(roll, 3000), disconnect));
    default: return binary(Buffer.concat([pingreq, subscribe('rooms/+/messages')]));
  }
}

async function visit(stand, roll) {
  const socket = connectTcp(stand.port, '127.0.0.1').on('error', () => {});
  const closed = once(socket, 'close');
  const greeting = binary(connect({ clientId: `z${roll(9)}`, username: 'u', password: stand.token }));
  const bytes = Buffer.concat([
    Buffer.from(upgradeRequest(roll(2) ? bearer(stand.token) : {})),
    ...(roll(2) ? [greeting] : []),
    ...Array.from({ length: 1 + roll(5) }, () => piece(roll, stand.token)),
  ]);
  if (roll(4)) socket.resume(); // else it reads nothing
  for (let at = 0; at < bytes.length && !socket.destroyed;) {
    const end = roll(3) ? at + 1 + roll(bytes.length) : bytes.length;
    socket.write(bytes.subarray(at, end));
    at = end;
    if (roll(2)) await sleep(roll(10));
  }
  if (roll(3) === 0) socket.end();
  else if (roll(2)) await Promise.race([closed, sleep(roll(300))]);
  if (socket.readyState === 'open' && roll(2)) socket.resetAndDestroy();
  else socket.destroy();
  await closed;
}

async function visitAll(stand) {
  const roll = dice(seed);
  for (let n = 0; n < CONNECTIONS; n += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => visit(stand, dice(seed + n + i + roll(99)))));
    assert.ok(!stand.gateway.program.hasEnded, `the gateway ended; ROOMWIRE_SEED=${seed}\n${stand.gateway.program.log.slice(-4000)}`);
  }
  await waitFor(async () => { // a busy machine may not make the short time limits at once
    const ws = await stand.open(bearer(stand.token));
    ws.send(binary(connect({ clientId: 'after' })));
    const answer = await ws.payload(connack.length);
    ws.destroy();
    return answer.equals(connack);
  }, `a healthy gateway (ROOMWIRE_SEED=${seed})`);
}

const config = { connect_timeout_ms: 300, write_timeout_ms: 300, max_relay_buffer: 16384, max_packet: 100000 };

test('strangers before the broker', () => withStand({ broker: 'mosquitto', config }, visitAll));

test('strangers before a connect hook that has moods, too', async (t) => {
  const roll = dice(seed);
  const answers = [() => ({}), () => ({ status: 403 }), () => ({ status: 500 }), () => ({ json: { allow: false, reason: 'no' } }),
    () => (response) => response.destroy(), () => sleep(150).then(() => ({}))];
  const receiver = await Receiver.start(({ clientId }) => (clientId === 'after' ? {} : answers[roll(answers.length)]()));
  t.after(() => receiver.close());
  const hooks = { ...hooksTo(receiver, 'connect'), webhook_timeout_ms: 100, webhook_connect_required: 'yes' };
  await withStand({ broker: 'mosquitto', config: { ...config, ...hooks } }, visitAll);
});
