// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The real curl, used as the README and docs/http.md show it: what it says of its own accord
// (Accept: */*, a form's type for any body, Expect) has to do, too.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { Program, killLeftovers, run } from './lib/process.mjs';
import { startStack } from './lib/stack.mjs';

const MAX_PAYLOAD = 131072;
const JSON_TYPE = ['-H', 'Content-Type: application/json'];
const BYTES_TYPE = ['-H', 'Content-Type: application/octet-stream'];

let stack;
let bearer;

before(async () => {
  stack = await startStack();
  bearer = ['-H', `Authorization: Bearer ${await stack.token('alice', '*=rw')}`];
});
after(async () => {
  await stack?.stop();
  killLeftovers();
});

/** What curl was answered: { status, type, text, json }. */
async function curl(path, ...args) {
  const head = join(stack.folder, 'curl.head');
  const { code, out, log } = await run('curl', ['-sS', '-D', head, ...args, stack.url + path]);
  assert.equal(code, 0, log);
  const last = readFileSync(head, 'latin1').trimEnd().split('\r\n\r\n').at(-1); // behind 100 Continue
  const field = (name) => new RegExp(`^${name}: (.*?)\r?$`, 'im').exec(last)?.[1];
  const type = field('content-type');
  return { status: Number(last.split(' ')[1]), field, type, text: out, json: /json/.test(type) ? JSON.parse(out) : null };
}

function file(name, bytes) {
  const path = join(stack.folder, name);
  writeFileSync(path, bytes);
  return `@${path}`;
}

async function latest(room) {
  const { status, json, text } = await curl(`/rooms/${room}/messages?limit=1`, ...bearer);
  assert.equal(status, 200, text);
  return json.messages[0];
}

/** Posts, and gives the message once it has been read back. */
async function post(room, ...args) {
  const { status, json, text } = await curl(`/rooms/${room}/messages`, ...bearer, ...args);
  assert.equal(status, 201, text);
  assert.deepEqual(await latest(room), json);
  return json;
}

test('JSON, and a form with emoji', async () => {
  assert.equal((await post('lobby', ...JSON_TYPE, '-d', '{"text":"hello from curl"}')).text, 'hello from curl');
  const text = '😀 grüß & = % + 漢字';
  assert.equal((await post('lobby', '--data-urlencode', `text=${text}`)).text, text);
});

test('bytes as they are: nothing, NUL and 0xFF, and the longest there may be', async () => {
  assert.equal((await post('bytes', ...BYTES_TYPE, '--data-binary', '')).text, '');
  const bytes = Buffer.from([0, 255, 254, 10, 13, 0, 128]);
  const binary = await post('bytes', ...BYTES_TYPE, '--data-binary', file('binary', bytes));
  assert.equal(binary.data, bytes.toString('base64'));
  assert.equal(binary.text, undefined);
  const longest = await post('bytes', ...BYTES_TYPE, '--data-binary', file('longest', 'x'.repeat(MAX_PAYLOAD)));
  assert.equal(longest.text, 'x'.repeat(MAX_PAYLOAD));
});

test('one byte more is refused with a problem document', async () => {
  const long = file('long', 'x'.repeat(MAX_PAYLOAD + 1));
  const answer = await curl('/rooms/long/messages', ...bearer, ...BYTES_TYPE, '--data-binary', long);
  assert.equal(answer.status, 413);
  assert.equal(answer.type, 'application/problem+json');
  assert.equal(answer.json.status, 413);
  assert.equal(await latest('long'), undefined);
});

test('-N follows a room as an event stream', async () => {
  const follower = new Program('curl', ['-sSN', ...bearer, '-H', 'Accept: text/event-stream',
    `${stack.url}/rooms/followed/messages?limit=10`]);
  await follower.says(/event: stream-open/);
  for (const text of ['one', 'two']) {
    const { epoch, id } = await post('followed', '--data-urlencode', `text=${text}`);
    const [, data] = await follower.says(new RegExp(`id: ?${epoch}-${id}\n(?:.+\n)*?data: ?(.*)\n`));
    assert.equal(JSON.parse(data).text, text);
  }
  await follower.kill('SIGTERM');
});

test('a session in a cookie jar: signed in, the room\'s form posted, and not without csrf', async () => {
  const jar = ['-c', join(stack.folder, 'jar'), '-b', join(stack.folder, 'jar')];
  const html = ['-H', 'Accept: text/html'];
  const token = await stack.token('carol', 'lobby=rw');
  const signed = await curl('/session', ...jar, ...html, '--data-urlencode', `token=${token}`, '-d', 'next=/rooms/lobby');
  assert.equal(signed.status, 303, signed.text);
  const page = await curl('/rooms/lobby', ...jar, ...html);
  assert.equal(page.status, 200);
  const [, action, csrf, key] =
    /<form [^>]*id="say"[^>]*action="([^"]+)"[^]*?name="csrf" value="([0-9a-f]{32})"[^]*?name="key" value="([^"]+)"/.exec(page.text);
  const say = (...fields) => curl(action, ...jar, ...html, '--data-urlencode', 'text=by a form', ...fields);
  const posted = await say('-d', `csrf=${csrf}`, '-d', `key=${key}`);
  assert.equal(posted.status, 303, posted.text);
  const message = await latest('lobby');
  assert.deepEqual([message.text, message.from], ['by a form', 'carol']);
  const shown = await curl(posted.field('location').replace(stack.url, ''), ...jar, ...html);
  assert.match(shown.text, new RegExp(`id="m${message.id}"`));
  assert.equal((await say('-d', 'key=another')).status, 403);
  assert.equal((await latest('lobby')).id, message.id);
});
