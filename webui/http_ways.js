// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Following a room where MQTT over WebSocket does not get through: by an event stream, and where
// that brings nothing (a proxy holds it back), by long-polls, beside which the stream is tried again
// now and then. What comes by both for a moment comes twice: whoever shows it sees to that. Not the
// way back to MQTT: connection.js keeps trying, whoever uses this stops it.

const OPEN_MS = 6000; // until a stream has to be open, at first or again
const STREAM_AGAIN_MS = 30000; // from giving a stream up, while polls go on
const CHECK_MS = 20000; // between looks at whether an open stream brings what there is
const RETRY_MS = 2000; // after a poll in vain
const WAIT_S = 25; // of a long-poll

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const idOf = (position) => position.slice(position.lastIndexOf('-') + 1);

export class HttpWays {
  #url;
  #position;
  #fetchPage;
  #events;
  #source = null;
  #timer = 0; // of the stream
  #isRunning = false;
  #way = '';
  #poller = null; // the loop of polls that is wanted
  #wasBehind = false;

  // url: the URL of the room's messages. position(): "<epoch>-<id>" of the newest one that is shown.
  // fetchPage(query): a page of the history. events.ready(way): 'stream' or 'poll', from now on what
  // follows comes; events.message(json); events.changed(): this is another log, or messages are
  // missing: catch up, and resolve then; events.down(): nothing gets through.
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

  start() {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#openStream();
  }

  stop() {
    this.#isRunning = false;
    this.#way = '';
    this.#poller = null;
    this.#closeStream();
  }

  #become(way) {
    if (this.#way === way) return;
    this.#way = way;
    if (way) this.#events.ready(way);
    else this.#events.down();
  }

  // ---- event stream ----

  #in(delay, go) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(go, delay);
  }

  #closeStream() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
  }

  #openStream() {
    const url = new URL(this.#url);
    url.searchParams.set('lastEventId', this.#position());
    const source = new EventSource(url);
    this.#source = source;
    this.#in(OPEN_MS, () => this.#giveUpStream());
    source.addEventListener('stream-open', () => this.#streamOpened(source));
    source.addEventListener('stream-reset', () => this.#events.changed());
    source.addEventListener('message', ({ data }) => this.#events.message(JSON.parse(data)));
    source.addEventListener('error', () => this.#streamFailed(source));
  }

  #streamOpened(source) {
    this.#poller = null;
    this.#wasBehind = false;
    this.#in(CHECK_MS, () => this.#check(source));
    this.#become('stream');
  }

  // It comes back by itself, resuming by Last-Event-ID, unless the answer was no stream at all. One
  // that never opens has no more time for coming back again and again.
  #streamFailed(source) {
    if (source !== this.#source) return;
    if (source.readyState === EventSource.CLOSED) {
      this.#giveUpStream();
    } else if (this.#way === 'stream') {
      this.#become('');
      this.#in(OPEN_MS, () => this.#giveUpStream());
    }
  }

  #giveUpStream() {
    this.#closeStream();
    if (this.#way === 'stream') this.#become('');
    this.#in(STREAM_AGAIN_MS, () => this.#openStream());
    if (!this.#poller) this.#poll();
  }

  // A connection that died without a word, or a proxy that began to hold back, looks like a quiet
  // room. The stream may be late once, but not twice.
  async #check(source) {
    const before = this.#position();
    const isBehind = await this.#fetchPage(`after=${idOf(before)}&limit=1`)
      .then(({ messages }) => messages.length > 0 && this.#position() === before)
      .catch(() => true);
    if (source !== this.#source || this.#way !== 'stream') return;
    if (isBehind && this.#wasBehind) {
      this.#giveUpStream();
      return;
    }
    if (isBehind) this.#events.changed();
    this.#wasBehind = isBehind;
    this.#in(CHECK_MS, () => this.#check(source));
  }

  // ---- long-polls ----

  async #poll() {
    const poller = {};
    this.#poller = poller;
    const isWanted = () => this.#poller === poller;
    let wait = 0; // such a one is answered at once, which shows that this way works
    while (isWanted()) {
      try {
        await this.#pollOnce(wait, isWanted);
        wait = WAIT_S;
      } catch {
        if (!isWanted()) return;
        // A server that is full lets nobody wait, and answers all the same.
        if (wait === 0) this.#become('');
        wait = 0;
        await sleep(RETRY_MS);
      }
    }
  }

  async #pollOnce(wait, isWanted) {
    const before = this.#position();
    const { epoch, messages } = await this.#fetchPage(`after=${idOf(before)}&limit=500&wait=${wait}`);
    if (!isWanted()) return;
    this.#become('poll');
    for (const json of messages) this.#events.message(json);
    const isOther = !before.startsWith(`${epoch}-`);
    if (!isOther && (messages.length === 0 || this.#position() !== before)) return;
    // These do not follow what is shown. Asking for them again at once would help nobody.
    await this.#events.changed();
    if (this.#position() === before) await sleep(RETRY_MS);
  }
}
