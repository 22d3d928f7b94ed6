// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Posting and reading a room's messages over HTTP, through a real broker.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { refusedOnce } from './lib/refusals.mjs';
import { Caller, startStack } from './lib/stack.mjs';
import { mint, mintUnsigned, mintWithKey, nowS } from './lib/token.mjs';

const MAX_PAYLOAD = 131072;

let stack;
let alice;
let reader;
let nobody;

before(async () => {
  stack = await startStack();
  alice = await stack.caller('alice', '*=rw', '--name', 'Alice A.');
  reader = await stack.caller('rita', 'lobby=r', 'paged=r');
  nobody = new Caller(stack, null);
});
after(() => stack?.stop());

/** Checks a 201 and gives its message. */
function created(answer) {
  assert.equal(answer.status, 201, answer.text);
  assert.match(answer.headers.get('content-type'), /^application\/json/);
  return answer.json;
}

async function latest(room, caller = alice) {
  const page = await caller.get(`/rooms/${room}/messages?limit=1`);
  assert.equal(page.status, 200, page.text);
  return page.json.messages[0];
}

describe('posting', () => {
  test('JSON is answered with the stamp, and a read finds the same message', async () => {
    const first = created(await alice.post('/rooms/json/messages', { text: 'hi' }));
    assert.equal(first.prev, 0);
    assert.equal(first.room, 'json');
    assert.equal(first.from, 'alice');
    assert.equal(first.name, 'Alice A.');
    assert.equal(first.text, 'hi');
    assert.ok(Math.abs(Date.parse(first.date) - Date.now()) < 60_000);
    const answer = await alice.post('/rooms/json/messages', { text: 'again' });
    const second = created(answer);
    assert.equal(second.prev, first.id);
    assert.equal(second.epoch, first.epoch);
    assert.deepEqual(await latest('json'), second);
    const there = await alice.get(answer.headers.get('location'));
    assert.deepEqual(there.json.messages, [second]);
  });

  test('forms and plain bytes are messages, too', async () => {
    const form = created(await alice.post('/rooms/kinds/messages', 'text=a+b%26c&from=mallory', {
      'content-type': 'application/x-www-form-urlencoded',
    }));
    assert.equal(form.text, 'a b&c');
    assert.equal(form.from, 'alice');
    assert.equal(form.type, undefined);
    const plain = created(await alice.post('/rooms/kinds/messages', 'plain', { 'content-type': 'text/plain' }));
    assert.equal(plain.text, 'plain');
    assert.equal(plain.type, 'text/plain');
    assert.deepEqual(await latest('kinds'), plain);
  });

  test('binary, emoji, NUL and nothing arrive as they were sent', async () => {
    const bytes = Buffer.from([0, 255, 254, 10, 128]);
    const binary = created(await alice.post('/rooms/bytes/messages', bytes, {
      'content-type': 'application/octet-stream',
    }));
    assert.equal(binary.data, bytes.toString('base64'));
    assert.equal(binary.text, undefined);
    const encoded = created(await alice.post('/rooms/bytes/messages', { data: bytes.toString('base64') }));
    assert.equal(encoded.data, bytes.toString('base64'));
    for (const text of ['😀 grüß 漢字 \u202e\u2028', 'a\u0000b', '', '"\\\r\n\t</script>']) {
      const message = created(await alice.post('/rooms/bytes/messages', Buffer.from(text), {
        'content-type': 'text/plain',
      }));
      assert.equal(message.text, text);
      assert.deepEqual(await latest('bytes'), message);
    }
    const json = created(await alice.post('/rooms/bytes/messages', { text: '😀' }));
    assert.equal(json.text, '😀');
  });

  test('the longest payload is taken, one byte more is 413, in every shape', async () => {
    const shapes = [
      (size) => [Buffer.alloc(size, 'x'), { 'content-type': 'text/plain' }],
      (size) => [{ text: 'x'.repeat(size) }, {}],
      (size) => [{ text: '\u0001'.repeat(size) }, {}],
      (size) => [{ data: Buffer.alloc(size, 7).toString('base64') }, {}],
      (size) => [`text=${'%78'.repeat(size)}`, { 'content-type': 'application/x-www-form-urlencoded' }],
    ];
    for (const [i, shape] of shapes.entries()) {
      const fits = await alice.post('/rooms/long/messages', ...shape(MAX_PAYLOAD));
      assert.equal(fits.status, 201, `shape ${i}: ${fits.text.slice(0, 200)}`);
      assert.equal((fits.json.text ?? Buffer.from(fits.json.data, 'base64')).length, MAX_PAYLOAD);
      const long = await alice.post('/rooms/long/messages', ...shape(MAX_PAYLOAD + 1));
      assert.equal(long.status, 413, `shape ${i}: ${long.text.slice(0, 200)}`);
      assert.match(long.headers.get('content-type'), /problem\+json/);
    }
    assert.equal((await alice.get('/health/live')).status, 200);
  });

  test('what is no message is refused with a reason', async () => {
    const json = { 'content-type': 'application/json' };
    const cases = [
      [400, '{', json],
      [400, '{"text":"a","text":"b"}', json],
      [422, '{}', json],
      [422, '{"text":1}', json],
      [422, '{"data":"%%%"}', json],
      [422, 'hi', { 'content-type': 'application/x-www-form-urlencoded' }],
      [415, '--x', { 'content-type': 'multipart/form-data; boundary=x' }],
      [415, 'x', { 'content-encoding': 'gzip' }],
      [400, 'x', { 'idempotency-key': 'k'.repeat(129) }],
      [400, '{"text":"a","key":"one"}', { ...json, 'idempotency-key': 'two' }],
    ];
    for (const [status, body, headers] of cases) {
      const answer = await alice.post('/rooms/lobby/messages', body, headers);
      assert.equal(answer.status, status, `${body}: ${answer.text}`);
      assert.ok(answer.json.detail?.length > 10, answer.text);
    }
  });

  test('a key that was seen before gives the first message', async () => {
    const key = { 'idempotency-key': '"order-1"' };
    const first = created(await alice.post('/rooms/keys/messages', { text: 'one' }, key));
    const again = await alice.post('/rooms/keys/messages', { text: 'two', key: 'order-1' });
    assert.equal(again.status, 200, again.text);
    assert.deepEqual(again.json, first);
    const bob = await stack.caller('bob', 'keys=rw');
    created(await bob.post('/rooms/keys/messages', { text: 'his own' }, key));
    assert.equal((await alice.history('keys')).length, 2);
  });

  test('only with act_as is somebody else the sender', async () => {
    const agent = await stack.caller('agent', 'lobby=rw', 'act_as=true');
    const message = created(await agent.post('/rooms/lobby/messages', { text: 'x', from: 'carol' }));
    assert.equal(message.from, 'carol');
    assert.equal(message.name, undefined);
    const own = created(await alice.post('/rooms/lobby/messages', { text: 'x', from: 'carol' }));
    assert.equal(own.from, 'alice');
    const bad = await agent.post('/rooms/lobby/messages', { text: 'x', from: 'a\nb' });
    assert.equal(bad.status, 422);
  });

  test('who posts and then reads finds the message, a hundred times in a row', async () => {
    for (let i = 0; i < 100; i++) {
      const message = created(await alice.post('/rooms/row/messages', { text: `n${i}` }));
      assert.deepEqual(await latest('row'), message);
    }
    const all = await alice.history('row');
    assert.deepEqual(all.map((m) => m.text), Array.from({ length: 100 }, (_, i) => `n${i}`));
  });
});

