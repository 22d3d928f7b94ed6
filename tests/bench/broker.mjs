// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// What the plugin costs: a broker with it, persisting, against the same broker bare.
import { alternate, pick, ratios } from './report.mjs'
import { Stand } from './stand.mjs'

const cases = [
  { name: '1 to 1, QoS 1', options: { qos: 1, window: 20 }, cpu: 1.30 },
  { name: '32 to 32 in 16 rooms, QoS 1',
    options: { qos: 1, window: 20, publishers: 32, subscribers: 32, rooms: 16 }, cpu: 1.20 },
  { name: '1 to 100, QoS 0', options: { qos: 0, window: 50, subscribers: 100 }, cpu: 1.20 },
]

// A fresh broker each time, so that no run pays for what another left in the log.
async function measure(plugin, options) {
  const stand = await Stand.create({ plugin })
  try {
    const target = `tcp:${stand.tcp_port}`
    const result = await stand.load('fan', { pub: target, sub: target, seconds: 2, ...options })
    if (result.delivered !== result.expected || result.duplicates || result.gaps)
      throw new Error(`lost or doubled messages: ${JSON.stringify(result)}`)
    return result
  } finally {
    await stand.close()
  }
}

export async function run(report, { rounds }) {
  for (const { name, options, cpu } of cases) {
    console.log(name)
    const { bare, roomwire } = await alternate(rounds, {
      bare: () => measure(false, options),
      roomwire: () => measure(true, options),
    })
    for (const [peer, results] of [['bare', bare], ['with the plugin', roomwire]]) {
      report.figure(`${name}: ${peer}, publishes`, '/s', pick(results, 'publishes_per_s'))
      report.figure(`${name}: ${peer}, broker CPU`, 'µs a publish', pick(results, 'cpu_us_per_publish'))
    }
    report.floor(`${name}: CPU, with the plugin / bare`, ratios(roomwire, bare, 'cpu_us_per_publish'), '<=', cpu)
    report.floor(`${name}: throughput, with the plugin / bare`, ratios(roomwire, bare, 'publishes_per_s'), '>=', 0.85)
  }
}
