// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Signing in with a browser, and what a cookie alone must not be able to do.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { Caller, startStack } from './lib/stack.mjs';
import { sleep, waitFor } from './lib/wait.mjs';

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

let stack;
let visitor;

before(async () => {
  stack = await startStack({ config: { guests: 'yes', leeway_s: '0', guest_rights: '{"lobby":"rw","ops":"r"}' } });
  visitor = new Caller(stack, null);
});
after(() => stack?.stop());

const form = (fields) => new URLSearchParams(fields).toString();

/** Every Set-Cookie of an answer; ours have no comma in them. */
const cookiesOf = (answer) => answer.headers.get('set-cookie')?.split(', ') ?? [];

/** The cookie of an answer as a browser would send it back. */
function cookieOf(answer) {
  const [cookie, ...more] = cookiesOf(answer);
  assert.ok(cookie, `no cookie: ${answer.status} ${answer.text}`);
  assert.equal(more.length, 0);
  return cookie.split(';')[0];
}

async function guestCookie(nickname = 'Gerd') {
  const answer = await visitor.post('/session', form({ nickname }), { ...FORM, origin: stack.url });
  assert.equal(answer.status, 303, answer.text);
  return cookieOf(answer);
}

describe('signing in', () => {
  test('a token becomes a cookie that scripts cannot read', async () => {
    const token = await stack.token('alice', 'lobby=rw');
    const answer = await visitor.post('/session', form({ token: `Bearer ${token}`, next: '/rooms/lobby' }), FORM);
    assert.equal(answer.status, 303);
    assert.equal(answer.headers.get('location'), '/rooms/lobby');
    assert.match(answer.headers.get('cache-control'), /no-store/);
    const [cookie] = cookiesOf(answer);
    assert.match(cookie, /^roomwire=[^;]+; Path=\/; HttpOnly; SameSite=Lax; Max-Age=\d+$/);
    const maxAge = Number(/Max-Age=(\d+)/.exec(cookie)[1]);
    assert.ok(maxAge > 86000 && maxAge <= 86400, cookie);
    const page = await visitor.get('/rooms/lobby/messages', { cookie: cookieOf(answer) });
    assert.equal(page.status, 200);
  });

  test('a nickname becomes a guest with the rights of guests', async () => {
    const answer = await visitor.post('/session', { nickname: '  Gerd 😀 ' });
    assert.equal(answer.status, 200, answer.text);
    assert.match(answer.json.from, /^guest-[0-9a-f]{16}$/);
    assert.equal(answer.json.name, 'Gerd 😀');
    assert.ok(Date.parse(answer.json.expires) > Date.now());
    const cookie = cookieOf(answer);
    const posted = await visitor.post('/rooms/lobby/messages', { text: 'hello' }, { cookie, origin: stack.url });
    assert.equal(posted.status, 201, posted.text);
    assert.equal(posted.json.from, answer.json.from);
    assert.equal(posted.json.name, 'Gerd 😀');
    const ops = await visitor.post('/rooms/ops/messages', { text: 'x' }, { cookie, origin: stack.url });
    assert.equal(ops.status, 403);
    const other = await visitor.post('/session', { nickname: 'Gerd' });
    assert.notEqual(other.json.from, answer.json.from);
  });

  test('it leads only to places on this site', async () => {
    for (const next of ['//evil.example/', 'https://evil.example/', '/\\evil.example', '/\t/evil.example', 'x', '']) {
      const answer = await visitor.post('/session', form({ nickname: 'Gerd', next }), FORM);
      assert.equal(answer.status, 303);
      assert.equal(answer.headers.get('location'), '/', next);
    }
  });

  test('what is no sign-in is refused, and sets no cookie', async () => {
    const [head, payload] = (await stack.token('alice', 'lobby=rw')).split('.');
    const cases = [
      [401, form({ token: `${head}.${payload}.AAAA` }), FORM],
      [401, form({ token: 'nonsense' }), FORM],
      [422, form({ nickname: '   ' }), FORM],
      [422, form({ nickname: 'a\nb' }), FORM],
      [422, form({ nickname: 'x'.repeat(129) }), FORM],
      [422, '', FORM],
      [400, 'nickname=%zz', FORM],
      [400, '{', { 'content-type': 'application/json' }],
      [415, 'nickname=Gerd', { 'content-type': 'text/plain' }],
    ];
    for (const [status, body, headers] of cases) {
      const answer = await visitor.post('/session', body, headers);
      assert.equal(answer.status, status, `${body}: ${answer.text}`);
      assert.deepEqual(cookiesOf(answer), []);
    }
  });

  test('a token that has expired is refused, in header and cookie', async () => {
    const token = await stack.token('late', 'lobby=rw', '--ttl', '1');
    for (;;) {
      const answer = await visitor.get('/rooms/lobby/messages', { authorization: token });
      if (answer.status === 401) {
        assert.match(answer.headers.get('www-authenticate'), /error="invalid_token"/);
        break;
      }
      assert.equal(answer.status, 200);
      await sleep(50);
    }
    assert.equal((await visitor.get('/rooms/lobby/messages', { cookie: `roomwire=${token}` })).status, 401);
    assert.equal((await visitor.post('/session', form({ token }), FORM)).status, 401);
  });

  test('a change of keys ends what was signed with the old ones', async () => {
    const path = join(stack.folder, 'jwt.secret');
    const token = await stack.token('alice', 'lobby=rw');
    const status = async () => (await visitor.get('/rooms/lobby/messages', { authorization: token })).status;
    assert.equal(await status(), 200);
    const secret = readFileSync(path);
    writeFileSync(path, 'a new secret that is at least as long as the old one');
    stack.gateway.child.kill('SIGHUP');
    await waitFor(async () => (await status()) === 401, 'the refusal of the old token');
    writeFileSync(path, secret);
    stack.gateway.child.kill('SIGHUP');
    await waitFor(async () => (await status()) === 200, 'the return of the old secret');
  });

  test('guests go on to be welcome when another issuer and audience are asked for', async () => {
    const { path } = stack.gateway;
    const before = readFileSync(path, 'utf8');
    const old = await guestCookie();
    const status = async () => (await visitor.get('/rooms/lobby/messages', { cookie: old })).status;
    writeFileSync(path, `${before}issuer = https://issuer.example\naudience = rooms\n`);
    stack.gateway.child.kill('SIGHUP');
    await waitFor(async () => (await status()) === 401, 'the refusal of who has no issuer');
    const cookie = await guestCookie();
    assert.equal((await visitor.get('/rooms/lobby/messages', { cookie })).status, 200);
    writeFileSync(path, before);
    stack.gateway.child.kill('SIGHUP');
    await waitFor(async () => (await status()) === 200, 'the old options');
  });

  test('a page of another site cannot sign anybody in', async () => {
    for (const headers of [{ origin: 'https://evil.example' }, { origin: 'null' }, { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' }]) {
      const answer = await visitor.post('/session', form({ nickname: 'Gerd' }), { ...FORM, ...headers });
      assert.equal(answer.status, 403, JSON.stringify(headers));
      assert.deepEqual(cookiesOf(answer), []);
    }
    const own = await visitor.post('/session', form({ nickname: 'Gerd' }), {
      ...FORM, origin: 'null', 'sec-fetch-site': 'same-origin',
    });
    assert.equal(own.status, 303);
  });
});

describe('what a cookie authorizes', () => {
  test('a post needs our own origin or the session\'s CSRF token', async () => {
    const cookie = await guestCookie();
    const post = (headers, body = { text: 'x' }) => visitor.post('/rooms/lobby/messages', body, { cookie, ...headers });
    assert.equal((await post({})).status, 403);
    assert.equal((await post({ origin: 'https://evil.example' })).status, 403);
    assert.equal((await post({ origin: 'null' })).status, 403);
    assert.equal((await post({ 'sec-fetch-site': 'cross-site' })).status, 403);
    assert.equal((await post({ 'x-csrf-token': '0'.repeat(32) })).status, 403);
    assert.equal((await post({ origin: stack.url })).status, 201);
    assert.equal((await post({ 'sec-fetch-site': 'same-origin' })).status, 201);

    const page = await visitor.get('/rooms/lobby', { cookie, accept: 'text/html' });
    const [, csrf] = /name="csrf" value="([0-9a-f]{32})"/.exec(page.text) ?? [];
    assert.ok(csrf, 'the page of the room has no CSRF token');
    assert.equal((await post({ 'x-csrf-token': csrf })).status, 201);
    assert.equal((await post(FORM, form({ text: 'x', csrf }))).status, 201);
    const other = await guestCookie();
    assert.equal((await post({ 'x-csrf-token': csrf, cookie: other })).status, 403);
    const topic = await visitor.post('/topics/rooms/lobby/messages', 'x', { cookie });
    assert.equal(topic.status, 403);
    assert.equal((await visitor.post('/topics/rooms/lobby/messages', 'x', { cookie, 'x-csrf-token': csrf })).status, 200);
  });

  test('nothing that a page of somebody else asks for', async () => {
    const cookie = `roomwire=${await stack.token('bob', 'lobby=rw')}`;
    const headers = { cookie, origin: stack.url };
    for (const [subject, read, written] of [['bob', 200, 201], ['alice', 401, 401], ['', 401, 401]]) {
      const path = `/rooms/lobby/messages?subject=${subject}`;
      assert.equal((await visitor.get(path, headers)).status, read);
      assert.equal((await visitor.post(path, { text: 'x' }, headers)).status, written);
    }
  });

  test('a link to a page of somebody else does not sign out', async () => {
    const cookie = `roomwire=${await stack.token('bob', 'lobby=rw')}`;
    const answer = await visitor.get('/rooms/lobby?subject=x', { cookie, accept: 'text/html' });
    assert.equal(answer.status, 401);
    assert.deepEqual(cookiesOf(answer), []);
    assert.match(answer.text, /name="next" value="\/rooms\/lobby"/);
  });

  test('a header with a token needs neither, and wins over the cookie', async () => {
    const cookie = await guestCookie();
    const authorization = await stack.token('alice', 'lobby=rw');
    const answer = await visitor.post('/rooms/lobby/messages', { text: 'x' }, {
      cookie, authorization, origin: 'https://evil.example',
    });
    assert.equal(answer.status, 201);
    assert.equal(answer.json.from, 'alice');
  });

  test('signing out forgets the cookie, but not for another site', async () => {
    const cookie = await guestCookie();
    const cross = await visitor.post('/session/end', '', { ...FORM, cookie, origin: 'https://evil.example' });
    assert.equal(cross.status, 403);
    const answer = await visitor.post('/session/end', form({ next: '/rooms/lobby' }), {
      ...FORM, cookie, origin: stack.url, accept: 'text/html',
    });
    assert.equal(answer.status, 303);
    assert.match(cookiesOf(answer)[0], /^roomwire=; .*Max-Age=0/);
    const program = await visitor.post('/session/end', {}, { cookie, origin: stack.url });
    assert.equal(program.status, 204);
  });
});

test('where guests are not welcome a nickname is not enough', async () => {
  const closed = await startStack();
  try {
    const answer = await new Caller(closed, null).post('/session', { nickname: 'Gerd' });
    assert.equal(answer.status, 403);
    assert.deepEqual(cookiesOf(answer), []);
  } finally {
    await closed.stop();
  }
});