describe('reading', () => {
  const COUNT = 3000;
  let ids;

  before(async () => {
    ids = [];
    for (let i = 0; i < COUNT; i += 50) {
      const batch = Array.from({ length: 50 }, (_, j) => alice.post('/rooms/paged/messages', { text: `${i + j}` }));
      for (const answer of await Promise.all(batch)) ids.push(created(answer).id);
    }
    ids.sort((a, b) => a - b);
  });

  test('pages before, after and at the end are complete and in order', async () => {
    const end = (await reader.get('/rooms/paged/messages')).json;
    assert.deepEqual(end.messages.map((m) => m.id), ids.slice(-50));
    assert.equal(end.more, true);
    const all = await reader.history('paged', 700);
    assert.deepEqual(all.map((m) => m.id), ids);
    let prev = 0;
    for (const message of all) {
      assert.equal(message.prev, prev);
      prev = message.id;
    }
    const back = [];
    for (let before = ids.at(-1) + 1, more = true; more;) {
      const page = (await reader.get(`/rooms/paged/messages?before=${before}&limit=1000`)).json;
      back.unshift(...page.messages.map((m) => m.id));
      before = page.messages[0].id;
      more = page.more;
    }
    assert.deepEqual(back, ids);
    const none = (await reader.get(`/rooms/paged/messages?after=${ids.at(-1)}`)).json;
    assert.deepEqual([none.messages, none.more], [[], false]);
    const first = (await reader.get(`/rooms/paged/messages?before=${ids[1]}`)).json;
    assert.deepEqual([first.messages.map((m) => m.id), first.more], [[ids[0]], false]);
  });

  test('parameters that are no numbers are refused', async () => {
    for (const query of ['limit=0', 'limit=1001', 'limit=x', 'before=0', 'after=-1', 'before=1&after=1',
      'before=1&before=2', 'limit=1e3', 'after=9007199254740992', 'after=%zz']) {
      const answer = await reader.get(`/rooms/paged/messages?${query}`);
      assert.equal(answer.status, 400, `${query}: ${answer.text}`);
    }
    assert.equal((await reader.get('/rooms/paged/messages?limit=&unknown=1')).status, 200);
  });

  test('an unchanged page is 304, a changed one is not', async () => {
    created(await alice.post('/rooms/lobby/messages', { text: 'before the tag' }));
    const first = await reader.get('/rooms/lobby/messages');
    const etag = first.headers.get('etag');
    assert.match(first.headers.get('cache-control'), /private/);
    assert.match(first.headers.get('vary'), /authorization/i);
    const same = await reader.get('/rooms/lobby/messages', { 'if-none-match': `W/${etag}, "x"` });
    assert.deepEqual([same.status, same.text, same.headers.get('etag')], [304, '', etag]);
    created(await alice.post('/rooms/lobby/messages', { text: 'behind it' }));
    const changed = await reader.get('/rooms/lobby/messages', { 'if-none-match': etag });
    assert.equal(changed.status, 200);
    assert.notEqual(changed.headers.get('etag'), etag);
    assert.equal(changed.json.messages.at(-1).text, 'behind it');
  });

  test('HEAD has the fields of GET and no body', async () => {
    const head = await reader.ask('/rooms/lobby/messages', { method: 'HEAD' });
    const get = await reader.get('/rooms/lobby/messages');
    assert.deepEqual([head.status, head.text], [200, '']);
    assert.equal(head.headers.get('etag'), get.headers.get('etag'));
    assert.equal(head.headers.get('content-length'), get.headers.get('content-length'));
  });

  test('a page that would be too long for one answer has fewer messages, and says so', async () => {
    const room = 'wide';
    for (let i = 0; i < 40; i++)
      created(await alice.post(`/rooms/${room}/messages`, Buffer.alloc(MAX_PAYLOAD, 1), {
        'content-type': 'text/plain',
      }));
    const page = await alice.get(`/rooms/${room}/messages?limit=1000`);
    assert.equal(page.status, 200);
    assert.ok(page.json.messages.length < 40);
    assert.equal(page.json.more, true);
    assert.equal((await alice.history(room)).length, 40);
  });

  test('a room that nobody wrote in is empty', async () => {
    const page = await alice.get('/rooms/silent/messages');
    assert.equal(page.status, 200);
    assert.deepEqual([page.json.room, page.json.messages, page.json.more], ['silent', [], false]);
  });
});

