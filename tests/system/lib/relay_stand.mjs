// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
// A gateway before a broker that only pretends, or before Mosquitto with the plugin, and what the
// relay's tests need to talk to both ends of it.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { FakeBroker } from './fake_broker.mjs';
import { startGateway } from './gateway.mjs';
import { connack, connect } from './mqtt_bytes.mjs';
import { binary, RawWebSocket, upgradeRequest } from './raw_websocket.mjs';
import { startStack } from './stack.mjs';
import { introduce, mint } from './token.mjs';
import { waitFor } from './wait.mjs';

// Some tests look at how memory grows, so the sanitizers keep back only a little of what is freed.
process.env.ASAN_OPTIONS ??= 'quarantine_size_mb=1:thread_local_quarantine_size_kb=64';

// Of many bytes, so that a failure need not show them.
export const digest = (bytes) => createHash('sha256').update(bytes).digest('hex');

export class Stand {
  // `broker`: 'fake', 'mosquitto' (with the plugin), or 'none'. `config` are options of
  // roomwire.conf.
  static async start({ broker = 'fake', config = {}, tls = false } = {}) {
    const stand = new Stand();
    stand.tls = tls;
    const options = { log_level: 'info', ...config };
    if (broker === 'mosquitto') await stand.#startStack(options);
    else await stand.#startGateway(options);
    stand.secret = stand.#read(broker === 'mosquitto' ? 'jwt.secret' : 'token.secret');
    stand.serviceSecret = stand.#read('service.secret');
    stand.socket = join(stand.folder, 'mosquitto.sock');
    stand.url = `${tls ? 'wss' : 'ws'}://127.0.0.1:${stand.port}/mqtt`;
    stand.token = stand.mint({ sub: 'alice', rooms: { '*': 'rw' } });
    if (broker === 'fake') stand.broker = await FakeBroker.start(stand.socket);
    return stand;
  }

  #read(name) {
    return readFileSync(join(this.folder, name), 'utf8').trim();
  }

  async #startGateway(config) {
    this.gateway = await startGateway({ config, tls: this.tls });
    this.folder = this.gateway.folder;
    this.port = this.tls ? this.gateway.tlsPort : this.gateway.port;
  }

  async #startStack(config) {
    this.stack = await startStack({ config, tls: this.tls });
    this.folder = this.stack.folder;
    this.gateway = this.stack.gateway;
    this.port = Number(new URL(this.tls ? this.stack.secureUrl : this.stack.url).port);
  }

  mint(claims) {
    return mint(this.secret, claims);
  }

  // A WebSocket connection with these headers in its request.
  open(headers = {}, { first, ...rest } = {}) {
    return RawWebSocket.open(this.port, upgradeRequest(headers, rest), { tls: this.tls, first });
  }

  // A relayed connection behind its CONNECT and CONNACK: both ends of it.
  async relay() {
    const { ws, peer } = await this.begin(connect());
    peer.send(connack);
    assert.deepEqual(await ws.payload(4), connack);
    return { ws, peer };
  }

  // One that has sent these bytes and heard nothing.
  async begin(bytes, headers) {
    const ws = await this.open(headers);
    assert.equal(ws.status, 101);
    const arriving = this.broker.peer();
    ws.send(binary(bytes));
    return { ws, peer: await arriving };
  }

  // The user name by which the relay has to introduce a client.
  introduction(ws, clientId, username) {
    return introduce(this.serviceSecret, { address: ws.address, clientId, username });
  }

  // The first line of the gateway's log that matches, there already or to come.
  says(pattern) {
    const find = () => this.gateway.lines.find((line) => pattern.test(line));
    return waitFor(find, `the gateway to say ${pattern}`);
  }

  countLines(pattern) {
    return this.gateway.lines.filter((line) => pattern.test(line)).length;
  }

  // Bytes of memory that belong to the gateway alone; what it shares would seem to grow when another
  // gateway ends.
  memory() {
    const rollup = readFileSync(`/proc/${this.gateway.child.pid}/smaps_rollup`, 'utf8');
    return Number(/^Private_Dirty:\s+(\d+) kB$/m.exec(rollup)[1]) * 1024;
  }

  // Milliseconds of processor time that the gateway has used, in steps of ten.
  cpuMs() {
    const stat = readFileSync(`/proc/${this.gateway.child.pid}/stat`, 'utf8').split(' ');
    return (Number(stat[13]) + Number(stat[14])) * 10;
  }

  // Ends the gateway by SIGTERM and checks that it ended well.
  async stopGateway() {
    const { gateway } = this;
    this.gateway = null;
    await gateway?.stop();
  }

  async stop() {
    try {
      if (this.stack) await this.stack.stop();
      else await this.stopGateway();
    } finally {
      await this.broker?.stop();
    }
  }
}

// Runs a test on a stand of its own.
export async function withStand(options, run) {
  const stand = await Stand.start(options);
  try {
    return await run(stand);
  } finally {
    await stand.stop();
  }
}
