// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
// Webhooks whose receivers are slow, down, broken or hostile, and a gateway that is killed: order is
// kept, everything is tried again, all of it is bounded, and nobody else notices.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';

import { Client, connect } from './lib/client.mjs';
import { describeBrokers } from './lib/each.mjs';
import { startGateway } from './lib/gateway.mjs';
import { Program, run } from './lib/process.mjs';
import { hooksTo, Receiver } from './lib/receiver.mjs';
import { Caller, command, startStack } from './lib/stack.mjs';
import { waitFor } from './lib/wait.mjs';

const numbers = (count, from = 0) => Array.from({ length: count }, (_, i) => from + i);

// Each text once, as it came first.
const firsts = (texts) => [...new Set(texts)];

const troubles = {
  'answers 500': () => ({ status: 500 }),
  'answers 302 elsewhere': () => ({ status: 302, headers: { location: '/elsewhere' } }),
  'speaks no HTTP': () => (response) => response.socket.end('220 mail ready\r\n'),
  'hangs up': () => (response) => response.destroy(),
  'answers half a JSON': () => ({ headers: { 'content-type': 'application/json' }, text: '{"publish":' }),
  'answers JSON of another shape': () => ({ json: { publish: 'hello' } }),
  'answers without end': () => (response) => {
    const chunk = Buffer.alloc(65536, 'x');
    const more = () => {
      while (!response.destroyed && response.write(chunk));
      if (!response.destroyed) response.once('drain', more);
    };
    more();
  },
  'sends header fields without end': () => (response) => {
    const { socket } = response;
    const more = () => {
      while (!socket.destroyed && socket.write(`X: ${'x'.repeat(1000)}\r\n`));
      if (!socket.destroyed) socket.once('drain', more);
    };
    socket.on('error', () => {});
    socket.write('HTTP/1.1 200 OK\r\n');
    more();
  },
  'never answers': () => () => {},
  'is slow': () => new Promise((resolve) => setImmediate(() => setTimeout(resolve, 200, {}))),
};

describeBrokers('webhooks in trouble', (kind) => {
  let stack, receiver, alice;
  before(async () => {
    receiver = await Receiver.start();
    stack = await startStack({ broker: kind, config: { ...hooksTo(receiver, 'message'), webhook_timeout_ms: 400 } });
    alice = await connect(stack.broker, { token: stack.broker.token('alice') });
  });
  after(async () => {
    await alice?.end();
    await stack?.stop();
    await receiver?.close();
  });
  beforeEach(() => {
    receiver.answer = () => ({});
    receiver.requests.length = 0;
  });

  const publish = (room, text) => alice.publish(`rooms/${room}/messages`, String(text));
  const delivered = (room, count) => waitFor(() => firsts(receiver.texts(room)).length >= count, `${count} messages of ${room}`);
  // Milliseconds for a publish to be acknowledged, in the middle of many.
  const median = async (room) => {
    const times = [];
    for (const i of numbers(41)) {
      const start = performance.now();
      assert.equal(await publish(room, i), 0);
      times.push(performance.now() - start);
    }
    return times.sort((a, b) => a - b)[20];
  };

  Object.entries(troubles).forEach(([what, trouble], i) => {
    it(`a receiver that ${what} is asked again, in order, and holds up no other room`, async () => {
      const [sick, well] = [`sick${i}`, `well${i}`];
      let isSick = true;
      receiver.answer = ({ message }) => (isSick && message.room === sick ? trouble() : {});
      for (const text of numbers(3)) await publish(sick, text);
      for (const text of numbers(20)) await publish(well, text);
      await delivered(well, 20);
      // On a busy machine an answer may come too late, and its message again.
      assert.deepEqual(firsts(receiver.texts(well)), numbers(20).map(String));
      if (what !== 'is slow') {
        await waitFor(() => receiver.texts(sick).length >= 3, 'three attempts');
        assert.deepEqual(firsts(receiver.texts(sick)), ['0']);
      }
      isSick = false;
      await publish(sick, 'last');
      await delivered(sick, 4);
      const texts = receiver.texts(sick);
      assert.deepEqual(firsts(texts), ['0', '1', '2', 'last']);
      assert.deepEqual([...texts], [...texts].sort()); // none came before an earlier one was accepted
      const ids = receiver.of('message').filter(({ event }) => event.message.room === sick).map(({ id }) => id);
      assert.equal(new Set(ids).size, 4);
      assert.deepEqual(receiver.requests.filter(({ url }) => url !== '/hook'), []);
    });
  });

  it('publishes are acknowledged as fast as ever while no receiver answers', async () => {
    const before = await median('quick');
    receiver.answer = () => () => {};
    for (const i of numbers(20)) await publish(`hung${i}`, 'x');
    await waitFor(() => receiver.open === 8, 'as many requests as there may be');
    const during = await median('quick2');
    // Waiting for a receiver would be waiting for webhook_timeout_ms.
    assert.ok(during < before + 200, `${before} ms before, ${during} ms during`);
    assert.ok(receiver.most <= 8);
    receiver.answer = () => ({});
    await Promise.all(numbers(20).map((i) => delivered(`hung${i}`, 1)));
    await delivered('quick2', 41);
  });

  it('what was published while the receiver was down is delivered when it is back', async () => {
    await receiver.down();
    for (const i of numbers(30)) await publish(`away${i % 3}`, i);
    await waitFor(() => /webhook_failed .*room=away2/.test(stack.gateway.program.log), 'an attempt');
    await receiver.listen();
    for (const room of numbers(3)) {
      await delivered(`away${room}`, 10);
      assert.deepEqual(firsts(receiver.texts(`away${room}`)), numbers(30).filter((i) => i % 3 === room).map(String));
    }
  });

  it('410 drops one message and goes on', async () => {
    receiver.answer = ({ message }) => (message.text === 'unwanted' ? { status: 410 } : {});
    await publish('gone', 'unwanted');
    await publish('gone', 'wanted');
    await delivered('gone', 2);
    assert.deepEqual(receiver.texts('gone'), ['unwanted', 'wanted']);
    assert.match(stack.gateway.program.log, /event=webhook_dropped .*room=gone .*status=410/);
  });
});