describe('refusals', () => {
  test('without a token 401, without the right 403', async () => {
    const missing = await nobody.get('/rooms/lobby/messages');
    assert.equal(missing.status, 401);
    assert.equal(missing.headers.get('www-authenticate'), 'Bearer realm="roomwire"');
    assert.equal((await nobody.post('/rooms/lobby/messages', { text: 'x' })).status, 401);
    const write = await reader.post('/rooms/lobby/messages', { text: 'x' });
    assert.equal(write.status, 403);
    assert.equal((await reader.get('/rooms/other/messages')).status, 403);
    assert.equal((await reader.post('/topics/rooms/lobby/messages', 'x')).status, 403);
  });

  test('a bad token says why, in words that RFC 6750 knows', async () => {
    const good = alice.token;
    const [head, payload, signature] = good.split('.');
    const none = Buffer.from('{"alg":"none"}').toString('base64url');
    const cases = [
      `Bearer ${head}.${payload}.${signature.slice(0, -4)}AAAA`,
      `Bearer ${none}.${payload}.`,
      'Bearer',
      'Bearer x.y',
      `Bearer ${good}x`,
      'Basic YTpi',
    ];
    for (const authorization of cases) {
      const answer = await nobody.get('/rooms/lobby/messages', { authorization });
      assert.equal(answer.status, 401, authorization);
      assert.match(answer.headers.get('www-authenticate'), /error="invalid_token"/, authorization);
      assert.match(answer.headers.get('www-authenticate'), /error_description="[^"]+"/);
    }
    assert.equal((await nobody.get('/rooms/lobby/messages', { authorization: good })).status, 200);
  });

  test('bad names of rooms and topics', async () => {
    for (const room of ['.x', 'a%20b', 'a%2Fb', '%00', 'x'.repeat(65), '%FF', '+', '%23', '..%2Fx'])
      assert.ok([400, 404].includes((await alice.get(`/rooms/${room}/messages`)).status), room);
    for (const [topic, status] of [['rooms/.bad/messages', 400], ['a%2F%23', 400], ['$CONTROL/roomwire/v1', 403],
      ['%24SYS/x', 403], ['a%00b', 400], ['%FF', 400], [`rooms/lobby/x${'/'.repeat(199)}`, 400]])
      assert.equal((await alice.post(`/topics/${topic}`, 'x')).status, status, topic);
    assert.equal((await alice.post('/topics/$SYS/x', 'x')).headers.get('www-authenticate'), null);
    // With all levels that the broker takes; had it been asked for more, it would be away now.
    assert.equal((await alice.post(`/topics/rooms/lobby/x${'/'.repeat(198)}?qos=1`, 'x')).status, 200);
  });
});

