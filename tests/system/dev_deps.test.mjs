// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// `./dev deps` on systems that have not every package: what it asks of apt. The programs that
// change a system are scripts of our own here, so nothing is installed.
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

import { root } from './lib/broker.mjs';
import { killLeftovers, run } from './lib/process.mjs';

after(killLeftovers);

// What stands in for the system's programs. `lists` is there once apt was updated, `installed` has
// a package a line, `absent` those that the suite has not.
const programs = {
  'apt-get': `
    case "$*" in
    indextargets*) if [[ -e lists ]]; then echo 'Created-By: Packages'; fi ;;
    update*) touch lists; echo x >>updates ;;
    install*) printf '%s\\n' "$@" | grep -v -e ^install -e ^- >new
      if grep -qxFf absent new; then echo 'E: Unable to locate package' >&2; exit 100; fi
      cat new >>installed ;;
    esac`,
  'apt-cache': '[[ ! -e lists || $1 != pkgnames ]] || grep -qxF "$2" absent || echo "$2"',
  'dpkg-query': '! grep -qxF "${!#}" installed || printf installed',
  sudo: 'exec "$@"',
  npm: 'echo "$*" >npm-asked',
  systemctl: '',
};

class System {
  constructor(t, absent) {
    this.folder = mkdtempSync(join(tmpdir(), 'roomwire-test-'));
    t.after(() => rmSync(this.folder, { recursive: true }));
    for (const [name, script] of Object.entries(programs))
      writeFileSync(join(this.folder, name), `#!/bin/bash\ncd '${this.folder}'\n${script}\n`, { mode: 0o755 });
    writeFileSync(join(this.folder, 'absent'), absent.map((name) => `${name}\n`).join(''));
    writeFileSync(join(this.folder, 'installed'), '');
  }

  lines(file) {
    const path = join(this.folder, file);
    return existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : [];
  }

  async deps(...args) {
    const own = join(this.folder, 'dev'); // of a checkout in the same folder, if there is one
    const { code, out, log } = await run(existsSync(own) ? own : join(root, 'dev'), ['deps', ...args],
      { env: { PATH: `${this.folder}:${process.env.PATH}` } });
    assert.equal(code, 0, log);
    return out.split('\n').slice(0, -1);
  }
}

test('./dev deps installs Pushpin where there is one', async (t) => {
  const system = new System(t, []);
  await system.deps();
  assert.ok(system.lines('installed').includes('pushpin'));
  assert.ok(system.lines('installed').includes('mosquitto'));
});

test('./dev deps goes without Pushpin where there is none, and asks nothing the second time', async (t) => {
  const system = new System(t, ['pushpin']);
  await system.deps();
  assert.ok(system.lines('installed').includes('mosquitto'));
  assert.ok(!(await system.deps('--list')).includes('pushpin'));
  await system.deps();
  assert.equal(system.lines('updates').length, 1);
});

test('./dev deps run leaves out what only tests and benches need', async (t) => {
  const system = new System(t, []);
  const listed = await system.deps('--list', 'run');
  await system.deps('run');
  assert.ok(['gcc', 'mosquitto'].every((name) => listed.includes(name)));
  assert.ok(!['chromium', 'valgrind', 'nginx', 'clang'].some((name) => listed.includes(name)));
  const isAsked = (name) => !['nodejs', 'npm'].includes(name); // by command, and these are there
  assert.deepEqual(system.lines('installed').sort(), listed.filter(isAsked).sort());
});

test('./dev deps has npm install what the build needs, on servers as well', async (t) => {
  const system = new System(t, []);
  for (const path of ['dev', 'tests/run', 'package-lock.json'])
    cpSync(join(root, path), join(system.folder, path), { recursive: true });
  mkdirSync(join(system.folder, 'node_modules'));
  await system.deps('run'); // NODE_ENV=production has npm leave out what only development needs
  assert.match(system.lines('npm-asked').join(), /^ci .*--include=dev/);
});

test('./dev deps says which groups there are to who asks for another', async () => {
  const { code, log } = await run(join(root, 'dev'), ['deps', 'tpyo'], { env: {} });
  assert.equal(code, 1, log);
  assert.match(log, /no such group: tpyo/);
});
