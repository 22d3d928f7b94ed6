// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
// The examples of docs/examples, as they are there.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';

import { freePort, root } from './lib/broker.mjs';
import { connect } from './lib/client.mjs';
import { describeBrokers } from './lib/each.mjs';
import { Program } from './lib/process.mjs';
import { startStack } from './lib/stack.mjs';
import { waitFor } from './lib/wait.mjs';

describeBrokers('examples of webhooks', (kind) => {
  // Runs an example and a stack whose hooks it serves.
  async function withExample(name, hooks, use) {
    const folder = mkdtempSync(join(tmpdir(), 'roomwire-example-'));
    const secretFile = join(folder, 'hook.secret');
    const [secret, port] = [randomBytes(32).toString('hex'), await freePort()];
    writeFileSync(secretFile, `${secret}\n`, { mode: 0o600 });
    const program = new Program(process.execPath, [join(root, 'docs/examples', name)], { env: { PORT: port, HOOK_SECRET: secret } });
    let stack;
    try {
      await program.says(/ready/);
      const urls = Object.fromEntries(hooks.map((hook) => [`webhook_${hook}`, `http://127.0.0.1:${port}/`]));
      stack = await startStack({ broker: kind, config: { webhook_secret_file: secretFile, ...urls } });
      await use(stack);
    } finally {
      await stack?.stop();
      await program.kill();
      rmSync(folder, { recursive: true, force: true });
    }
  }

  for (const name of ['broadcast.mjs', 'echo.mjs'])
    it(`${name} has fewer than 41 lines`, () => {
      assert.ok(readFileSync(join(root, 'docs/examples', name), 'utf8').trimEnd().split('\n').length < 41);
    });

  it('broadcast.mjs tells the lobby who comes, who goes and what is said', () =>
    withExample('broadcast.mjs', ['connect', 'disconnect', 'message'], async (stack) => {
      const watcher = await connect(stack.broker, { token: stack.broker.token('watcher') });
      await watcher.subscribe('rooms/lobby/messages');
      const bob = await connect(stack.broker, { token: stack.broker.token('bob', { say: 'w' }, { name: 'Bob' }) });
      const heard = (text) => waitFor(() => watcher.messages.some((m) => m.text === text), `"${text}"`);
      await heard('bob joined');
      await bob.publish('rooms/say/messages', 'hello all');
      await heard('Bob: hello all');
      await bob.end();
      await heard('bob left');
      assert.deepEqual(watcher.messages.filter((m) => /bob/i.test(m.text)).length, 3);
      await watcher.end();
    }));

  it('echo.mjs answers the sender with the time', () =>
    withExample('echo.mjs', ['message'], async (stack) => {
      const [alice, other] = [await connect(stack.broker, { token: stack.broker.token('alice') }),
        await connect(stack.broker, { token: stack.broker.token('other') })];
      await alice.publish('rooms/echo/messages', 'anybody there?');
      const [echo] = await alice.receive(1);
      assert.equal(echo.topic, '$roomwire/connection');
      assert.match(echo.text, /^\d{4}-\d\d-\d\dT[\d:.]+Z anybody there\?$/);
      assert.deepEqual(other.messages, []);
      await alice.end();
      await other.end();
    }));
});
