// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The list of messages on the page: where each goes, and what stays in sight. What they are made of
// is in items.js.

import { markDay, markDays } from './days.js';
import { element, item, noteOf, sizeOf } from './items.js';
import { withLinks } from './links.js';
import { dayOf, localizeAll } from './times.js';

const TOGETHER_MS = 300000; // as in gateway/page_room.c
const SHOWN_MAX = 1000;
const SHOWN_LESS = 200; // so many less are left when it is too many
const SHOWN_ABOVE_MAX = 2 * SHOWN_MAX; // while somebody reads above, where nothing may go
const BATCH_MAX = 500; // messages placed at once
const MOVING_MAX = 5; // messages that move as they come
const HIDDEN_MS = 200; // between batches, where there are no frames
const NEAR_END_PX = 48;

const idOf = (li) => Number(li.id.slice(1));

export class Log {
  #room;
  #me;
  #scroller = document.getElementById('log');
  #list = document.getElementById('messages');
  // What comes from here to the list is told there, so only failures are told here.
  #pending = element('ol', { className: 'messages', id: 'pending', 'aria-live': 'off' });
  #jump = element('button', { className: 'jump', type: 'button', hidden: true });
  #coming = []; // what the next frame shows: a fast room has many messages in one
  #frame = 0;
  #timer = 0;
  #held = []; // the latest of what is too much to be shown below what is read
  #unseen = 0;
  #unread = element('li', { className: 'unread' }, 'New messages');
  #unreadFrom = 0; // the id of the first that came while nobody looked, shown or not; 0 for none
  #wasSeen = false; // what is below that line
  #firsts = new WeakMap();
  #today = new Date();
  #midnight = 0;

