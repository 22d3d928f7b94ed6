// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// What was typed and is not yet known to be in the room. Every entry has an idempotency key, so it
// can be sent again over any way without appearing twice. Knows nothing of the page.
//   entry: { key, text, date, state, reason, way }
//   date: when it was written, in ms; state: 'queued', 'sending' or 'failed'
//   way: that of its last sending, 'mqtt' or 'http'; '' if it cannot be in the room

const LOSSES_MAX = 5; // connections lost under one entry, until that is taken for its fault
const KEY_USED = 5 / 6; // of a key's lifetime; the rest is for what is slow on its way

// randomUUID() exists in secure contexts only, and a room may be served by plain HTTP.
function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

export class Outbox {
  #entries = new Map();
  #send;
  #changed;
  #keyUsedMs;

  // send(entry): begins to send and gives the way, or '' if this one and all behind it have to wait;
  // settle(), fail(), lost() or lostAll() tell how it went.
  // changed(entry, isGone): something about the entry is to be shown. keyLifetimeMs: how long the
  // server knows a key.
  constructor({ send, changed, keyLifetimeMs }) {
    this.#send = send;
    this.#changed = changed;
    this.#keyUsedMs = keyLifetimeMs * KEY_USED;
  }

  get size() {
    return this.#entries.size;
  }

  get entries() {
    return [...this.#entries.values()];
  }

  has(key) {
    return this.#entries.has(key);
  }

  // key, date, way: those of what an earlier outbox had.
  add(text, { key = newKey(), date = Date.now(), way = '' } = {}) {
    const entry = { key, text, date, state: 'queued', reason: '', way, losses: 0 };
    this.#entries.set(entry.key, entry);
    this.#changed(entry, false);
    return entry;
  }

  // Sends what waits, in the order it was written.
  flush() {
    for (const entry of this.#entries.values()) {
      if (entry.state !== 'queued') continue;
      if (this.#isTooLate(entry)) {
        this.#become(entry, 'failed', 'it may have been sent before, too long ago to tell.');
        continue;
      }
      const way = this.#send(entry);
      if (!way) return;
      entry.way = way;
      this.#become(entry, 'sending');
    }
  }

  // It would come twice if it is in the room and its key is forgotten.
  #isTooLate({ way, date }) {
    return way !== '' && Date.now() - date > this.#keyUsedMs;
  }

  // The message is in the room, or not wanted any more.
  settle(key) {
    const entry = this.#entries.get(key);
    if (!entry) return;
    this.#entries.delete(key);
    this.#changed(entry, true);
  }

  fail(key, reason) {
    const entry = this.#entries.get(key);
    if (entry) this.#become(entry, 'failed', reason);
  }

  // There was no answer, or this one for now: it has to be sent again.
  lost(key, reason) {
    const entry = this.#entries.get(key);
    if (entry?.state === 'sending') this.#become(entry, 'queued', reason);
  }

  // The connection broke under everything that was being sent by it. What breaks every connection
  // would go on doing so for ever.
  lostAll(way) {
    for (const entry of this.#entries.values()) {
      if (entry.state !== 'sending' || entry.way !== way) continue;
      entry.losses += 1;
      if (entry.losses > LOSSES_MAX) this.#become(entry, 'failed', 'the connection broke each time.');
      else this.#become(entry, 'queued');
    }
  }

  // Nothing is sent any more, for this reason.
  holdAll(reason) {
    for (const entry of this.#entries.values()) {
      if (entry.state !== 'failed') this.#become(entry, 'queued', reason);
    }
  }

  retry(key) {
    const entry = this.#entries.get(key);
    if (entry?.state !== 'failed') return;
    entry.losses = 0;
    entry.way = ''; // whoever wants it sent knows better
    this.#become(entry, 'queued');
    this.flush();
  }

  #become(entry, state, reason = '') {
    entry.state = state;
    entry.reason = reason;
    this.#changed(entry, false);
  }
}
