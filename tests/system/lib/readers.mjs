// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Readers of a room, each as a program would be written against it: they come back by themselves
// after whatever ends their connection, and keep what they were told. Behind them, how to see that
// it was all of it.
import assert from 'node:assert/strict';
import { get as getPlain } from 'node:http';
import { get as getSecure } from 'node:https';

import mqtt from 'mqtt';

import { sleep, waitFor } from './wait.mjs';

const get = (url, options, take) =>
  (url.startsWith('https:') ? getSecure : getPlain)(url, options, take);

/** What the lines of an event stream mean (WHATWG HTML §9.2.6). */
export class EventParser {
  #text = '';
  #event = {};
  #id = '';
  lastId = ''; // of the last event that was whole

  /** A new connection: what the last one left unfinished is void. */
  begin() {
    this.#text = '';
    this.#event = {};
    this.#id = this.lastId;
  }

  /** The events that `chunk` completes: { event, data, id }. */
  *push(chunk) {
    this.#text += chunk;
    for (let end; (end = this.#text.indexOf('\n')) >= 0;) {
      const line = this.#text.slice(0, end).replace(/\r$/, '');
      this.#text = this.#text.slice(end + 1);
      if (line !== '') this.#take(line);
      else yield* this.#dispatch();
    }
  }

  *#dispatch() {
    const event = this.#event;
    this.#event = {};
    this.lastId = this.#id;
    if (event.data !== undefined) yield { event: 'message', ...event, id: this.lastId };
  }

  #take(line) {
    const [, name, value] = /^([^:]*):? ?(.*)$/.exec(line);
    if (name === 'id') this.#id = value;
    if (name === 'event') this.#event.event = value;
    if (name === 'data') this.#event.data = (this.#event.data ?? '') + value;
    if (name === 'retry') this.retry = Number(value);
  }
}

/** Follows a room's event stream. `url` is a function, since a new gateway has a new port. */
export class EventReader {
  messages = [];
  events = [];
  connections = 0;
  #stopped = false;

  constructor(url, token, { lastEventId = '', headers = {}, ca } = {}) {
    this.url = url;
    this.ca = ca; // the certificate that https has to show
    this.headers = { authorization: `Bearer ${token}`, accept: 'text/event-stream', ...headers };
    this.parser = new EventParser();
    this.parser.lastId = lastEventId;
    this.done = this.#follow();
  }

  async #follow() {
    while (!this.#stopped) {
      await this.#once();
      if (!this.#stopped) await sleep(20);
    }
  }

  #once() {
    return new Promise((ended) => {
      const headers = { ...this.headers };
      if (this.parser.lastId) headers['last-event-id'] = this.parser.lastId;
      this.request = get(this.url(), { headers, ca: this.ca, agent: false }, (answer) => {
        this.answer = answer;
        this.connections += 1;
        this.parser.begin();
        answer.setEncoding('utf8');
        answer.on('data', (chunk) => {
          for (const event of this.parser.push(chunk)) this.#keep(event);
        });
        answer.on('close', ended);
        answer.on('error', () => {});
      });
      this.request.on('error', ended);
    });
  }

  #keep(event) {
    this.events.push(event);
    if (event.event === 'message') this.messages.push(JSON.parse(event.data));
  }

  saw(name) {
    return waitFor(() => this.events.find((event) => event.event === name), `event ${name}`);
  }

  async stop() {
    this.#stopped = true;
    this.request.destroy();
    await this.done;
  }
}

/** Follows a room by long-polling. */
export class PollReader {
  messages = [];
  #stopped = new AbortController();

  constructor(url, token, after = 0) {
    this.url = url;
    this.headers = { authorization: `Bearer ${token}` };
    this.after = after;
    this.done = this.#follow();
  }

  async #follow() {
    while (!this.#stopped.signal.aborted) {
      const page = await this.#once().catch(() => null);
      if (page === null) await sleep(20);
      for (const message of page?.messages ?? []) this.#keep(message);
    }
  }

  async #once() {
    const { signal } = this.#stopped;
    const url = `${this.url()}?after=${this.after}&wait=5&limit=200`;
    const answer = await fetch(url, { headers: this.headers, signal });
    return answer.status === 200 ? answer.json() : null;
  }

  #keep(message) {
    this.messages.push(message);
    this.after = message.id;
  }

  async stop() {
    this.#stopped.abort();
    await this.done;
  }
}

