// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The elements that messages on the page are made of. What is shown is only ever set as text. The
// server's templates (message.html) make the same. Not where they go: log.js.

import { hueOf, initialOf } from './people.js';
import { localize } from './times.js';

export function element(name, properties = {}, ...children) {
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

// What all messages have in common.
export function item(name, from, date) {
  const li = element('li', { className: `hue${hueOf(from)}` }, byLine(name, from, date));
  li.dataset.initial = initialOf(name);
  return li;
}

export const sizeOf = ({ size, type }) => `${size} bytes of ${type || 'data'}`;

// What is said below an entry of the outbox.
export function noteOf({ state, reason }, { onRetry, onEdit, onDrop }) {
  if (state === 'sending') return element('p', { className: 'note' }, 'Sending…');
  if (state === 'queued') return element('p', { className: 'note' }, reason ? `Not sent yet: ${reason}` : 'Waiting…');
  const button = (text, className, onclick) => element('button', { type: 'button', className, onclick }, text);
  return element('p', { className: 'note', role: 'alert' }, `Not sent: ${reason}`,
    ...(onRetry ? [button('Try again', 'second', onRetry)] : []),
    button('Edit', onRetry ? 'quiet' : 'second', onEdit), button('Discard', 'quiet', onDrop));
}
