// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
// A receiver of webhooks: checks each request's signature, keeps what came, and answers what the
// test says.
import { createHmac, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { waitFor } from './wait.mjs';

/** What webhook-signature has to be (Standard Webhooks 1.0). */
export const sign = (secret, id, timestamp, body) =>
  `v1,${createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`).digest('base64')}`;

export class Receiver {
  /** `answer(event, request)` gives { status, json, headers }, or a function of the response. */
  static async start(answer = () => ({})) {
    const it = new Receiver();
    it.answer = answer;
    it.folder = mkdtempSync(join(tmpdir(), 'roomwire-hooks-'));
    it.secretFile = join(it.folder, 'hook.secret');
    it.secret = randomBytes(24);
    writeFileSync(it.secretFile, `whsec_${it.secret.toString('base64')}\n`, { mode: 0o600 });
    await it.listen();
    return it;
  }

  constructor() {
    this.requests = []; // in the order they came: { id, event, headers, at }
    this.problems = []; // what was wrong with them
    this.open = 0;
    this.most = 0; // requests at once
  }

  async listen(port = this.port ?? 0) {
    this.server = createServer((request, response) => this.#take(request, response));
    await new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(port, '127.0.0.1', resolve);
    });
    this.port = this.server.address().port;
    this.url = `http://127.0.0.1:${this.port}/hook`;
  }

  async #take(request, response) {
    this.most = Math.max(this.most, ++this.open);
    response.once('close', () => this.open--);
    const chunks = [];
    try {
      for await (const chunk of request) chunks.push(chunk);
    } catch {
      return; // broken off
    }
    const body = Buffer.concat(chunks).toString();
    const { 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': signature } = request.headers;
    if (signature !== sign(this.secret, id, at, body)) this.problems.push(`signature of ${id}`);
    if (Math.abs(Date.now() / 1000 - at) > 60) this.problems.push(`timestamp of ${id}`);
    if (request.method !== 'POST' || request.headers['content-type'] !== 'application/json')
      this.problems.push(`${request.method} ${request.headers['content-type']}`);
    const entry = { id, event: JSON.parse(body), headers: request.headers, url: request.url };
    this.requests.push(entry);
    const answer = await this.answer(entry.event, entry);
    if (typeof answer === 'function') answer(response);
    else respond(response, answer);
  }

  /** The events of one type so far. */
  of(type) {
    return this.requests.filter(({ event }) => event.type === type);
  }

  texts(room) {
    return this.of('message').filter(({ event }) => !room || event.message.room === room)
      .map(({ event }) => event.message.text);
  }

  /** Waits for a request. */
  async got(match, what = `a request like ${match}`) {
    return waitFor(() => this.requests.find(match), `${what}; have ${JSON.stringify(this.requests.map((r) => r.event))}`);
  }

  /** Stops listening and breaks all connections, as a receiver that is down. */
  async down() {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  async close() {
    if (this.server.listening) await this.down();
    rmSync(this.folder, { recursive: true, force: true });
    if (this.problems.length > 0) throw new Error(this.problems.join('\n'));
  }
}

export function respond(response, { status = 200, json, text, headers = {} } = {}) {
  const type = json === undefined ? {} : { 'content-type': 'application/json' };
  response.writeHead(status, { ...type, ...headers });
  response.end(json === undefined ? text : JSON.stringify(json));
}

/** Options of roomwire.conf for hooks at this receiver, which try again soon. */
export const hooksTo = (receiver, ...kinds) => ({
  ...Object.fromEntries(kinds.map((kind) => [`webhook_${kind}`, receiver.url])),
  webhook_secret_file: receiver.secretFile,
  webhook_retry_max_ms: 100,
  webhook_timeout_ms: 1000,
});
