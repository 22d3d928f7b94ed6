// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The elements that messages on the page are made of. What is shown is only ever set as text. The
// server's templates (message.html) make the same. Not where they go: log.js.

import { hueOf, initialOf } from './people.js';
import { localize } from './times.js';

// A property that the browser does not know (ARIA's, in Firefox before 119) is set as an attribute.
export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [property, value] of Object.entries(properties)) {
    if (property in made) made[property] = value;
    else made.setAttribute(property, value);
  }
  made.append(...children);
  return made;
}

function byLine(name, from, date) {
  const time = element('time', { dateTime: date });
  localize(time);
  const sender = element('b', { title: from }, element('bdi', {}, name));
  return element('p', { className: 'by' }, sender, ' ', time);
}

// What all messages have in common.
export function item(name, from, date) {
  const li = element('li', { className: `hue${hueOf(from)}` }, byLine(name, from, date));
  li.dataset.initial = initialOf(name);
  return li;
}

export const sizeOf = ({ size, type }) => `${size} bytes of ${type || 'data'}`;

// What is said below an entry of the outbox.
export function noteOf({ state, reason, way }, { onRetry, onEdit, onDrop }) {
  const note = (text, ...buttons) => element('p', { className: 'note' }, text, ...buttons);
  const button = (text, className, onclick) => element('button', { type: 'button', className, onclick }, text);
  const edit = (className) => [button('Edit', className, onEdit), button('Discard', 'quiet', onDrop)];
  if (state === 'sending') return note('Sending…');
  if (state === 'queued') {
    // What was on its way before may be in the room, and so it cannot be called back.
    const buttons = way ? [button('Stop trying', 'quiet', onDrop)] : edit('quiet');
    return note(reason ? `Not sent yet: ${reason}` : 'Waiting…', ...buttons);
  }
  const retry = onRetry ? [button('Try again', 'second', onRetry)] : [];
  return element('p', { className: 'note', role: 'alert' }, `Not sent: ${reason}`, ...retry,
    ...edit(onRetry ? 'quiet' : 'second'));
}
