// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
// Child programs: started with their output kept, and ended by the process that started them.
import { spawn } from 'node:child_process';

import { waitFor, within } from './wait.mjs';

const running = new Set();
// Ends what a failed test left running, which would keep the test file from ending.
export function killLeftovers() {
  running.forEach((child) => child.kill('SIGKILL'));
}
process.on('exit', killLeftovers);

// A running program. `log` is what it has written so far, both streams.
export class Program {
  constructor(command, args, { env = {}, cwd } = {}) {
    this.name = command;
    this.log = '';
    this.out = '';
    this.child = spawn(command, args, { env: { ...process.env, ...env }, cwd });
    this.pid = this.child.pid;
    this.ended = new Promise((resolve) => {
      this.child.on('close', (code, signal) => {
        running.delete(this.child);
        this.code = code;
        this.signal = signal;
        this.hasEnded = true;
        resolve({ code, signal });
      });
    });
    this.child.on('error', (error) => (this.log += `${error}\n`));
    this.child.stdin.on('error', () => {}); // it may end before it has read everything
    for (const stream of [this.child.stdout, this.child.stderr]) stream.setEncoding('utf8');
    this.child.stdout.on('data', (text) => ((this.log += text), (this.out += text)));
    this.child.stderr.on('data', (text) => (this.log += text));
    running.add(this.child);
  }

  // Waits until the log, from `start` on, has `pattern`.
  async says(pattern, start = 0) {
    const regex = typeof pattern === 'string' ? new RegExp(escape(pattern)) : pattern;
    return waitFor(() => {
      const match = this.log.slice(start).match(regex);
      if (!match && this.hasEnded) {
        throw new Error(`${this.name} ended (${this.code ?? this.signal}) without ${regex}:\n${this.log}`);
      }
      return match;
    }, `${this.name} to say ${regex}\n${this.log.slice(-3000)}`);
  }

  async kill(signal = 'SIGKILL') {
    if (!this.hasEnded) this.child.kill(signal);
    return within(this.ended, `${this.name} to end`);
  }
}

const escape = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

// Runs a program to its end.
export async function run(command, args, { input, env, cwd, timeoutMs } = {}) {
  const program = new Program(command, args, { env, cwd });
  program.child.stdin.end(input);
  try {
    const { code } = await within(program.ended, `${command} ${args.join(' ')}`, timeoutMs);
    return { code, out: program.out, log: program.log };
  } finally {
    await program.kill();
  }
}

