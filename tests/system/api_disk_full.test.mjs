// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// A full disk over HTTP: posts are refused with 507 and a reason, no 201 is lost, reads go on, and
// posting goes on when there is room again.
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { mountSmall, unmount } from './lib/small_disk.mjs';
import { startStack } from './lib/stack.mjs';
import { waitFor } from './lib/wait.mjs';

const SIZE = 24 * 1024 * 1024;
const BALLAST = 8 * 1024 * 1024;
const PAYLOAD = Buffer.alloc(64 * 1024, 255);

test('a full disk is 507 until there is room again', async (t) => {
  const folder = mountSmall(SIZE);
  if (folder === null) {
    t.skip('mounting a tmpfs is not allowed here');
    return;
  }
  let stack;
  try {
    writeFileSync(join(folder, 'ballast'), Buffer.alloc(BALLAST));
    stack = await startStack({ folder, config: { spool_size: 1 << 20, max_tallies: 256 } });
    const alice = await stack.caller('alice', '*=rw');
    const created = [];
    const post = async () => {
      const answer = await alice.post('/rooms/full/messages', PAYLOAD, { 'content-type': 'application/x' });
      if (answer.status === 201) created.push(answer.json.id);
      return answer;
    };

    const refused = await waitFor(async () => {
      const answer = await post();
      return answer.status !== 201 && answer;
    }, 'the disk to be full');
    assert.equal(refused.status, 507, refused.text);
    assert.match(refused.json.detail, /full/);
    assert.ok(created.length > 10);
    assert.equal((await alice.get('/rooms/full/messages?limit=1')).status, 200);
    assert.equal((await post()).status, 507);

    rmSync(join(folder, 'ballast'));
    await waitFor(async () => (await post()).status === 201, 'posts to be taken again');
    const kept = await alice.history('full', 50);
    assert.deepEqual(created.filter((id) => !kept.some((m) => m.id === id)), []);
    assert.equal(new Set(kept.map((m) => m.id)).size, kept.length);
    for (const message of kept) assert.equal(message.data, PAYLOAD.toString('base64'));
  } finally {
    await stack?.stop();
    unmount(folder);
  }
});

test('a disk without room for the state is told at the start', async (t) => {
  const folder = mountSmall(SIZE);
  if (folder === null) {
    t.skip('mounting a tmpfs is not allowed here');
    return;
  }
  try {
    writeFileSync(join(folder, 'ballast'), Buffer.alloc(SIZE - (2 << 20)));
    await assert.rejects(startStack({ folder }), /roomwire\.db-\w+: the disk is full/);
  } finally {
    unmount(folder);
  }
});

test('so is a limit of the log that is reached', async () => {
  const stack = await startStack({ config: { max_rooms: 1 } });
  try {
    const alice = await stack.caller('alice', '*=rw');
    assert.equal((await alice.post('/rooms/first/messages', { text: 'x' })).status, 201);
    const refused = await alice.post('/rooms/second/messages', { text: 'x' });
    assert.equal(refused.status, 507);
    assert.match(refused.json.detail, /max_rooms/);
    assert.equal((await alice.post('/rooms/first/messages', { text: 'y' })).status, 201);
  } finally {
    await stack.stop();
  }
});