/**
 * Follows a room's live page as a frame without scripts does: a page that ended is gone on with where
 * its last line says, one that broke off is begun anew at its own beginning (Refresh).
 */
export class LiveReader {
  gaps = 0;
  pages = 0; // that ended
  beats = 0; // signs of life
  #ids = []; // of the pages that ended
  #page = '';
  #stopped = false;

  constructor(url, token, after = 0) {
    this.url = url;
    this.headers = { authorization: `Bearer ${token}`, accept: 'text/html' };
    this.after = after;
    this.done = this.#follow();
  }

  static #idsOf(page) {
    return [...page.matchAll(/<li id="m(\d+)"/g)].map(([, id]) => Number(id));
  }

  get ids() {
    return [...this.#ids, ...LiveReader.#idsOf(this.#page)];
  }

  async #follow() {
    while (!this.#stopped) {
      await this.#once();
      this.#turn();
      if (!this.#stopped) await sleep(20);
    }
  }

  #turn() {
    this.gaps += this.#page.split('class="gap"').length - 1;
    const end = /http-equiv="refresh" content="\d+; url=[^"]*[?]after=([^"]+)"/.exec(this.#page);
    if (end === null && !this.#stopped) {
      this.#page = '';
    } else if (end !== null) {
      this.#ids.push(...LiveReader.#idsOf(this.#page));
      [, this.after] = end;
      this.pages += 1;
      this.#page = '';
    }
  }

  #once() {
    return new Promise((ended) => {
      const url = `${this.url()}?after=${this.after}`;
      this.request = get(url, { headers: this.headers, agent: false }, (answer) => {
        answer.setEncoding('utf8');
        answer.on('data', (chunk) => {
          this.#page += chunk;
          this.beats += chunk === '\n';
        });
        answer.on('close', ended);
        answer.on('error', () => {});
      });
      this.request.on('error', ended);
    });
  }

  async stop() {
    this.#stopped = true;
    this.request.destroy();
    await this.done;
  }
}

/** Subscribes to a room by MQTT.js, and keeps what each of its connections brought. */
export class MqttReader {
  connections = [];

  constructor(url, token, room, protocolVersion) {
    this.client = mqtt.connect(url, {
      protocolVersion, username: 'reader', password: token, reconnectPeriod: 50, connectTimeout: 5000,
    });
    this.client.on('error', () => {});
    this.client.on('connect', () => this.connections.push([]));
    this.client.on('message', (topic, payload, packet) => this.#keep(`${payload}`, packet));
    // MQTT.js subscribes again by itself when it comes back.
    this.done = this.client.subscribeAsync(`rooms/${room}/messages`, { qos: 1 }).catch(() => {});
  }

  #keep(text, packet) {
    const stamp = packet.properties?.userProperties ?? {};
    this.connections.at(-1).push({ text, id: Number(stamp['rw-id']), prev: Number(stamp['rw-prev']) });
  }

  stop() {
    return this.client.endAsync(true);
  }
}

/** As deepEqual, but of 5,000 ids it says where they part. */
export function assertSame(actual, expected) {
  const length = Math.max(actual.length, expected.length);
  for (let i = 0; i < length; i += 1) {
    const around = [actual, expected].map((ids) => ids.slice(Math.max(i - 3, 0), i + 4).join(' '));
    assert.equal(actual[i], expected[i], `at ${i}: ${around[0]}, not ${around[1]}`);
  }
}

/** Every message follows the one before it. */
export function assertChain(messages) {
  let prev = 0;
  for (const message of messages) {
    assert.equal(message.prev, prev, `message ${message.id}`);
    prev = message.id;
  }
}

/**
 * A subscriber has no past: what came while it was away it reads in the history, behind the last
 * message that it has. While it is connected it gets every message, once and in the order of the
 * history.
 */
export function assertRuns(connections, history, hasStamps) {
  const placeOf = new Map(history.map((message, i) => [message.text, i]));
  for (const messages of connections) {
    let expected = messages.length > 0 ? placeOf.get(messages[0].text) : 0;
    for (const message of messages) {
      const { id, prev, text } = history[expected];
      assert.deepEqual(message, hasStamps ? { text, id, prev } : { text, id: NaN, prev: NaN });
      expected += 1;
    }
  }
}
