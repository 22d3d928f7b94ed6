// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The lines between days in a list of messages. The server wrote UTC days; a reader has his own, and
// older messages may bring others.

import { element } from './items.js';
import { dayOf, nameOfDay } from './times.js';

const dateOf = (li) => new Date(li.querySelector('time').dateTime);

function messageBefore(li) {
  let previous = li.previousElementSibling;
  while (previous && !previous.id) previous = previous.previousElementSibling;
  return previous;
}

// Puts the day above the message if it is the first one of it.
export function markDay(li) {
  const date = dateOf(li);
  const previous = messageBefore(li);
  if (previous && dayOf(dateOf(previous)) === dayOf(date)) return;
  const time = element('time', { dateTime: dayOf(date) }, nameOfDay(date));
  li.classList.remove('continues');
  li.before(element('li', { className: 'day' }, time));
}

export function markDays(list) {
  for (const line of list.querySelectorAll('.day')) line.remove();
  for (const li of list.querySelectorAll('li[id]')) markDay(li);
}
