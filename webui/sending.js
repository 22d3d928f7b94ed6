// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Sends what is in the outbox: by MQTT where there is a connection, else by HTTP. One post after the
// other and nothing by MQTT beside it, so that all comes in the order it was written.

import { Outbox } from './outbox.js';
import { Refusal } from './requests.js';

const ECHO_MS = 300; // from the acknowledgement, until the history is asked for what was sent
const AGAIN_MS = 3000; // after a post in vain
const LONGEST_PAUSE_MS = 60000; // whatever the server asks for

// False where the same may be taken later: too much at once, or a server that is away. No space left
// (507) may last.
function isFinal(error) {
  if (!(error instanceof Refusal)) return false;
  return (error.status < 500 && error.status !== 429) || error.status === 507;
}

export class Sending {
  #outbox;
  #connection;
  #post;
  #hasWay;
  #catchUp;
  #kept;
  #isPosting = false;
  #isOver = false;
  #pause = 0; // the timer of the next post, after one in vain

  // post(entry): posts it; rejects with a Refusal, or with another error if there was no answer.
  // hasWay(): whether anything gets through. catchUp(): resolves once all of the room is shown.
  // changed(entry, isGone): something about the entry is to be shown.
  // kept: a Kept text, in which what is in the outbox survives the page. keyLifetimeMs: as of Outbox.
  constructor({ connection, post, hasWay, catchUp, changed, kept, keyLifetimeMs }) {
    this.#connection = connection;
    this.#post = post;
    this.#hasWay = hasWay;
    this.#catchUp = catchUp;
    this.#kept = kept;
    this.#outbox = new Outbox({
      send: (entry) => this.#begin(entry),
      changed: (entry, isGone) => {
        this.#keep();
        changed(entry, isGone);
      },
      keyLifetimeMs,
    });
  }

  get outbox() {
    return this.#outbox;
  }

  // Takes up what an earlier page had not sent. What was sent and not known to be is sent again: the
  // key sees to it that it comes once.
  resume() {
    const entries = JSON.parse(this.#kept.text || '[]');
    for (const { text, reason, ...known } of entries) {
      this.#outbox.add(text, known);
      if (reason) this.#outbox.fail(known.key, reason);
    }
  }

  // The session is over. What was not sent is kept for the next one.
  end() {
    this.#isOver = true;
    this.#outbox.holdAll('sign in again.');
  }

  #keep() {
    const entries = this.#outbox.entries.map(({ key, text, date, way, state, reason }) => {
      return { key, text, date, way, reason: state === 'failed' ? reason : '' };
    });
    this.#kept.text = entries.length > 0 ? JSON.stringify(entries) : '';
  }

  // Gives the way, or '' if it has to wait.
  #begin(entry) {
    if (this.#isOver || this.#isPosting) return '';
    if (this.#connection.isReady) {
      this.#sendByMqtt(entry);
      return 'mqtt';
    }
    if (this.#pause) return '';
    this.#sendByHttp(entry);
    return 'http';
  }

  // ---- MQTT ----

  #sendByMqtt({ text, key }) {
    this.#connection.publish(text, key, (refusal) => {
      if (refusal !== null) this.#outbox.fail(key, refusal);
      // Usually its echo is here already. It never comes for what an earlier connection had brought
      // in (the key was seen before); then the history has it.
      else setTimeout(() => this.#findInHistory(key), ECHO_MS);
    });
  }

  async #findInHistory(key) {
    if (!this.#outbox.has(key)) return;
    await this.#catchUp();
    this.#outbox.settle(key);
  }

  // ---- HTTP ----

  async #sendByHttp(entry) {
    this.#isPosting = true;
    try {
      await this.#post(entry);
      this.#outbox.settle(entry.key);
    } catch (error) {
      this.#failed(entry, error);
    }
    this.#isPosting = false;
    this.#outbox.flush();
  }

  #failed({ key }, error) {
    if (this.#isOver) return;
    if (isFinal(error)) {
      this.#outbox.fail(key, error.message);
      return;
    }
    this.#outbox.lost(key, error instanceof Refusal ? error.message : '');
    const pause = Math.min(Math.max(AGAIN_MS, error.retryAfterMs ?? 0), LONGEST_PAUSE_MS);
    this.#pause = setTimeout(() => {
      this.#pause = 0;
      if (this.#hasWay()) this.#outbox.flush();
    }, pause);
  }
}