  constructor(room, me) {
    this.#room = room;
    this.#me = me;
    this.#list.after(this.#pending);
    this.#scroller.after(element('div', { className: 'below' }, this.#jump));
    this.#jump.addEventListener('click', () => {
      this.#scroller.focus({ preventScroll: true }); // the button goes
      this.toEnd();
    });
    this.#list.addEventListener('animationend', ({ target }) => target.classList.remove('new'));
    this.#scroller.addEventListener('scroll', () => this.#isAtEnd() && this.#sawAll(), { passive: true });
    this.#showDates();
  }

  get scroller() {
    return this.#scroller;
  }

  get firstId() {
    this.#place();
    const first = this.#list.querySelector('li[id]');
    return first ? idOf(first) : 0;
  }

  // Shows it with the next frame.
  append(message, { isGap }) {
    const isVisible = document.visibilityState === 'visible';
    this.#coming.push({ message, isGap, isVisible });
    if (this.#coming.length >= BATCH_MAX) this.#place();
    else if (isVisible) this.#frame ||= requestAnimationFrame(() => this.#place());
    else this.#timer ||= setTimeout(() => this.#place(), HIDDEN_MS);
  }

  // Shows what has come. What is above and below is measured once for all of it.
  #place() {
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#timer);
    this.#frame = 0;
    this.#timer = 0;
    const coming = this.#coming.splice(0);
    if (coming.length === 0) return;
    this.#keepPlace((isAtEnd) => {
      if (this.#isTooMuch(isAtEnd)) this.#hold(coming);
      else this.#appendAll(coming);
      const isUnread = ({ message, isVisible }) => message.from !== this.#me && !(isVisible && isAtEnd);
      const first = coming.find(isUnread);
      if (first) this.#markUnread(first.message.id);
      if (isAtEnd) this.#trim();
    }, coming.length);
    this.#followCalendar();
  }

  #appendAll(coming) {
    document.getElementById('empty')?.remove();
    for (const { message, isGap } of coming) {
      if (isGap) this.#list.append(element('li', { className: 'gap' }, 'Some earlier messages are not kept any more.'));
      const li = this.#make(message, this.#list.lastElementChild);
      li.classList.toggle('new', coming.length <= MOVING_MAX);
      this.#list.append(li);
      markDay(li);
    }
  }

  // True from when more would be too much below what somebody reads, until he reads the end.
  #isTooMuch(isAtEnd) {
    return this.#held.length > 0 || (!isAtEnd && this.#list.children.length >= SHOWN_ABOVE_MAX);
  }

  #hold(coming) {
    this.#held.push(...coming.map(({ message }) => message));
    this.#held.splice(0, this.#held.length - SHOWN_LESS);
  }

  // Shows the latest messages instead of those that were read above them.
  #showHeld() {
    if (this.#held.length === 0) return;
    this.#showOnly(this.#held.splice(0));
    this.onTrim?.();
  }

  #showOnly(messages) {
    this.#silently(() => {
      this.#list.replaceChildren();
      for (const message of messages) this.#list.append(this.#make(message, this.#list.lastElementChild));
      this.#placeLines();
    });
    this.#scroller.scrollTop = 0;
  }

  // What was said to this page alone: it has no id, and is gone with the page.
  appendDirect(message) {
    this.#place();
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
    }, 1);
  }

  // Older messages, in order, before all others.
  prepend(messages) {
    const made = document.createDocumentFragment();
    for (const message of messages) made.append(this.#make(message, made.lastElementChild));
    const first = this.#list.querySelector('li[id]');
    this.#silently(() => {
      this.#list.prepend(made);
      this.#placeLines();
    });
    first?.classList.toggle('continues', this.#belongsTo(first, first.previousElementSibling));
  }

  // Does what must not be announced as new.
  #silently(change) {
    this.#scroller.setAttribute('aria-live', 'off');
    change();
    requestAnimationFrame(() => this.#scroller.removeAttribute('aria-live'));
  }

  // The log is another one, and these are the latest messages of it.
  startAnew(messages) {
    this.#coming = [];
    this.#held = [];
    this.#unreadFrom = 0;
    this.#showOnly(messages);
    this.#sawAll();
  }

  // ---- what was read ----

  // Somebody looks at the page again.
  lookedAt() {
    this.#place();
    this.#followCalendar();
    this.#wasSeen ||= this.#isInSight();
  }

  // Nobody looks any more. True if everything was read; what comes next gets a line of its own then.
  leave() {
    this.#place();
    if (!this.#isAtEnd()) return false;
    this.#unreadFrom = 0;
    this.#unread.remove();
    return true;
  }

  // Reading stopped behind the message of this id.
  markUnreadAfter(id) {
    const last = this.#list.querySelector('li[id]:last-child');
    if (last && idOf(last) > id) this.#markUnread(id + 1);
    this.lookedAt();
  }

  #markUnread(id) {
    if (this.#unreadFrom && !this.#wasSeen) return;
    this.#unreadFrom = id;
    this.#wasSeen = false;
    this.#placeUnread();
  }

  // Above the first unread message that is shown: above all, if older ones are not.
  #placeUnread() {
    this.#unread.remove();
    if (!this.#unreadFrom) return;
    const first = [...this.#list.querySelectorAll('li[id]')].find((li) => idOf(li) >= this.#unreadFrom);
    if (!first) return;
    first.classList.remove('continues');
    const previous = first.previousElementSibling;
    (previous?.className === 'day' ? previous : first).before(this.#unread);
  }

  // The lines between messages.
  #placeLines() {
    markDays(this.#list);
    this.#placeUnread();
  }

  // Shows an entry of the outbox as it is now. onRetry: null where that would be in vain.
  showPending(entry, isGone, { name, ...buttons }) {
    const shown = document.getElementById(`pending-${entry.key}`);
    const isFocused = Boolean(shown?.contains(document.activeElement));
    if (isGone) this.#place(); // it may be in the room now
    this.#keepPlace(() => {
      if (isGone) {
        shown?.remove();
        return;
      }
      const li = shown ?? this.#makePending(entry, name);
      li.classList.remove('queued', 'sending', 'failed');
      li.classList.add(entry.state);
      li.lastElementChild.replaceWith(noteOf(entry, buttons));
    });
    // Its buttons are gone.
    if (isFocused) this.#scroller.focus({ preventScroll: true });
  }

  #makePending(entry, name) {
    const li = item(name, this.#me, new Date().toISOString());
    li.id = `pending-${entry.key}`;
    li.classList.add('pending', 'mine');
    li.classList.toggle('continues', this.#belongsTo(li, this.#lastSaid()));
    li.append(element('p', { className: 'text', dir: 'auto' }, entry.text), element('p'));
    this.#pending.append(li);
    return li;
  }

  toEnd() {
    this.#scroller.scrollTop = 0; // its end: see .log in room.css
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
    const dates = [this.#firstOf(previous), li].map((one) => Date.parse(one.querySelector('time').dateTime));
    return dates[1] - dates[0] < TOGETHER_MS;
  }

  // The first of those that stand together with this one, whose date is shown. Kept, since in a fast
  // room they are many.
  #firstOf(li) {
    if (!li.classList.contains('continues') || !li.previousElementSibling) return li;
    if (!this.#firsts.has(li)) this.#firsts.set(li, this.#firstOf(li.previousElementSibling));
    return this.#firsts.get(li);
  }

  #trim() {
    if (this.#list.children.length <= SHOWN_MAX) return;
    while (this.#list.children.length > SHOWN_MAX - SHOWN_LESS) this.#list.firstElementChild.remove();
    this.#placeLines();
    this.onTrim?.();
  }

  // A message of "09:00" is no longer today's after midnight.
  #followCalendar() {
    if (dayOf(new Date()) !== dayOf(this.#today)) this.#silently(() => this.#showDates());
  }

  #showDates() {
    this.#today = new Date();
    localizeAll(this.#list);
    this.#placeLines();
    const tomorrow = new Date(this.#today).setHours(24, 0, 0, 0);
    clearTimeout(this.#midnight);
    this.#midnight = setTimeout(() => this.#silently(() => this.#showDates()), tomorrow - this.#today);
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
  #keepPlace(change, news = 0) {
    const wasAtEnd = this.#isAtEnd();
    const top = this.#scroller.scrollTop;
    const height = this.#scroller.scrollHeight;
    change(wasAtEnd);
    if (wasAtEnd) {
      this.#scroller.scrollTop = 0;
      return;
    }
    this.#scroller.scrollTop = top - (this.#scroller.scrollHeight - height);
    if (!news) return;
    this.#unseen += news;
    this.#jump.textContent = this.#unseen === 1 ? '1 new message' : `${this.#unseen} new messages`;
    this.#jump.hidden = false;
  }

  #sawAll() {
    this.#showHeld();
    this.lookedAt();
    this.#unseen = 0;
    this.#jump.hidden = true;
  }
}
