// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Dates as the reader's own clock and calendar show them. The server writes UTC.

const clock = { hour: '2-digit', minute: '2-digit' };
const formats = {
  today: new Intl.DateTimeFormat(undefined, clock),
  thisYear: new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', ...clock }),
  older: new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' }),
  full: new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'long' }),
};

function formatFor(date, now) {
  if (date.toDateString() === now.toDateString()) return formats.today;
  return date.getFullYear() === now.getFullYear() ? formats.thisYear : formats.older;
}

const days = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });
const daysOfOtherYears = new Intl.DateTimeFormat(undefined, { dateStyle: 'full' });

// "2026-11-21" of the reader's own calendar, which two dates of one day have in common.
export function dayOf(date) {
  const two = (number) => String(number).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

export function nameOfDay(date, now = new Date()) {
  if (dayOf(date) === dayOf(now)) return 'Today';
  return (date.getFullYear() === now.getFullYear() ? days : daysOfOtherYears).format(date);
}

// Shows a <time> element's own date.
export function localize(time, now = new Date()) {
  const date = new Date(time.dateTime);
  if (Number.isNaN(date.getTime())) return;
  time.textContent = formatFor(date, now).format(date);
  time.title = formats.full.format(date);
}

export function localizeAll(root) {
  const now = new Date();
  for (const time of root.querySelectorAll('time')) localize(time, now);
}
