// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
// kill -9 of the broker under load, at random moments: what was acknowledged is in the history after
// the restart, once and in order (P4).
//
//   ROOMWIRE_KILL_ROUNDS   rounds with this system's broker (10)
import assert from 'node:assert/strict';
import { it } from 'node:test';

import { sanitizers, startBroker } from './lib/broker.mjs';
import { describeBrokers } from './lib/each.mjs';
import { Publisher } from './lib/load.mjs';
import { waitFor } from './lib/wait.mjs';

const ROUNDS = Number(process.env.ROOMWIRE_KILL_ROUNDS ?? (sanitizers ? 3 : 10));
const MESSAGES = 20000; // a round
const PUBLISHERS = 4;

const publishers = (round, withKeys) => Array.from({ length: PUBLISHERS }, (_, i) => new Publisher({
  subject: `p${i}`, topic: `rooms/round-${round}-${i % 2}/messages`, count: MESSAGES / PUBLISHERS,
  make: (seq) => `${i}:${seq}:${'x'.repeat((seq * 13) % 200)}`, withKeys }));

// Runs them all and kills the broker once so many are acknowledged.
async function runAndKill(broker, all, killAt) {
  const running = Promise.all(all.map((publisher) => publisher.run(broker)));
  await waitFor(() => all.reduce((sum, p) => sum + p.acked.size, 0) >= killAt, `${killAt} acknowledgements`, 120000);
  await broker.kill();
  await running;
}

// What the history has of each publisher, as sequence numbers in the order of the ids.
async function history(broker, round) {
  const rows = await broker.sql('SELECT m.id, m.prev, r.room, m.payload FROM messages m JOIN rooms r USING (room_id) ' +
    `WHERE r.room LIKE 'round-${round}-%' ORDER BY m.id`);
  const last = {};
  const bySender = Array.from({ length: PUBLISHERS }, () => []);
  for (const row of rows) {
    assert.equal(row.prev, last[row.room] ?? 0, 'the chain of a room');
    last[row.room] = row.id;
    const [sender, seq] = row.payload.toString().split(':').map(Number);
    bySender[sender].push(seq);
  }
  return bySender;
}

// The writer takes what the spool had when it starts; it has, once all that was accepted is there.
const settled = (broker, all, round) => waitFor(async () => {
  const kept = await history(broker, round);
  return all.every((p, i) => { const set = new Set(kept[i]); return [...p.acked].every((seq) => set.has(seq)); }) && kept;
}, 'all that was acknowledged').catch(() => history(broker, round));

function check(kept, all) {
  for (const [i, publisher] of all.entries()) {
    const set = new Set(kept[i]);
    const lost = [...publisher.acked].filter((seq) => !set.has(seq));
    assert.deepEqual(lost, [], `acknowledged and lost (publisher ${i})`);
    assert.equal(set.size, kept[i].length, `kept twice (publisher ${i})`);
    assert.deepEqual(kept[i], [...kept[i]].sort((a, b) => a - b), `out of order (publisher ${i})`);
  }
}

describeBrokers('kill -9', (kind) => {
  const rounds = kind.command === 'mosquitto' ? ROUNDS : Math.min(3, ROUNDS);

  it(`${rounds} rounds of ${MESSAGES}: nothing acknowledged is lost`, async (t) => {
    const broker = await startBroker({ broker: kind });
    for (let round = 0; round < rounds; round++) {
      const all = publishers(round, false);
      const killAt = 1 + Math.floor(Math.random() * (MESSAGES - 1));
      await runAndKill(broker, all, killAt);
      await broker.start();
      check(await settled(broker, all, round), all);
      t.diagnostic(`round ${round}: killed at ${killAt}, acknowledged ${all.reduce((n, p) => n + p.acked.size, 0)}`);
    }
    assert.deepEqual(await broker.sql('PRAGMA integrity_check'), [{ integrity_check: 'ok' }]);
    await broker.close();
  });

  it('what is sent again with its key after the kill is there exactly once', async () => {
    const broker = await startBroker({ broker: kind });
    const all = publishers(0, true);
    for (let kill = 1; kill <= 3; kill++) {
      await runAndKill(broker, all, Math.floor((MESSAGES * (kill - Math.random())) / 4));
      await broker.start();
    }
    await Promise.all(all.map((publisher) => publisher.run(broker)));
    const kept = await settled(broker, all, 0);
    for (const [i, publisher] of all.entries()) {
      assert.equal(publisher.acked.size, publisher.count);
      assert.deepEqual([...kept[i]].sort((a, b) => a - b), Array.from({ length: publisher.count }, (_, seq) => seq));
    }
    await broker.close();
  });
});
