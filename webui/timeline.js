// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Keeps what is shown of one room complete, in order and without repeats, whatever the connection
// does (docs/protocol.md, "Stamp"): a live message is shown at once if its `prev` is the last one
// shown; otherwise the history is asked for what lies between. Knows nothing of the page or of MQTT.

const WAITING_MAX = 1000;
const RETRY_FIRST_MS = 250;
const RETRY_MAX_MS = 5000;
const ROUNDS_MAX = 5; // in vain, until a message is shown without proof that none is missing

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export class Timeline {
  #epoch;
  #last;
  #waiting = new Map(); // live messages that cannot be shown yet, by id
  #running = null;
  #isWantedAgain = false;
  #fetchPage;
  #show;
  #reset;
  #behind;

  // epoch, last: of what is on the page already (last: 0 if nothing is).
  // fetchPage(after): a page of the history {epoch, messages, more}: what is newer than `after`,
  //   oldest first, or the latest for null. It rejects where that is impossible for now.
  // show(message, {isGap}): called once for each message, in order; isGap if some before it are
  //   not kept any more.
  // reset({messages, more}): the log is another one now: nothing that was shown counts any more, but
  //   these messages, its latest; more if there are older ones.
  // behind(): something is missing; call catchUp() until it succeeds.
  constructor({ epoch, last, fetchPage, show, reset, behind }) {
    this.#epoch = epoch;
    this.#last = last;
    this.#fetchPage = fetchPage;
    this.#show = show;
    this.#reset = reset;
    this.#behind = behind;
  }

  get epoch() {
    return this.#epoch;
  }

  // Of the newest message that is shown, as an event stream wants it.
  get position() {
    return `${this.#epoch}-${this.#last}`;
  }

  // A message came live.
  live(message) {
    if (message.epoch === this.#epoch) {
      if (message.id <= this.#last) return;
      if (message.prev === this.#last) {
        this.#place(message);
        this.#placeWaiting();
        return;
      }
    }
    // What does not fit here is in the history, too.
    if (this.#waiting.size < WAITING_MAX) this.#waiting.set(message.id, message);
    this.#behind();
  }

  // Shows everything that had been accepted when this was called. Rejects with fetchPage.
  catchUp() {
    this.#isWantedAgain = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #run() {
    let rounds = 0;
    while (this.#isWantedAgain || this.#waiting.size > 0) {
      if (rounds > 0) await sleep(Math.min(RETRY_FIRST_MS * 2 ** (rounds - 1), RETRY_MAX_MS));
      this.#isWantedAgain = false;
      const before = this.#last;
      await this.#fetchAll();
      this.#placeWaiting(rounds >= ROUNDS_MAX);
      rounds = this.#last > before || this.#waiting.size === 0 ? 0 : rounds + 1;
    }
  }

  async #fetchAll() {
    let page;
    do {
      page = await this.#fetchPage(this.#last);
      if (page.epoch !== this.#epoch) {
        await this.#startAnew();
        return;
      }
      for (const message of page.messages) {
        if (message.id > this.#last) this.#place(message);
      }
    } while (page.more);
  }

  async #startAnew() {
    const page = await this.#fetchPage(null);
    this.#epoch = page.epoch;
    this.#last = page.messages.at(-1)?.id ?? 0;
    this.#reset(page);
  }

  // Shows what has become possible to show; `anyway` one message more.
  #placeWaiting(anyway = false) {
    const ids = [...this.#waiting.keys()].sort((a, b) => a - b);
    for (const id of ids) {
      const message = this.#waiting.get(id);
      const isKnown = message.epoch !== this.#epoch || id <= this.#last;
      if (!isKnown && message.prev !== this.#last && !anyway) return;
      this.#waiting.delete(id);
      if (isKnown) continue;
      this.#place(message);
      anyway = false;
    }
  }

  #place(message) {
    const isGap = this.#last !== 0 && message.prev !== this.#last;
    this.#last = message.id;
    this.#show(message, { isGap });
  }
}
