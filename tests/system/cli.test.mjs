// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// roomwire token | history | bill | check on the command line: what they print, and how they fail.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { root } from './lib/broker.mjs';
import { run } from './lib/process.mjs';
import { command, program, startStack } from './lib/stack.mjs';

const COMMANDS = ['serve', 'token', 'history', 'bill', 'check'];
const SECRET = 'a secret of thirty-two bytes and more';

let folder;

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'roomwire-cli-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** Writes a configuration; gives its path. */
function configure(name, options = {}) {
  writeFileSync(join(folder, 'jwt.secret'), `${SECRET}\n`, { mode: 0o600 });
  writeFileSync(join(folder, 'service.secret'), 'service secret, long enough\n', { mode: 0o600 });
  const path = join(folder, `${name}.conf`);
  const all = { secret_file: 'jwt.secret', ...options };
  writeFileSync(path, Object.entries(all).map(([k, v]) => `${k} = ${v}\n`).join(''));
  return path;
}

const claimsOf = (token) => JSON.parse(Buffer.from(token.trim().split('.')[1], 'base64url'));

async function fails(code, words, pattern) {
  const { code: was, out, err } = await command(...words);
  assert.equal(was, code, `${words.join(' ')}: ${out}${err}`);
  assert.equal(out, '');
  assert.match(err, pattern);
}

describe('every command', () => {
  test('has help, and roomwire lists them all', async () => {
    const { code, out } = await command('--help');
    assert.equal(code, 0);
    for (const name of COMMANDS) {
      assert.match(out, new RegExp(`^  ${name} `, 'm'));
      const help = await command(name, '--help');
      assert.deepEqual([help.code, help.err], [0, '']);
      assert.match(help.out, new RegExp(`^usage: roomwire ${name}`));
      assert.match(help.out, /--config FILE/);
    }
    assert.match((await command('--version')).out, /^roomwire \d+\.\d+\.\d+\n$/);
  });

  test('says what is wrong with the command line, and exits with 2', async () => {
    const config = configure('usage');
    const cases = [
      [['nonsense'], /there is no command "nonsense"/],
      [['token'], /whose token\?/],
      [['token', 'alice', '--nonsense'], /no option --nonsense/],
      [['token', 'alice', '-x'], /no option -x/],
      [['token', 'alice', '--ttl'], /--ttl needs a value/],
      [['token', 'alice', '--ttl', '1', '--ttl=2'], /--ttl was given twice/],
      [['token', 'alice', '--ttl', '-5'], /whole number of seconds/],
      [['token', 'alice', 'lobby'], /expected ROOM=r/],
      [['token', 'alice', 'lobby=x'], /rights are r, w, rw/],
      [['token', 'alice', '.bad=r'], /a room has 1 to 64/],
      [['token', 'alice', 'lobby=r', 'lobby=w'], /lobby was given twice/],
      [['token', 'alice', '--claim', 'x'], /expected NAME=JSON/],
      [['token', 'alice', '--claim', 'x=y'], /no JSON/],
      [['token', 'alice', '--claim', 'sub="x"'], /argument of its own/],
      [['history'], /one room has to be named/],
      [['history', 'a', 'b'], /one room/],
      [['history', 'a/b'], /no name of a room/],
      [['history', 'a', '--limit', '0'], /limit has to be/],
      [['history', 'a', '--before=1', '--after=1'], /not both/],
      [['history', 'a', '--json=1'], /takes no value/],
      [['bill', 'x'], /no argument was expected/],
      [['bill', '--json', '--csv'], /one of them/],
      [['check', 'lobby'], /together with --token/],
      [['serve', 'x'], /no argument was expected/],
    ];
    for (const [words, pattern] of cases)
      await fails(2, words[0] === 'nonsense' ? words : [words[0], '--config', config, ...words.slice(1)], pattern);
    await fails(2, [], /usage: roomwire/);
  });

  test('names the file and the line of a configuration that is wrong', async () => {
    const config = configure('wrong', { max_payload: 'many' });
    for (const words of [['serve'], ['token', 'alice'], ['history', 'x'], ['bill'], ['check']])
      await fails(1, [words[0], '--config', config, ...words.slice(1)], /wrong\.conf:2: max_payload: expected a whole number/);
    await fails(1, ['check', '--config', join(folder, 'absent.conf')], /absent\.conf: cannot be read/);
  });

  test('finds the configuration in the environment and in the folder', async () => {
    const config = configure('roomwire');
    const { ROOMWIRE_CONFIG, ...env } = process.env;
    const named = await command('token', 'alice', { env: { ...env, ROOMWIRE_CONFIG: config }, cwd: '/' });
    assert.equal(named.code, 0, named.err);
    assert.equal((await command('token', 'alice', { cwd: folder })).code, 0);
  });
});

