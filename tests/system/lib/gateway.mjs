// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
// A real gateway for one test: its own folder, secrets and free ports. The broker is not its
// business; where there is none, everything that needs it answers 503.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { buildFolder } from './broker.mjs';
import { Program } from './process.mjs';
import { waitFor, within } from './wait.mjs';

const program = join(buildFolder, 'gateway/roomwire');

// A key and a certificate for localhost, as files in `folder`.
export function makeCertificate(folder, name = 'tls') {
  const key = join(folder, `${name}.key`);
  const certificate = join(folder, `${name}.crt`);
  execFileSync('openssl', [
    'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes',
    '-keyout', key, '-out', certificate, '-days', '2', '-subj', `/CN=${name}`,
    '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1',
  ], { stdio: 'ignore' });
  return { key, certificate };
}

class Gateway {
  constructor(folder, program) {
    this.folder = folder;
    this.program = program;
    this.child = program.child;
    this.ended = program.ended;
  }

  get lines() {
    return this.program.log.split('\n').slice(0, -1);
  }

  // The first line of the log that matches, there already or to come.
  says(pattern) {
    return waitFor(() => {
      const line = this.lines.find((line) => pattern.test(line));
      if (line === undefined && this.program.hasEnded)
        throw new Error(`the gateway ended without ${pattern}:\n${this.program.log}`);
      return line;
    }, `the gateway to say ${pattern}`);
  }

  // Ends it by SIGTERM and checks that it ended well.
  async stop() {
    const { code, signal } = await this.program.kill('SIGTERM');
    await rm(this.folder, { recursive: true, force: true });
    if (code !== 0) throw new Error(`the gateway ended with ${code ?? signal}\n${this.program.log}`);
  }
}

// Starts `roomwire serve`. `config` are further options of roomwire.conf; `tls` adds a port that
// speaks TLS; `limits` are arguments for prlimit(1), such as '--nofile=64'.
export async function startGateway({ config = {}, tls = false, limits = [] } = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'roomwire-gateway-'));
  const options = {
    secret_file: 'token.secret',
    service_secret_file: 'service.secret',
    database: 'roomwire.db',
    broker_socket: 'mosquitto.sock',
    listen: 'http://127.0.0.1:0',
    log_level: 'debug',
    ...config,
  };
  for (const name of ['token.secret', 'service.secret'])
    await writeFile(join(folder, name), randomBytes(32).toString('hex'), { mode: 0o600 });
  if (tls) {
    makeCertificate(folder);
    options.tls_certificate ??= 'tls.crt';
    options.tls_key ??= 'tls.key';
    options.listen += ' https://127.0.0.1:0';
  }
  const path = join(folder, 'roomwire.conf');
  await writeFile(path, Object.entries(options).map(([k, v]) => `${k} = ${v}\n`).join(''));

  const command = [program, 'serve', '--config', path];
  if (limits.length > 0) command.unshift('prlimit', ...limits);
  const gateway = new Gateway(folder, new Program(command[0], command.slice(1)));
  try {
    await gateway.says(/ ready workers=/);
  } catch (error) {
    await within(gateway.program.kill(), 'the end of a gateway that did not start');
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
  const portOf = (scheme) => {
    const line = gateway.lines.find((line) => line.includes(` listen url=${scheme}://`));
    return Number(/:(\d+)\//.exec(line)?.[1]);
  };
  gateway.port = portOf('http');
  gateway.tlsPort = portOf('https');
  return gateway;
}
