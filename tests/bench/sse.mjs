// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Event streams: fan-out against nginx with nchan and Pushpin, many idle readers, a page in a room
// that is read, and what a delivery costs with few and many readers and rooms. Roomwire's messages
// are published by MQTT with QoS 1 and kept; its broker and gateway count together. Those of the
// others are posted, and kept in memory.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { alternate, median, pick, ratios } from './report.mjs'
import {
  free_port, nginx_http, programs, root, run_json, sleep, Stand, start, start_nginx, stop, until_open, wrk,
} from './stand.mjs'
import { plot } from './plot.mjs'

const NCHAN = '/usr/lib/nginx/modules/ngx_nchan_module.so'
const PUSHPIN = '/usr/bin/pushpin'

// Another server, behaving like a Stand as far as this file needs it. `options` say where its one
// channel is published and subscribed to.
class Peer {
  constructor(folder, child, options) {
    Object.assign(this, { folder, child, options })
  }

  get pids() {
    const workers = execFileSync('pgrep', ['-P', String(this.child.pid)]).toString().trim().split('\n')
    return [this.child.pid, ...workers.map(Number)]
  }

  load(options) {
    return run_sse(this.pids, { ...this.options, ...options })
  }

  async close() {
    await stop(this.child)
    rmSync(this.folder, { recursive: true })
  }
}

async function start_nchan() {
  const folder = mkdtempSync(join(tmpdir(), 'roomwire-nchan-'))
  const { child, port } = await start_nginx(folder, port => `http {
      ${nginx_http(folder)} nchan_shared_memory_size 512M;
      server {
        listen 127.0.0.1:${port} backlog=4096;
        location = /pub { nchan_publisher; nchan_channel_id bench; nchan_message_buffer_length 100000; }
        location = /sub { nchan_subscriber eventsource; nchan_channel_id bench; nchan_subscriber_first_message newest; }
      }
    }`, { module: NCHAN })
  return new Peer(folder, child, { pub: `http:${port}/pub`, sub: `http:${port}/sub` })
}

// Pushpin, whose own test handler stands for an application that holds every request open. It ends
// the connection behind each answer to a publisher.
async function start_pushpin() {
  const folder = mkdtempSync(join(tmpdir(), 'roomwire-pushpin-'))
  const [port, control_port] = [await free_port(), await free_port()]
  writeFileSync(join(folder, 'routes'), '* test\n')
  writeFileSync(join(folder, 'pushpin.conf'), `
[global]
include=/usr/lib/pushpin/internal.conf
rundir=${folder}
ipc_prefix=pushpin-
[runner]
services=condure,pushpin-proxy,pushpin-handler
http_port=${port}
logdir=${folder}
log_level=1
client_buffer_size=8192
client_maxconn=15000
[proxy]
routesfile=${folder}/routes
[handler]
push_in_spec=ipc://${folder}/push-in
push_in_sub_specs=ipc://${folder}/push-in-sub
command_spec=ipc://${folder}/command
push_in_http_addr=127.0.0.1
push_in_http_port=${control_port}
message_rate=1000000
message_hwm=1000000
`)
  const child = start(folder, 'pushpin', PUSHPIN, [`--config=${join(folder, 'pushpin.conf')}`])
  await until_open(port, child)
  await until_open(control_port, child)
  return new Peer(folder, child, {
    pub: `http:${control_port}/publish/`, sub: `http:${port}/stream`,
    body: '{"items":[{"channel":"test","formats":{"http-stream":{"content":"*\\n"}}}]}',
  })
}

async function run_sse(pids, options) {
  const args = ['sse']
  for (const [name, value] of Object.entries(options)) args.push(`--${name.replaceAll('_', '-')}`, String(value))
  for (const pid of pids) args.push('--pid', String(pid))
  return run_json(programs.load, args)
}

function require_all(result) {
  if (result.lost_clients || result.delivered !== result.expected || result.duplicates || result.gaps)
    throw new Error(`lost, doubled or out of order: ${JSON.stringify(result)}`)
  return result
}

