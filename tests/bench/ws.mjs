// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// MQTT over WebSocket through the gateway, against the broker's own WebSocket listener and plain
// TCP: all three lead to one broker with the plugin.
import { existsSync } from 'node:fs'
import { alternate, pick, ratios } from './report.mjs'
import { Stand, start_nginx, stop } from './stand.mjs'

const STREAM = '/usr/lib/nginx/modules/ngx_stream_module.so'
const labels = { gateway: 'through the gateway', native: "broker's own listener", tcp: 'TCP',
  nginx: 'TCP, relayed by nginx' }

function targets(stand) {
  return {
    gateway: `ws:${stand.http_port}/mqtt`,
    native: `ws:${stand.native_port}/mqtt`,
    tcp: `tcp:${stand.tcp_port}`,
  }
}

// The same load by each of the ways named.
function fan(stand, rounds, ways, options) {
  return alternate(rounds, Object.fromEntries(ways.map(way => {
    const target = targets(stand)[way]
    return [way, () => stand.load('fan', { pub: target, sub: target, ...options })]
  })))
}

function figures(report, what, results, field, unit) {
  for (const [way, runs] of Object.entries(results))
    report.figure(`${what}, ${labels[way]}`, unit, pick(runs, field))
}

async function latency(report, stand, rounds) {
  const what = 'one-way latency at 200/s, p99'
  console.log(what)
  const results = await fan(stand, rounds, ['gateway', 'native', 'tcp'], { rate: 200, seconds: 4 })
  figures(report, 'one-way latency at 200/s, p50', results, 'p50_ms', 'ms')
  figures(report, what, results, 'p99_ms', 'ms')
  report.floor(`${what}: gateway / TCP`, ratios(results.gateway, results.tcp, 'p99_ms'), '<=', 1.5)
}

async function throughput(report, stand, rounds, kind, level) {
  // Each client publishes to itself: publishing and receiving by the same way.
  const what = `throughput, 4 connections, window 100, 64 bytes, to themselves, ${kind}`
  console.log(what)
  // In short turns, so that a slow moment of the machine meets all of them.
  const results = await fan(stand, rounds * 4, ['gateway', 'native', 'tcp'],
    { echo: 1, publishers: 4, rooms: 4, level, window: 100, size: 64, warmup: 0.1, seconds: 0.5 })
  figures(report, what, results, 'deliveries_per_s', '/s')
  report.floor(`${what}: gateway / TCP`, ratios(results.gateway, results.tcp, 'deliveries_per_s'), '>=', 1.0)
}

async function payloads(report, stand, rounds) {
  for (const kilobytes of [5, 30, 70, 128]) {
    const what = `${kilobytes} KB at 50/s, p99`
    console.log(what)
    const options = { rate: 50, size: kilobytes * 1024, seconds: 2, drain: 3 }
    const results = await fan(stand, rounds, ['gateway', 'tcp'], options)
    // Once: it takes seconds and does not deliver everything.
    results.native = (await fan(stand, 1, ['native'], options)).native
    figures(report, what, results, 'p99_ms', 'ms')
    report.figure(`${kilobytes} KB at 50/s, delivered, ${labels.native}`, 'of 1',
      results.native.map(result => result.delivered / result.expected))
    report.floor(`${kilobytes} KB at 50/s, delivered: gateway`,
      results.gateway.map(result => result.delivered / result.expected), '>=', 1)
    report.floor(`${what}, ms: gateway`, pick(results.gateway, 'p99_ms'), '<=', 5)
  }
}

// A relay that only copies bytes between two TCP connections: what a second connection costs at least.
function start_relay({ folder, tcp_port }) {
  return start_nginx(folder, port => `stream {
      server { listen 127.0.0.1:${port} backlog=4096; proxy_pass 127.0.0.1:${tcp_port}; proxy_buffer_size 4k; }
    }`, { module: STREAM })
}

// A fresh stand each time: memory once taken is not given back.
async function storm(way, connections) {
  const stand = await Stand.create({ gateway: true, websockets: true })
  let relay
  try {
    if (way === 'nginx') relay = await start_relay(stand)
    const sub = relay ? `tcp:${relay.port}` : targets(stand)[way]
    const result = await stand.load('storm', { sub, connections, subscribers: 0 })
    if (result.held !== connections) throw new Error(`${way}: held ${result.held} of ${connections}`)
    return result
  } finally {
    if (relay) await stop(relay.child)
    await stand.close()
  }
}

async function connections(report, rounds) {
  console.log('connections')
  const ways = ['gateway', 'native', 'tcp', ...(existsSync(STREAM) ? ['nginx'] : [])]
  const { nginx, ...results } = await alternate(rounds,
    Object.fromEntries(ways.map(way => [way, () => storm(way, 5000)])))
  figures(report, 'connections', { ...results, ...(nginx && { nginx }) }, 'connections_per_s', '/s')
  figures(report, 'memory of an idle connection, broker and gateway', results, 'bytes_each', 'bytes')
  report.floor('connections: gateway / broker\'s own listener',
    ratios(results.gateway, results.native, 'connections_per_s'), '>=', 5)
  report.floor('bytes of an idle connection', pick(results.gateway, 'bytes_each'), '<=', 3000)
}

export async function run(report, { rounds }) {
  const stand = await Stand.create({ gateway: true, websockets: true })
  try {
    await latency(report, stand, rounds)
    await throughput(report, stand, rounds, 'live', 'live')
    await throughput(report, stand, rounds, 'kept', 'messages')
    await payloads(report, stand, rounds)
  } finally {
    await stand.close()
  }
  await connections(report, rounds)
  report.note(`A connection through the gateway is two for the kernel, where 83 % of the gateway's time goes; broker, gateway
and generator share the cores. What is possible here is shown by TCP, which no gateway can be faster than, and by nginx,
which relays TCP and knows nothing of HTTP, WebSocket or MQTT.`)
}
