// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The list of messages on the page: how one looks, where it goes, and what stays in sight. What is
// shown is only ever set as text. The server's templates (message.html) make the same elements.

import { withLinks } from './links.js';
import { hueOf, initialOf } from './people.js';
import { dayOf, localize, localizeAll, nameOfDay } from './times.js';

const TOGETHER_MS = 300000; // as in gateway/page_room.c
const SHOWN_MAX = 1000;
const SHOWN_LESS = 200; // so many go when it is too many
const NEAR_END_PX = 48;

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function byLine(name, from, date) {
  const time = element('time', { dateTime: date });
  localize(time);
  const sender = element('b', { title: from }, element('bdi', {}, name));
  return element('p', { className: 'by' }, sender, ' ', time);
}

function item(name, from, date) {
  const li = element('li', { className: `hue${hueOf(from)}` }, byLine(name, from, date));
  li.dataset.initial = initialOf(name);
  return li;
}

const sizeOf = ({ size, type }) => `${size} bytes of ${type || 'data'}`;

export class Log {
  #room;
  #me;
  #scroller = document.getElementById('log');
  #list = document.getElementById('messages');
  #pending = element('ol', { className: 'messages', id: 'pending' });
  #jump = element('button', { className: 'jump', type: 'button', hidden: true });
  #unseen = 0;
  #unread = null; // the line above what came while nobody looked
  #wasSeen = false; // what is below it
  #today = new Date().toDateString();

