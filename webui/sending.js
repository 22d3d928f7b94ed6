// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Sends what is in the outbox: by MQTT where there is a connection, else by HTTP. One post after the
// other and nothing by MQTT beside it, so that all comes in the order it was written.

import { Outbox } from './outbox.js';
import { Refusal } from './requests.js';

const ECHO_MS = 300; // from the acknowledgement, until the history is asked for what was sent
const AGAIN_MS = 3000; // after a post in vain

export class Sending {
  #outbox;
  #connection;
  #post;
  #hasWay;
  #catchUp;
  #isPosting = false;
  #pause = 0; // the timer of the next post, after one in vain

  // post(entry): posts it; rejects with a Refusal, or with another error if there was no answer.
  // hasWay(): whether anything gets through. catchUp(): resolves once all of the room is shown.
  // changed(entry, isGone): something about the entry is to be shown.
  constructor({ connection, post, hasWay, catchUp, changed }) {
    this.#connection = connection;
    this.#post = post;
    this.#hasWay = hasWay;
    this.#catchUp = catchUp;
    this.#outbox = new Outbox({ send: (entry) => this.#begin(entry), changed });
  }

  get outbox() {
    return this.#outbox;
  }

  // Gives the way, or '' if it has to wait.
  #begin(entry) {
    if (this.#isPosting) return '';
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
    const isFinal = error instanceof Refusal && error.status < 500 && error.status !== 429;
    if (isFinal) {
      this.#outbox.fail(key, error.message);
      return;
    }
    this.#outbox.lost(key);
    this.#pause = setTimeout(() => {
      this.#pause = 0;
      if (this.#hasWay()) this.#outbox.flush();
    }, AGAIN_MS);
  }
}
