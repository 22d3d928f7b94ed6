// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// ./dev bench [broker] [ws] [history] [sse] [--rounds N] [--write]: measures and holds the figures against
// the floors. --write puts them into docs/benchmarks.md. Ends with 1 if a floor is missed.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { availableParallelism, cpus, release } from 'node:os'
import { join } from 'node:path'
import * as broker from './broker.mjs'
import * as history from './history.mjs'
import { Report } from './report.mjs'
import { root } from './stand.mjs'
import * as sse from './sse.mjs'
import * as ws from './ws.mjs'

const benches = {
  broker: { title: 'What the plugin costs the broker', run: broker.run },
  ws: { title: 'MQTT over WebSocket', run: ws.run },
  history: { title: 'History and pages', run: history.run },
  sse: { title: 'Event streams', run: sse.run },
}

function parse(args) {
  const names = []
  let rounds = 5
  let is_written = false
  for (let i = 0; i < args.length; i++) {
    if (args[i] === '--write') is_written = true
    else if (args[i] === '--rounds' && /^[1-9]\d?$/.test(args[i + 1])) rounds = Number(args[++i])
    else if (benches[args[i]]) names.push(args[i])
    else throw new Error(`not understood: ${args[i]}; the benches are ${Object.keys(benches).join(', ')}`)
  }
  return { names: names.length ? names : Object.keys(benches), rounds, is_written }
}

function machine() {
  const version = spawnSync('mosquitto', ['-h']).stdout.toString().split('\n')[0] // ends with 3
  const cores = availableParallelism?.() ?? cpus().length
  return `${cores} cores (${cpus()[0].model}), Linux ${release()}, ${version}, nginx, nchan, Pushpin and wrk on the same cores`
}

const { names, rounds, is_written } = parse(process.argv.slice(2))
const reports = []
console.log(`${machine()}; ${rounds} rounds`)
for (const name of names) {
  const report = new Report(benches[name].title)
  console.log(`\n${report.name}`)
  await benches[name].run(report, { rounds, is_written })
  reports.push(report)
}
if (is_written) {
  const text = `# Benchmarks

Measured by \`./dev bench --write\` on ${new Date().toISOString().slice(0, 10)}: ${machine()}. Every figure is
the median of ${rounds} runs; what is compared was run in turn, and a ratio is the median of the rounds' ratios.
Servers and generators share the cores, so read the ratios rather than the figures.

${reports.map(report => report.markdown).join('\n')}`
  writeFileSync(join(root, 'docs/benchmarks.md'), text)
}
const missed = reports.flatMap(report => report.floors).filter(floor => !floor.is_kept)
console.log(missed.length ? `\n${missed.length} floors missed` : '\nevery floor is kept')
process.exitCode = missed.length ? 1 : 0
