// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// What pages deliver is metered, and the bill shows it to those who may see it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { FACE, IN, OUT } from './lib/broker.mjs';
import { run } from './lib/process.mjs';
import { RawHttp } from './lib/raw_http.mjs';
import { startStack } from './lib/stack.mjs';
import { waitFor } from './lib/wait.mjs';

let stack;

before(async () => {
  stack = await startStack();
});
after(() => stack?.stop());

const get = (path, token, accept) =>
  fetch(stack.url + path, { headers: { ...(token && { authorization: `Bearer ${token}` }), ...(accept && { accept }) } });

const post = (room, token, text) =>
  fetch(`${stack.url}/rooms/${room}`, { method: 'POST', redirect: 'manual',
    headers: { authorization: `Bearer ${token}`, accept: 'text/html' }, body: new URLSearchParams({ text }) });

test('a page counts each message that it shows, and a post counts as its writer\'s', async () => {
  const alice = stack.broker.token('alice');
  const bob = stack.broker.token('bob');
  await post('counted', alice, 'x'.repeat(900));
  await post('counted', alice, 'é');
  assert.equal((await get('/rooms/counted', bob, 'text/html')).status, 200);
  assert.equal((await get('/rooms/counted', bob, 'text/html')).status, 200);
  const head = await fetch(`${stack.url}/rooms/counted`, { method: 'HEAD',
    headers: { authorization: `Bearer ${bob}` } });
  assert.equal(head.status, 200);
  const want = [
    { room: 'counted', subject: 'alice', face: FACE.html, direction: IN, messages: 2, blocks: 3, bytes: 902 },
    { room: 'counted', subject: 'bob', face: FACE.html, direction: OUT, messages: 4, blocks: 6, bytes: 1804 },
  ];
  const read = () => stack.broker.traffic("room = 'counted'");
  await waitFor(async () => (await read()).length >= want.length, 'the traffic');
  await waitFor(async () => (await read()).at(-1).messages >= 4, 'all of the traffic');
  assert.deepEqual(await read(), want);
});

test('the bill is a page, and JSON or CSV for those who ask for it', async () => {
  const auditor = stack.broker.token('auditor', {}, { bill: true });
  const page = await get('/bill', auditor, 'text/html');
  assert.equal(page.status, 200);
  assert.match(page.headers.get('content-type'), /^text\/html/);
  const html = await page.text();
  for (const text of ['counted', 'alice', 'bob', 'By room', '902', '1,804', '$5.00.'])
    assert.ok(html.includes(text), `${text} is missing`);
  assert.match(html, /<bdi>counted<\/bdi><\/th><td>\$0\.000045<\/td><td>3<\/td><td>6<\/td><td>2<\/td><td>4<\/td>/);
  const anything = await get('/bill', auditor);
  assert.match(anything.headers.get('content-type'), /^text\/html/);
  const json = await get('/bill', auditor, 'application/json');
  assert.match(json.headers.get('content-type'), /^application\/json/);
  const bill = await json.json();
  const room = bill.today.rooms.find(({ name }) => name === 'counted');
  assert.deepEqual([room.blocks_in, room.blocks_out], [3, 6]);
  const csv = await get('/bill', auditor, 'text/csv, application/json;q=0.9');
  assert.match(csv.headers.get('content-type'), /^text\/csv/);
  assert.match(csv.headers.get('vary'), /Accept/);
  const lines = (await csv.text()).split('\r\n');
  const { rooms, people, faces } = bill.today; // the month's are the same
  assert.equal(lines.length, 2 + 2 * (1 + rooms.length + people.length + faces.length));
  assert.ok(lines.includes(`today,${bill.today.since},${bill.today.until},room,"counted",2,4,3,6,902,1804,45`));
});

test('the bill is for holders of the claim alone', async () => {
  for (const accept of ['text/html', 'application/json', 'text/csv']) {
    assert.equal((await get('/bill', null, accept)).status, 401);
    assert.equal((await get('/bill', stack.broker.token('alice'), accept)).status, 403);
  }
});

test('a bill of much traffic takes its time, and nobody else\'s', async (t) => {
  const large = await startStack({ config: { workers: 1 } });
  t.after(() => large.stop());
  const { code, log } = await run('sqlite3', ['-cmd', '.timeout 5000', large.broker.database,
    `WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 49999)
     INSERT INTO traffic SELECT unixepoch() / 3600, 'room' || (i % 10), 'person' || i, 1, 1, 1, 1, 1 FROM n`]);
  assert.equal(code, 0, log);
  const { port } = new URL(large.url);
  const [bill, other] = [await RawHttp.open(port), await RawHttp.open(port)];
  t.after(() => [bill, other].forEach((raw) => raw.close()));
  const order = [];
  const ask = async (raw, name, more) => {
    raw.send(`GET ${name} HTTP/1.1\r\nHost: localhost\r\n${more}\r\n`);
    const answer = await raw.answer();
    assert.equal(answer.status, 200);
    order.push(name);
    return answer;
  };
  const token = large.broker.token('alice', {}, { bill: 'r' });
  const [made] = await Promise.all([
    ask(bill, '/bill', `Authorization: Bearer ${token}\r\nAccept: application/json\r\n`),
    ask(other, '/health/live', ''),
  ]);
  assert.deepEqual(order, ['/health/live', '/bill']);
  assert.equal(JSON.parse(made.body).today.total.messages_out, 50000);
});
