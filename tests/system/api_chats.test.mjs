// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Two known chats' clients, written as theirs are: a serverless one (POST /savemessage, GET /chat, the
// bare token) and Fly Chat (a form with from and text, an EventSource with stream-open and message).
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { EventReader } from './lib/readers.mjs';
import { startStack } from './lib/stack.mjs';
import { waitFor } from './lib/wait.mjs';

let stack;
let alice;
let bridge; // may speak for others
let reader;

before(async () => {
  stack = await startStack({ config: { default_room: 'main' } });
  alice = await stack.caller('alice', '*=rw', '--name', 'Alice A.');
  bridge = await stack.caller('bridge', '*=rw', '--claim', 'act_as=true');
  reader = await stack.caller('rita', '*=r');
});
after(() => stack?.stop());

describe('the serverless chat', () => {
  // As its page does: a bare token, no "Bearer".
  const save = (caller, message, headers = {}) => caller.post('/savemessage', message,
    { authorization: caller.token, 'content-type': 'application/json', ...headers });
  const chat = async (caller = alice, query = '') => {
    const answer = await caller.get(`/chat${query}`, { authorization: caller.token });
    assert.equal(answer.status, 200, answer.text);
    return answer.json;
  };

  test('a message is saved under the token\'s name, and the chat has it', async () => {
    const answer = await save(alice, { m: 'Hello World!', n: 'yourname', t: '123456' });
    assert.equal(answer.status, 201, answer.text);
    assert.equal(answer.json.room, 'main');
    assert.equal(answer.json.from, 'alice');
    assert.deepEqual(await chat(), [
      { m: 'Hello World!', n: 'Alice A.', t: Date.parse(answer.json.date) },
    ]);
    const there = await reader.get('/rooms/main/messages');
    assert.deepEqual(there.json.messages, [answer.json]);
  });

  test('n is the sender where the token has act_as', async () => {
    const answer = await save(bridge, { m: 'from elsewhere', n: 'zoë', t: 1 });
    assert.equal(answer.json.from, 'zoë');
    assert.deepEqual((await chat()).at(-1).n, 'zoë');
    assert.equal((await save(bridge, { m: 'x', n: 'a\nb' })).status, 422);
  });

  test('the same text at the same t is one message, another text another', async () => {
    const first = await save(alice, { m: 'one', n: '', t: 7 });
    const again = await save(alice, { m: 'one', n: '', t: '7' });
    assert.deepEqual([first.status, again.status], [201, 200]);
    assert.deepEqual(again.json, first.json);
    assert.equal((await save(alice, { m: 'two', n: '', t: 7 })).status, 201);
    assert.equal((await save(bridge, { m: 'one', n: '', t: 7 })).status, 201);
    assert.deepEqual((await chat()).slice(-3).map(({ m }) => m), ['one', 'two', 'one']);
  });

  test('any JSON text is taken, whatever its type says, and what is none is refused', async () => {
    const plain = { 'content-type': 'text/plain;charset=UTF-8' };
    assert.equal((await save(alice, '{"m":"typed"}', plain)).status, 201);
    assert.equal((await save(alice, 'm=typed', plain)).status, 400);
    assert.equal((await save(alice, { text: 'typed' })).status, 422);
    assert.equal((await save(reader, { m: 'no' })).status, 403);
    assert.equal((await alice.ask('/chat', { headers: { authorization: 'x' } })).status, 401);
  });

  test('the chat can be paged, and what is no text is null', async () => {
    const bytes = await alice.post('/rooms/main/messages', Buffer.from([255]),
      { 'content-type': 'application/octet-stream' });
    assert.deepEqual(await chat(alice, '?limit=1'),
      [{ m: null, n: 'Alice A.', t: Date.parse(bytes.json.date) }]);
    const all = await chat();
    assert.deepEqual(await chat(alice, `?before=${bytes.json.id}`), all.slice(0, -1));
  });

  test('without default_room there are no such addresses', async (t) => {
    const bare = await startStack({ config: { default_room: '' } });
    t.after(() => bare.stop());
    const caller = await bare.caller('alice', '*=rw');
    assert.equal((await caller.get('/chat')).status, 404);
    assert.equal((await caller.post('/savemessage', { m: 'x' })).status, 404);
  });
});

describe('Fly Chat', () => {
  const say = (caller, fields) => caller.post('/rooms/fly/messages/', new URLSearchParams(fields).toString(),
    { 'content-type': 'application/x-www-form-urlencoded; charset=UTF-8' });

  test('its EventSource hears what its form posts, and resumes with lastEventId', async (t) => {
    const url = (query) => () => `${stack.url}/rooms/fly/messages/${query}`;
    const source = new EventReader(url(''), reader.token);
    t.after(() => source.stop());
    await source.saw('stream-open');
    const mine = await say(alice, { from: 'mallory', text: 'hi & <hello>' });
    assert.equal(mine.status, 201, mine.text);
    assert.equal((await say(bridge, { from: 'bob', text: 'welcome' })).status, 201);
    await waitFor(() => source.messages.length === 2, 'both messages');
    const [first, second] = source.messages;
    assert.deepEqual([first.from, first.text], ['alice', 'hi & <hello>']);
    assert.deepEqual([second.from, second.text], ['bob', 'welcome']);
    assert.deepEqual(first, mine.json);
    for (const { date } of source.messages)
      assert.match(date, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.deepEqual(source.events.map(({ event }) => event), ['stream-open', 'message', 'message']);

    // The page comes with the history and the id of its end; the stream goes on behind it.
    const behind = new EventReader(url(`?lastEventId=${first.epoch}-${first.id}`), reader.token);
    t.after(() => behind.stop());
    await waitFor(() => behind.messages.length === 1, 'what the page did not have');
    assert.deepEqual(behind.messages, [second]);
    assert.equal(behind.events.some(({ event }) => event === 'stream-reset'), false);
  });

  test('a form without text is refused', async () => {
    assert.equal((await say(alice, { from: 'alice' })).status, 422);
    assert.equal((await say(reader, { text: 'may only read' })).status, 403);
  });
});
