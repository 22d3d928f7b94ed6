// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Who is in the room: a number that opens to a list. Asked for now and then, while anybody looks.

const INTERVAL_MS = 15000;
const SOON_MS = 700; // after something that may have changed it

const FACES = { mqtt: 'a device', ws: 'this page', sse: 'an event stream', poll: 'long-polls', html: 'a page' };

export class Members {
  #box = document.getElementById('members');
  #list = document.getElementById('member-list');
  #count = document.getElementById('member-count');
  #fetchMembers;
  #me;
  #known = new Set();
  #timer = 0;

  // fetchMembers(): the answer of GET .../members; rejects where there is none.
  constructor(me, fetchMembers) {
    this.#me = me;
    this.#fetchMembers = fetchMembers;
    document.addEventListener('visibilitychange', () => this.look());
  }

  // Asks soon; what is asked for again meanwhile is one question.
  look() {
    if (!this.#box) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask(), SOON_MS);
  }

  // Somebody spoke, who may be new.
  heard(from) {
    if (!this.#known.has(from)) this.look();
  }

  async #ask() {
    if (document.visibilityState === 'visible') {
      try {
        this.#show(await this.#fetchMembers());
      } catch {
        this.#box.hidden = true; // nobody knows
      }
    }
    this.#timer = setTimeout(() => this.#ask(), INTERVAL_MS);
  }

  #show({ members, more }) {
    this.#known = new Set(members.map(({ subject }) => subject));
    this.#count.textContent = `${members.length}${more ? '+' : ''}`;
    this.#box.querySelector('summary').title = `${this.#count.textContent} in this room`;
    this.#list.replaceChildren(...members.map((member) => this.#item(member)));
    this.#box.hidden = false;
  }

  #item({ subject, name, faces }) {
    const item = document.createElement('li');
    const who = document.createElement('bdi');
    who.textContent = name || subject;
    item.title = `${subject}, by ${faces.map((face) => FACES[face] ?? face).join(' and ')}`;
    item.append(who, subject === this.#me ? ' (you)' : '');
    return item;
  }
}
