// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// options.mjs PROGRAM [--write]: the table of options in docs/operations.md is the program's own
// (`roomwire check --options`), or is made so.
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'

const [program, flag] = process.argv.slice(2)
const manual = new URL('../../docs/operations.md', import.meta.url)
const [start, end] = ['<!-- options -->\n', '<!-- /options -->']

// Two lines an option: "name = default", and behind four spaces "min..max unit. meaning".
function row(text) {
  const [, name, value, rest] = text.match(/^(\w+) = (.*)\n {4}(.*)$/)
  const [, range = '', meaning] = rest.match(/^(?:(\d+\.\.\d+ .+?)\. )?(.*)$/)
  return `| \`${name}\` | ${value ? `\`${value}\`` : ''} | ${range.replace('..', '–')} | ${meaning} |\n`
}

const options = execFileSync(program, ['check', '--options']).toString().trim().split(/\n(?=\w)/)
const table = `| option | default | range | meaning |\n| --- | --- | --- | --- |\n${options.map(row).join('')}`
const text = readFileSync(manual, 'utf8')
const [before, after] = [text.indexOf(start) + start.length, text.indexOf(end)]
if (flag === '--write') {
  writeFileSync(manual, text.slice(0, before) + table + text.slice(after))
} else if (text.slice(before, after) !== table) {
  console.error('docs/operations.md does not show the options as they are: node tests/run/options.mjs PROGRAM --write')
  process.exitCode = 1
}