describe('token', () => {
  test('prints a token and nothing else', async () => {
    const config = configure('token', { issuer: 'us', audience: 'them' });
    const { code, out, err } = await command('token', '--config', config, 'alice', 'lobby=rw', '*=r', 'none=', 'bill=r',
      'admin=true', '--name', 'Ä "quoted"', '--ttl', '60', '--claim', 'x={"a":[1]}', '--claim=ü="v"');
    assert.deepEqual([code, err], [0, '']);
    assert.match(out, /^[\w-]+\.[\w-]+\.[\w-]+\n$/);
    const { iat, exp, ...claims } = claimsOf(out);
    assert.deepEqual(claims, {
      sub: 'alice', name: 'Ä "quoted"', rooms: { lobby: 'rw', '*': 'r', none: '' }, bill: 'r', admin: true,
      x: { a: [1] }, ü: 'v', iss: 'us', aud: 'them',
    });
    assert.equal(exp - iat, 60);
    assert.ok(Math.abs(iat - Date.now() / 1000) < 60);
  });

  test('refuses to make one that would be refused', async () => {
    await fails(1, ['token', '--config', configure('always'), 'alice', '--ttl', '0'], /no token was made: .*exp/i);
    const forever = configure('forever', { require_exp: 'no' });
    const { code, out } = await command('token', '--config', forever, 'alice', '--ttl', '0');
    assert.equal(code, 0);
    assert.equal(claimsOf(out).exp, undefined);
    await fails(1, ['token', '--config', configure('short'), 'x'.repeat(129)], /no token was made/);
    await fails(1, ['token', '--config', configure('only', { algorithms: 'HS512' }), 'alice'], /HS256/);
    await fails(1, ['token', '--config', configure('missing', { secret_file: 'absent' }), 'alice'], /absent/);
  });
});

describe('check', () => {
  test('says why a token is refused, or what it grants', async () => {
    const config = configure('judge', { leeway_s: 0 });
    const { out: token } = await command('token', '--config', config, 'alice', 'lobby=rw', 'ops=r', 'bill=r');
    const good = await command('check', '--config', config, '--token', '-', 'other', { input: `Bearer ${token}` });
    assert.equal(good.code, 0, good.err);
    assert.match(good.out, /^subject +alice$/m);
    assert.match(good.out, /^room +lobby: read and write$/m);
    assert.match(good.out, /^room +ops: read$/m);
    assert.match(good.out, /^room +other: nothing$/m);
    assert.match(good.out, /^right +bill$/m);
    const [head, payload] = token.split('.');
    const cases = [
      [`${head}.${payload}.AAAA`, /refused: .*signature/],
      ['x', /refused: /],
      ['', /refused: /],
      [token.replace(/^[^.]+/, Buffer.from('{"alg":"none"}').toString('base64url')), /refused: .*algorithm/],
    ];
    for (const [text, pattern] of cases) {
      const file = join(folder, 'token.txt');
      writeFileSync(file, text);
      await fails(1, ['check', '--config', config, '--token', file], pattern);
    }
    await fails(1, ['check', '--config', config, '--token', join(folder, 'absent')], /cannot be read/);
  });

  test('finds what is wrong with an installation', async () => {
    const fine = await command('check', '--config', configure('fine'));
    assert.equal(fine.code, 0, fine.out + fine.err);
    assert.match(fine.out, /^ok +configuration: .*\/fine\.conf$/m);
    assert.match(fine.out, /^ok +keys: 1$/m);
    assert.match(fine.out, /^note +database: .*not there yet/m);
    assert.match(fine.out, /^note +broker_socket: /m);
    const cases = [
      [{ guests: 'yes', algorithms: 'HS512' }, /^problem guests: needs secret_file/m],
      [{ guests: 'yes', guest_rights: '[]' }, /^problem guest_rights/m],
      [{ secret_file: 'absent' }, /^problem keys: .*absent/m],
      [{ service_secret_file: 'absent' }, /^problem service_secret_file: .*absent/m],
      [{ default_rights: 'x' }, /^problem rights: default_rights/m],
      [{ room_topic: 'rooms/x' }, /^problem rights: room_topic/m],
      [{ database: 'absent/roomwire.db' }, /^problem database: the folder/m],
      [{ database: 'jwt.secret' }, /^problem database/m],
      [{ tls_certificate: 'absent.crt' }, /^problem tls_certificate/m],
      [{ tls_certificate: 'jwt.secret', tls_key: 'jwt.secret' }, /^problem tls_certificate: .*jwt\.secret/m],
      [{ listen: 'nonsense' }, /^problem server: listen: nonsense: expected address:port/m],
      [{ listen: 'https://127.0.0.1:0' }, /^problem server: listen: .*needs tls_certificate/m],
      [{ broker_socket: 'x'.repeat(120) }, /^problem broker_socket: .*107 bytes/m],
    ];
    for (const [options, pattern] of cases) {
      const { code, out, err } = await command('check', '--config', configure('broken', options));
      assert.equal(code, 1, out);
      assert.match(out, pattern);
      assert.match(err, /^roomwire check: \d+ problems?$/m);
    }
    await fails(1, ['check', '--config', configure('loud', { log_level: 'loud' })],
      /loud\.conf:\d+: log_level: expected error, warning, info or debug/);
    chmodSync(join(folder, 'jwt.secret'), 0o644);
    const open = await command('check', '--config', join(folder, 'fine.conf'));
    assert.match(open.out, /^problem secret_file: .*everybody can read/m);
    execFileSync('sqlite3', [join(folder, 'old.db'), `.read ${join(root, 'schema/0001_messages.sql')}`]);
    const old = await command('check', '--config', configure('old', { database: 'old.db' }));
    assert.match(old.out, /^note +database: .* written by an older version and not migrated yet/m);
    assert.match((await command('check', '--options')).out, /^max_payload = 131072$/m);
  });
});

