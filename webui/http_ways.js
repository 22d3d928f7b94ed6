// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Following a room where MQTT over WebSocket does not get through: by an event stream, and where
// that brings nothing (a proxy holds it back), by long-polls. From these the stream is tried again
// now and then. Not the way back to MQTT: connection.js keeps trying, whoever uses this stops it.

const OPEN_MS = 6000; // from asking for a stream until it says something
const RETRY_MS = 2000;
const WAIT_S = 25; // of a long-poll
const POLLS_MAX = 20; // until the stream is tried again

export class HttpWays {
  #url;
  #position;
  #fetchPage;
  #events;
  #source = null;
  #timer = 0;
  #run = 0; // which start the callbacks belong to; even: stopped
  #way = '';

  // url: of the room's messages. position(): "<epoch>-<id>" of the newest message that is shown.
  // fetchPage(query): a page of the history. events.ready(way): 'stream' or 'poll', from now on what
  // follows comes; events.message(json); events.changed(): this is another log, or messages are
  // missing: catch up; events.down(): nothing gets through.
  constructor(url, { position, fetchPage, events }) {
    this.#url = url;
    this.#position = position;
    this.#fetchPage = fetchPage;
    this.#events = events;
  }

  // 'stream', 'poll', or '' while nothing gets through.
  get way() {
    return this.#way;
  }

  get isRunning() {
    return this.#run % 2 === 1;
  }

  start() {
    if (this.isRunning) return;
    this.#run += 1;
    this.#openStream();
  }

  stop() {
    if (!this.isRunning) return;
    this.#run += 1;
    this.#way = '';
    this.#closeStream();
  }

  #become(way) {
    if (this.#way === way) return;
    this.#way = way;
    if (way) this.#events.ready(way);
    else this.#events.down();
  }

  // ---- event stream ----

  #closeStream() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
  }

  #openStream() {
    const source = new EventSource(`${this.#url}?lastEventId=${encodeURIComponent(this.#position())}`);
    this.#source = source;
    this.#timer = setTimeout(() => this.#giveUpStream(), OPEN_MS);
    source.addEventListener('stream-open', () => {
      clearTimeout(this.#timer);
      this.#become('stream');
    });
    source.addEventListener('stream-reset', () => this.#events.changed());
    source.addEventListener('message', ({ data }) => this.#events.message(JSON.parse(data)));
    source.addEventListener('error', () => this.#streamFailed(source));
  }

  // It comes back by itself unless the answer was no stream at all.
  #streamFailed(source) {
    if (source !== this.#source) return;
    this.#become('');
    if (source.readyState !== EventSource.CLOSED) return;
    this.#closeStream();
    this.#timer = setTimeout(() => this.#openStream(), RETRY_MS);
  }

  #giveUpStream() {
    this.#closeStream();
    this.#poll(this.#run);
  }

  // ---- long-polls ----

  async #poll(run) {
    for (let count = 0; run === this.#run && count < POLLS_MAX; count++) {
      const [, epoch, id] = /^(.*)-(\d+)$/.exec(this.#position());
      try {
        // The first one answers at once, which shows that this way works.
        const page = await this.#fetchPage(`after=${id}&limit=500&wait=${this.#way === 'poll' ? WAIT_S : 0}`);
        if (run !== this.#run) return;
        if (page.epoch !== epoch) this.#events.changed();
        for (const json of page.messages) this.#events.message(json);
        this.#become('poll');
      } catch {
        if (run !== this.#run) return;
        this.#become('');
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
    if (run === this.#run) this.#openStream();
  }
}