describe('a refusal is logged once, and without a secret', () => {
  const PAYLOAD = 'what-nobody-else-may-read';
  const URL_TO_POST = '/rooms/lobby/messages';
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const rsaText = rsa.publicKey.export({ type: 'spki', format: 'pem' });
  const claims = { sub: 'eve', aud: 'roomwire', rooms: { lobby: 'rw' } };
  let folder;
  let strict;
  let secret;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'roomwire-test-'));
    writeFileSync(join(folder, 'rsa.pem'), rsaText);
    strict = await startStack({ folder, config: { audience: 'roomwire', leeway_s: 0, key_file: 'rsa.pem' } });
    secret = strict.broker.secret;
  });
  after(async () => {
    await strict?.stop();
    rmSync(folder, { recursive: true });
  });

  const refused = (status, token, body = PAYLOAD, headers = { 'content-type': 'text/plain' }, more = []) =>
    refusedOnce(strict, status, [PAYLOAD, secret, ...(token ? [token] : []), ...more],
      () => new Caller(strict, token).post(URL_TO_POST, body, headers));

  test('where the tokens are good that the others are made from', async () => {
    for (const token of [mint(secret, claims), mintWithKey(rsa.privateKey, claims)])
      created(await new Caller(strict, token).post(URL_TO_POST, 'x', { 'content-type': 'text/plain' }));
  });

  const bad = {
    'no token': () => null,
    'an expired token': () => mint(secret, { ...claims, exp: nowS() - 1 }),
    'another audience': () => mint(secret, { ...claims, aud: 'elsewhere' }),
    'a wrong signature': () => mint(`${secret}x`, claims),
    'alg none': () => mintUnsigned(claims),
    'the public key of RS256 as a secret of HS256': () => mint(rsaText, claims),
  };
  for (const [name, make] of Object.entries(bad)) {
    test(`401: ${name}`, async () => {
      const { answer, line } = await refused(401, make());
      assert.match(answer.headers.get('content-type'), /problem\+json/);
      assert.match(line, / address=127\.0\.0\.1:\d+ method=POST path=\/rooms\/lobby\/messages error="[^"]+"/);
    });
  }

  test('403: no right', async () => {
    const { answer } = await refused(403, mint(secret, { ...claims, rooms: { lobby: 'r' } }));
    assert.equal(answer.json.error, 'not allowed by the token');
    assert.match(answer.headers.get('www-authenticate'), /error="insufficient_scope"/);
  });

  test('403: a cookie, used from another site', async () => {
    const token = mint(secret, claims);
    const cookie = `roomwire=${token}`;
    const headers = { 'content-type': 'text/plain', cookie, origin: 'https://evil.example' };
    const { answer } = await refused(403, null, PAYLOAD, headers, [token]);
    assert.equal(answer.json.error, 'not allowed');
    assert.equal(answer.headers.get('www-authenticate'), null); // no other token would do
  });

  test('413, 422, 400 and 415: what is no message', async () => {
    const token = mint(secret, claims);
    const json = { 'content-type': 'application/json' };
    await refused(413, token, PAYLOAD.padEnd(MAX_PAYLOAD + 1, '.'));
    await refused(422, token, `{"data":"%${PAYLOAD}"}`, json);
    await refused(422, token, `not=${PAYLOAD}`, { 'content-type': 'application/x-www-form-urlencoded' });
    await refused(400, token, `{"text":"${PAYLOAD}`, json);
    await refused(400, token, PAYLOAD, { 'content-type': 'text/plain', 'idempotency-key': 'k'.repeat(129) });
    await refused(415, token, PAYLOAD, { 'content-type': 'text/plain', 'content-encoding': 'gzip' });
  });
});

