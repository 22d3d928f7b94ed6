// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The live room: what the server rendered goes on by MQTT, and by HTTP where MQTT cannot get
// through. Here the parts are put together; each is in a file of its own.

import { Chart } from './chart.js';
import { Connection } from './connection.js';
import { HttpWays } from './http_ways.js';
import { forgetOnSignOut, Kept } from './kept.js';
import { Log } from './log.js';
import { Members } from './members.js';
import { fromDirect, fromJson, fromMqtt } from './message.js';
import { requestJson } from './requests.js';
import { Sending } from './sending.js';
import { Timeline } from './timeline.js';

const AGAIN_MS = 3000; // until the history is asked for again
const BLOCKED_FAILURES = 2; // in a row, until the room is followed by HTTP meanwhile
const PATIENCE_MS = 4000; // or after this time, for what is blocked need not fail soon
const TIMER_MAX_MS = 2 ** 31 - 1;

const { room, topic, epoch, last, me, name, secondsLeft, maxPayload, keyLifetimeS } =
  document.getElementById('room').dataset;
const messagesUrl = `/rooms/${room}/messages`;
const began = performance.now();
const title = document.title;
const form = document.getElementById('say');
const input = document.getElementById('text');
const status = document.getElementById('status');

// ---- what is told about the connection ----

let isOver = false;

function tell(state, text) {
  if (isOver || status.textContent === text) return;
  status.dataset.state = state;
  status.title = text; // where there is room for the dot alone
  const words = document.createElement('span');
  words.textContent = text;
  status.replaceChildren(words);
}

// The session is over: nothing works until somebody signs in.
function end(text) {
  if (isOver) return;
  tell('over', text);
  isOver = true;
  const again = document.createElement('a');
  again.href = `/rooms/${room}`;
  again.textContent = 'Sign in again';
  status.append(again);
  connection.stop();
  httpWays.stop();
  members.stop();
  sending.end();
}

// ---- HTTP ----

// Somebody else may have signed in meanwhile, in another window: nothing is asked or said as him.
function asMe(path) {
  const url = new URL(path, location);
  url.searchParams.set('subject', me);
  return url;
}

async function request(path, init = {}) {
  try {
    return await requestJson(asMe(path), init);
  } catch (error) {
    if (error.isOurs && error.status === 401) end('Your session has ended.');
    if (error.isOurs && error.status === 403 && !init.method) end('You may not read this room any more.');
    throw error;
  }
}

function fetchJsonPage(query) {
  return request(`${messagesUrl}?${query}`, { cache: 'no-cache' });
}

async function fetchPage(query) {
  const page = await fetchJsonPage(query);
  return { ...page, messages: page.messages.map(fromJson) };
}

// ---- the parts ----

const log = new Log(room, me);
const chart = new Chart();
const members = new Members(me, () => request(`/rooms/${room}/members`));
let unread = 0;

const timeline = new Timeline({
  epoch,
  last: Number(last),
  fetchPage: (after) => fetchPage(after === null ? 'limit=50' : `after=${after}&limit=500`),
  show(message, facts) {
    log.append(message, facts);
    chart.add(message);
    members.heard(message.from);
    if (document.visibilityState === 'visible' || message.from === me) return;
    unread += 1;
    document.title = `(${unread}) ${title}`;
  },
  reset({ messages, more }) {
    log.startAnew(messages);
    chart.clear();
    for (const message of messages) chart.add(message);
    showOlderLink(more);
  },
  behind: () => catchUpUntilDone(),
});

let patience = 0;

function waitForConnection() {
  patience ||= setTimeout(() => isOver || httpWays.start(), PATIENCE_MS);
}

