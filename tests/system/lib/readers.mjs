// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Readers of a room over HTTP, each as a program would be written against it: they come back by
// themselves after whatever ends their connection, and keep what they were told.
import { get } from 'node:http';

import { sleep, waitFor } from './wait.mjs';

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

  constructor(url, token, { lastEventId = '', headers = {} } = {}) {
    this.url = url;
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
      this.request = get(this.url(), { headers, agent: false }, (answer) => {
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