  constructor(room, me) {
    this.#room = room;
    this.#me = me;
    this.#list.after(this.#pending);
    this.#scroller.after(this.#jump);
    this.#jump.addEventListener('click', () => this.toEnd());
    this.#scroller.addEventListener('scroll', () => this.#isAtEnd() && this.#sawAll(), { passive: true });
    localizeAll(this.#list);
    this.#markDays();
  }

  get scroller() {
    return this.#scroller;
  }

  get firstId() {
    const first = this.#list.querySelector('li[id]');
    return first ? Number(first.id.slice(1)) : 0;
  }

  append(message, { isGap }) {
    const isUnread = message.from !== this.#me && !this.#isInSight();
    this.#keepPlace(() => {
      document.getElementById('empty')?.remove();
      if (isGap) {
        const text = 'Some earlier messages are not kept any more.';
        this.#list.append(element('li', { className: 'gap' }, text));
      }
      if (isUnread) this.#markUnread();
      const li = this.#make(message, this.#list.lastElementChild);
      li.classList.add('new');
      this.#list.append(li);
      this.#markDay(li);
      this.#trim();
    }, true);
    this.#followCalendar();
  }

  // What was said to this page alone: it has no id, and is gone with the page.
  appendDirect(message) {
    this.#keepPlace(() => {
      const li = item(message.from, message.from, message.date);
      li.classList.add('direct', 'new');
      li.append(
        message.text === null
          ? element('p', { className: 'text data' }, sizeOf(message))
          : element('p', { className: 'text', dir: 'auto' }, ...withLinks(message.text)),
        element('p', { className: 'note' }, 'Only you see this.'),
      );
      this.#list.append(li);
    }, true);
  }

  // Older messages, in order, before all others.
  prepend(messages) {
    const made = document.createDocumentFragment();
    for (const message of messages) made.append(this.#make(message, made.lastElementChild));
    const first = this.#list.firstElementChild;
    // What is already there must not be announced again as new.
    this.#scroller.ariaLive = 'off';
    this.#list.prepend(made);
    this.#markDays();
    if (first?.id) first.classList.toggle('continues', this.#belongsTo(first, first.previousElementSibling));
    requestAnimationFrame(() => this.#scroller.removeAttribute('aria-live'));
  }

  clear() {
    this.#list.replaceChildren();
    this.#unread = null;
  }

  // ---- what was read ----

  // Somebody looks at the page again.
  lookedAt() {
    this.#wasSeen ||= this.#isInSight();
  }

  // Nobody looks any more. True if everything was read; what comes next gets a line of its own then.
  leave() {
    if (!this.#isAtEnd()) return false;
    this.#unread?.remove();
    return true;
  }

  // Reading stopped behind the message of this id, if it is one of those shown.
  markUnreadAfter(id) {
    const next = document.getElementById(`m${id}`)?.nextElementSibling;
    if (next) this.#markUnread(next);
    this.lookedAt();
  }

  // A line before `next`, or at the end.
  #markUnread(next = null) {
    if (this.#unread?.isConnected && !this.#wasSeen) return;
    this.#unread?.remove();
    this.#unread = element('li', { className: 'unread', role: 'separator' }, 'New messages');
    this.#wasSeen = false;
    this.#list.insertBefore(this.#unread, next);
    next?.classList.remove('continues');
  }

  // ---- days ----

  // The server wrote UTC days; a reader has his own, and older messages may bring others.
  #markDays() {
    for (const line of this.#list.querySelectorAll('.day')) line.remove();
    for (const li of this.#list.querySelectorAll('li[id]')) this.#markDay(li);
  }

  // Puts the day above the message if it is the first one of it.
  #markDay(li) {
    const date = new Date(li.querySelector('time').dateTime);
    const previous = this.#messageBefore(li);
    if (previous && dayOf(new Date(previous.querySelector('time').dateTime)) === dayOf(date)) return;
    const time = element('time', { dateTime: dayOf(date) }, nameOfDay(date));
    li.classList.remove('continues');
    li.before(element('li', { className: 'day', role: 'separator' }, time));
  }

  #messageBefore(li) {
    let previous = li.previousElementSibling;
    while (previous && !previous.id) previous = previous.previousElementSibling;
    return previous;
  }

  // Shows an entry of the outbox as it is now. onRetry: null where that would be in vain.
  showPending(entry, isGone, { name, onRetry, onEdit, onDrop }) {
    const id = `pending-${entry.key}`;
    const old = document.getElementById(id);
    if (isGone) {
      this.#keepPlace(() => old?.remove());
      return;
    }
    const li = item(name, this.#me, new Date().toISOString());
    li.id = id;
    li.classList.add('pending', 'mine', entry.state);
    li.classList.toggle('continues', this.#belongsTo(li, old ? old.previousElementSibling : this.#lastSaid()));
    li.append(element('p', { className: 'text', dir: 'auto' }, entry.text));
    const note = element('p', { className: 'note' });
    if (entry.state === 'failed') {
      const button = (text, className, onclick) => element('button', { type: 'button', className, onclick }, text);
      note.append(`Not sent: ${entry.reason}`);
      if (onRetry) note.append(button('Try again', 'second', onRetry));
      note.append(button('Edit', onRetry ? 'quiet' : 'second', onEdit), button('Discard', 'quiet', onDrop));
    } else {
      const why = entry.reason ? `Not sent yet: ${entry.reason}` : 'Waiting…';
      note.append(entry.state === 'queued' ? why : 'Sending…');
    }
    li.append(note);
    this.#keepPlace(() => (old ? old.replaceWith(li) : this.#pending.append(li)));
  }

  toEnd() {
    this.#scroller.scrollTop = 0; // its end: see .log in style.css
    this.#sawAll();
  }

  // ---- making ----

  #make(message, previous) {
    const li = item(message.name || message.from, message.from, message.date);
    li.id = `m${message.id}`;
    li.classList.toggle('mine', message.from === this.#me);
    li.classList.toggle('continues', this.#belongsTo(li, previous));
    const text = () => element('p', { className: 'text', dir: 'auto' }, ...withLinks(message.text));
    li.append(message.text === null ? this.#dataLine(message) : text());
    return li;
  }

  #dataLine(message) {
    const href = `/rooms/${this.#room}/messages?after=${message.id - 1}&limit=1`;
    return element('p', { className: 'text data' }, element('a', { href }, sizeOf(message)));
  }

  #lastSaid() {
    return this.#pending.lastElementChild ?? this.#list.lastElementChild;
  }

  // True if both are of one sender and near enough in time to stand together.
  #belongsTo(li, previous) {
    const sender = previous?.querySelector('.by b');
    if (!sender || previous.classList.contains('direct') || sender.title !== li.querySelector('.by b').title) return false;
    const dates = [previous, li].map((one) => Date.parse(one.querySelector('time').dateTime));
    return dates[1] - dates[0] < TOGETHER_MS;
  }

  #trim() {
    if (this.#list.children.length <= SHOWN_MAX || !this.#isAtEnd()) return;
    for (let n = 0; n < SHOWN_LESS; n++) this.#list.firstElementChild.remove();
    this.#markDays();
    this.onTrim?.();
  }

  // A message of "09:00" is no longer today's after midnight.
  #followCalendar() {
    const today = new Date().toDateString();
    if (today === this.#today) return;
    this.#today = today;
    localizeAll(this.#list);
    this.#markDays();
  }

  // ---- what is in sight ----

  #isInSight() {
    return document.visibilityState === 'visible' && this.#isAtEnd();
  }

  #isAtEnd() {
    return this.#scroller.scrollTop > -NEAR_END_PX;
  }

  // Does what changes the end of the list: who reads the end goes on reading it, who reads above
  // keeps what he reads where it is.
  #keepPlace(change, isNews = false) {
    const wasAtEnd = this.#isAtEnd();
    const top = this.#scroller.scrollTop;
    const height = this.#scroller.scrollHeight;
    change();
    if (wasAtEnd) {
      this.#scroller.scrollTop = 0;
      return;
    }
    this.#scroller.scrollTop = top - (this.#scroller.scrollHeight - height);
    if (!isNews) return;
    this.#unseen += 1;
    this.#jump.textContent = this.#unseen === 1 ? '1 new message' : `${this.#unseen} new messages`;
    this.#jump.hidden = false;
  }

  #sawAll() {
    this.lookedAt();
    this.#unseen = 0;
    this.#jump.hidden = true;
  }
}
