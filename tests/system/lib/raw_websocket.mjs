// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
// A WebSocket client that sends what it is told, right or wrong, cut where it is told.
import { createHash, randomBytes } from 'node:crypto';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';

export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 };

function lengthBytes(len, size) {
  if (size === undefined) size = len < 126 ? 0 : len < 65536 ? 2 : 8;
  if (size === 0) return Buffer.from([len]);
  const bytes = Buffer.alloc(1 + size);
  bytes[0] = size === 2 ? 126 : 127;
  if (size === 2) bytes.writeUInt16BE(len, 1);
  else bytes.writeBigUInt64BE(BigInt(len), 1);
  return bytes;
}

// A client's frame. `length` announces another length than the payload's, `lengthSize` (0, 2, 8)
// another form of it.
export function frame(
  opcode,
  payload = '',
  { fin = true, rsv = 0, mask = true, length, lengthSize } = {},
) {
  const bytes = Buffer.from(payload);
  const head = lengthBytes(length ?? bytes.length, lengthSize);
  if (mask) head[0] |= 0x80;
  const first = Buffer.from([(fin ? 0x80 : 0) | (rsv << 4) | opcode]);
  if (!mask) return Buffer.concat([first, head, bytes]);
  const key = randomBytes(4);
  for (let i = 0; i < bytes.length; i++) bytes[i] ^= key[i % 4];
  return Buffer.concat([first, head, key, bytes]);
}

export const binary = (payload) => frame(opcodes.binary, payload);

// The head of an upgrade request; a header that is null is left out.
export function upgradeRequest(
  headers = {},
  { method = 'GET', path = '/mqtt', version = '1.1' } = {},
) {
  const fields = {
    Host: 'localhost',
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
    'Sec-WebSocket-Protocol': 'mqtt',
    ...headers,
  };
  const lines = Object.entries(fields)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name}: ${value}`);
  return [`${method} ${path} HTTP/${version}`, ...lines, '', ''].join('\r\n');
}

export class RawWebSocket {
  #bytes = Buffer.alloc(0);
  #waiting = [];
  #isOver = false;

  // Sends `request` and reads the answer's head: this.status and this.fields. `first` is sent in
  // the same write.
  static async open(port, request = upgradeRequest(), { first = '', tls = false } = {}) {
    const ws = new RawWebSocket();
    const options = { port, host: '127.0.0.1', rejectUnauthorized: false, allowHalfOpen: true };
    ws.socket = tls ? connectTls(options) : connectTcp(options);
    ws.socket.on('data', (bytes) => {
      ws.#bytes = ws.#bytes.length ? Buffer.concat([ws.#bytes, bytes]) : bytes;
      ws.#wake();
    });
    for (const event of ['end', 'close', 'error'])
      ws.socket.on(event, () => {
        ws.#isOver = true;
        ws.#wake();
      });
    ws.socket.setNoDelay(true);
    ws.socket.write(Buffer.concat([Buffer.from(request), Buffer.from(first)]));
    const head = await ws.#take(() => {
      const end = ws.#bytes.indexOf('\r\n\r\n');
      return end < 0 ? 0 : end + 4;
    });
    if (head === null) throw new Error('closed before an answer');
    ws.address = `127.0.0.1:${ws.socket.localPort}`; // as the gateway sees it
    const [line, ...fields] = head.toString('latin1').trimEnd().split('\r\n');
    ws.status = Number(line.split(' ')[1]);
    ws.fields = Object.fromEntries(
      fields.map((field) => {
        const colon = field.indexOf(':');
        return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()];
      }),
    );
    const key = /^Sec-WebSocket-Key: (.*)$/m.exec(request)?.[1].trim();
    ws.expectedAccept = createHash('sha1')
      .update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest('base64');
    return ws;
  }

  #wake() {
    for (const waiting of this.#waiting.splice(0)) waiting();
  }

  // The first bytes, as many as `length()` says once it says any; null if the connection ends before.
  async #take(length) {
    for (;;) {
      const len = length();
      if (len > 0) {
        const taken = this.#bytes.subarray(0, len);
        this.#bytes = this.#bytes.subarray(len);
        return taken;
      }
      if (this.#isOver) return null;
      await new Promise((done) => this.#waiting.push(done));
    }
  }

  send(bytes) {
    this.socket.write(bytes);
  }

  // The body of an answer that was no upgrade, to its end.
  async body() {
    while (!this.#isOver) await new Promise((done) => this.#waiting.push(done));
    return this.#bytes.toString();
  }

  // The next frame from the server, or null when it has closed the connection.
  async next() {
    const bytes = await this.#take(() => {
      if (this.#bytes.length < 2) return 0;
      const short = this.#bytes[1] & 0x7f;
      const head = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (this.#bytes.length < head) return 0;
      const len =
        short < 126
          ? short
          : short === 126
            ? this.#bytes.readUInt16BE(2)
            : Number(this.#bytes.readBigUInt64BE(2));
      return this.#bytes.length < head + len ? 0 : head + len;
    });
    if (bytes === null) return null;
    if (bytes[1] & 0x80) throw new Error('the server masked a frame');
    const short = bytes[1] & 0x7f;
    const payload = bytes.subarray(short < 126 ? 2 : short === 126 ? 4 : 10);
    return {
      fin: (bytes[0] & 0x80) !== 0,
      rsv: (bytes[0] >> 4) & 7,
      opcode: bytes[0] & 15,
      payload,
    };
  }

  // Payload of binary frames until there are `len` bytes, or the server closes.
  async payload(len) {
    const parts = [];
    let have = 0;
    while (have < len) {
      const next = await this.next();
      if (next === null || next.opcode !== opcodes.binary) break;
      parts.push(next.payload);
      have += next.payload.length;
    }
    return Buffer.concat(parts);
  }

  // The code of the server's Close frame, which has to be the next one but for data; 0: no code;
  // null: the connection ended without it.
  async closed() {
    let next;
    do next = await this.next();
    while (next !== null && next.opcode !== opcodes.close);
    if (next !== null && (await this.next()) !== null)
      throw new Error('a frame behind the Close frame');
    this.destroy();
    if (next === null) return null;
    return next.payload.length ? next.payload.readUInt16BE(0) : 0;
  }

  destroy() {
    this.socket.destroy();
  }
}
