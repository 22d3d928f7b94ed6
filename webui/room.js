// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The live room: what the server rendered goes on by MQTT, and by HTTP where MQTT cannot get
// through. Here the parts are put together; each is in a file of its own.

import { Connection } from './connection.js';
import { Log } from './log.js';
import { fromJson, fromMqtt } from './message.js';
import { Outbox } from './outbox.js';
import { Timeline } from './timeline.js';

const ECHO_MS = 300; // from the acknowledgement, until the history is asked for what was sent
const POLL_MS = 3000; // while there is no live connection
const FETCH_MS = 30000;
const BLOCKED_FAILURES = 3; // in a row while HTTP works: the way for MQTT is blocked

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

async function fetchPage(query) {
  const page = await request(`${messagesUrl}?${query}`, { cache: 'no-cache' });
  return { ...page, messages: page.messages.map(fromJson) };
}

// ---- the parts ----

const log = new Log(room, me);
let unread = 0;

const timeline = new Timeline({
  epoch,
  last: Number(last),
  fetchPage: (after) => fetchPage(after === null ? 'limit=50' : `after=${after}&limit=500`),
  show(message, facts) {
    log.append(message, facts);
    if (document.visibilityState === 'visible') return;
    unread += 1;
    document.title = `(${unread}) ${title}`;
  },
  reset({ more }) {
    log.clear();
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

const connection = new Connection(topic, {
  ready() {
    stopPolling();
    tell('live', 'Live');
    timeline.catchUp().catch(catchUpUntilDone);
    outbox.flush();
  },
  message(payload, properties) {
    const message = fromMqtt(payload, properties);
    if (message) arrive(message);
  },
  down(failures, reason) {
    outbox.lostAll();
    startPolling();
    if (failures > 1) console.info(`roomwire: no live connection${reason ? `: ${reason}` : ''}`);
    tellDown(failures);
  },
});

// ---- reading ----

// A message is in the room; if it is one of ours, it is no longer on its way.
function arrive(message) {
  timeline.live(message);
  if (message.from === me && message.key) outbox.settle(message.key);
}

let catchingUp = null;

// Resolves when everything is shown, or when there is no connection any more: then polling sees to
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
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      if (!connection.isReady) return;
    }
  }
}

let poll = 0;
let doesHttpWork = false;

function tellDown(failures) {
  if (failures >= BLOCKED_FAILURES && doesHttpWork) tell('polling', 'Checking every few seconds');
  else tell('down', failures > 1 ? 'Connecting…' : 'Reconnecting…');
}

function startPolling() {
  if (!poll) poll = setInterval(pollOnce, POLL_MS);
}

function stopPolling() {
  clearInterval(poll);
  poll = 0;
}

async function pollOnce() {
  if (isOver) return stopPolling();
  if (document.visibilityState === 'hidden') return;
  try {
    await timeline.catchUp();
    doesHttpWork = true;
    if (!connection.isReady) outbox.flush();
  } catch {
    doesHttpWork = false;
  }
}

document.addEventListener('visibilitychange', () => {
  if (document.visibilityState !== 'visible') return;
  unread = 0;
  document.title = title;
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
    else outbox.lost(entry.key);
  }
}

const draftKey = `roomwire-draft-${room}`;

function keepDraft() {
  try {
    if (input.value) sessionStorage.setItem(draftKey, input.value);
    else sessionStorage.removeItem(draftKey);
  } catch {
    // Storage may be forbidden; then a draft lives as long as the page.
  }
}

function restoreDraft() {
  try {
    input.value ||= sessionStorage.getItem(draftKey) ?? '';
  } catch {
    // as above
  }
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
  restoreDraft();
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
}

log.onTrim = () => showOlderLink(true);

document.addEventListener('click', async (event) => {
  const link = event.target.closest?.('#older');
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const before = log.firstId;
  try {
    const page = await fetchPage(`before=${before}&limit=50`);
    if (log.firstId !== before) return; // a second click was faster
    log.prepend(page.messages);
    showOlderLink(page.more);
  } catch {
    if (!isOver) location.href = link.href; // what is wrong is told there
  }
});

// ---- begin ----

if (form) startWriting();
if (Number(expires) > 0) {
  const left = Number(expires) * 1000 - Date.now();
  setTimeout(() => end('Your session has ended.'), Math.min(Math.max(left, 0), 2 ** 31 - 1));
}
tell('down', 'Connecting…');
connection.start();
