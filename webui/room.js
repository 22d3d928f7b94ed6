// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The live room: what the server rendered goes on by MQTT, and by HTTP where MQTT cannot get
// through. Here the parts are put together; each is in a file of its own.

import { Chart } from './chart.js';
import { Connection } from './connection.js';
import { HttpWays } from './http_ways.js';
import { Kept } from './kept.js';
import { Log } from './log.js';
import { Members } from './members.js';
import { fromDirect, fromJson, fromMqtt } from './message.js';
import { Outbox } from './outbox.js';
import { Timeline } from './timeline.js';

const ECHO_MS = 300; // from the acknowledgement, until the history is asked for what was sent
const AGAIN_MS = 3000; // until the history is asked for again
const FETCH_MS = 30000;
const BLOCKED_FAILURES = 2; // in a row, until the room is followed by HTTP meanwhile
const PATIENCE_MS = 4000; // or after this time, for what is blocked need not fail soon
const TIMER_MAX_MS = 2 ** 31 - 1;

const { room, topic, epoch, last, me, name, expires, maxPayload } = document.getElementById('room').dataset;
const messagesUrl = `/rooms/${room}/messages`;
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
}

// ---- HTTP ----

class Refusal extends Error {
  constructor(response, problem) {
    super(problem.detail || problem.title || response.statusText || `HTTP status ${response.status}`);
    this.status = response.status;
  }
}

// Fetches JSON. Rejects with a Refusal, or with fetch's own error where there is no answer.
async function request(url, init = {}) {
  const headers = { Accept: 'application/json', ...init.headers };
  const response = await fetch(url, { ...init, headers, signal: AbortSignal.timeout(FETCH_MS) });
  if (response.ok) return response.json();
  const refusal = new Refusal(response, await response.json().catch(() => ({})));
  if (response.status === 401) end('Your session has ended.');
  if (response.status === 403 && !init.method) end('You may not read this room any more.');
  throw refusal;
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

const outbox = new Outbox({
  send: (entry) => (connection.isReady ? sendByMqtt(entry) : sendByHttp(entry)),
  changed: (entry, isGone) =>
    log.showPending(entry, isGone, {
      name,
      onRetry: () => outbox.retry(entry.key),
      onDrop: () => outbox.settle(entry.key),
    }),
});

let patience = 0;

function waitForConnection() {
  patience ||= setTimeout(() => isOver || httpWays.start(), PATIENCE_MS);
}

const connection = new Connection(topic, {
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
    outbox.lostAll();
    if (failures > 1) console.info(`roomwire: no live connection${reason ? `: ${reason}` : ''}`);
    if (failures >= BLOCKED_FAILURES) httpWays.start();
    else waitForConnection();
    if (httpWays.way) outbox.flush();
    else tell('down', failures > 1 ? 'Connecting…' : 'Reconnecting…');
  },
});

const httpWays = new HttpWays(messagesUrl, {
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
const readUpTo = new Kept('localStorage', `roomwire-read-${me}-${room}`);

document.addEventListener('visibilitychange', () => {
  unread = 0;
  document.title = title;
  if (document.visibilityState === 'visible') log.lookedAt();
  else if (log.leave()) readUpTo.text = timeline.position;
});

// ---- writing ----

function sendByMqtt(entry) {
  connection.publish(entry.text, entry.key, (refusal) => {
    if (refusal !== null) outbox.fail(entry.key, refusal);
    // Usually its echo is here already. It never comes for what an earlier connection had brought
    // in (the key was seen before); then the history has it.
    else setTimeout(() => findInHistory(entry.key), ECHO_MS);
  });
}

async function findInHistory(key) {
  if (!outbox.has(key)) return;
  await catchUpUntilDone();
  outbox.settle(key);
}

let posting = Promise.resolve();

// One after the other, so that they come in the order they were written.
function sendByHttp(entry) {
  posting = posting.then(() => post(entry));
}

async function post(entry) {
  const init = {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'Idempotency-Key': entry.key },
    body: JSON.stringify({ text: entry.text }),
  };
  try {
    const json = await request(messagesUrl, init);
    timeline.live(fromJson(json));
    outbox.settle(entry.key);
  } catch (error) {
    const isFinal = error instanceof Refusal && error.status < 500 && error.status !== 429;
    if (isFinal) outbox.fail(entry.key, error.message);
    else postAgain(entry);
  }
}

// Perhaps by MQTT: that may have come back, and have sent what waited, while this post had no answer.
function postAgain(entry) {
  outbox.lost(entry.key);
  if (connection.isReady) outbox.flush();
  else setTimeout(() => (connection.isReady || httpWays.way) && outbox.flush(), AGAIN_MS);
}

const draft = new Kept('sessionStorage', `roomwire-draft-${room}`);

function keepDraft() {
  draft.text = input.value;
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
  const size = new TextEncoder().encode(text).length;
  if (size > Number(maxPayload)) outbox.fail(entry.key, `${size} bytes are too many; ${maxPayload} are possible.`);
  else outbox.flush();
}

function startWriting() {
  input.value ||= draft.text;
  form.addEventListener('submit', say);
  input.addEventListener('input', keepDraft);
  input.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });
  addEventListener('beforeunload', (event) => {
    if (outbox.size > 0) event.preventDefault();
  });
  // On a touch screen this would bring up the keyboard over the messages.
  if (matchMedia('(pointer: fine)').matches) input.focus({ preventScroll: true });
}

// ---- older messages ----

function showOlderLink(isShown) {
  document.getElementById('older')?.parentElement.remove();
  if (!isShown) return;
  const link = document.createElement('a');
  Object.assign(link, { id: 'older', rel: 'prev', href: `/rooms/${room}?before=${log.firstId}` });
  link.textContent = 'Older messages';
  const line = document.createElement('p');
  line.className = 'more';
  line.append(link);
  document.getElementById('messages').before(line);
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
// The cookie, whose life is told in whole seconds, may outlive the token by a part of one.
function endWithToken() {
  const left = (Number(expires) + 1) * 1000 - Date.now();
  if (left <= 0) end('Your session has ended.');
  else setTimeout(endWithToken, Math.min(left, TIMER_MAX_MS));
}
if (Number(expires) > 0) endWithToken();
if (readUpTo.text.startsWith(`${epoch}-`)) log.markUnreadAfter(Number(readUpTo.text.slice(epoch.length + 1)));
watchOlderLink();
tell('down', 'Connecting…');
connection.start();
waitForConnection();
