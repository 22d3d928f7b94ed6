// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
// HTTP by hand over a socket, for requests that no HTTP client would send.
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';

import { within } from './wait.mjs';

// One connection. Bytes are kept as latin1 text, one character each.
export class RawHttp {
  #text = '';
  #isEnded = false;
  #wake = () => {};

  constructor(socket) {
    this.socket = socket;
    socket.setEncoding('latin1');
    socket.on('data', (data) => {
      this.#text += data;
      this.#wake();
    });
    socket.on('error', (error) => {
      this.error = error;
    });
    socket.on('close', () => {
      this.#isEnded = true;
      this.#wake();
    });
    socket.on('end', () => {
      this.#isEnded = true;
      this.#wake();
    });
  }

  static async open(port, { tls = false, host = '127.0.0.1', ...options } = {}) {
    const socket = tls
      ? connectTls({ port, host, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'], ...options })
      : connectTcp({ port, host, ...options });
    const raw = new RawHttp(socket);
    await within(once(socket, tls ? 'secureConnect' : 'connect'), 'a connection');
    return raw;
  }

  send(bytes) {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
    return this;
  }

  async #until(look, what) {
    const found = new Promise((resolve, reject) => {
      this.#wake = () => {
        const value = look();
        if (value !== undefined) {
          this.#wake = () => {}; // looking takes: once more would take the next one, too
          resolve(value);
        } else if (this.#isEnded)
          reject(new Error(`${what}: the connection ended with ${JSON.stringify(this.#text)}`));
      };
      this.#wake();
    });
    return within(found, what);
  }

  // The next answer: its status, fields by lower-case name, and body (none for a HEAD request).
  async answer({ head = false } = {}) {
    return this.#until(() => {
      const end = this.#text.indexOf('\r\n\r\n');
      if (end < 0) return undefined;
      const [line, ...lines] = this.#text.slice(0, end).split('\r\n');
      const fields = {};
      for (const field of lines) {
        const colon = field.indexOf(':');
        fields[field.slice(0, colon).toLowerCase()] = field.slice(colon + 1).trim();
      }
      const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(line)?.[1]);
      const bodyless = head || status < 200 || status === 204 || status === 304;
      const length = bodyless ? 0 : Number(fields['content-length'] ?? 0);
      if (this.#text.length < end + 4 + length) return undefined;
      const body = this.#text.slice(end + 4, end + 4 + length);
      this.#text = this.#text.slice(end + 4 + length);
      return { status, fields, body };
    }, 'an answer');
  }

  // Waits until the server has closed; what it sent that was not taken by answer().
  async end() {
    const ended = new Promise((resolve) => {
      this.#wake = () => this.#isEnded && resolve();
      this.#wake();
    });
    await within(ended, 'the end of the connection');
    return this.#text;
  }

  close() {
    this.socket.destroy();
  }
}

// Sends `bytes` on a connection of their own and takes the one answer.
export async function exchange(port, bytes, options = {}) {
  const raw = await RawHttp.open(port, options);
  try {
    return await raw.send(bytes).answer(options);
  } finally {
    raw.close();
  }
}