describe('with a running stack', () => {
  let stack;
  before(async () => {
    stack = await startStack();
  });
  after(() => stack?.stop());

  test('history shows what was posted a moment before', async () => {
    const alice = await stack.caller('alice', '*=rw', '--name', 'Al');
    const nothing = await stack.command('history', 'lobby');
    assert.deepEqual([nothing.code, nothing.out], [0, '']);
    const first = (await alice.post('/rooms/lobby/messages', { text: 'one\u001b[31m\nred' })).json;
    const second = (await alice.post('/rooms/lobby/messages', Buffer.from([0, 255]))).json;
    const { code, out, err } = await stack.command('history', 'lobby');
    assert.deepEqual([code, err], [0, '']);
    assert.equal(out, `${first.date} ${first.id} alice (Al): one\\x1b[31m\\x0ared\n` +
      `${second.date} ${second.id} alice (Al): (2 bytes)\n`);
    const json = await stack.command('history', 'lobby', '--json', '--limit', '1');
    assert.deepEqual(JSON.parse(json.out), { room: 'lobby', epoch: first.epoch, messages: [second], more: true });
    const after = await stack.command('history', 'lobby', '--after', String(first.id), '--json');
    assert.deepEqual(JSON.parse(after.out).messages, [second]);
  });

  test('bill counts by the block, and check is content', async () => {
    const alice = await stack.caller('alice', '*=rw');
    assert.equal((await alice.post('/rooms/billed/messages', Buffer.alloc(900))).status, 201);
    const { code, out } = await stack.command('bill', '--json');
    assert.equal(code, 0);
    const line = JSON.parse(out).today.rooms.find((room) => room.name === 'billed');
    assert.deepEqual([line.messages_in, line.blocks_in, line.bytes_in], [1, 2, 900]);
    const text = await stack.command('bill');
    assert.match(text.out, /billed/);
    const csv = await stack.command('bill', '--csv');
    assert.match(csv.out, /^today,.*,room,"billed",1,0,2,0,900,0,10\r$/m);
    const check = await stack.command('check');
    assert.equal(check.code, 0, check.out + check.err);
    assert.match(check.out, /^ok +database: .* last message \d+$/m);
    assert.match(check.out, /^ok +broker_socket: .* answers$/m);
    assert.doesNotMatch(check.out, /cannot write/);
  });

  test('check sees a database that only root may write, as a backup is that root has put back', async () => {
    const { database } = stack.broker;
    chmodSync(database, 0o400);
    // root may write it all the same, unless it has no capabilities
    const words = [...(process.getuid() === 0 ? ['setpriv', '--bounding-set=-all'] : []),
      program, 'check', '--config', stack.gateway.path];
    const { code, out } = await run(words[0], words.slice(1));
    chmodSync(database, 0o600);
    assert.equal(code, 0, out);
    assert.match(out, /^note +database: .* cannot write it/m);
  });
});
