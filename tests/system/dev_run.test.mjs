// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// `./dev run` as people use it: what it prints works when pasted, whatever is killed comes back,
// Ctrl-C leaves nothing running, and the messages are there the next time. Only that it builds is
// left out: ROOMWIRE_BUILD has that done.
import assert from 'node:assert/strict';
import {
  cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync,
} from 'node:fs';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';

import { buildFolder, freePort, root, sanitizers } from './lib/broker.mjs';
import { connect } from './lib/client.mjs';
import { Program, killLeftovers, run } from './lib/process.mjs';
import { waitFor, within } from './lib/wait.mjs';

after(killLeftovers);

const skip = sanitizers ? 'the broker runs as people run it, without the sanitizers' : false;

// The process `pid`: { name, parent }, or null if there is none that runs.
function look(pid) {
  try {
    const [, name, state, parent] = /^\d+ \((.*)\) (\S) (\d+) /s.exec(readFileSync(`/proc/${pid}/stat`, 'latin1'));
    return state === 'Z' ? null : { name, parent: Number(parent) };
  } catch {
    return null;
  }
}

const allPids = () => readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number);

// What an ordinary user of Debian has; the broker lies elsewhere.
const ordinaryPath = process.env.PATH.split(':').filter((folder) => !folder.endsWith('sbin')).join(':');

// Every process that has `text` in its command line.
const naming = (text) => allPids().filter((pid) => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(text);
  } catch {
    return false;
  }
});

/** A `./dev run` on ports and in a folder of its own, in a session of its own as in a terminal. */
class DevRun {
  constructor(env) {
    this.env = env;
    this.state = env.ROOMWIRE_STATE;
  }

  static async create(t, isTls) {
    const folder = mkdtempSync(join(tmpdir(), 'roomwire-test-'));
    const state = join(folder, isTls ? 'my rooms' : 'state'); // TMPDIR gets the socket of the first
    const [http, mqtt, mqtts] = await Promise.all([freePort(), freePort(), freePort()]);
    const it = new DevRun({
      PATH: ordinaryPath, TMPDIR: folder, http_proxy: 'http://127.0.0.1:9', https_proxy: 'http://127.0.0.1:9',
      ROOMWIRE_BUILD: buildFolder, ROOMWIRE_STATE: state, ROOMWIRE_TLS: isTls ? '1' : '0',
      ROOMWIRE_HTTP_PORT: `${http}`, ROOMWIRE_MQTT_PORT: `${mqtt}`, ROOMWIRE_MQTTS_PORT: `${mqtts}`,
    });
    Object.assign(it, { isTls, mqttPort: mqtt, mqttsPort: mqtts });
    it.url = `${isTls ? 'https' : 'http'}://127.0.0.1:${http}`;
    t.after(async () => {
      // What a failed test has left would keep its file from ending.
      await it.program?.kill('SIGTERM').catch(() => naming(folder).forEach((pid) => process.kill(pid, 'SIGKILL')));
      rmSync(folder, { recursive: true });
    });
    return it;
  }

  async start() {
    this.program = new Program('setsid', [join(root, 'dev'), 'run'], { env: this.env, cwd: tmpdir() });
    await this.program.says(`ready ${this.url}/`);
    await this.program.says(/Ctrl-C stops both/);
    assert.doesNotMatch(this.program.log, /installing|building/);
  }

  /** The process of that name which this one has started: mosquitto or roomwire. */
  pidOf(name) {
    const isOurs = (pid) => {
      const found = look(pid);
      return found?.name === name && found.parent === this.program.pid;
    };
    return waitFor(() => allPids().find(isOurs), `${name} of ${this.program.pid}`);
  }

  /** Kills it with -9 and waits until another one serves. */
  async killAndSeeBack(name) {
    const [pid, since] = [await this.pidOf(name), this.program.log.length];
    process.kill(pid, 'SIGKILL');
    await this.program.says(/dev: the (broker|gateway) stopped; starting it again/, since);
    await waitFor(async () => (await this.curl('/health/ready')).code === 0, `${name} to be back`);
    assert.notEqual(await this.pidOf(name), pid);
  }

