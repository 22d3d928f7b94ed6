// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// What stands between people and servers: a proxy that lets WebSocket through or not, event streams at
// once or not at all, and posts or their answers.
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { connect } from 'node:net';

const LONG_BYTES = 1000; // more than any frame but a publish of a long text

export class Proxy {
  blocksWebSocket = false;
  swallowsWebSocket = false; // no answer at all
  holdsStreams = false;
  forbids = ''; // 'posts': the server does not see them; 'answers': it does, but nobody its answers
  onLongFrame = null; // (socket, onward): before such a one goes from a WebSocket to the server
  refused = 0; // upgrades
  streams = []; // Last-Event-ID of each stream that was asked for, undefined for none

  static async create(target) {
    const it = new Proxy();
    it.target = new URL(target);
    it.sockets = new Set();
    it.webSockets = [];
    it.server = createServer((...args) => it.#forward(...args));
    it.server.on('upgrade', (...args) => it.#upgrade(...args));
    it.server.on('connection', (socket) => {
      it.sockets.add(socket);
      socket.on('close', () => it.sockets.delete(socket));
      socket.on('error', () => {});
    });
    it.server.listen(0, '127.0.0.1');
    await once(it.server, 'listening');
    it.url = `http://127.0.0.1:${it.server.address().port}`;
    return it;
  }

  #forward(asked, answered) {
    const { method, url, headers } = asked;
    const isStream = (headers.accept ?? '').includes('text/event-stream');
    if (isStream) this.streams.push(headers['last-event-id']);
    if (method === 'POST' && this.forbids === 'posts') {
      answered.writeHead(403).end();
      return;
    }
    const { hostname, port } = this.target;
    const onward = request({ hostname, port, method, path: url, headers, agent: false }, (answer) => {
      if (isStream && this.holdsStreams) return;
      if (method === 'POST' && this.forbids === 'answers') {
        answered.writeHead(403).end();
        return;
      }
      answered.writeHead(answer.statusCode, answer.headers);
      answered.flushHeaders();
      answer.pipe(answered);
      answer.on('close', () => answered.destroyed || answered.end());
    });
    onward.on('error', () => answered.destroy());
    answered.on('close', () => onward.destroy());
    asked.pipe(onward);
  }

  #upgrade(asked, socket, head) {
    if (this.swallowsWebSocket) return;
    if (this.blocksWebSocket) {
      this.refused += 1;
      socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
      return;
    }
    this.webSockets.push(socket);
    const onward = connect(this.target.port, this.target.hostname, () => {
      const lines = [`${asked.method} ${asked.url} HTTP/1.1`];
      for (let i = 0; i < asked.rawHeaders.length; i += 2) lines.push(`${asked.rawHeaders[i]}: ${asked.rawHeaders[i + 1]}`);
      onward.write(`${lines.join('\r\n')}\r\n\r\n`);
      onward.write(head);
      socket.on('data', (bytes) => bytes.length > LONG_BYTES && this.onLongFrame?.(socket, onward));
      onward.pipe(socket).pipe(onward);
    });
    onward.on('error', () => socket.destroy());
    onward.on('close', () => socket.destroy());
    socket.on('close', () => onward.destroy());
  }

  // Cuts what goes through now.
  cut() {
    for (const socket of this.sockets) socket.destroy();
  }

  // Lets nothing through WebSockets that are open now, and tells nobody, as a network that was left.
  freezeWebSockets() {
    for (const socket of this.webSockets) {
      socket.pause();
      socket.write = () => true;
    }
  }

  async close() {
    this.server.close();
    this.cut();
    await once(this.server, 'close');
  }
}
