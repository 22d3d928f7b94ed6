// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
// What a refusal by HTTP leaves in the logs: one line, and nothing that is a secret.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';

/**
 * Runs `ask`, a request that has to be refused with `status`, and gives its answer and the one line
 * about it in the gateway's log, after checking that no line of either program has one of `secrets`.
 * Of a token no part may be there.
 */
export async function refusedOnce(stack, status, secrets, ask) {
  const { program } = stack.gateway;
  const since = program.log.length;
  const sinceBroker = stack.broker.log.length;
  const answer = await ask();
  assert.equal(answer.status, status, answer.text);
  // Another refusal, whose line is behind all that there is about the first.
  const end = `/${randomUUID()}`;
  await (await fetch(stack.url + end)).arrayBuffer();
  await program.says(end, since);
  const lines = program.log.slice(since).split('\n').filter((line) => / refuse /.test(line) && !line.includes(end));
  assert.equal(lines.length, 1, lines.join('\n'));
  assert.match(lines[0], new RegExp(` refuse status=${status} `));
  const said = program.log.slice(since) + stack.broker.log.slice(sinceBroker);
  const parts = secrets.flatMap((secret) => secret.split('.')).filter((part) => part !== '');
  for (const secret of parts) assert.ok(!said.includes(secret), `${secret} in\n${said}`);
  return { answer, line: lines[0] };
}
