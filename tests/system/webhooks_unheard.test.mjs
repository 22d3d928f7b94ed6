// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
// Clients that come and go while gateway and broker do not see each other: webhooks are told of them
// afterwards, once and in order.
import assert from 'node:assert/strict';
import { renameSync } from 'node:fs';
import { after, before, beforeEach, it } from 'node:test';

import { Client, connect } from './lib/client.mjs';
import { describeBrokers } from './lib/each.mjs';
import { run } from './lib/process.mjs';
import { hooksTo, Receiver } from './lib/receiver.mjs';
import { startStack } from './lib/stack.mjs';
import { waitFor, within } from './lib/wait.mjs';

const ids = (prefix, count) => Array.from({ length: count }, (_, i) => `${prefix}${i}`);

describeBrokers('webhooks and clients that were not heard of', (kind) => {
  let stack, receiver;
  before(async () => {
    receiver = await Receiver.start();
    // Time enough for hundreds of answers on a busy machine: who is late is asked again.
    stack = await startStack({ broker: kind, config: { ...hooksTo(receiver, 'connect', 'disconnect'), webhook_timeout_ms: 20000 } });
  });
  after(async () => {
    await stack?.stop();
    await receiver?.close();
  });
  beforeEach(() => {
    receiver.requests.length = 0;
  });

  const join = (clientId) => connect(stack.broker, { clientId, token: stack.broker.token(`of ${clientId}`) });
  const joinAll = (all) => Promise.all(all.map(join));
  const end = (...clients) => Promise.all(clients.map((client) => client.end()));
  // The last clients of a test: nothing of them is left to be told to the next one.
  const endLast = async (...clients) => {
    await end(...clients);
    await noted(0);
    await delivered();
  };
  // Ends the gateway's connection, by another one of that client id.
  const takeOver = (socket = stack.broker.socket) => connect(stack.broker, { token: stack.broker.serviceSecret, username: 'roomwire-gateway',
    clientId: /event=broker_connected client=(\S+)/.exec(stack.gateway.program.log)[1], socket });
  const openPage = async () => {
    const page = new Client(`${stack.url.replace('http', 'ws')}/mqtt`, { protocolVersion: 5, reconnectPeriod: 0, clientId: 'page',
      wsOptions: { headers: { Authorization: `Bearer ${stack.broker.token('of page')}` } } });
    await page.connected();
    await noted(1);
    assert.deepEqual(receiver.requests.map(({ event }) => [event.clientId, event.type]), [['page', 'connect']]);
    receiver.requests.length = 0;
    return page;
  };
  const startGateway = async (more) => {
    await stack.startGateway(more);
    await stack.ready();
  };
  const sql = async (text) => {
    const { out } = await run('sqlite3', ['-cmd', '.timeout 5000', `${stack.broker.database}-hooks`, text]);
    return out.trim();
  };
  const delivered = () => waitFor(async () => (await sql('SELECT count(*) FROM events')) === '0', 'none to wait');
  const noted = (count) => waitFor(async () => (await sql('SELECT count(*) FROM connections')) === String(count), `${count} noted`);
  const of = (clientId) => receiver.requests.filter(({ event }) => event.clientId === clientId);
  // Waits until nothing more is on its way, and checks what came: [client id, type, type, ...].
  const told = async (...expected) => {
    const seen = () => expected.map(([id]) => [id, ...of(id).map(({ event }) => event.type)]);
    const count = expected.flat().length - expected.length;
    await waitFor(() => seen().flat().length - expected.length >= count, `${count} events; have ${JSON.stringify(seen())}`);
    await delivered();
    assert.deepEqual(seen(), expected);
    assert.equal(receiver.requests.length, count);
    for (const { event, id } of receiver.requests) {
      assert.equal(event.context.principal, `of ${event.clientId}`);
      assert.equal(event.context.source_ip, '127.0.0.1');
      assert.equal(id, `${event.context.request_id}-${event.type}`);
    }
  };

  it('who was there before webhooks were, connects when they begin', async () => {
    await stack.stopGateway();
    await startGateway({ webhook_connect: '', webhook_disconnect: '' });
    const before = Date.now();
    const early = await join('early');
    const joined = Date.now();
    await stack.stopGateway();
    await startGateway();
    await told(['early', 'connect']);
    const [{ event, id }] = of('early');
    assert.ok(Date.parse(event.date) >= before - 200 && Date.parse(event.date) <= joined);
    await endLast(early);
    await told(['early', 'connect', 'disconnect']);
    assert.equal(of('early')[1].id, id.replace('-connect', '-disconnect')); // as for one heard from the start
  });

  it('who came and who left while the gateway was killed are told of once, who stayed is not', async () => {
    const [stays, leaves] = await joinAll(['stays', 'leaves']);
    await told(['stays', 'connect'], ['leaves', 'connect']);
    const { id } = of('leaves')[0];
    await noted(2);
    receiver.requests.length = 0;
    await stack.killGateway();
    await leaves.end();
    const comes = await join('comes');
    const start = Date.now();
    await startGateway();
    await told(['stays'], ['leaves', 'disconnect'], ['comes', 'connect']);
    const [gone] = of('leaves');
    assert.equal(gone.id, id.replace('-connect', '-disconnect'));
    assert.equal(gone.event.reason, undefined);
    assert.ok(Date.parse(gone.event.date) >= start - 200);
    await stack.killGateway();
    await startGateway();
    const last = await join('last');
    await told(['stays'], ['leaves', 'disconnect'], ['comes', 'connect'], ['last', 'connect']);
    await endLast(stays, comes, last);
  });

  it('all who were connected to a broker that was killed are gone, before one of them comes back', async () => {
    const [back] = await joinAll(['back', 'lost']);
    await noted(2);
    await told(['back', 'connect'], ['lost', 'connect']);
    await stack.killBroker();
    await within(back.closed, 'the end of the connection');
    await stack.startBroker();
    const again = await join('back');
    await told(['back', 'connect', 'disconnect', 'connect'], ['lost', 'connect', 'disconnect']);
    const [first, gone, second] = of('back').map(({ event }) => event.context.request_id);
    assert.equal(first, gone);
    assert.notEqual(first, second);
    await endLast(again);
  });

  it('who came and who left while the connection to the broker was lost are told of', async () => {
    const [stays, leaves, returns] = await joinAll(['stays', 'leaves', 'returns']);
    await noted(3);
    await told(['stays', 'connect'], ['leaves', 'connect'], ['returns', 'connect']);
    const { program } = stack.gateway;
    const { socket } = stack.broker;
    renameSync(socket, `${socket}.away`);
    const other = await takeOver(`${socket}.away`);
    await waitFor(() => /event=broker_away/.test(program.log), 'the loss');
    await end(leaves, returns);
    const [comes, again] = [await join('comes'), await join('returns')];
    await (await join('unseen')).end();
    renameSync(`${socket}.away`, socket);
    await within(other.closed, 'the return of the gateway');
    await told(['stays', 'connect'], ['leaves', 'connect', 'disconnect'], ['comes', 'connect'],
      ['returns', 'connect', 'disconnect', 'connect'], ['unseen']);
    await endLast(stays, comes, again);
  });

  it('a client of the WebSocket whose gateway is killed disconnects, and its connect is not told again', async () => {
    const page = await openPage();
    await stack.killGateway();
    await within(page.closed, 'the end of the connection');
    await startGateway();
    await told(['page', 'disconnect']);
    await endLast();
  });

  it('a client of the WebSocket that hooks were asked about is not told of, where that was not noted', async () => {
    const page = await openPage();
    await sql('DELETE FROM connections');
    await within((await takeOver()).closed, 'the return of the gateway');
    await noted(1);
    await told(['page']);
    await endLast(page);
    await told(['page', 'disconnect']);
  });

  it('a client that comes again before its end was found out is told of as gone first', async () => {
    await sql("INSERT INTO connections VALUES (7, 'again', 'e-7', 'of again', '127.0.0.1')");
    const again = await join('again');
    await told(['again', 'disconnect', 'connect']);
    assert.equal(of('again')[0].id, 'e-7-disconnect');
    await endLast(again);
  });

  it('more of them than fit on a page are told of, each once', async () => {
    const [old, late] = [ids('old', 215), ids('late', 410)];
    const clients = await joinAll(old);
    await noted(old.length);
    await told(...old.map((id) => [id, 'connect']));
    receiver.requests.length = 0;
    await stack.killGateway();
    await end(...clients.filter((_, i) => i % 2 === 0));
    await joinAll(late);
    await startGateway();
    const left = old.filter((_, i) => i % 2 === 0);
    await told(...left.map((id) => [id, 'disconnect']), ...late.map((id) => [id, 'connect']));
    await noted(old.length - left.length + late.length);
    receiver.requests.length = 0;
    await stack.killBroker(); // and now all of them are lower than the first page of the next broker
    await stack.startBroker();
    await told(...[...old.filter((id) => !left.includes(id)), ...late].map((id) => [id, 'disconnect']));
    await endLast();
  });

  it('those for whom the queue has no room wait for it', async () => {
    await stack.stopGateway();
    const all = ids('waits', 20);
    const clients = await joinAll(all);
    await startGateway({ webhook_max_queue: 16 });
    await told(...all.map((id) => [id, 'connect']));
    assert.doesNotMatch(stack.gateway.program.log, /webhook_dropped/);
    await stack.stopGateway();
    await startGateway();
    await endLast(...clients);
  });
});
