// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Broker, plugin and gateway together, for one test: own folder, own secrets, free ports. Either
// can be killed and started again in place.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { buildFolder, startBroker } from './broker.mjs';
import { makeCertificate } from './gateway.mjs';
import { Program, run } from './process.mjs';
import { waitFor, within } from './wait.mjs';

export const program = join(buildFolder, 'gateway/roomwire');

/**
 * Options of roomwire.conf, further lines of mosquitto.conf, whether the gateway has a port that
 * speaks TLS as well, and startBroker's options.
 */
export async function startStack({ config = {}, mosquitto = [], tls = false, ...options } = {}) {
  const broker = await startBroker({
    roomwire: config, mosquitto: ['message_size_limit 1048576', ...mosquitto], ...options,
  });
  const stack = new Stack(broker);
  try {
    if (tls) stack.addTls();
    await stack.startGateway();
    await stack.ready();
  } catch (error) {
    await stack.stop().catch(() => {});
    throw error;
  }
  return stack;
}

export class Stack {
  constructor(broker) {
    this.broker = broker;
    this.folder = broker.folder;
  }

  addTls() {
    this.ca = readFileSync(makeCertificate(this.folder).certificate);
    Object.assign(this.broker.roomwire, { tls_certificate: 'tls.crt', tls_key: 'tls.key',
      listen: 'http://127.0.0.1:0 https://127.0.0.1:0' });
  }

  // The broker has read the file by now; what is added is the gateway's alone.
  async startGateway(more = {}) {
    const options = { listen: 'http://127.0.0.1:0', log_level: 'debug', ...this.broker.roomwire, ...more };
    const path = join(this.folder, 'gateway.conf');
    writeFileSync(path, Object.entries(options).map(([k, v]) => `${k} = ${v}\n`).join(''));
    const running = new Program(program, ['serve', '--config', path]);
    this.gateway = {
      path, program: running, child: running.child,
      get lines() {
        return running.log.split('\n').slice(0, -1);
      },
    };
    await running.says(/ ready workers=/);
    this.url = /listen url=(http:\/\/\S+?)\/?\s/.exec(running.log)[1];
    this.secureUrl = /listen url=(https:\/\/\S+?)\/?\s/.exec(running.log)?.[1]; // if it has one
  }

  /** Starts another one at the same addresses, which takes over. Gives the old one, which drains. */
  async replaceGateway() {
    const old = this.gateway;
    await this.startGateway({ listen: [this.url, this.secureUrl ?? ''].join(' ').trim() });
    await old.program.says(/ stop connections=/);
    return old;
  }

  startBroker() {
    return this.broker.start();
  }

  killBroker() {
    return this.broker.kill();
  }

  async killGateway() {
    await this.gateway.program.kill('SIGKILL');
    this.gateway = null;
  }

  /** Ends it by SIGTERM, and checks that it ended well. */
  async stopGateway() {
    const { program: running } = this.gateway;
    this.gateway = null;
    const { code, signal } = await within(running.kill('SIGTERM'), 'the end of the gateway');
    if (code !== 0) throw new Error(`the gateway ended with ${code ?? signal}\n${running.log}`);
  }

  /** Waits until the gateway says that it can serve: broker connected, database readable. */
  ready() {
    return waitFor(async () => {
      const answer = await fetch(`${this.url}/health/ready`).catch(() => null);
      await answer?.arrayBuffer();
      return answer?.status === 200;
    }, 'readiness');
  }

  /** `roomwire WORDS...` with this stack's configuration: { code, out, err }. */
  command(...words) {
    const options = typeof words.at(-1) === 'object' ? words.pop() : {};
    return command(words[0], '--config', this.gateway.path, ...words.slice(1), options);
  }

  /** A token by `roomwire token WORDS...`. */
  async token(...words) {
    const { code, out, err } = await this.command('token', ...words);
    if (code !== 0) throw new Error(err);
    return out.trim();
  }

  /** Somebody with such a token. */
  async caller(...words) {
    return new Caller(this, await this.token(...words));
  }

  async stop() {
    try {
      if (this.gateway) await this.stopGateway();
    } finally {
      await this.broker.close();
    }
  }
}

/** `roomwire WORDS...`, whatever it ends with: { code, out, err }. */
export async function command(...words) {
  const options = typeof words.at(-1) === 'object' ? words.pop() : {};
  const { code, out, log } = await run(program, words, options);
  return { code, out, err: log.replace(out, '') };
}

/** A caller with a token: JSON over fetch. A body that is no text and no bytes becomes JSON. */
export class Caller {
  constructor(stack, token) {
    this.stack = stack;
    this.token = token;
  }

  async ask(path, { method = 'GET', headers = {}, body } = {}) {
    const all = { accept: 'application/json', ...headers };
    if (this.token) all.authorization ??= `Bearer ${this.token}`;
    const answer = await fetch(this.stack.url + path, { method, headers: all, body, redirect: 'manual' });
    const text = Buffer.from(await answer.arrayBuffer()).toString('utf8');
    let json;
    try {
      json = JSON.parse(text);
    } catch {
      json = undefined;
    }
    return { status: answer.status, headers: answer.headers, text, json };
  }

  get(path, headers) {
    return this.ask(path, { headers });
  }

  post(path, body, headers = {}) {
    const isPlain = typeof body === 'string' || body instanceof Uint8Array;
    const type = isPlain ? {} : { 'content-type': 'application/json' };
    return this.ask(path, {
      method: 'POST',
      headers: { ...type, ...headers },
      body: isPlain ? body : JSON.stringify(body),
    });
  }

  /** All messages of a room, page by page. */
  async history(room, limit = 1000) {
    const all = [];
    for (let after = 0; ;) {
      const page = await this.get(`/rooms/${room}/messages?after=${after}&limit=${limit}`);
      if (page.status !== 200) throw new Error(`${page.status} ${page.text}`);
      all.push(...page.json.messages);
      if (!page.json.more) return all;
      after = all.at(-1).id;
    }
  }
}