  curl(path, ...args) {
    const ca = this.isTls ? ['--cacert', join(this.state, 'tls.crt')] : [];
    return run('curl', ['-fsS', ...ca, ...args, this.url + path]);
  }

  /** Runs the lines that were printed to be pasted, those that begin so; gives what they write. */
  async paste(...words) {
    const isWanted = (line) => words.some((word) => line.trimStart().startsWith(word));
    const { code, out, log } = await run('bash', ['-euc', this.program.out.split('\n').filter(isWanted).join('\n')],
      { cwd: root });
    assert.equal(code, 0, log);
    return out;
  }

  async token() {
    const { code, out, log } = await run(join(root, 'dev'), ['token', 'alice', '*=rw'], { env: this.env });
    assert.equal(code, 0, log);
    return out.trim();
  }

  async history(token) {
    const { code, out, log } = await this.curl('/rooms/lobby/messages', '-H', `Authorization: Bearer ${token}`);
    assert.equal(code, 0, log);
    return JSON.parse(out).messages;
  }

  /** What is said by Ctrl-C is said to the whole foreground of the terminal. */
  async interrupt() {
    const pids = await Promise.all(['mosquitto', 'roomwire'].map((name) => this.pidOf(name)));
    process.kill(-this.program.pid, 'SIGINT');
    const { code } = await within(this.program.ended, 'the end of ./dev run');
    assert.equal(code, 0, this.program.log);
    this.assertNothingRuns(pids);
  }

  assertNothingRuns(pids) {
    assert.deepEqual(pids.map(look), [null, null]);
    assert.deepEqual(naming(this.state), []);
    assert.ok(!existsSync(`/proc/${this.program.pid}`));
  }
}

async function sayByMqtt(dev, token, text) {
  const tls = dev.isTls ? ['--cafile', join(dev.state, 'tls.crt')] : [];
  const port = dev.isTls ? dev.mqttsPort : dev.mqttPort;
  const { code, log } = await run('mosquitto_pub', ['-h', '127.0.0.1', '-p', `${port}`, ...tls,
    '-u', 'alice', '-P', token, '-q', '1', '-t', 'rooms/lobby/messages', '-m', text]);
  assert.equal(code, 0, log);
}

const textsOf = (messages) => messages.map(({ text }) => text);

for (const isTls of [false, true]) {
  test(`./dev run${isTls ? ' with ROOMWIRE_TLS=1' : ''}`, { skip }, async (t) => {
    const dev = await DevRun.create(t, isTls);
    await dev.start();
    for (const file of ['roomwire.conf', 'mosquitto.conf']) {
      const [first] = readFileSync(join(dev.state, file), 'utf8').split('\n');
      assert.ok(first.endsWith(`Change ${join(root, file)}.`), `who edits ${file} is told where: ${first}`);
    }
    const pasted = await dev.paste('TOKEN=', 'mosquitto_pub', 'curl');
    assert.match(pasted, /"text":"hello"/);
    const token = await dev.token();
    const post = async (text) => {
      const { code, log } = await dev.curl('/rooms/lobby/messages', '-H', `Authorization: Bearer ${token}`,
        '--data-urlencode', `text=${text}`);
      assert.equal(code, 0, log);
    };
    await sayByMqtt(dev, token, 'by MQTT');
    await post('by HTTP');
    const expected = ['hello', 'hello from curl', 'by MQTT', 'by HTTP'];
    assert.deepEqual(textsOf(await dev.history(token)), expected);

    await dev.killAndSeeBack('mosquitto');
    await sayByMqtt(dev, token, 'to another broker');
    await dev.killAndSeeBack('roomwire');
    await post('to another gateway');
    expected.push('to another broker', 'to another gateway');
    const before = await dev.history(token);
    assert.deepEqual(textsOf(before), expected);
    await dev.interrupt();

    await dev.start();
    assert.deepEqual(await dev.history(token), before);
    const pids = await Promise.all(['mosquitto', 'roomwire'].map((name) => dev.pidOf(name)));
    await dev.program.kill('SIGKILL'); // the kernel tells the two
    await waitFor(() => pids.every((pid) => look(pid) === null), 'the end of both');
    dev.assertNothingRuns(pids);
  });
}

