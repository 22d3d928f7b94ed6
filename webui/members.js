// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Who is in the room: a list beside the messages where the window is wide, else a number that opens
// to it. Asked for now and then, while anybody looks.

import { element } from './items.js';
import { hueOf, initialOf } from './people.js';

const INTERVAL_MS = 15000;
const SOON_MS = 700; // after something that may have changed it
const WIDE = '(min-width: 80rem) and (scripting: enabled)'; // as in members.css

// As in gateway/page_members.c.
const FACES = { mqtt: 'MQTT', ws: 'WebSocket', sse: 'an event stream', poll: 'long-polls', html: 'a page' };

export class Members {
  #box = document.getElementById('members');
  #aside = document.getElementById('here');
  #count = document.getElementById('member-count');
  #list = element('ul', { id: 'member-list', className: 'people' });
  #wide = matchMedia(WIDE);
  #fetchMembers;
  #me;
  #known = new Set(); // who is on the list, or was asked about in vain since it changed
  #shown = '';
  #timer = 0;
  #isDueSoon = false;
  #isStopped = false;
  #heardAt = -INTERVAL_MS; // when somebody unknown led to a question

  // fetchMembers(): the answer of GET .../members; rejects where there is none.
  constructor(me, fetchMembers) {
    this.#me = me;
    this.#fetchMembers = fetchMembers;
    document.addEventListener('visibilitychange', () => this.look());
    document.addEventListener('click', ({ target }) => this.#box.contains(target) || this.#close());
    document.addEventListener('keydown', ({ key }) => key === 'Escape' && this.#close());
    this.#aside.append(element('h2', {}, 'Here now'));
    this.#wide.addEventListener('change', () => this.#place());
    this.#place();
  }

  // Asks soon; what is asked for again meanwhile is one question.
  look() {
    if (this.#isDueSoon) return;
    this.#isDueSoon = true;
    this.#askIn(SOON_MS);
  }

  // Somebody spoke, who may be new, or no member at all: devices often only write.
  heard(from) {
    if (!this.#shown || this.#known.has(from)) return;
    if (performance.now() - this.#heardAt < INTERVAL_MS) return;
    this.#known.add(from);
    this.#heardAt = performance.now();
    this.look();
  }

  stop() {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  #askIn(delay) {
    clearTimeout(this.#timer);
    if (!this.#isStopped) this.#timer = setTimeout(() => this.#ask(), delay);
  }

  #place() {
    (this.#wide.matches ? this.#aside : this.#box).append(this.#list);
  }

  #close() {
    this.#box.open = false;
  }

  async #ask() {
    this.#isDueSoon = false;
    if (document.visibilityState === 'visible') {
      await this.#fetchMembers().then(
        (answer) => this.#show(answer),
        () => this.#hide(),
      );
    }
    if (!this.#isDueSoon) this.#askIn(INTERVAL_MS);
  }

  // Nobody knows.
  #hide() {
    this.#shown = '';
    this.#box.hidden = true;
    this.#list.replaceChildren();
  }

  #show({ members, more }) {
    const what = JSON.stringify([members, more]);
    if (what === this.#shown) return; // who is reading the list goes on reading it
    this.#shown = what;
    this.#known = new Set(members.map(({ subject }) => subject));
    const count = `${members.length}${more ? '+' : ''}`;
    this.#count.replaceChildren(count, element('span', { className: 'unseen' }, ' here'));
    this.#list.replaceChildren(...members.map((member) => this.#item(member)));
    this.#box.hidden = false;
  }

  #item({ subject, name, faces }) {
    const shown = name || subject;
    const item = element('li', { className: `hue${hueOf(subject)}` }, element('bdi', {}, shown));
    item.title = `${subject}, by ${faces.map((face) => FACES[face] ?? face).join(' and ')}`;
    item.dataset.initial = initialOf(shown);
    if (subject === this.#me) item.append(' ', element('small', {}, 'you'));
    return item;
  }
}