const ours = async (stand, options) => require_all(await run_sse(stand.pids, {
  pub: `tcp:${stand.tcp_port}`, sub: `http:${stand.http_port}/rooms/r*/messages`, qos: 1, password: stand.token, ...options,
}))

// How messages are published. In the last way no server has anything to put together.
const manners = [
  // As a program does that waits for each answer; readers may be that many messages behind.
  { name: 'one at a time', options: { window: 256, unanswered: 1 }, has_floor: true },
  { name: 'bursts of 32', options: { window: 32 }, has_floor: true },
  { name: 'each when all have the last', options: { window: 1 } },
]

async function fan_out(report, stand, { nchan, pushpin }, rounds) {
  for (const readers of [100, 1000]) for (const { name, options: manner, has_floor } of manners) {
    const what = `${readers} readers, ${name}`
    console.log(what)
    const options = { subscribers: readers, seconds: 2, ...manner }
    const results = await alternate(rounds, {
      Roomwire: () => ours(stand, options),
      ...(nchan && { nchan: async () => require_all(await nchan.load(options)) }),
    })
    // It loses messages when it has to hurry, and its publishers connect for each one.
    if (pushpin && has_floor)
      results.Pushpin = (await alternate(Math.min(rounds, 2), {
        Pushpin: () => pushpin.load({ ...options, unanswered: 1, drain: 2 }),
      })).Pushpin
    for (const [server, runs] of Object.entries(results)) {
      report.figure(`${what}: ${server}`, 'deliveries/s', pick(runs, 'deliveries_per_s'))
      report.figure(`${what}: ${server}, server CPU`, 's a million', pick(runs, 'cpu_s_per_million'))
    }
    if (results.Pushpin)
      report.figure(`${what}: Pushpin, delivered`, 'of 1', results.Pushpin.map(run => run.delivered / run.expected))
    if (has_floor) hold(report, what, results)
    if (has_floor) await half(report, what, stand, options, results.Roomwire)
  }
}

function hold(report, what, { Roomwire, nchan, Pushpin }) {
  if (nchan) {
    report.floor(`${what}: deliveries, Roomwire / nchan`, ratios(Roomwire, nchan, 'deliveries_per_s'), '>=', 1.5)
    report.floor(`${what}: CPU, Roomwire / nchan`, ratios(Roomwire, nchan, 'cpu_s_per_million'), '<=', 0.75)
  }
  if (Pushpin)
    report.floor(`${what}: deliveries, Roomwire / Pushpin`,
      ratios(Roomwire.slice(0, Pushpin.length), Pushpin, 'deliveries_per_s'), '>=', 1.5)
}

async function half(report, what, stand, options, runs) {
  const rate = Math.max(1, Math.round(median(pick(runs, 'publishes_per_s')) / 2))
  const { Roomwire } = await alternate(runs.length, { Roomwire: () => ours(stand, { ...options, rate }) })
  report.floor(`${what}: p99 at half of that rate, ms`, pick(Roomwire, 'p99_ms'), '<=', 10)
}

// One reader that takes nothing, among those that do.
async function stalled(report, stand, rounds) {
  console.log('a reader that stops reading')
  const options = { subscribers: 1000, rate: 50, size: 4096, seconds: 3 }
  const { all, one } = await alternate(rounds, {
    all: () => ours(stand, options),
    one: () => ours(stand, { ...options, stalled: 1 }),
  })
  report.figure('1,000 readers at 50/s of 4 KiB: p99', 'ms', pick(all, 'p99_ms'))
  report.floor('one of 1,000 stops reading: p99 of the others, with / without', ratios(one, all, 'p99_ms'), '<=', 1.5)
  report.floor('one of 1,000 stops reading: memory grows by, bytes', pick(one, 'bytes_grown'), '<=', 4 * 1024 * 1024)
}

