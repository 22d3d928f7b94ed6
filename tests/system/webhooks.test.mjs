// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
// Webhooks: what receivers are told, and what their answers do (docs/webhooks.md).
import assert from 'node:assert/strict';
import { after, before, beforeEach, it } from 'node:test';

import { Client, connect, connectRefused } from './lib/client.mjs';
import { describeBrokers } from './lib/each.mjs';
import { hooksTo, Receiver } from './lib/receiver.mjs';
import { Caller, startStack } from './lib/stack.mjs';
import { waitFor, within } from './lib/wait.mjs';

describeBrokers('webhooks', (kind) => {
  let stack, receiver, alice;
  before(async () => {
    receiver = await Receiver.start();
    stack = await startStack({ broker: kind, config: hooksTo(receiver, 'connect', 'disconnect', 'message') });
    alice = new Caller(stack, stack.broker.token('alice'));
  });
  after(async () => {
    await stack?.stop();
    await receiver?.close();
  });
  beforeEach(() => {
    receiver.answer = () => ({});
    receiver.requests.length = 0;
  });

  const post = async (room, text) =>
    (await alice.post(`/rooms/${room}/messages`, { text }, { 'user-agent': 'poster/1' })).json;
  const heard = (text) => receiver.got(({ event }) => event.message?.text === text, text);
  const byWebSocket = (sub, options = {}) => new Client(`${stack.url.replace('http', 'ws')}/mqtt`, {
    protocolVersion: 5, reconnectPeriod: 0, ...options,
    wsOptions: { headers: { Authorization: `Bearer ${stack.broker.token(sub)}`, 'User-Agent': 'browser/1' } },
  });

  it('get the stamped message', async () => {
    const message = await post('lobby', 'hello');
    const { id, event, headers } = await heard('hello');
    const context = { method: 'POST', path: '/rooms/lobby/messages', source_ip: '127.0.0.1', user_agent: 'poster/1',
      request_id: id, principal: 'alice' };
    assert.deepEqual(event, { type: 'message', context, message });
    assert.equal(id, `${message.epoch}-${message.id}`);
    assert.match(headers['user-agent'], /^roomwire/);
  });

  it('get the messages of devices, binary ones too', async () => {
    const device = await connect(stack.broker, { token: stack.broker.token('lamp') });
    await device.publish('rooms/lobby/messages', Buffer.from([0xff, 0x00]));
    const { event, id } = await receiver.got(({ event }) => event.message?.from === 'lamp');
    assert.equal(event.message.data, '/wA=');
    assert.deepEqual(event.context, { method: 'PUBLISH', path: 'rooms/lobby/messages', source_ip: '127.0.0.1',
      user_agent: null, request_id: id, principal: 'lamp' });
    await device.end();
  });

  it('are told where a message came from, and nobody else is', async () => {
    const reader = await connect(stack.broker, { token: stack.broker.token('reader') });
    await reader.subscribe('rooms/where/messages', { qos: 1 });
    const long = `odd "agent" ${'x'.repeat(300)}`;
    const will = { topic: 'rooms/where/messages', payload: Buffer.from('by will'), qos: 1 };
    let page;
    const posts = [
      ['by JSON', (text) => alice.post('/rooms/where/messages?x=secret', { text }, { 'user-agent': long }),
        { method: 'POST', path: '/rooms/where/messages', user_agent: long.slice(0, 256) }],
      ['by form', (text) => alice.post('/rooms/where', new URLSearchParams({ text }).toString(), {
        'content-type': 'application/x-www-form-urlencoded', 'user-agent': 'lynx/1' }),
        { method: 'POST', path: '/rooms/where', user_agent: 'lynx/1' }],
      ['by topic', (text) => alice.post('/topics/rooms/where/messages', text, { 'user-agent': 'b\u00fcro\u0085' }),
        { method: 'POST', path: '/topics/rooms/where/messages', user_agent: null }],
      ['by WebSocket', async (text) => {
        page = byWebSocket('bob', { clientId: 'where', will });
        await page.connected();
        await page.publish('rooms/where/messages', text, { qos: 1 });
      }, { method: 'PUBLISH', path: 'rooms/where/messages', user_agent: 'browser/1' }],
      ['by will', () => page.mqtt.stream.destroy(),
        { method: 'PUBLISH', path: 'rooms/where/messages', user_agent: 'browser/1' }],
    ];
    for (const [text, publish, context] of posts) {
      await publish(text);
      const { event } = await heard(text);
      const { request_id, principal, ...where } = event.context;
      assert.deepEqual(where, { source_ip: '127.0.0.1', ...context });
    }
    for (const message of await reader.receive(posts.length))
      assert.doesNotMatch(JSON.stringify(message), /agent|lynx|browser|127\.0/);
    assert.doesNotMatch((await alice.get('/rooms/where/messages')).text, /agent|lynx|browser|127\.0/);
    await reader.end();
  });

  it('are told of clients that come and go', async () => {
    const device = await connect(stack.broker, { clientId: 'lamp/1', token: stack.broker.token('lamp') });
    const { event, id } = await receiver.got(({ event }) => event.clientId === 'lamp/1');
    assert.deepEqual(event, { type: 'connect', clientId: 'lamp/1', date: event.date,
      context: { method: 'CONNECT', path: null, source_ip: '127.0.0.1', user_agent: null,
        request_id: id.replace('-connect', ''), principal: 'lamp' } });
    assert.ok(Math.abs(Date.parse(event.date) - Date.now()) < 60000);
    await device.end();
    const gone = await receiver.got(({ event }) => event.type === 'disconnect' && event.clientId === 'lamp/1');
    assert.deepEqual(gone.event.context, { ...event.context, method: 'DISCONNECT' });
    assert.equal(gone.event.reason, kind.is21 ? 'CLIENT_INITIATED_DISCONNECT' : undefined);
  });

  it('are asked once about a client of the WebSocket, before it is let in', async () => {
    let letIn;
    receiver.answer = ({ type }) => type === 'connect'
      ? new Promise((resolve) => (letIn = () => resolve({}))) : {};
    const page = byWebSocket('bob', { clientId: 'page' });
    const connected = page.connected();
    const { event } = await receiver.got(({ event }) => event.clientId === 'page');
    assert.equal(page.connack, undefined);
    assert.deepEqual(event.context, { method: 'GET', path: '/mqtt', source_ip: '127.0.0.1', user_agent: 'browser/1',
      request_id: event.context.request_id, principal: 'bob' });
    letIn();
    await connected;
    await page.publish('rooms/lobby/messages', 'from the page');
    await heard('from the page');
    await page.end();
    await receiver.got(({ event }) => event.type === 'disconnect' && event.clientId === 'page');
    assert.equal(receiver.of('connect').length, 1);
  });

  for (const [how, answer] of [['by 403', { status: 403 }], ['by 401', { status: 401, text: 'no' }],
    ['by JSON', { json: { allow: false, reason: 'not today' } }]])
    it(`refuse a client of the WebSocket ${how}`, async () => {
      receiver.answer = () => answer;
      for (const [protocolVersion, code] of [[5, 0x87], [4, 5]]) {
        const page = byWebSocket('mallory', { protocolVersion, clientId: `mallory${protocolVersion}` });
        await assert.rejects(page.connected(), (error) => {
          assert.equal(error.code, code);
          return true;
        });
        await within(page.closed, 'the end of the connection');
      }
      assert.equal(receiver.of('connect').length, 2);
      assert.doesNotMatch(stack.broker.log, /mallory/);
    });

  it('are not asked about strangers', async () => {
    const page = new Client(`${stack.url.replace('http', 'ws')}/mqtt`,
      { protocolVersion: 5, reconnectPeriod: 0, clientId: 'stranger', username: 'x', password: 'no token' });
    await assert.rejects(page.connected());
    await post('lobby', 'after the stranger');
    await heard('after the stranger');
    assert.deepEqual(receiver.of('connect'), []);
    // Not by the broker, which might know him by a key that the gateway has not read yet.
    assert.doesNotMatch(stack.broker.log, /stranger/);
  });

  it('are not evaded by a client id that the broker tells nothing of', async () => {
    for (const [i, clientId] of ['a+b', 'a#', 'x'.repeat(1025), '/'.repeat(197)].entries()) {
      for (const [version, code] of [[5, 0x87], [4, 5]])
        assert.equal(await connectRefused(stack.broker, { clientId, version, token: stack.broker.token('eve') }), code);
      await stack.broker.says(`what=connect client=${clientId.slice(0, 20)}`);
      const page = byWebSocket(`page${i}`, { clientId });
      await page.connected();
      await receiver.got(({ event }) => event.type === 'connect' && event.clientId === clientId && event.context.principal === `page${i}`);
      await page.end();
    }
    assert.match(stack.broker.log, /client=a\+b address=\S+ why="no connect hook can be asked about this client id"/);
    assert.ok(!receiver.requests.some(({ event }) => event.context.principal === 'eve'));
    for (const clientId of ['x'.repeat(1024), '/'.repeat(196)]) {
      const device = await connect(stack.broker, { clientId, token: stack.broker.token('eve') });
      await receiver.got(({ event }) => event.type === 'connect' && event.clientId === clientId);
      await device.end();
    }
  });

  it('disconnect a client of the broker that they refuse', async () => {
    receiver.answer = ({ clientId }) => (clientId === 'intruder' ? { status: 403 } : {});
    const device = await connect(stack.broker, { clientId: 'intruder', token: stack.broker.token('eve') });
    await within(device.closed, 'the end of the connection');
    const { event } = await receiver.got(({ event }) => event.type === 'disconnect' && event.clientId === 'intruder');
    if (kind.is21) assert.equal(event.reason, 'API_INITIATED_DISCONNECT');
  });

  for (const [who, leave] of [['took the client id over', () => {}], ['came when it had left', (client) => client.end()]])
    it(`do not disconnect another client that ${who}`, async () => {
      let refuse;
      const isConnectOf = (sub, { type, context }) => type === 'connect' && context.principal === sub;
      receiver.answer = (event) => {
        if (isConnectOf('eve', event)) return { status: 403 };
        return isConnectOf('mallory', event) ? new Promise((resolve) => (refuse = () => resolve({ status: 403 }))) : {};
      };
      const join = (clientId, sub) => connect(stack.broker, { clientId, token: stack.broker.token(sub) });
      const first = await join('shared', 'mallory');
      await receiver.got(({ event }) => isConnectOf('mallory', event));
      await leave(first);
      const second = await join('shared', 'bob');
      await within(first.closed, 'the end of the first connection');
      refuse();
      await receiver.got(({ event }) => isConnectOf('bob', event));
      // Whoever was to be disconnected before this one is gone with it.
      await within((await join('intruder', 'eve')).closed, 'the end of the intruder');
      assert.equal(await second.publish('rooms/lobby/messages', 'still here'), 0);
      await heard('still here');
      await second.end();
      const { event } = await receiver.got(({ event }) => event.type === 'disconnect' && event.context.principal === 'bob');
      assert.notEqual(event.reason, 'API_INITIATED_DISCONNECT');
    });

  it('publish into rooms, and are not told of that', async () => {
    const room = 'shop';
    let attempts = 0;
    receiver.answer = ({ message }) => {
      if (message?.text !== 'order') return {};
      const [here, there] = [{ text: 'accepted' }, { room: 'kitchen', data: '/wE=', type: 'application/x-order' }];
      // A room that is none makes all of the first answer a bad one.
      return { json: { publish: ++attempts === 1 ? [here, { room: 'nowhere/', text: 'x' }] : [here, there] } };
    };
    await post(room, 'order');
    await waitFor(async () => (await alice.history('kitchen')).length === 1, 'what the hook published');
    const [kitchen] = await alice.history('kitchen');
    assert.deepEqual([kitchen.from, kitchen.data, kitchen.type], ['webhook', '/wE=', 'application/x-order']);
    assert.deepEqual((await alice.history(room)).map(({ text }) => text), ['order', 'accepted']);
    assert.equal(attempts, 2);
    await post(room, 'afterwards');
    await heard('afterwards');
    assert.deepEqual(receiver.texts(room), ['order', 'order', 'afterwards']);
    assert.equal(new Set(receiver.of('message').map(({ id }) => id)).size, 2);
  });

  it('reply to the clients of the sender alone', async () => {
    const clients = await Promise.all(['carol', 'carol', 'dave'].map((sub) =>
      connect(stack.broker, { token: stack.broker.token(sub) })));
    receiver.answer = ({ message }) => (message?.text === 'psst' ? { json: { reply: { text: 'yes?' } } } : {});
    await clients[0].publish('rooms/lobby/messages', 'psst');
    for (const client of clients.slice(0, 2)) {
      const [reply] = await client.receive(1);
      assert.deepEqual([reply.topic, reply.text], ['$roomwire/connection', 'yes?']);
    }
    assert.deepEqual(clients[2].messages, []);
    assert.deepEqual((await alice.history('lobby')).filter(({ text }) => text === 'yes?'), []);
    for (const client of clients) await client.end();
  });
});
