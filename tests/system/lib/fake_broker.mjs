// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// A unix socket that takes whatever comes, so that a test sees to the byte what would reach the
// broker. The gateway's own service connection is left waiting.
import { createServer } from 'node:net';

class Peer {
  received = Buffer.alloc(0);
  hasEnded = false;
  #waiting = [];

  constructor(socket) {
    this.socket = socket;
    socket.on('data', (bytes) => {
      this.received = Buffer.concat([this.received, bytes]);
      this.#wake();
    });
    for (const event of ['end', 'close', 'error'])
      socket.on(event, () => {
        this.hasEnded = true;
        this.#wake();
      });
  }

  #wake() {
    for (const waiting of this.#waiting.splice(0)) waiting();
  }

  async #until(holds) {
    while (!holds()) await new Promise((done) => this.#waiting.push(done));
  }

  // The first `len` bytes, which are taken out; fewer if the relay closes before.
  async take(len) {
    await this.#until(() => this.received.length >= len || this.hasEnded);
    const taken = this.received.subarray(0, len);
    this.received = this.received.subarray(len);
    return taken;
  }

  // One MQTT packet: { type, bytes }.
  async packet() {
    const head = await this.take(2);
    let len = head[1] & 0x7f;
    let bytes = head;
    for (let shift = 7; bytes.at(-1) & 0x80; shift += 7) {
      const next = await this.take(1);
      len += (next[0] & 0x7f) << shift;
      bytes = Buffer.concat([bytes, next]);
    }
    return { type: head[0] >> 4, bytes: Buffer.concat([bytes, await this.take(len)]) };
  }

  async ended() {
    await this.#until(() => this.hasEnded);
  }

  send(bytes) {
    this.socket.write(bytes);
  }
}

export class FakeBroker {
  #arrived = [];
  #waiting = [];
  #sockets = new Set();

  static async start(path) {
    const broker = new FakeBroker();
    broker.server = createServer({ allowHalfOpen: true }, (socket) => broker.#take(socket));
    await new Promise((done) => broker.server.listen(path, done));
    return broker;
  }

  async #take(socket) {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    const peer = new Peer(socket);
    const first = await peer.packet();
    if (first.bytes.includes('roomwire-gateway')) return;
    peer.connect = first.bytes;
    this.#arrived.push(peer);
    this.#waiting.shift()?.();
  }

  // The next relayed connection, once its CONNECT is there as `peer.connect`.
  async peer() {
    if (this.#arrived.length === 0) await new Promise((done) => this.#waiting.push(done));
    return this.#arrived.shift();
  }

  async stop() {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((done) => this.server.close(done));
  }
}
