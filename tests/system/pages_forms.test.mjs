// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The pages by plain HTTP, as curl and text browsers use them: cookie, CSRF token, refusals.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { run } from './lib/process.mjs';
import { startStack } from './lib/stack.mjs';
import { waitFor } from './lib/wait.mjs';

const HTML = { accept: 'text/html,application/xhtml+xml;q=0.9,*/*;q=0.8' };
const MAX_PAYLOAD = 131072;

let stack;

before(async () => {
  stack = await startStack();
});
after(() => stack?.stop());

const unescape = (html) =>
  html.replace(/&(lt|gt|quot|amp|#39|#13);/g, (_, name) =>
    ({ lt: '<', gt: '>', quot: '"', amp: '&', '#39': "'", '#13': '\r' })[name]);

// Somebody without a browser, with a cookie once he signed in.
class Plain {
  static async signedIn(sub, rooms = { '*': 'rw' }, claims = {}) {
    const it = new Plain();
    const answer = await it.post('/session', { token: stack.broker.token(sub, rooms, claims) });
    assert.equal(answer.status, 303, answer.text);
    [it.cookie] = answer.headers.get('set-cookie').split(';');
    return it;
  }

  async ask(path, { method = 'GET', headers = {}, body } = {}) {
    const all = { ...HTML, ...(this.cookie && { cookie: this.cookie }), ...headers };
    const answer = await fetch(stack.url + path, { method, headers: all, body, redirect: 'manual' });
    return { status: answer.status, headers: answer.headers, text: await answer.text() };
  }

  get(path, headers) {
    return this.ask(path, { headers });
  }

  post(path, fields, headers) {
    return this.ask(path, { method: 'POST', body: new URLSearchParams(fields), headers });
  }

  // The hidden fields of a room's form.
  async form(room) {
    const { text } = await this.get(`/rooms/${room}`);
    const field = (name) => text.match(new RegExp(`name="${name}" value="([^"]*)"`))?.[1];
    return { csrf: field('csrf'), key: field('key') };
  }

  async say(room, text, headers) {
    return this.post(`/rooms/${room}`, { ...(await this.form(room)), text }, headers);
  }

  // The texts that the room's page shows.
  async texts(room) {
    const { text } = await this.get(`/rooms/${room}`);
    return [...text.matchAll(/<p class="text" dir="auto">([^]*?)<\/p>/g)].map(([, html]) =>
      unescape(html.replaceAll('<br>\n', '\n')));
  }
}

describe('a form', () => {
  test('posts, leads back to the message, and a repeat posts nothing', async () => {
    const alice = await Plain.signedIn('alice');
    const fields = { ...(await alice.form('once')), text: 'hello\r\nworld' };
    const first = await alice.post('/rooms/once', fields);
    const second = await alice.post('/rooms/once', fields);
    const [kept, ...more] = await stack.broker.messages('once');
    assert.equal(more.length, 0);
    assert.equal(kept.payload, 'hello\nworld');
    assert.equal(kept.sender, 'alice');
    for (const answer of [first, second]) {
      assert.equal(answer.status, 303);
      assert.equal(answer.headers.get('location'), `/rooms/once#m${kept.id}`);
    }
    assert.deepEqual(await alice.texts('once'), ['hello\nworld']);
  });

  test('is on the page as soon as it was posted, every time', async () => {
    const alice = await Plain.signedIn('alice');
    for (let n = 0; n < 40; n++) {
      await alice.say('at-once', `line ${n}`);
      assert.equal((await alice.texts('at-once')).at(-1), `line ${n}`);
    }
  });

  test('carries any text up to the limit', async () => {
    const alice = await Plain.signedIn('alice');
    const texts = ['&=+%25?#', 'Grüße \u{1F600} \u05E9\u05DC\u05D5\u05DD', 'é'.repeat(MAX_PAYLOAD / 2), '  ', '<b>'];
    for (const text of texts) assert.equal((await alice.say('any', text)).status, 303);
    assert.deepEqual(await alice.texts('any'), texts);
    const tooLong = 'x'.repeat(MAX_PAYLOAD + 1);
    const refused = await alice.say('any', tooLong);
    assert.equal(refused.status, 413);
    assert.ok(refused.text.includes(tooLong), 'what was typed is lost');
    const empty = await alice.say('any', '');
    assert.equal(empty.status, 400);
    assert.equal((await stack.broker.messages('any')).length, texts.length);
  });

  test('stays readable, whatever it makes of the page', async () => {
    const alice = await Plain.signedIn('alice');
    const text = 'http://&" '.repeat(MAX_PAYLOAD / 10); // each is a link, ten times as long
    for (let n = 0; n < 5; n++) await alice.say('links', text);
    const page = await alice.get('/rooms/links');
    assert.equal(page.status, 200);
    assert.ok(page.text.length < 4e6, `${page.text.length} bytes`);
    assert.equal(page.text.match(/<li id="m/g).length, 5);
    assert.match(page.text, /bytes of data/);
  });

  test('is refused with a cookie but no proof of coming from here', async () => {
    const alice = await Plain.signedIn('alice');
    const { csrf, key } = await alice.form('forged');
    const mallory = await Plain.signedIn('mallory');
    const { csrf: csrfOfMallory } = await mallory.form('forged');
    assert.notEqual(csrf, csrfOfMallory);
    const evil = { origin: 'https://evil.example' };
    const attempts = [
      [{ key, text: 'x' }, {}],
      [{ csrf: '', key, text: 'x' }, {}],
      [{ csrf: `${csrf.slice(0, -1)}${csrf.endsWith('0') ? '1' : '0'}`, key, text: 'x' }, {}],
      [{ csrf: csrfOfMallory, key, text: 'x' }, {}],
      [{ key, text: 'x' }, evil],
      [{ key, text: 'x' }, { origin: 'null' }],
      [{ key, text: 'x' }, { 'sec-fetch-site': 'cross-site' }],
      [{ key, text: 'x' }, { referer: `${stack.url}/` }],
    ];
    for (const [fields, headers] of attempts) {
      const answer = await alice.post('/rooms/forged', fields, headers);
      assert.equal(answer.status, 403, JSON.stringify([fields, headers]));
      assert.match(answer.text, /did not come from this site/);
    }
    assert.deepEqual(await stack.broker.messages('forged'), []);
    assert.equal((await alice.post('/rooms/forged', { text: 'own' }, { origin: stack.url })).status, 303);
  });

  test('takes a bearer token without more, since no browser adds that by itself', async () => {
    const authorization = `Bearer ${stack.broker.token('carol')}`;
    const answer = await new Plain().post('/rooms/bearer', { text: 'hi' }, { authorization });
    assert.equal(answer.status, 303);
  });

  test('that is no form is refused', async () => {
    const alice = await Plain.signedIn('alice');
    for (const type of ['text/plain', 'multipart/form-data; boundary=x', 'application/json']) {
      const answer = await alice.ask('/rooms/lobby', { method: 'POST', body: 'text=x', headers: { 'content-type': type } });
      assert.equal(answer.status, 415, type);
    }
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    const bad = await alice.ask('/rooms/lobby', { method: 'POST', body: 'text=%zz', headers: form });
    assert.equal(bad.status, 400);
  });
});

describe('who goes away', () => {
  test('before his post is answered leaves a healthy server behind', async () => {
    const alice = await Plain.signedIn('alice');
    const fields = await alice.form('gone');
    process.kill(stack.broker.pid, 'SIGSTOP'); // so that no post is answered
    try {
      const gone = Array.from({ length: 20 }, async (_, n) => {
        const leave = new AbortController();
        const headers = { ...HTML, cookie: alice.cookie };
        const body = new URLSearchParams({ ...fields, text: `gone ${n}` });
        const answer = fetch(`${stack.url}/rooms/gone`, { method: 'POST', headers, body, signal: leave.signal });
        setTimeout(() => leave.abort(), 100 + 10 * n);
        await assert.rejects(answer, { name: 'AbortError' });
      });
      await Promise.all(gone);
      assert.equal((await alice.get('/')).status, 200);
    } finally {
      process.kill(stack.broker.pid, 'SIGCONT');
    }
    assert.equal((await alice.say('gone', 'still here')).status, 303);
    const texts = await alice.texts('gone');
    assert.equal(texts.at(-1), 'still here');
    assert.equal(new Set(texts).size, texts.length);
  });
});

describe('rights', () => {
  test('who is not signed in is asked to, and comes back to the room', async () => {
    const nobody = new Plain();
    const answer = await nobody.get('/rooms/ops?before=17');
    assert.equal(answer.status, 401);
    assert.match(answer.headers.get('www-authenticate'), /^Bearer/);
    assert.match(answer.text, /name="next" value="\/rooms\/ops\?before=17"/);
    const token = stack.broker.token('alice');
    const signedIn = await nobody.post('/session', { token, next: '/rooms/ops?before=17' });
    assert.equal(signedIn.headers.get('location'), '/rooms/ops?before=17');
    const elsewhere = await nobody.post('/session', { token, next: '//evil.example/' });
    assert.equal(elsewhere.headers.get('location'), '/');
  });

  test('what was typed is given back when the session is over', async () => {
    const nobody = new Plain();
    const answer = await nobody.post('/rooms/lobby', { text: 'precious <words>' });
    assert.equal(answer.status, 401);
    assert.match(answer.text, /precious &lt;words&gt;/);
    const expired = new Plain();
    expired.cookie = `roomwire=${stack.broker.token('alice', { '*': 'rw' }, { exp: 1 })}`;
    const late = await expired.get('/rooms/lobby');
    assert.equal(late.status, 401);
    assert.match(late.text, /role="alert"/);
    assert.match(late.headers.get('set-cookie'), /Max-Age=0/);
  });

  test('reading, writing, both or none', async () => {
    const alice = await Plain.signedIn('alice');
    await alice.say('mixed', 'secret');
    const reader = await Plain.signedIn('reader', { mixed: 'r' });
    assert.deepEqual(await reader.texts('mixed'), ['secret']);
    const refused = await reader.post('/rooms/mixed', { text: 'x' }, { origin: stack.url });
    assert.equal(refused.status, 403);
    const writer = await Plain.signedIn('writer', { mixed: 'w' });
    const page = await writer.get('/rooms/mixed');
    assert.equal(page.status, 200);
    assert.ok(!page.text.includes('secret'));
    assert.equal((await writer.say('mixed', 'from a writer')).status, 303);
    const other = await Plain.signedIn('other', { elsewhere: 'rw' });
    const denied = await other.get('/rooms/mixed');
    assert.equal(denied.status, 403);
    assert.ok(!denied.text.includes('secret'));
    const lobby = await other.get('/');
    assert.equal(lobby.status, 200);
    assert.ok(!lobby.text.includes('secret') && !lobby.text.includes('mixed'));
    assert.match((await reader.get('/')).text, /href="\/rooms\/mixed"[^]*from a writer/);
    assert.deepEqual(await alice.texts('mixed'), ['secret', 'from a writer']);
  });

  test('no room, no page', async () => {
    const alice = await Plain.signedIn('alice');
    for (const name of ['.hidden', '-x', 'a b', 'a+b', 'x'.repeat(65), 'ü', '<b>']) {
      const answer = await alice.get(`/rooms/${encodeURIComponent(name)}`);
      assert.equal(answer.status, 404, name);
    }
    assert.equal((await alice.get('/?room=fine')).headers.get('location'), '/rooms/fine');
    assert.equal((await alice.get('/?room=not%20fine')).status, 404);
  });
});

describe('text browsers', () => {
  let folder;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'roomwire-lynx-'));
    const alice = await Plain.signedIn('alice', { '*': 'rw' }, { name: 'Alice <A>' });
    await alice.say('text', 'first line\nsecond <b>line</b>');
    await alice.say('text', 'another message');
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  // lynx with the session's cookie; `keys` are what is pressed, one after the other.
  async function lynx(path, { cookie, args = ['-dump', '-nolist', '-width=100'], keys, mayRefuse } = {}) {
    const [config, jar, script] = ['lynx.cfg', 'jar', 'keys'].map((name) => join(folder, name));
    writeFileSync(config, 'PERSISTENT_COOKIES:TRUE\nACCEPT_ALL_COOKIES:TRUE\n');
    const [name, value] = cookie?.split('=') ?? [];
    writeFileSync(jar, cookie ? `127.0.0.1\tFALSE\t/\tFALSE\t${2 ** 31 - 1}\t${name}\t${value}\n` : '');
    if (keys) writeFileSync(script, keys.map((key) => `key ${key}\n`).join(''));
    const all = [`-cfg=${config}`, `-cookie_file=${jar}`, '-term=vt100', ...args,
      ...(keys ? [`-cmd_script=${script}`] : []), stack.url + path];
    const { code, out, log } = await run('lynx', all, { env: { TERM: 'vt100', HOME: folder } });
    assert.ok(code === 0 || (code === 1 && mayRefuse), log);
    return out;
  }

  const checkText = (out) => {
    const wanted = ['text', 'Alice <A>', 'first line', 'second <b>line</b>', 'another message', 'Send', 'Refresh'];
    const places = wanted.map((text) => out.indexOf(text));
    assert.ok(!places.includes(-1), `${wanted[places.indexOf(-1)]} is missing:\n${out}`);
    assert.deepEqual(places, [...places].sort((a, b) => a - b), out);
    assert.match(out, /first line\n\s*second/, 'the lines run together');
  };

  test('w3m reads a room', async () => {
    const header = `Authorization: Bearer ${stack.broker.token('bob')}`;
    const { code, out, log } = await run('w3m',
      ['-dump', '-cols', '100', '-header', header, `${stack.url}/rooms/text`]);
    assert.equal(code, 0, log);
    checkText(out);
  });

  test('lynx reads a room', async () => {
    const { cookie } = await Plain.signedIn('bob');
    checkText(await lynx('/rooms/text', { cookie }));
  });

  test('lynx is shown the form for signing in, which it never does with a 401', async () => {
    const out = await lynx('/rooms/text', { mayRefuse: true });
    assert.match(out, /Sign in/);
    assert.match(out, /access token/);
  });

  test('a page without scripts is loaded again by itself, if that is wanted', async () => {
    const alice = await Plain.signedIn('alice');
    const again = /<noscript><meta http-equiv="refresh" content="30"><\/noscript>\n<\/head>/;
    const once = await alice.get('/rooms/again');
    assert.doesNotMatch(once.text, again);
    assert.match(once.text, /<a href="\/rooms\/again\?repeat=1">Every 30 s<\/a>/);
    assert.match((await alice.get('/rooms/again?repeat=1')).text, again);
    assert.doesNotMatch((await alice.get('/rooms/again?repeat=1&before=9')).text, again);
  });

  test('lynx posts, and refreshes by the link', async () => {
    const alice = await Plain.signedIn('alice');
    const { cookie } = await Plain.signedIn('lynx');
    const down = 'Down Arrow';
    const say = (text) => [...text, down, '^J'];
    // Home, who is here, sign out, text, send, refresh; the page is read again after each post.
    const keys = [down, down, down, ...say('typed'), down, down, down, down, down, '^J', 'Q', 'y'];
    await lynx('/rooms/lynx', { cookie, args: [], keys });
    assert.deepEqual(await alice.texts('lynx'), ['typed']);
    const reads = stack.gateway.lines.filter((line) => line.includes('path=/rooms/lynx'));
    assert.deepEqual(reads.filter((line) => /status=[45]/.test(line)), []);
    // First sight, after the post, and by "Refresh": 0, 1 and 1 messages were delivered.
    await waitFor(async () => {
      const [row] = await stack.broker.traffic("room = 'lynx' AND subject = 'lynx' AND direction = 1");
      return row?.messages === 2;
    }, 'two deliveries to lynx');
  });
});