const connection = new Connection(topic, me, {
  ready() {
    clearTimeout(patience);
    patience = 0;
    tell('live', 'Live');
    // What comes twice for a moment is shown once.
    timeline.catchUp().catch(catchUpUntilDone).finally(() => connection.isReady && httpWays.stop());
    outbox.flush();
    members.look();
  },
  message(payload, properties) {
    const message = fromMqtt(payload, properties);
    if (message) arrive(message);
  },
  direct: (payload, properties) => log.appendDirect(fromDirect(payload, properties)),
  down(failures, reason) {
    outbox.lostAll('mqtt');
    if (failures > 1) console.info(`roomwire: no live connection${reason ? `: ${reason}` : ''}`);
    if (failures >= BLOCKED_FAILURES) httpWays.start();
    else waitForConnection();
    if (httpWays.way) outbox.flush();
    else tell('down', failures > 1 ? 'Connecting…' : 'Reconnecting…');
  },
});

const httpWays = new HttpWays(asMe(messagesUrl), {
  position: () => timeline.position,
  fetchPage: fetchJsonPage,
  events: {
    ready(way) {
      if (connection.isReady) return;
      tell('http', way === 'stream' ? 'Live by event stream' : 'Live by long-poll');
      outbox.flush();
      members.look();
    },
    message: (json) => arrive(fromJson(json)),
    changed: () => catchUpUntilDone(),
    down() {
      if (!connection.isReady) tell('down', 'Connecting…');
      connection.hurry();
    },
  },
});

async function post({ text, key }) {
  const headers = { 'Content-Type': 'application/json', 'Idempotency-Key': key };
  timeline.live(fromJson(await request(messagesUrl, { method: 'POST', headers, body: JSON.stringify({ text }) })));
}

const sending = new Sending({
  connection,
  post,
  hasWay: () => connection.isReady || httpWays.way !== '',
  catchUp: () => catchUpUntilDone(),
  changed: (entry, isGone) =>
    log.showPending(entry, isGone, {
      name,
      onRetry: tooLong(entry.text) ? null : () => outbox.retry(entry.key),
      onEdit: () => edit(entry),
      onDrop: () => outbox.settle(entry.key),
    }),
  kept: new Kept('sessionStorage', `outbox-${me}-${room}`),
  keyLifetimeMs: Number(keyLifetimeS) * 1000,
});
const { outbox } = sending;

// ---- reading ----

// A message is in the room; if it is one of ours, it is no longer on its way.
function arrive(message) {
  timeline.live(message);
  if (message.from === me && message.key) outbox.settle(message.key);
}

let catchingUp = null;

// Resolves when everything is shown, or when there is no connection any more: the next one sees to
// it.
function catchUpUntilDone() {
  catchingUp ??= tryToCatchUp().finally(() => {
    catchingUp = null;
  });
  return catchingUp;
}

async function tryToCatchUp() {
  while (!isOver) {
    try {
      await timeline.catchUp();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      if (!connection.isReady && !httpWays.way) return;
    }
  }
}

// Of the last message that was in sight, on an earlier visit, too.
const readUpTo = new Kept('localStorage', `read-${me}-${room}`);

document.addEventListener('visibilitychange', () => {
  unread = 0;
  document.title = title;
  if (document.visibilityState === 'visible') log.lookedAt();
  else if (log.leave()) readUpTo.text = timeline.position;
});

// ---- writing ----

const draft = new Kept('sessionStorage', `draft-${me}-${room}`);

function keepDraft() {
  draft.text = input.value;
}

// Why the text cannot be sent, or ''.
function tooLong(text) {
  const size = new TextEncoder().encode(text).length;
  return size > Number(maxPayload) ? `${size} bytes are too many; ${maxPayload} are possible.` : '';
}

// Back into the input, above what is there by now.
function edit({ key, text }) {
  outbox.settle(key);
  input.value = input.value ? `${text}\n${input.value}` : text;
  keepDraft();
  input.focus();
}

function say(event) {
  event.preventDefault();
  const text = input.value;
  input.focus();
  if (!text.trim() || isOver) return;
  const entry = outbox.add(text);
  input.value = '';
  keepDraft();
  log.toEnd();
  const why = tooLong(text);
  if (why) outbox.fail(entry.key, why);
  else outbox.flush();
}

let isSigningOut = false;

