// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
// GET /metrics: what Prometheus reads.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { Client } from './lib/client.mjs';
import { EventReader } from './lib/readers.mjs';
import { Caller, startStack } from './lib/stack.mjs';
import { waitFor } from './lib/wait.mjs';

// The text format 0.0.4: { 'name{labels}': value }. Every sample belongs to the metric that was
// described last, and every metric is described once.
function parse(text) {
  const samples = {}, types = {};
  let last;
  assert.match(text, /\n$/);
  for (const line of text.slice(0, -1).split('\n')) {
    const type = /^# TYPE ([a-z_]+) (gauge|counter)$/.exec(line);
    const help = /^# HELP ([a-z_]+) \S.*\.$/.exec(line);
    const sample = /^([a-z_]+)(\{(?:[a-z]+="[^"\\]*",?)+\})? (-?\d+(?:\.\d+)?)$/.exec(line);
    assert.ok(type ?? help ?? sample, line);
    if (help) {
      assert.ok(!(help[1] in types), line);
      last = help[1];
    } else if (type) {
      assert.equal(type[1], last);
      types[last] = type[2];
      assert.equal(/_total$/.test(last), type[2] === 'counter', line);
    } else {
      assert.equal(sample[1], last);
      assert.ok(!(sample[1] + (sample[2] ?? '') in samples), line);
      samples[sample[1] + (sample[2] ?? '')] = Number(sample[3]);
    }
  }
  return samples;
}

describe('metrics', () => {
  let stack, admin;
  before(async () => {
    stack = await startStack();
    admin = await stack.caller('ops', 'lobby=rw', '--claim', 'admin=true');
  });
  after(() => stack?.stop());

  const read = async () => parse((await admin.get('/metrics')).text);
  const becomes = (wanted, what) => waitFor(async () => {
    const now = await read();
    return Object.entries(wanted).every(([name, value]) => now[name] === value);
  }, what);

  it('are for administrators', async () => {
    const anyone = await new Caller(stack).get('/metrics');
    assert.deepEqual([anyone.status, anyone.json.error], [401, 'a token is required']);
    assert.match(anyone.headers.get('www-authenticate'), /^Bearer/);
    const payer = await stack.caller('payer', '--claim', 'bill="r"', '--claim', 'admin="r"');
    assert.equal((await payer.get('/metrics')).status, 403);
    const { status, headers } = await admin.get('/metrics');
    assert.equal(status, 200);
    assert.equal(headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
    assert.equal(headers.get('cache-control'), 'no-store');
  });

  it('tell what is open and what was answered', async () => {
    const before = await read();
    assert.equal(before['roomwire_broker_connected'], 1);
    assert.equal(before['roomwire_database_readable'], 1);
    assert.equal(before['roomwire_draining'], 0);
    assert.ok(before['process_resident_memory_bytes'] > 1e6);
    assert.equal((await admin.get('/nowhere')).status, 404);
    const stream = new EventReader(() => `${stack.url}/rooms/lobby/messages`, admin.token);
    await stream.saw('stream-open');
    const page = new Client(`${stack.url.replace('http', 'ws')}/mqtt`, { reconnectPeriod: 0,
      wsOptions: { headers: { Authorization: `Bearer ${admin.token}` } } });
    await page.connected();
    const open = await read();
    assert.deepEqual([open['roomwire_streams'], open['roomwire_websockets']], [1, 1]);
    assert.ok(open['roomwire_connections'] >= 3);
    const more = (status) => open[`roomwire_http_answers_total{status="${status}"}`] -
      before[`roomwire_http_answers_total{status="${status}"}`];
    assert.deepEqual(['1xx', '2xx', '3xx', '4xx', '5xx'].map(more), [1, 2, 0, 1, 0]);
    assert.ok(open['process_cpu_seconds_total'] >= before['process_cpu_seconds_total']);
    await page.end();
    await stream.stop();
    await becomes({ roomwire_streams: 0, roomwire_websockets: 0 }, 'the end of both');
  });

  it('tell what is kept and what was metered', async () => {
    const writer = await stack.caller('writer', 'metered=rw');
    const { roomwire_rooms: rooms } = await read();
    assert.equal((await writer.post('/rooms/metered/messages', { text: 'x'.repeat(900) })).status, 201);
    await becomes({ roomwire_rooms: rooms + 1,
      'roomwire_metered_blocks_total{face="http",direction="in"}': 2,
      'roomwire_metered_bytes_total{face="http",direction="in"}': 900,
      'roomwire_metered_messages_total{face="http",direction="in"}': 1 }, 'the post');
  });

  it('go on without the broker', async () => {
    await stack.killBroker();
    await becomes({ roomwire_broker_connected: 0, roomwire_database_readable: 1 }, 'the loss');
    await stack.startBroker();
    await becomes({ roomwire_broker_connected: 1 }, 'the return');
  });
});