describeBrokers('webhooks and a gateway that is killed', (kind) => {
  let stack, receiver;
  before(async () => {
    receiver = await Receiver.start();
  });
  after(async () => {
    await stack?.stop();
    await receiver?.close();
  });

  const sql = (text) => execFileSync('sqlite3', [`${stack.broker.database}-hooks`, text]).toString().trim();
  const restart = async (changes = {}) => {
    if (stack.gateway) await stack.stopGateway();
    Object.assign(stack.broker.roomwire, changes);
    await stack.startGateway();
    await stack.ready();
  };

  it('lose nothing, and repeat only under the same id', async () => {
    stack = await startStack({ broker: kind, config: hooksTo(receiver, 'message', 'connect', 'disconnect') });
    const alice = await connect(stack.broker, { token: stack.broker.token('alice') });
    const [rooms, count] = [5, 300];
    let sent = 0;
    const publishing = (async () => {
      for (const i of numbers(count)) {
        assert.equal(await alice.publish(`rooms/r${i % rooms}/messages`, String(i)), 0);
        sent = i + 1;
        if (i % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    for (const part of [60, 120, 180]) {
      await waitFor(() => sent >= part && receiver.texts().length >= part / 2, `${part} published`);
      await stack.killGateway();
      await stack.startGateway();
    }
    await publishing;
    for (const room of numbers(rooms)) {
      const expected = numbers(count).filter((i) => i % rooms === room).map(String);
      await waitFor(() => firsts(receiver.texts(`r${room}`)).length === expected.length, `all of r${room}`);
      assert.deepEqual(firsts(receiver.texts(`r${room}`)), expected);
    }
    const ids = new Map();
    for (const { id, event } of receiver.of('message')) {
      const text = ids.get(id) ?? event.message.text;
      assert.equal(event.message.text, text);
      ids.set(id, text);
    }
    assert.equal(ids.size, count);
    await alice.end();
  });

  it('do not publish again what an answer to a repeated delivery says', async () => {
    receiver.answer = ({ message }) => (message?.text === 'echo' ? { json: { publish: { text: 'once' } } } : {});
    const alice = new Caller(stack, stack.broker.token('alice'));
    await stack.ready();
    await alice.post('/rooms/echo/messages', { text: 'echo' });
    const once = async () => (await alice.history('echo')).filter(({ text }) => text === 'once').length;
    await waitFor(async () => (await once()) === 1, 'the answer');
    await stack.stopGateway();
    sql("UPDATE positions SET id = 0 WHERE room = 'echo'");
    receiver.requests.length = 0;
    await restart();
    await receiver.got(({ event }) => event.message?.text === 'echo');
    await alice.post('/rooms/echo/messages', { text: 'later' });
    await receiver.got(({ event }) => event.message?.text === 'later');
    assert.equal(await once(), 1);
  });

  it('tell a new URL of what comes from now on', async () => {
    const { url } = receiver;
    receiver.requests.length = 0;
    await restart({ webhook_message: `${url}/other ${url}` });
    const alice = new Caller(stack, stack.broker.token('alice'));
    await alice.post('/rooms/r0/messages', { text: 'new' });
    await waitFor(() => receiver.of('message').length === 2, 'both');
    assert.deepEqual(receiver.requests.map((r) => r.url).sort(), ['/hook', '/hook/other']);
    await restart({ webhook_message: url });
    assert.equal(sql('SELECT count(*) FROM hooks'), '1');
  });

  it('deliver connects and disconnects that waited, each client\'s in order', async () => {
    await receiver.down();
    for (const i of numbers(3)) {
      const client = await connect(stack.broker, { clientId: `w${i}`, token: stack.broker.token('walker') });
      await client.end();
    }
    await waitFor(() => sql('SELECT count(*) FROM events') >= 6, 'six events');
    await stack.killGateway();
    await receiver.listen();
    receiver.requests.length = 0;
    await restart();
    for (const i of numbers(3)) {
      const told = () => receiver.requests.filter(({ event }) => event.clientId === `w${i}`).map(({ event }) => event.type);
      await waitFor(() => told().length >= 2, `both events of w${i}`);
      assert.deepEqual(told(), ['connect', 'disconnect']);
    }
    await waitFor(() => sql('SELECT count(*) FROM events') === '0', 'none left');
  });

  it('drop what is too many, or too old, and say so', async () => {
    await receiver.down();
    await restart({ webhook_max_queue: 16, webhook_give_up_s: 1 });
    const alice = await connect(stack.broker, { token: stack.broker.token('alice') });
    for (const i of numbers(12)) {
      const client = await connect(stack.broker, { clientId: `many${i}`, token: stack.broker.token('many') });
      await client.end();
    }
    const { program } = stack.gateway;
    await waitFor(() => /event=webhook_dropped .*why="a limit is reached"/.test(program.log), 'the limit');
    assert.ok(Number(sql('SELECT count(*) FROM events')) <= 16);
    await alice.publish('rooms/r0/messages', 'too old');
    await waitFor(() => /event=webhook_given_up .*room=r0/.test(program.log), 'giving up');
    await waitFor(() => sql('SELECT count(*) FROM events') === '0', 'giving up on all others');
    receiver.requests.length = 0;
    await receiver.listen();
    await alice.publish('rooms/r0/messages', 'fresh');
    await receiver.got(({ event }) => event.message?.text === 'fresh');
    assert.deepEqual(receiver.texts('r0'), ['fresh']);
    assert.doesNotMatch(program.log, /too old/);
    await alice.end();
  });
});

describeBrokers('webhooks and another log', (kind) => {
  it('go on where an older copy was put in place', async (t) => {
    const receiver = await Receiver.start();
    t.after(() => receiver.close());
    const stack = await startStack({ broker: kind, config: hooksTo(receiver, 'message') });
    t.after(() => stack.stop());
    const alice = new Caller(stack, stack.broker.token('alice'));
    const post = async (text) => {
      const { json } = await alice.post('/rooms/r0/messages', { text });
      const { id } = await receiver.got(({ event }) => event.message?.text === text);
      assert.equal(id, `${json.epoch}-${json.id}`);
      return json;
    };
    const { database } = stack.broker;
    const copy = `${stack.broker.folder}/copy.db`;
    await post('in the copy');
    execFileSync('sqlite3', [database, `VACUUM INTO '${copy}'`]);
    const lost = await post('not in the copy');
    await stack.broker.stop();
    execFileSync('sh', ['-c', `rm -f "${database}" "${database}"-wal "${database}"-shm "${database}"-spool "${database}"-tally; mv "${copy}" "${database}"`]);
    await stack.startBroker();
    await stack.ready();
    const next = await post('in the new log');
    assert.notEqual(next.epoch, lost.epoch);
  });
});

describe('webhooks, when another gateway takes over,', () => {
  it('deliver what the gateway before had stored and not delivered', async (t) => {
    const receiver = await Receiver.start(() => ({ status: 500 }));
    t.after(() => receiver.close());
    const stack = await startStack({ config: { ...hooksTo(receiver, 'connect'), webhook_retry_max_ms: 100 } });
    t.after(() => stack.stop());
    const devices = [];
    let isOver = false;
    const arriving = (async () => {
      while (!isOver)
        devices.push(await connect(stack.broker, { clientId: `d${devices.length}`, token: stack.broker.token('lamp') }));
    })();
    const old = await stack.replaceGateway();
    await old.program.ended;
    isOver = true;
    await arriving;
    receiver.answer = () => ({});
    await waitFor(async () => {
      const { out } = await run('sqlite3', ['-readonly', `${stack.broker.database}-hooks`, 'SELECT count(*) FROM events']);
      return out.trim() === '0';
    }, 'everything to be delivered', 30000);
    for (const n of devices.keys()) assert.ok(receiver.requests.some(({ event }) => event.clientId === `d${n}`));
    await Promise.all(devices.map((device) => device.end()));
  });
});

describeBrokers('webhooks whose answer would be one room too many', (kind) => {
  it('go on without it', async (t) => {
    const receiver = await Receiver.start(({ message }) => message.text !== 'go' ? {}
      : { json: { publish: [{ room: 'another', text: 'x' }, { text: 'went' }] } });
    t.after(() => receiver.close());
    const stack = await startStack({ broker: kind, config: { ...hooksTo(receiver, 'message'), max_rooms: 1 } });
    t.after(() => stack.stop());
    const alice = await stack.caller('alice', '*=rw');
    for (const text of ['go', 'next']) await alice.post('/rooms/only/messages', { text });
    await receiver.got(({ event }) => event.message.text === 'next');
    assert.deepEqual(receiver.texts(), ['go', 'next']);
    assert.deepEqual((await alice.history('only')).map(({ text }) => text).sort(), ['go', 'next', 'went']);
    await stack.gateway.program.says(/event=webhook_answer_refused .* item=0 why="there are max_rooms rooms"/);
  });
});

describe('webhooks, when another gateway fails to start,', () => {
  it('stay as they are, whatever URLs that one had', async (t) => {
    const receiver = await Receiver.start();
    t.after(() => receiver.close());
    const stack = await startStack({ config: hooksTo(receiver, 'message', 'connect') });
    t.after(() => stack.stop());
    const alice = await stack.caller('alice', '*=rw');
    await alice.post('/rooms/r0/messages', { text: 'before' });
    await receiver.got(({ event }) => event.message?.text === 'before');
    const database = `${stack.broker.database}-hooks`;
    const dump = () => execFileSync('sqlite3', ['-readonly', database, '.dump']).toString();
    await waitFor(() => /INSERT INTO positions/.test(dump()), 'the position');
    await receiver.down();
    for (const i of numbers(3)) await alice.post('/rooms/r0/messages', { text: String(i) });
    const device = await connect(stack.broker, { clientId: 'waits', token: stack.broker.token('lamp') });
    t.after(() => device.end());
    await waitFor(() => /INSERT INTO events.*waits/.test(dump()), 'the connect');
    const before = dump();
    const other = join(stack.folder, 'other.conf');
    const taken = `http://127.0.0.1:${stack.broker.port}`; // by the broker
    for (const path of [stack.broker.database, join(stack.folder, 'fresh.db')]) {
      writeFileSync(other, readFileSync(stack.gateway.path, 'utf8').replace(/^database = .*/m, `database = ${path}`)
        .replace(/^listen = .*/m, `listen = ${taken}`).replaceAll(receiver.url, 'http://127.0.0.1:1/new'));
      const { code, err } = await command('serve', '--config', other);
      assert.notEqual(code, 0);
      assert.match(err, /Address already in use/);
    }
    assert.equal(dump(), before);
    assert.ok(!existsSync(join(stack.folder, 'fresh.db-hooks')));
    await stack.stopGateway();
    await receiver.listen();
    await stack.startGateway();
    await stack.ready();
    await receiver.got(({ event }) => event.message?.text === '2');
    await receiver.got(({ event }) => event.clientId === 'waits');
    assert.deepEqual(receiver.texts(), ['before', '0', '1', '2']);
  });
});

describe('webhooks, when their database cannot be written for a while,', () => {
  it('are told of a message once all the same', async (t) => {
    const receiver = await Receiver.start();
    t.after(() => receiver.close());
    const stack = await startStack({ config: hooksTo(receiver, 'message') });
    t.after(() => stack.stop());
    const alice = await stack.caller('alice', '*=rw');
    const say = async (text) => {
      await alice.post('/rooms/quiet/messages', { text });
      await receiver.got(({ event }) => event.message.text === text);
    };
    await say('before');
    const writer = new Program('sqlite3', [`${stack.broker.database}-hooks`]);
    t.after(() => writer.kill());
    writer.child.stdin.write('BEGIN IMMEDIATE;\nSELECT \'locked\';\n');
    await writer.says(/locked/);
    await say('meanwhile');
    await stack.gateway.program.says(/event=webhook_not_noted/);
    writer.child.stdin.end('ROLLBACK;\n');
    await writer.ended;
    await say('after');
    assert.deepEqual(receiver.texts('quiet'), ['before', 'meanwhile', 'after']);
  });
});

describeBrokers('connect hooks that do not answer', (kind) => {
  it('refuse a client at once, though another hook is silent', async (t) => {
    const [refusing, silent] = [await Receiver.start(() => ({ status: 403 })), await Receiver.start(() => new Promise(() => {}))];
    silent.secret = refusing.secret;
    t.after(() => Promise.all([refusing.close(), silent.close()]));
    const stack = await startStack({ config: { ...hooksTo(refusing, 'connect'),
      webhook_connect: `${silent.url} ${refusing.url}`, webhook_timeout_ms: 3000, connect_timeout_ms: 3000 } });
    t.after(() => stack.stop());
    const page = new Client(`${stack.url.replace('http', 'ws')}/mqtt`, { protocolVersion: 5, reconnectPeriod: 0,
      wsOptions: { headers: { Authorization: `Bearer ${stack.broker.token('mallory')}` } } });
    await assert.rejects(page.connected(), ({ code }) => code === 0x87);
    assert.equal(refusing.requests.length, 1);
  });

  for (const required of ['no', 'yes'])
    it(`let ${required === 'yes' ? 'nobody' : 'everybody'} in with webhook_connect_required = ${required}`, async () => {
      const receiver = await Receiver.start(() => () => {});
      const stack = await startStack({ broker: kind, config: { ...hooksTo(receiver, 'connect'),
        webhook_timeout_ms: 5000, connect_timeout_ms: 500, webhook_connect_required: required } });
      const open = () => new Client(`${stack.url.replace('http', 'ws')}/mqtt`, { protocolVersion: 5, reconnectPeriod: 0,
        username: 'x', password: stack.broker.token('alice') });
      try {
        const pages = [open()]; // the hook is late
        if (required === 'yes') await assert.rejects(pages[0].connected(), ({ code }) => code === 0x88);
        else await pages[0].connected();
        await receiver.down();
        pages.push(open()); // the hook is down
        if (required === 'yes') await assert.rejects(pages[1].connected(), ({ code }) => code === 0x88);
        else await pages[1].connected();
        for (const page of pages) await page.end(true);
      } finally {
        await stack.stop();
        await receiver.close();
      }
    });
});

describe('options of webhooks', () => {
  const good = { webhook_message: 'http://127.0.0.1:1/hook', webhook_secret_file: 'token.secret' };
  for (const [what, options, why] of [
    ['no URL', { webhook_message: 'example.org' }, /webhook_message: expected URLs/],
    ['another scheme', { webhook_connect: 'file:///etc/passwd' }, /webhook_connect: expected URLs/],
    ['too many URLs', { webhook_message: numbers(17).map((i) => `http://${i}`).join(' ') }, /more than 16/],
    ['no secret', { webhook_secret_file: '' }, /webhook_secret_file: webhooks need a secret/],
    ['a secret that is not there', { webhook_secret_file: 'none' }, /none: /],
    ['no sender', { webhook_subject: '' }, /webhook_subject: /],
    ['no lifecycle events', { webhook_connect: 'http://h/', lifecycle_events: 'no' }, /lifecycle_events: has to be yes/],
  ])
    it(`the gateway does not start with ${what}`, async () => {
      await assert.rejects(startGateway({ config: { ...good, ...options } }), why);
    });

  it('a URL\'s password and query are in no log line', async () => {
    const gateway = await startGateway({ config: { ...good, webhook_message: 'http://user:pazz@127.0.0.1:1/hook?key=qwerty' } });
    await gateway.stop();
    assert.doesNotMatch(gateway.program.log, /pazz|qwerty/);
  });
});