test('./dev run with ROOMWIRE_TLS=1: wss, and only for who trusts its certificate', { skip }, async (t) => {
  const dev = await DevRun.create(t, true);
  await dev.start();
  const token = await dev.token();
  const ca = readFileSync(join(dev.state, 'tls.crt'));
  const url = `${dev.url.replace('https', 'wss')}/mqtt`;
  const client = await connect(null, { url, token, ca });
  await client.subscribe('rooms/lobby/messages', { qos: 1 });
  assert.equal(await client.publish('rooms/lobby/messages', 'by wss'), 0);
  assert.deepEqual(textsOf(await client.receive(1)), ['by wss']);
  assert.deepEqual(textsOf(await dev.history(token)), ['by wss']);
  await client.end();
  const refused = await new Promise((resolve) => get(dev.url, () => resolve(null)).on('error', resolve));
  assert.match(refused?.code, /SELF_SIGNED/);
  await dev.interrupt();
});

test('./dev run says which port is in use, and starts nothing', { skip }, async (t) => {
  const dev = await DevRun.create(t, false);
  await dev.start();
  const { code, log } = await run(join(root, 'dev'), ['run'], { env: dev.env });
  assert.equal(code, 1, log);
  assert.match(log, new RegExp(`port ${dev.mqttPort} is in use`));
  assert.equal((await dev.curl('/health/ready')).code, 0);
  await dev.interrupt();
});

test('./dev run leaves the port to a gateway that is started by hand, and takes it back', { skip }, async (t) => {
  const dev = await DevRun.create(t, false);
  await dev.start();
  const token = await dev.token();
  const post = (text) => dev.curl('/rooms/lobby/messages', '-H', `Authorization: Bearer ${token}`,
    '--data-urlencode', `text=${text}`);
  const other = new Program(join(buildFolder, 'gateway/roomwire'),
    ['serve', '--config', join(dev.state, 'roomwire.conf')], { env: {}, cwd: tmpdir() });
  t.after(() => other.kill('SIGKILL'));
  await dev.program.says(/dev: another gateway serves/);
  assert.equal((await post('to the other')).code, 0);
  const { code } = await other.kill('SIGTERM');
  assert.equal(code, 0, other.log);
  assert.doesNotMatch(other.log, /another gateway serves/); // nobody took the port from it
  await dev.program.says(/dev: the gateway stopped; starting it again/);
  await waitFor(async () => (await dev.curl('/health/ready')).code === 0, 'our own gateway');
  assert.equal((await post('to ours')).code, 0);
  assert.deepEqual(textsOf(await dev.history(token)), ['to the other', 'to ours']);
  await dev.interrupt();
});

test('./dev run builds the two programs alone, and anew in a checkout that was moved', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'roomwire-test-'));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const path of ['dev', 'tests/run', 'package-lock.json']) cpSync(join(root, path), join(folder, path), { recursive: true });
  for (const path of ['bin', 'node_modules']) mkdirSync(join(folder, path), { recursive: true });
  cpSync(join(root, 'package-lock.json'), join(folder, 'node_modules/.roomwire-lock'));
  writeFileSync(join(folder, 'bin/cmake'), '#!/bin/sh\necho "asked $*"\n[ "$1" != --build ]\n', { mode: 0o755 });
  const cache = join(folder, 'build/release/CMakeCache.txt');
  const build = async (home) => {
    mkdirSync(dirname(cache), { recursive: true });
    writeFileSync(cache, `CMAKE_HOME_DIRECTORY:INTERNAL=${home}\n`);
    const { code, log } = await run(join(folder, 'dev'), ['run'],
      { env: { PATH: `${join(folder, 'bin')}:${process.env.PATH}`, ROOMWIRE_BUILD: '' } });
    assert.equal(code, 1, log);
    assert.match(log, /^asked --build --preset release .*--target roomwire mosquitto_roomwire /m);
  };
  await build('/elsewhere');
  assert.ok(!existsSync(cache)); // with it CMake would refuse
  await build(folder);
  assert.ok(existsSync(cache));
});

test('./dev fuzz does not say that all is well where there is no such target', async () => {
  const { code, log } = await run(join(root, 'dev'), ['fuzz', '1', 'tpyo'], { env: {} });
  assert.equal(code, 1, log);
  assert.match(log, /there is no target tpyo/);
});
