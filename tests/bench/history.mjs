// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Reading a large log over HTTP, against one prepared statement; and what does not change, against
// nginx.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { alternate, pick, ratios } from './report.mjs'
import { nginx_http, Stand, programs, read_text, root, run_json, start_nginx, stop, wrk } from './stand.mjs'

const room_count = 1000
const messages = 1000000

// The log is made once and kept in build/bench/ until the schema changes.
function filled_log() {
  const folder = join(root, 'build/bench')
  const schema = readdirSync(join(root, 'schema')).filter(name => name.endsWith('.sql')).sort()
    .map(name => read_text(join(root, 'schema', name))).join('')
  const file = join(folder, `log-${createHash('sha256').update(schema).digest('hex').slice(0, 8)}.db`)
  if (!existsSync(file)) {
    console.log(`filling a log with ${messages} messages`)
    mkdirSync(folder, { recursive: true })
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${file}.part${suffix}`, { force: true })
    execFileSync(programs.fill, [`${file}.part`, String(room_count), String(messages)])
    renameSync(`${file}.part`, file)
  }
  return file
}

const with_header = headers => `wrk.headers = {${Object.entries(headers)
  .map(([name, value]) => `["${name}"] = [==[${value}]==]`).join(', ')}}`

// `query` is Lua for the text behind "?limit=50".
async function pages(report, stand, rounds, what, query) {
  console.log(what)
  const script = `${with_header({ Authorization: `Bearer ${stand.token}` })}
    math.randomseed(17)
    function request()
      return wrk.format('GET', '/rooms/r' .. math.random(0, ${room_count - 1}) .. '/messages?limit=50' .. ${query})
    end`
  const results = await alternate(rounds, {
    gateway: () => wrk(stand.folder, `http://127.0.0.1:${stand.http_port}`, { script }),
    statement: async () => {
      const { queries_per_s } = await run_json(programs.read, [join(stand.folder, 'roomwire.db'), String(room_count), '3'])
      return { requests_per_s: queries_per_s }
    },
  })
  report.figure(`${what}, one prepared statement`, '/s', pick(results.statement, 'requests_per_s'))
  report.figure(`${what}, GET`, '/s', pick(results.gateway, 'requests_per_s'))
  report.floor(`${what}: GET / statement`, ratios(results.gateway, results.statement, 'requests_per_s'), '>=', 0.6)
  report.floor(`${what}: p99 at 64 connections, ms`, pick(results.gateway, 'p99_ms'), '<=', 10)
  report.floor(`${what}: failed requests`, pick(results.gateway, 'bad'), '<=', 0)
}

// The same request, again and again, to both; `headers` are (base, file) → headers.
async function against_nginx(report, stand, nginx, rounds, what, ours, theirs) {
  console.log(what)
  const results = await alternate(rounds, {
    gateway: () => wrk(stand.folder, `http://127.0.0.1:${stand.http_port}${ours.path}`,
      { script: with_header(ours.headers) }),
    nginx: () => wrk(stand.folder, `http://127.0.0.1:${nginx.port}${theirs.path}`,
      { script: with_header(theirs.headers) }),
  })
  report.figure(`${what}, gateway`, '/s', pick(results.gateway, 'requests_per_s'))
  report.figure(`${what}, nginx`, '/s', pick(results.nginx, 'requests_per_s'))
  report.floor(`${what}: gateway / nginx`, ratios(results.gateway, results.nginx, 'requests_per_s'), '>=', 0.8)
  report.floor(`${what}: failed requests`, pick(results.gateway, 'bad'), '<=', 0)
}

async function unchanged(report, stand, rounds) {
  const ours = `http://127.0.0.1:${stand.http_port}`
  const authorization = { Authorization: `Bearer ${stand.token}` }
  const folder = join(stand.folder, 'www')
  mkdirSync(folder)
  // The gateway's own style sheet, as it sends it, is what nginx sends too.
  const asset = '/assets/style.css'
  const body = Buffer.from(await (await fetch(ours + asset)).arrayBuffer())
  writeFileSync(join(folder, 'style.css'), body)
  // A web server of the usual kind.
  const nginx = await start_nginx(stand.folder, port => `http {
      ${nginx_http(stand.folder)} sendfile on; tcp_nopush on; etag on;
      types { text/html html; text/css css; application/javascript js; }
      server { listen 127.0.0.1:${port}; root ${folder}; }
    }`)
  try {
    const etag = async (url, headers) => (await fetch(url, { headers })).headers.get('etag')
    const page = '/rooms/r17/messages'
    await against_nginx(report, stand, nginx, rounds, 'unchanged page, 304',
      { path: page, headers: { ...authorization, 'If-None-Match': await etag(ours + page, authorization) } },
      { path: '/style.css', headers: { 'If-None-Match': await etag(`http://127.0.0.1:${nginx.port}/style.css`) } })
    await against_nginx(report, stand, nginx, rounds, `static file of ${body.length} bytes`,
      { path: asset, headers: {} }, { path: '/style.css', headers: {} })
  } finally {
    await stop(nginx.child)
  }
}

export async function run(report, { rounds }) {
  const log = filled_log()
  const stand = await Stand.create({ gateway: true, database: to => copyFileSync(log, to) })
  try {
    await pages(report, stand, rounds, 'last 50 of a random room', `''`)
    await pages(report, stand, rounds, '50 before a random message (no page twice)',
      `'&before=' .. math.random(${messages / 2}, ${messages})`)
    await unchanged(report, stand, rounds)
  } finally {
    await stand.close()
  }
}
