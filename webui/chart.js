// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The chart of a room whose messages are measurements. gateway/page_chart.c draws the same for who
// has no script; here it goes on as messages come.

const SERIES_MAX = 4;
const POINTS_MAX = 50; // messages that are looked at
const NAME_MAX = 32;
const TEXT_MAX = 1024;
const [WIDTH, HEIGHT, EDGE] = [600, 100, 4];
const SVG = 'http://www.w3.org/2000/svg';

// The numbers of a message: [[name, number]...]; empty if it is no measurement.
export function measure(text) {
  if (text === null || text.length > TEXT_MAX || !/^[-{0-9]/.test(text)) return [];
  let json;
  try {
    json = JSON.parse(text);
  } catch {
    return [];
  }
  const pairs = typeof json === 'number' ? [['', json]] : Object.entries(json ?? {});
  return pairs.filter(([name, value]) => Number.isFinite(value) && new TextEncoder().encode(name).length <= NAME_MAX);
}

// What is drawn of `samples` ({ date, values: measure() }, oldest first); null if there is nothing
// to draw: unless half of them, and two at least, are measurements.
export function layOut(samples) {
  const series = new Map();
  let measurements = 0;
  for (const { date, values } of samples) {
    let isOne = false;
    for (const [name, value] of values) {
      if (!series.has(name) && series.size === SERIES_MAX) continue;
      if (!series.has(name)) series.set(name, []);
      series.get(name).push({ date, value });
      isOne = true;
    }
    measurements += Number(isOne);
  }
  if (measurements < 2 || measurements * 2 < samples.length) return null;
  const all = [...series.values()].flat();
  const bounds = (points, key) => [Math.min(...points.map((p) => p[key])), Math.max(...points.map((p) => p[key]))];
  const [begin, end] = bounds(all, 'date');
  const [low, high] = bounds(all, 'value');
  const part = (value, from, to) => (to > from ? (value - from) / (to - from) : 0.5);
  const point = ({ date, value }) =>
    `${(part(date, begin, end) * WIDTH).toFixed(1)},${(HEIGHT - EDGE - part(value, low, high) * (HEIGHT - 2 * EDGE)).toFixed(1)}`;
  const lines = [...series].map(([name, points]) => ({
    name: name || 'value',
    points: points.map(point).join(' '),
    last: points.at(-1).value,
    range: bounds(points, 'value'),
  }));
  return { low, high, lines };
}

const brief = (number) => String(Number(number.toPrecision(6)));

function make(name, attributes, ...children) {
  const made = name === name.toUpperCase() ? document.createElementNS(SVG, name.toLowerCase()) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
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
    const drawing = layOut(this.#samples);
    if (!drawing) {
      old?.remove();
      return;
    }
    const fresh = this.#figure(drawing);
    if (old) old.replaceWith(fresh);
    else document.getElementById('log').before(fresh);
  }

  #figure({ low, high, lines }) {
    const svg = make('SVG', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img', 'aria-labelledby': 'chart-words' },
      make('PATH', { class: 'grid', d: 'M0 4H600M0 50H600M0 96H600' }),
      ...lines.map(({ points }, n) => make('POLYLINE', { class: `s${n}`, points })));
    const caption = make('figcaption', { id: 'chart-words' }, ...lines.map(({ name, last, range }, n) =>
      make('span', { class: `s${n}` }, `${name} `, make('b', {}, brief(last)), ' ',
        make('small', {}, `${brief(range[0])} to ${brief(range[1])}`))));
    return make('figure', { class: 'chart', id: 'chart' }, svg,
      make('span', { class: 'high' }, brief(high)), ' ', make('span', { class: 'low' }, brief(low)), caption);
  }
}
