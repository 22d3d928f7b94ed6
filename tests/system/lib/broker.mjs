// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
// A broker with the plugin, in a folder of its own, on a free port.
//
//   ROOMWIRE_BUILD   the build folder whose plugin is tested (build/ci)
//   MOSQUITTO        the one broker to test with; without it this system's own and those of other
//                    Debian suites (fetch-brokers.sh)
import { execFileSync } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Program, run } from './process.mjs';
import { mint } from './token.mjs';
import { waitFor } from './wait.mjs';

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');
export const buildFolder = resolve(root, process.env.ROOMWIRE_BUILD ?? 'build/ci');
const pluginPath = join(buildFolder, 'plugin/mosquitto_roomwire.so');

const readText = (path) => (existsSync(path) ? readFileSync(path, 'utf8').trim() : '');

// What the sanitizers need to work inside a program that was built without them.
function sanitizerEnv() {
  const flags = readText(join(buildFolder, 'CMakeCache.txt')).match(/^ROOMWIRE_SANITIZE:.*=(.+)$/m);
  if (!flags) return null;
  const library = (name) => execFileSync('gcc', [`-print-file-name=${name}`]).toString().trim();
  if (flags[1] === 'thread') {
    process.env.TSAN_OPTIONS ??= `suppressions=${join(root, 'tests/run/tsan.supp')}`; // the gateway's too
    return { LD_PRELOAD: library('libtsan.so') };
  }
  return {
    // The broker does not free everything at its end, and keeps what plugins are loaded with.
    ASAN_OPTIONS: 'detect_leaks=0:abort_on_error=1:verify_asan_link_order=0',
    UBSAN_OPTIONS: 'print_stacktrace=1:halt_on_error=1',
    LD_PRELOAD: `${library('libasan.so')}:${library('libubsan.so')}`,
  };
}
export const sanitizers = sanitizerEnv();

// The brokers to test with: { name, command, is21, skip }.
export function brokers() {
  if (process.env.MOSQUITTO) return [describeBroker('mosquitto', process.env.MOSQUITTO)];
  const own = describeBroker('mosquitto', 'mosquitto');
  if (sanitizers) return [own]; // other C libraries cannot be told to load ours
  const folder = join(root, 'build/brokers');
  execFileSync(join(root, 'tests/system/lib/fetch-brokers.sh'), [folder], { stdio: 'pipe' });
  const others = ['trixie', 'forky'].map((suite) => {
    const command = join(folder, suite, 'mosquitto');
    if (existsSync(command)) return describeBroker(suite, command);
    return { name: `mosquitto of ${suite}`, skip: readText(join(folder, suite, 'why')) || 'not fetched' };
  });
  // One that is this system's own would only be tested twice.
  return [own, ...others.filter((other) => other.skip || other.version !== own.version)];
}

function describeBroker(name, command) {
  let text = '';
  try {
    text = execFileSync(command, ['-h'], { stdio: 'pipe' }).toString();
  } catch (error) {
    text = `${error.stdout ?? ''}`; // it calls asking for help a failure
  }
  const version = text.match(/mosquitto version (\d[\d.]*)/)?.[1];
  if (!version) throw new Error(`${command} is no Mosquitto`);
  const [major, minor] = version.split('.').map(Number);
  return { name: `${name} ${version}`, command, version, is21: major > 2 || minor >= 1 };
}

// Not one of those that systems give to outgoing connections (Linux: from 32768 on), of which many are
// made before it is used, and while a program is restarted on it.
export async function freePort() {
  for (;;) {
    const port = randomInt(10000, 32768);
    const server = createServer();
    const isFree = await new Promise((done) => {
      server.on('error', () => done(false)).listen(port, '127.0.0.1', () => done(true));
    });
    if (!isFree) continue;
    await new Promise((done) => server.close(done));
    return port;
  }
}

