// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The chart of a room whose messages are measurements. gateway/page_chart.c draws the same for who
// has no script; here it goes on as messages come. Both are held to tests/data/charts.json.

import { localize } from './times.js';

const SERIES_MAX = 4;
const POINTS_MAX = 50; // messages that are looked at
const NAME_MAX = 32; // bytes
const TEXT_MAX = 1024; // bytes
const ONLY = 'value'; // the name of numbers by themselves
const [WIDTH, HEIGHT, EDGE] = [1200, 240, 12];
const SVG = 'http://www.w3.org/2000/svg';

const bytesOf = (text) => new TextEncoder().encode(text).length;

// The numbers of a message: [[name, number]...]; empty if it is no measurement.
export function measure(text) {
  if (text === null || text.length > TEXT_MAX || !/^[-{0-9]/.test(text) || bytesOf(text) > TEXT_MAX) return [];
  let json;
  try {
    json = JSON.parse(text);
  } catch {
    return [];
  }
  const pairs = typeof json === 'number' ? [[ONLY, json]] : Object.entries(json);
  return pairs.filter(([name, value]) => Number.isFinite(value) && bytesOf(name) <= NAME_MAX);
}

// At most six digits that mean something, and no zeros behind them.
export function brief(value) {
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e15)) {
    return value.toExponential(3).replace(/e([+-])(\d)$/, 'e$10$2');
  }
  let [scale, decimals] = [1e5, 5];
  for (let limit = 10; size >= limit && decimals > 0; limit *= 10) {
    decimals -= 1;
    scale /= 10;
  }
  const rounded = Math.floor(size * scale + 0.5) / scale;
  return (value < 0 ? '-' : '') + Number(rounded.toFixed(decimals));
}

const rangeOf = (numbers) => ({ low: Math.min(...numbers), high: Math.max(...numbers) });

// How far along the range the value is, of `length`; the middle of a range that is none.
function along({ low, high }, value, length) {
  const whole = high / 2 - low / 2; // halves, for the difference is finite then
  return Math.round((whole > 0 ? (value / 2 - low / 2) / whole : 0.5) * length);
}

// As the server compares names.
function byBytes(name, other) {
  const [one, two] = [name, other].map((text) => new TextEncoder().encode(text));
  const place = one.findIndex((byte, n) => byte !== two[n]);
  return place < 0 ? one.length - two.length : one[place] - (two[place] ?? -1);
}

// The first names that there are, which stay the same as messages come and go, in whatever order:
// objects have their names in another one here than in the message.
function namesOf(samples) {
  const names = samples.flatMap(({ values }) => values.map(([name]) => name));
  return [...new Set(names)].sort(byBytes).slice(0, SERIES_MAX);
}

function pointsOf(samples, wanted) {
  return samples.flatMap(({ date, values }) =>
    values.filter(([name]) => name === wanted).map(([, value]) => ({ date, value })));
}

// What is drawn of `samples` ({ date, values: measure() }, oldest first); null if there is nothing
// to draw: unless half of them, and two at least, are measurements.
export function layOut(samples) {
  const measurements = samples.filter(({ values }) => values.length > 0).length;
  if (measurements < 2 || measurements * 2 < samples.length) return null;
  const series = namesOf(samples).map((name) => ({ name, points: pointsOf(samples, name) }));
  const dates = rangeOf(series.flatMap(({ points }) => points.map(({ date }) => date)));
  const lines = series.map(({ name, points }) => {
    const values = rangeOf(points.map(({ value }) => value));
    const place = ({ date, value }) =>
      [along(dates, date, WIDTH), HEIGHT - EDGE - along(values, value, HEIGHT - 2 * EDGE)];
    return {
      name,
      points: points.map((point) => place(point).join(',')).join(' '),
      end: place(points.at(-1)).join(' '),
      last: brief(points.at(-1).value),
      low: brief(values.low),
      high: brief(values.high),
    };
  });
  return { begin: dates.low, end: dates.high, lines };
}

// ---- drawing ----

function fill(made, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

const html = (name, attributes, ...children) => fill(document.createElement(name), attributes, children);
const svg = (name, attributes, ...children) => fill(document.createElementNS(SVG, name), attributes, children);

function drawing({ name, points, end, low, high }) {
  return svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img' },
    svg('path', { class: 'grid', d: `M0 ${EDGE}H${WIDTH}M0 ${HEIGHT - EDGE}H${WIDTH}` }),
    svg('polyline', { points }),
    svg('path', { class: 'last', d: `M${end}h0` }),
    svg('title', {}, `${name} from ${low} to ${high}`));
}

function panel(line, index) {
  return html('div', { class: `series s${index}` }, '\n',
    html('p', {}, html('span', {}, line.name), ' ', html('b', {}, line.last)), '\n',
    drawing(line), '\n',
    html('p', { class: 'range' }, html('span', {}, line.low), html('i', {}, ' to '), html('span', {}, line.high)), '\n');
}

function moment(date) {
  const time = html('time', { datetime: new Date(date).toISOString() });
  localize(time);
  return time;
}

function figure({ begin, end, lines }) {
  return html('figure', { class: 'chart', id: 'chart', 'aria-label': 'Measurements' }, '\n',
    ...lines.flatMap((line, index) => [panel(line, index), '\n']),
    html('figcaption', {}, moment(begin), html('i', {}, ' to '), moment(end)), '\n');
}

export class Chart {
  #samples = [];
  #isDue = false;

  // Begins with what the server rendered.
  constructor() {
    for (const li of document.querySelectorAll('#messages li[id]')) {
      const text = li.querySelector('.text:not(.data)');
      this.#take(Date.parse(li.querySelector('time').dateTime), text ? text.textContent : null);
    }
    for (const time of document.querySelectorAll('#chart time')) localize(time);
  }

  add({ date, text }) {
    this.#take(Date.parse(date), text);
    if (this.#isDue) return;
    this.#isDue = true; // once a frame is enough
    requestAnimationFrame(() => this.#draw());
  }

  clear() {
    this.#samples = [];
    document.getElementById('chart')?.remove();
  }

  #take(date, text) {
    this.#samples.push({ date, values: measure(text) });
    if (this.#samples.length > POINTS_MAX) this.#samples.shift();
  }

  #draw() {
    this.#isDue = false;
    const old = document.getElementById('chart');
    const found = layOut(this.#samples);
    if (!found) old?.remove();
    else if (old) old.replaceChildren(...figure(found).childNodes); // and it stays scrolled
    else document.getElementById('log').before(figure(found));
  }
}
