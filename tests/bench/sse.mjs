// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Event streams: fan-out against nginx with nchan, many idle readers, a page in a room that is read,
// and what a delivery costs with few and many readers and rooms. Roomwire's messages are published
// by MQTT with QoS 1 and kept; its broker and gateway count together. nchan's are posted, and kept
// in memory.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { alternate, pick, ratios } from './report.mjs'
import { free_port, programs, root, run_json, sleep, Stand, start, stop, until_open, wrk } from './stand.mjs'
import { plot } from './plot.mjs'

const NCHAN = '/usr/lib/nginx/modules/ngx_nchan_module.so'

// nginx with nchan, behaving like a Stand as far as this file needs it.
class Nchan {
  static async create() {
    const it = new Nchan()
    it.folder = mkdtempSync(join(tmpdir(), 'roomwire-nchan-'))
    it.port = await free_port()
    writeFileSync(join(it.folder, 'nginx.conf'), `
      load_module ${NCHAN};
      ${process.getuid() === 0 ? 'user root;' : ''}
      daemon off; worker_processes auto; pid ${it.folder}/nginx.pid; error_log ${it.folder}/nginx.err;
      worker_rlimit_nofile 20000;
      events { worker_connections 15000; }
      http {
        access_log off; keepalive_requests 100000000; nchan_shared_memory_size 512M;
        client_body_temp_path ${it.folder}/n1; proxy_temp_path ${it.folder}/n2; fastcgi_temp_path ${it.folder}/n3;
        uwsgi_temp_path ${it.folder}/n4; scgi_temp_path ${it.folder}/n5;
        server {
          listen 127.0.0.1:${it.port} backlog=4096;
          location = /pub { nchan_publisher; nchan_channel_id bench; nchan_message_buffer_length 100000; }
          location = /sub { nchan_subscriber eventsource; nchan_channel_id bench; nchan_subscriber_first_message newest; }
        }
      }`)
    it.child = start(it.folder, 'nginx', 'nginx', ['-p', it.folder, '-c', join(it.folder, 'nginx.conf')])
    await until_open(it.port, it.child)
    return it
  }

  get pids() {
    const workers = execFileSync('pgrep', ['-P', String(this.child.pid)]).toString().trim().split('\n')
    return [this.child.pid, ...workers.map(Number)]
  }

  load(options) {
    return run_sse(this.pids, { pub: `http:${this.port}/pub`, sub: `http:${this.port}/sub`, ...options })
  }

  async close() {
    await stop(this.child)
    rmSync(this.folder, { recursive: true })
  }
}

async function run_sse(pids, options) {
  const args = ['sse']
  for (const [name, value] of Object.entries(options)) args.push(`--${name.replaceAll('_', '-')}`, String(value))
  for (const pid of pids) args.push('--pid', String(pid))
  const result = await run_json(programs.load, args)
  if (result.lost_clients || result.delivered !== result.expected || result.duplicates || result.gaps)
    throw new Error(`lost, doubled or out of order: ${JSON.stringify(result)}`)
  return result
}

const ours = (stand, options) => run_sse(stand.pids, {
  pub: `tcp:${stand.tcp_port}`, sub: `http:${stand.http_port}/rooms/r*/messages`, qos: 1, password: stand.token, ...options,
})

async function fan_out(report, stand, nchan, rounds) {
  for (const readers of [100, 1000]) for (const window of [1, 32]) {
    const what = `${readers} readers, ${window === 1 ? 'one by one' : 'bursts of 32'}`
    console.log(what)
    const options = { subscribers: readers, window, seconds: 2 }
    const results = await alternate(rounds, {
      roomwire: () => ours(stand, options),
      ...(nchan && { nchan: () => nchan.load(options) }),
    })
    for (const [peer, runs] of Object.entries(results)) {
      report.figure(`${what}: ${peer}`, 'deliveries/s', pick(runs, 'deliveries_per_s'))
      report.figure(`${what}: ${peer}, server CPU`, 's a million', pick(runs, 'cpu_s_per_million'))
    }
    if (!nchan) continue
    report.floor(`${what}: deliveries, Roomwire / nchan`, ratios(results.roomwire, results.nchan, 'deliveries_per_s'), '>=', 1.5)
    report.floor(`${what}: CPU, Roomwire / nchan`, ratios(results.roomwire, results.nchan, 'cpu_s_per_million'), '<=', 0.75)
    const rate = results.roomwire.map(run => run.publishes_per_s).sort((a, b) => a - b)[rounds >> 1] / 2
    const half = []
    for (let round = 0; round < rounds; round++) half.push(await ours(stand, { ...options, rate: Math.max(1, Math.round(rate)) }))
    report.floor(`${what}: p99 at half of that rate, ms`, pick(half, 'p99_ms'), '<=', 10)
  }
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
  const nchan = existsSync(NCHAN) ? await Nchan.create() : null
  if (!nchan) console.log('skipped: nginx has no nchan module here')
  const stand = await Stand.create({ gateway: true })
  try {
    await fan_out(report, stand, nchan, rounds)
    await page(report, stand, rounds)
  } finally {
    await stand.close()
    await nchan?.close()
  }
  await idle(report)
  const points = await linear(report, Math.min(rounds, 3))
  if (is_written) writeFileSync(join(root, 'docs/cost-of-a-delivery.svg'), plot(points))
}
