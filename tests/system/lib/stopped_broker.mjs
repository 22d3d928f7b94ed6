// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// A broker that accepts nobody until it is told to: a process of its own, stopped while it listens
// with the shortest backlog there is. Once it goes on it answers whatever comes with CONNACK.
import { spawn } from 'node:child_process';
import { once } from 'node:events';

const program = `
  const server = require('net').createServer(socket => {
    socket.on('error', () => {})
    socket.once('data', () => socket.write(Buffer.from([0x20, 2, 0, 0])))
  })
  server.listen({ path: process.argv[1], backlog: 1 }, () => console.log('listening'))`;

export class StoppedBroker {
  static async start(path) {
    const broker = new StoppedBroker();
    broker.child = spawn(process.execPath, ['-e', program, path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(broker.child.stdout, 'data');
    broker.child.kill('SIGSTOP');
    return broker;
  }

  goOn() {
    this.child.kill('SIGCONT');
  }

  async stop() {
    const exited = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await exited;
  }
}