const lines = (options) =>
  Object.entries(options)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name} = ${value}\n`)
    .join('');

// `roomwire` holds options of roomwire.conf, `mosquitto` further lines of mosquitto.conf,
// `folder` an existing state folder; `persistence` switches the broker's own on.
export async function startBroker({ broker = brokers()[0], roomwire = {}, mosquitto = [], folder,
  persistence = false, port } = {}) {
  const it = new Broker(broker, folder ?? mkdtempSync(join(tmpdir(), 'roomwire-test-')));
  it.ownsFolder = folder === undefined;
  it.port = port ?? (await freePort());
  it.writeFiles(roomwire, mosquitto, persistence);
  await it.start();
  return it;
}

export class Broker {
  constructor(kind, folder) {
    this.kind = kind;
    this.folder = folder;
    this.socket = join(folder, 'mosquitto.sock');
    this.database = join(folder, 'roomwire.db');
    this.past = ''; // the logs of earlier runs
  }

  writeFiles(roomwire, mosquitto, persistence) {
    for (const name of ['jwt', 'service']) {
      const path = join(this.folder, `${name}.secret`);
      if (!existsSync(path)) writeFileSync(path, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600 });
    }
    this.secret = readText(join(this.folder, 'jwt.secret'));
    this.serviceSecret = readText(join(this.folder, 'service.secret'));
    this.roomwire = { secret_file: 'jwt.secret', service_secret_file: 'service.secret',
      database: 'roomwire.db', broker_socket: 'mosquitto.sock', spool_size: 4194304,
      ...roomwire };
    this.writeRoomwireConf();
    this.mosquittoLines = [
      ...(process.getuid() === 0 ? ['user root'] : []),
      'per_listener_settings false', 'allow_anonymous false',
      `plugin ${pluginPath}`, `plugin_opt_config ${join(this.folder, 'roomwire.conf')}`,
      `listener ${this.port} 127.0.0.1`, `listener 0 ${this.socket}`,
      'max_queued_messages 10000', 'max_inflight_messages 200', 'set_tcp_nodelay true',
      `persistence ${persistence}`, `persistence_location ${this.folder}/`,
      'log_dest stderr', 'log_type all', ...mosquitto,
    ];
    this.writeMosquittoConf();
  }

  writeRoomwireConf(changes = {}) {
    Object.assign(this.roomwire, changes);
    writeFileSync(join(this.folder, 'roomwire.conf'), lines(this.roomwire));
  }

  writeMosquittoConf() {
    writeFileSync(join(this.folder, 'mosquitto.conf'), `${this.mosquittoLines.join('\n')}\n`);
  }

  // Starts the process; fails with its log if it does not come up.
  async start() {
    if (this.program) this.past += this.program.log;
    this.program = new Program(this.kind.command, ['-c', join(this.folder, 'mosquitto.conf')],
      { env: sanitizers ?? {} });
    await this.program.says(/mosquitto version \S+ running/);
  }

  get pid() {
    return this.program.pid;
  }

  get log() {
    return this.past + this.program.log;
  }

  // Waits for a line; `since` is a length of `log` to look behind.
  async says(pattern, since = 0) {
    return this.program.says(pattern, Math.max(0, since - this.past.length));
  }

  async stop() {
    // Mosquitto forgets a signal that comes between its word "running" and its loop: tell it again.
    const again = setInterval(() => this.program.child.kill('SIGTERM'), 500);
    const { code } = await this.program.kill('SIGTERM').finally(() => clearInterval(again));
    if (code !== 0) throw new Error(`the broker ended with ${code}:\n${this.program.log}`);
  }

  async kill() {
    await this.program.kill('SIGKILL');
  }

  async restart() {
    await this.stop();
    await this.start();
  }

  async reload() {
    const since = this.log.length;
    const tell = () => process.kill(this.pid, 'SIGHUP');
    tell();
    // Mosquitto forgets a signal that comes as it ends the reload before: tell it again.
    const again = setInterval(tell, 2000);
    await this.says(/roomwire: (reloaded|not reloaded)/, since).finally(() => clearInterval(again));
  }

  // Ends it and removes its folder; a crash or a sanitizer's report is a failure.
  async close() {
    let failure;
    if (!this.program.hasEnded) await this.stop().catch((error) => (failure = error));
    if (this.ownsFolder) rmSync(this.folder, { recursive: true, force: true });
    const report = this.log.match(/.*((Address|Thread)Sanitizer|runtime error:)[^]*/);
    if (report) throw new Error(report[0]);
    if (failure) throw failure;
  }

  // A token of this broker's: token('alice', { lobby: 'rw' }), further claims behind.
  token(sub, rooms = { '*': 'rw' }, claims = {}) {
    return mint(this.secret, { sub, ...(rooms && { rooms }), ...claims });
  }

  // What the sqlite3 shell answers, as objects. The database is the writer's, so reading may meet
  // it as it is made.
  async sql(query) {
    const { code, out, log } = await run('sqlite3',
      ['-readonly', '-json', '-cmd', '.timeout 5000', this.database, query]);
    if (code !== 0) throw new Error(`${query}: ${log}`);
    return out.trim() === '' ? [] : JSON.parse(out);
  }

  // The messages of a room, oldest first.
  messages(room) {
    return this.sql('SELECT m.id, m.prev, m.date_ms, m.sender, m.name, m.type, m.payload ' +
      'FROM messages m JOIN rooms USING (room_id) ' +
      `WHERE room = '${room}' ORDER BY m.id`);
  }

  // The same once there are so many: acknowledged is not yet in the database.
  async stored(room, count = 1) {
    let rows;
    await waitFor(async () => (rows = await this.messages(room)).length >= count, `${count} stored messages in ${room}`);
    return rows;
  }

  // All traffic, summed over the hours: one row a room, subject, face and direction.
  traffic(where = '1') {
    return this.sql('SELECT room, subject, face, direction, SUM(messages) AS messages, ' +
      'SUM(blocks) AS blocks, SUM(bytes) AS bytes FROM traffic ' +
      `WHERE ${where} GROUP BY room, subject, face, direction ORDER BY 1, 2, 3, 4`);
  }
}

export const FACE = { mqtt: 0, ws: 1, http: 2, html: 3, sse: 4, poll: 5 };
export const IN = 0;
export const OUT = 1;
