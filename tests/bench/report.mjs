// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Medians, ratios, and whether they keep the floors.

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

export function show(value) {
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en-US')
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)
}

export class Report {
  constructor(name) {
    this.name = name
    this.rows = []
    this.floors = []
    this.notes = []
  }

  // What is to be known of the figures, as Markdown.
  note(text) {
    this.notes.push(text)
  }

  // One measured figure: the median of its runs, with the smallest and largest beside it.
  figure(what, unit, values) {
    const row = { what, unit, median: median(values), min: Math.min(...values), max: Math.max(...values) }
    this.rows.push(row)
    console.log(`  ${what}: ${show(row.median)} ${unit} (${show(row.min)}-${show(row.max)})`)
    return row.median
  }

  // A floor: the median of `values` is to be `<=` or `>=` `bound`.
  floor(what, values, comparison, bound) {
    const value = median(values)
    const is_kept = comparison === '<=' ? value <= bound : value >= bound
    this.floors.push({ what, value, comparison, bound, is_kept })
    console.log(`  ${is_kept ? 'ok  ' : 'MISS'} ${what}: ${show(value)} ${comparison} ${bound}`)
  }

  get is_kept() {
    return this.floors.every(floor => floor.is_kept)
  }

  get markdown() {
    const figures = this.rows.map(row =>
      `| ${row.what} | ${show(row.median)} (${show(row.min)}–${show(row.max)}) | ${row.unit} |`)
    const floors = this.floors.map(floor =>
      `| ${floor.what} | ${show(floor.value)} | ${floor.comparison} ${floor.bound} | ${floor.is_kept ? 'yes' : '**no**'} |`)
    return [`## ${this.name}`, '', '| floor | measured | asked | kept |', '| --- | --- | --- | --- |', ...floors,
      '', '| figure | median (min–max) | unit |', '| --- | --- | --- |', ...figures, '',
      ...this.notes.flatMap(note => [note, ''])].join('\n')
  }
}

// Runs every peer once a round, in turn, the first one alternating, so that what else the machine
// does meets all of them. `peers` maps names to functions; returns name → results by round.
export async function alternate(rounds, peers) {
  const names = Object.keys(peers)
  const results = Object.fromEntries(names.map(name => [name, []]))
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 ? [...names].reverse() : names
    for (const name of order) results[name].push(await peers[name]())
  }
  return results
}

export const pick = (results, field) => results.map(result => result[field])
// By round: a's value divided by b's.
export const ratios = (a, b, field) => a.map((result, round) => result[field] / b[round][field])