// What was not sent is lost by that. One question is enough: it is not asked again on leaving.
function maySignOut() {
  isSigningOut = outbox.size === 0 || confirm('What you wrote was not sent yet. Sign out and lose it?');
  return isSigningOut;
}

function startWriting() {
  input.value ||= draft.text;
  form.addEventListener('submit', say);
  input.addEventListener('input', keepDraft);
  input.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || event.shiftKey) return;
    if (event.isComposing || event.keyCode === 229) return; // Safari is not composing any more, and says 229
    event.preventDefault();
    form.requestSubmit();
  });
  addEventListener('beforeunload', (event) => {
    if (outbox.size > 0 && !isOver && !isSigningOut) { // to go elsewhere, and lose it
      event.preventDefault();
      event.returnValue = true; // what Chrome before 119 goes by
    }
    isSigningOut = false;
  });
  sending.resume();
  // On a touch screen this would bring up the keyboard over the messages. Where a script comes late
  // the reader may be somewhere else already.
  const isFree = document.activeElement === document.body;
  if (isFree && matchMedia('(pointer: fine)').matches) input.focus({ preventScroll: true });
}

// ---- older messages ----

function makeOlderLink() {
  const link = document.createElement('a');
  Object.assign(link, { id: 'older', rel: 'prev', href: `/rooms/${room}?before=${log.firstId}` });
  link.textContent = 'Older messages';
  const line = document.createElement('p');
  line.className = 'more';
  line.append(link);
  document.getElementById('messages').before(line);
}

function showOlderLink(isShown) {
  const old = document.getElementById('older');
  const isFocused = old?.matches(':focus');
  old?.parentElement.remove();
  if (isShown) makeOlderLink();
  if (isFocused) (document.getElementById('older') ?? log.scroller).focus({ preventScroll: true });
  watchOlderLink();
}

// Whoever scrolls up gets what is older without a click.
const scrolled = new IntersectionObserver(
  (entries) => entries.some(({ isIntersecting }) => isIntersecting) && loadOlder(),
  { root: log.scroller, rootMargin: '300px 0px 0px' },
);

function watchOlderLink() {
  scrolled.disconnect();
  const link = document.getElementById('older');
  if (link) scrolled.observe(link);
}

// The observer tells nothing new of a link that stays in sight.
function watchOlderLinkAgain() {
  setTimeout(() => isOver || watchOlderLink(), AGAIN_MS);
}

log.onTrim = () => showOlderLink(true);

let isLoading = false;

// Puts the answer above the first message, unless that is no longer the one it was asked for: the
// list may have been trimmed meanwhile, or the log have become another one.
async function loadBefore(id) {
  const page = await fetchPage(`before=${id}&limit=50`);
  if (id !== log.firstId || page.epoch !== timeline.epoch) return false;
  log.prepend(page.messages);
  showOlderLink(page.more);
  return true;
}

// False if what is older could not be had.
async function loadOlder() {
  if (isLoading) return true;
  isLoading = true;
  try {
    if (!(await loadBefore(log.firstId))) watchOlderLinkAgain();
    return true;
  } catch {
    watchOlderLinkAgain();
    return false;
  } finally {
    isLoading = false;
  }
}

document.addEventListener('click', async (event) => {
  const link = event.target.closest?.('#older');
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  if (!(await loadOlder()) && !isOver) location.href = link.href; // what is wrong is told there
});

// ---- begin ----

if (form) startWriting();
forgetOnSignOut(maySignOut);
// The cookie, whose life is told in whole seconds, may outlive the token by a part of one.
function endWithToken() {
  const left = began + (Number(secondsLeft) + 1) * 1000 - performance.now();
  if (left <= 0) end('Your session has ended.');
  else setTimeout(endWithToken, Math.min(left, TIMER_MAX_MS));
}
if (secondsLeft) endWithToken();
if (readUpTo.text.startsWith(`${epoch}-`)) log.markUnreadAfter(Number(readUpTo.text.slice(epoch.length + 1)));
watchOlderLink();
tell('down', 'Connecting…');
connection.start();
waitForConnection();