async function idle(report) {
  console.log('idle readers')
  const stand = await Stand.create({ gateway: true, conf: ['max_connections = 20000', 'max_connections_per_address = 20000'] })
  try {
    const few = await ours(stand, { subscribers: 5000, seconds: 0, warmup: 0 })
    report.floor('5,000 idle readers: bytes each, broker and gateway', [few.bytes_each], '<=', 16384)
    const many = await ours(stand, { subscribers: 10000, seconds: 0, warmup: 0 })
    report.floor('10,000 readers connect, s', [many.setup_s], '<=', 5)
  } finally {
    await stand.close()
  }
}

async function page(report, stand, rounds) {
  console.log('the latest 50 of a room that is read')
  const url = `http://127.0.0.1:${stand.http_port}`
  const headers = `wrk.headers["Authorization"] = "Bearer ${stand.token}"`
  const results = await alternate(rounds, {
    page: async () => {
      const reading = ours(stand, { subscribers: 10, rate: 5, seconds: 3, drain: 3 })
      await sleep(300)
      const result = await wrk(stand.folder, `${url}/rooms/r0/messages`, { script: headers, seconds: 2 })
      await reading
      return result
    },
    static: () => wrk(stand.folder, `${url}/assets/style.css`, { seconds: 2 }),
  })
  report.floor('latest 50 as JSON while the room is read: / static file', ratios(results.page, results.static, 'requests_per_s'), '>=', 0.8)
}

// What a delivery costs does not depend on how many there are: CPU seconds of a million.
async function linear(report, rounds) {
  console.log('cost of a delivery')
  const stand = await Stand.create({ gateway: true, conf: ['max_connections = 20000', 'max_connections_per_address = 20000', 'max_live_rooms = 20000'] })
  const readers = [], rooms = []
  try {
    for (const [points, cases] of [
      [readers, [1, 10, 100, 1000, 5000].map(n => [n, { subscribers: n }])],
      [rooms, [1, 100, 10000].map(n => [n, { subscribers: 10000, rooms: n }])],
    ]) for (const [n, options] of cases) {
      const runs = []
      for (let round = 0; round < rounds; round++) runs.push(await ours(stand, { window: 1, seconds: 2, ...options }))
      points.push([n, report.figure(`CPU, ${n} ${points === readers ? 'readers' : 'rooms with 10,000 readers'}`, 's a million', pick(runs, 'cpu_s_per_million'))])
    }
  } finally {
    await stand.close()
  }
  const many = readers.filter(([n]) => n > 10).map(([, cost]) => cost)
  report.floor('cost of a delivery beyond 10 readers: worst / best', [Math.max(...many) / Math.min(...many)], '<=', 1.5)
  return { readers, rooms }
}

export async function run(report, { rounds, is_written }) {
  const peers = {}
  const stand = await Stand.create({ gateway: true })
  try {
    if (existsSync(NCHAN)) peers.nchan = await start_nchan()
    else console.log('skipped: nginx has no nchan module here')
    if (existsSync(PUSHPIN)) peers.pushpin = await start_pushpin()
    else console.log('skipped: Pushpin is not installed')
    await fan_out(report, stand, peers, rounds)
    await page(report, stand, rounds)
    await stalled(report, stand, rounds)
  } finally {
    await stand.close()
    for (const peer of Object.values(peers)) await peer.close()
  }
  await idle(report)
  const points = await linear(report, Math.min(rounds, 3))
  if (is_written) writeFileSync(join(root, 'docs/cost-of-a-delivery.svg'), plot(points))
  report.note('![CPU seconds of a million deliveries](cost-of-a-delivery.svg)')
  report.note(`"One at a time": the next message is published when the server has acknowledged the last, and no
reader is more than 256 behind. Roomwire's messages are kept in its database, the others' in memory. Pushpin's
control port ends the connection behind each answer, and it does not deliver everything. Where each message
waits until all have the one before, nothing can be put together: a delivery is then one \`sendmsg\`, 93 % of
the gateway's time is the kernel's, and a thousand of them and the thousand reads take the two cores some 10 ms.`)
}
