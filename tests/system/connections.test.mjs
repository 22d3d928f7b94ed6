// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
// /@connections/<clientId>: one client looked up, sent a message, disconnected.
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';

import { OUT } from './lib/broker.mjs';
import { Client, connect } from './lib/client.mjs';
import { describeBrokers } from './lib/each.mjs';
import { Caller, startStack } from './lib/stack.mjs';
import { waitFor, within } from './lib/wait.mjs';

const at = (id) => `/@connections/${encodeURIComponent(id)}`;

describeBrokers('connections', (kind) => {
  let stack, admin;
  before(async () => {
    stack = await startStack({ broker: kind });
    admin = new Caller(stack, stack.broker.token('admin', {}, { connections: 'rw' }));
  });
  after(() => stack?.stop());

  const join = (id, sub, options = {}, claims = {}) =>
    connect(stack.broker, { clientId: id, token: stack.broker.token(sub, { '*': 'rw' }, claims), ...options });
  const remove = (caller, id) => caller.ask(at(id), { method: 'DELETE' });
  // What comes by HTTP is known as soon as CONNACK is there, but for a turn of a broker's loop.
  const known = (id) => waitFor(async () => (await admin.get(at(id))).status === 200, id);

  it('GET tells who it is, since when, and when it last did something', async () => {
    const before = Date.now();
    const client = await join('lamp/1 ä', 'alice', {}, { name: 'Alice' });
    await known('lamp/1 ä');
    const { json, headers } = await admin.get(at('lamp/1 ä'));
    assert.deepEqual(json, { connectedAt: json.connectedAt, lastActiveAt: json.lastActiveAt,
      identity: { sourceIp: '127.0.0.1', subject: 'alice', name: 'Alice' }, face: 'mqtt', versionNumber: json.versionNumber });
    assert.equal(headers.get('cache-control'), 'no-store');
    assert.ok(Date.parse(json.connectedAt) >= before - 200 && Date.parse(json.connectedAt) <= Date.now());
    await waitFor(async () => {
      await client.publish('rooms/lobby/messages', 'x');
      return (await admin.get(at('lamp/1 ä'))).json.lastActiveAt > json.lastActiveAt;
    }, 'a later activity');
    assert.equal((await admin.get(at('lamp/1 ä'))).json.connectedAt, json.connectedAt);
    const ws = new Client(`${stack.url.replace('http', 'ws')}/mqtt`, { protocolVersion: 4, reconnectPeriod: 0, clientId: 'page',
      wsOptions: { headers: { Authorization: `Bearer ${stack.broker.token('alice')}` } } });
    await ws.connected();
    await known('page');
    const page = (await admin.get(at('page'))).json;
    assert.deepEqual([page.face, page.identity], ['ws', { sourceIp: '127.0.0.1', subject: 'alice' }]);
    await ws.end();
    await client.end();
  });

  for (const version of [4, 5])
    it(`POST reaches this client alone, MQTT ${version}`, async () => {
      const id = `target-${version}`;
      const target = await join(id, id, { version });
      const other = await connect(stack.broker, { token: stack.broker.token('other', null, { subs: ['#', '$roomwire/#'] }) });
      await other.subscribe('#');
      await other.subscribe('$roomwire/#');
      await known(id);
      const bytes = Buffer.from([0, 255, 1]);
      const answer = await admin.post(at(id), bytes, { 'content-type': 'x/y' });
      assert.deepEqual([answer.status, answer.json], [200, { message: 'OK' }]);
      assert.equal((await admin.post(at(id), '')).status, 200);
      const [message, empty] = await target.receive(2);
      assert.deepEqual([message.topic, message.payload, message.qos], ['$roomwire/connection', bytes, 1]);
      assert.equal(empty.payload.length, 0);
      if (version === 5) {
        assert.deepEqual([message.pairs['rw-from'], message.type], ['admin', 'x/y']);
        assert.ok(Math.abs(Number(message.pairs['rw-ts']) - Date.now()) < 10000);
      }
      await target.publish('rooms/lobby/messages', 'end'); // what came to others came before this
      await waitFor(() => other.messages.some((m) => m.text === 'end'), 'the last message');
      assert.ok(!other.messages.some((m) => m.topic.startsWith('$')));
      const rows = () => stack.broker.traffic(`subject = '${id}' AND direction = ${OUT}`);
      await waitFor(async () => (await rows())[0]?.messages === 2, 'both deliveries to be counted');
      assert.deepEqual((await rows()).map((r) => [r.room, r.messages, r.blocks, r.bytes]), [['', 2, 2, 3]]);
      await target.end();
      await other.end();
    });

  it('the address is known by the way AWS writes it, too', async () => {
    const escaped = (id) => at(id).replace('@', '%40');
    const target = await join('R0oXAdfD0kwCH6w=', 'alice');
    await known('R0oXAdfD0kwCH6w=');
    assert.equal((await admin.get(escaped('R0oXAdfD0kwCH6w='))).json.identity.subject, 'alice');
    assert.equal((await admin.post(escaped('R0oXAdfD0kwCH6w='), 'x')).status, 200);
    await target.receive(1);
    assert.equal((await admin.ask(escaped('R0oXAdfD0kwCH6w='), { method: 'DELETE' })).status, 204);
    await within(target.closed, 'the end of the connection');
  });

  it('POST takes what AWS takes, and 413 what is more', async () => {
    const target = await join('big', 'alice', { version: 5 });
    await known('big');
    assert.equal((await admin.post(at('big'), Buffer.alloc(131072, 1))).status, 200);
    assert.equal((await target.receive(1))[0].payload.length, 131072);
    assert.equal((await admin.post(at('big'), Buffer.alloc(131073, 1))).status, 413);
    await target.end();
  });

  it('DELETE disconnects, with the will, and says why', async () => {
    const operator = await connect(stack.broker, { token: stack.broker.token('operator', { '*': 'r' }, { connections: 'r' }) });
    await operator.subscribe('$aws/events/presence/disconnected/+');
    await operator.subscribe('rooms/wills/messages');
    const client = await join('victim', 'alice', { version: 5, will: { topic: 'rooms/wills/messages', payload: 'bye', qos: 1 } });
    await known('victim');
    assert.equal((await remove(admin, 'victim')).status, 204);
    assert.equal((await admin.get(at('victim'))).status, 410);
    assert.equal((await admin.post(at('victim'), 'x')).status, 410);
    assert.equal((await remove(admin, 'victim')).status, 410);
    await within(client.closed, 'the end');
    assert.equal(client.disconnectCode, 0x98);
    await operator.receive(2);
    const event = JSON.parse(operator.messages.find((m) => m.topic.endsWith('/victim')).text);
    assert.deepEqual([event.disconnectReason, event.clientInitiatedDisconnect], ['API_INITIATED_DISCONNECT', false]);
    assert.ok(operator.messages.some((m) => m.text === 'bye'));
    const again = await join('victim', 'alice');
    await known('victim');
    await again.end();
    await operator.end();
  });

  it('answer 410 for who is not there: unknown, gone, offline, or the gateway itself', async () => {
    const away = await join('away', 'alice', { clean: false, properties: { sessionExpiryInterval: 3600 } });
    await known('away');
    await away.end();
    await waitFor(async () => (await admin.get(at('away'))).status === 410, 'away to be gone');
    const service = /client=(roomwire-[0-9a-f]{16})/.exec(stack.gateway.program.log)[1];
    for (const id of ['nobody', service])
      for (const method of ['GET', 'POST', 'DELETE'])
        assert.equal((await admin.ask(at(id), { method })).status, 410, `${method} ${id}`);
    assert.equal((await fetch(`${stack.url}/health/ready`)).status, 200);
  });

  it('are for those with the claim', async () => {
    const client = await join('guarded', 'alice');
    await known('guarded');
    const statuses = async (token) => {
      const all = [];
      for (const method of ['GET', 'POST', 'DELETE'])
        all.push((await new Caller(stack, token).ask(at('guarded'), { method })).status);
      return all;
    };
    const token = (claims) => stack.broker.token('caller', { '*': 'rw' }, claims);
    assert.deepEqual(await statuses(undefined), [401, 401, 401]);
    assert.deepEqual(await statuses(token({})), [403, 403, 403]);
    assert.deepEqual(await statuses(token({ connections: 'r' })), [200, 403, 403]);
    // A cookie is not enough from another site's page.
    const cookie = { cookie: `roomwire=${token({ connections: true })}`, origin: 'https://evil.example' };
    assert.equal((await new Caller(stack).ask(at('guarded'), { method: 'DELETE', headers: cookie })).status, 403);
    assert.deepEqual(await statuses(token({ connections: true })), [200, 200, 204]);
    await within(client.closed, 'the end');
  });
});