describe('topics, as AWS IoT publishes over HTTPS', () => {
  test('a kept topic is stamped and kept, in either spelling', async () => {
    for (const path of ['/topics/rooms/aws/messages', '/topics/rooms%2Faws%2Fmessages?qos=1']) {
      const answer = await alice.post(path, 'from a device', { 'content-type': 'application/octet-stream' });
      assert.equal(answer.status, 200, answer.text);
      assert.equal(answer.json.message, 'OK');
      const message = await latest('aws');
      assert.equal(message.id, answer.json.id);
      assert.equal(message.text, 'from a device');
      assert.equal(message.from, 'alice');
    }
  });

  test('live topics are passed on and not kept', async () => {
    for (const query of ['', '?qos=0', '?qos=1', '?qos=1&retain=false']) {
      const answer = await alice.post(`/topics/rooms/aws/typing${query}`, 'x');
      assert.equal(answer.status, 200, answer.text);
      assert.deepEqual(answer.json, { message: 'OK' });
    }
    assert.equal((await alice.post('/topics/rooms/aws/typing?qos=2', 'x')).status, 400);
    assert.equal((await alice.post('/topics/rooms/aws/typing?retain=perhaps', 'x')).status, 400);
    for (const query of ['retain=true&retain=true', 'qos=1&qos=1', 'x=%FF&retain=true'])
      assert.equal((await alice.post(`/topics/rooms/aws/typing?${query}`, 'x')).status, 400, query);
  });

  test('the body is bytes, and its length is limited', async () => {
    const long = Buffer.alloc(MAX_PAYLOAD + 1);
    assert.equal((await alice.post('/topics/rooms/aws/messages', long)).status, 413);
    const answer = await alice.post('/topics/rooms/aws/messages', '{"text":"stays JSON"}', {
      'content-type': 'application/json',
    });
    assert.equal(answer.status, 200);
    assert.equal((await latest('aws')).text, '{"text":"stays JSON"}');
  });
});
