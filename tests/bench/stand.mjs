// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Where things are measured: a folder of its own, free ports, and programs that are stopped again.
import { execFile, spawn } from 'node:child_process'
import { createHmac, randomBytes } from 'node:crypto'
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..')
const build = process.env.ROOMWIRE_BUILD ?? join(root, 'build/release')
export const programs = {
  gateway: join(build, 'gateway/roomwire'),
  plugin: join(build, 'plugin/mosquitto_roomwire.so'),
  load: join(build, 'tests/bench/roomwire_load'),
  fill: join(build, 'tests/bench/roomwire_log_fill'),
  read: join(build, 'tests/bench/roomwire_log_read'),
}
const run_file = promisify(execFile)
const running = new Set()

export const sleep = ms => new Promise(done => setTimeout(done, ms))

export async function free_port() {
  const server = createServer()
  await new Promise(done => server.listen(0, '127.0.0.1', done))
  const { port } = server.address()
  await new Promise(done => server.close(done))
  return port
}

// Until something accepts connections there; `where` is a port or a unix socket's path.
export async function until_open(where, child) {
  for (let tries = 0; tries < 400; tries++) {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`${child.spawnfile} did not start; see ${child.log}`)
    const options = typeof where === 'number' ? { port: where, host: '127.0.0.1' } : { path: where }
    const is_open = await new Promise(done => {
      const socket = connect(options, () => { socket.destroy(); done(true) })
      socket.on('error', () => done(false))
    })
    if (is_open) return
    await sleep(25)
  }
  throw new Error(`${child.spawnfile} does not listen; see ${child.log}`)
}

export function start(folder, name, command, args) {
  const log = join(folder, `${name}.log`)
  const out = openSync(log, 'a')
  const child = spawn(command, args, { stdio: ['ignore', out, out] })
  child.log = log
  running.add(child)
  child.once('exit', () => running.delete(child))
  return child
}

export async function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise(done => child.once('exit', done))
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 10000)
  await gone
  clearTimeout(timer)
}

// However this ends, nothing is left running.
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(130))

const base64url = data => Buffer.from(data).toString('base64url')

// A JSON Web Token (RFC 7519) signed with HS256.
export function mint(secret, claims) {
  const text = `${base64url('{"alg":"HS256","typ":"JWT"}')}.${base64url(JSON.stringify(claims))}`
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`
}

// A broker: bare, or with the plugin and, if asked for, the gateway in front.
export class Stand {
  static async create({ plugin = true, gateway = false, websockets = false, database, conf = [] } = {}) {
    const stand = new Stand()
    stand.conf = conf
    stand.folder = mkdtempSync(join(tmpdir(), 'roomwire-bench-'))
    stand.tcp_port = await free_port()
    stand.socket = join(stand.folder, 'mosquitto.sock')
    stand.secret = randomBytes(32).toString('hex')
    stand.token = mint(stand.secret, {
      sub: 'bench', rooms: { '*': 'rw' }, bill: 'r', exp: Math.floor(Date.now() / 1000) + 86400,
    })
    if (websockets) stand.native_port = await free_port()
    if (database) database(join(stand.folder, 'roomwire.db'))
    if (plugin) await stand.#write_roomwire_conf()
    stand.#write_mosquitto_conf(plugin)
    stand.broker = start(stand.folder, 'mosquitto', 'mosquitto', ['-c', join(stand.folder, 'mosquitto.conf')])
    await until_open(stand.tcp_port, stand.broker)
    await until_open(stand.socket, stand.broker)
    if (gateway) await stand.#start_gateway()
    return stand
  }

  async #write_roomwire_conf() {
    this.http_port = await free_port()
    writeFileSync(join(this.folder, 'jwt.secret'), this.secret, { mode: 0o600 })
    writeFileSync(join(this.folder, 'service.secret'), randomBytes(32).toString('hex'), { mode: 0o600 })
    writeFileSync(join(this.folder, 'roomwire.conf'), [
      'secret_file = jwt.secret',
      'service_secret_file = service.secret',
      'database = roomwire.db',
      'broker_socket = mosquitto.sock',
      `listen = 127.0.0.1:${this.http_port}`,
      'log_level = warning',
      ...this.conf,
      ''].join('\n'))
  }

  #write_mosquitto_conf(plugin) {
    const lines = [
      `listener ${this.tcp_port} 127.0.0.1`,
      `listener 0 ${this.socket}`,
    ]
    if (this.native_port) lines.push(`listener ${this.native_port} 127.0.0.1`, 'protocol websockets')
    if (process.getuid() === 0) lines.push('user root')
    lines.push(
      'log_dest stderr', 'log_type error', 'log_type warning',
      'max_queued_messages 0', // else a closed loop waits for what was dropped
    )
    if (plugin)
      lines.push('allow_anonymous false', `plugin ${programs.plugin}`,
        `plugin_opt_config ${join(this.folder, 'roomwire.conf')}`)
    else
      lines.push('allow_anonymous true')
    writeFileSync(join(this.folder, 'mosquitto.conf'), `${lines.join('\n')}\n`)
  }

  async #start_gateway() {
    this.gateway = start(this.folder, 'gateway', programs.gateway,
      ['serve', '--config', join(this.folder, 'roomwire.conf')])
    await until_open(this.http_port, this.gateway)
    for (let tries = 0; tries < 200; tries++) {
      const answer = await fetch(`http://127.0.0.1:${this.http_port}/health/ready`)
      if (answer.ok) return
      await sleep(50)
    }
    throw new Error(`the gateway does not become ready; see ${this.gateway.log}`)
  }

  get pids() {
    return [this.broker, this.gateway].filter(Boolean).map(child => child.pid)
  }

  // Runs the load generator against this stand; returns what it printed.
  async load(scenario, options) {
    const args = [scenario]
    for (const [name, value] of Object.entries({ password: this.token, ...options }))
      args.push(`--${name.replaceAll('_', '-')}`, String(value))
    for (const pid of this.pids) args.push('--pid', String(pid))
    return run_json(programs.load, args)
  }

  async close() {
    if (this.gateway) await stop(this.gateway)
    if (this.broker) await stop(this.broker)
    rmSync(this.folder, { recursive: true })
  }
}

// nginx, as whoever we are. `blocks` gives its "http" or "stream" block that listens on the port.
export async function start_nginx(folder, blocks, { module = '' } = {}) {
  const port = await free_port()
  writeFileSync(join(folder, 'nginx.conf'), `
    ${module && `load_module ${module};`}
    ${process.getuid() === 0 ? 'user root;' : ''}
    daemon off; worker_processes auto; pid ${folder}/nginx.pid; error_log ${folder}/nginx.err;
    worker_rlimit_nofile 20000;
    events { worker_connections 15000; }
    ${blocks(port)}`)
  const child = start(folder, 'nginx', 'nginx', ['-p', folder, '-c', join(folder, 'nginx.conf')])
  await until_open(port, child)
  return { child, port }
}

// What every "http" block of it needs in that folder.
export const nginx_http = folder => `
      access_log off; keepalive_requests 100000000;
      client_body_temp_path ${folder}/n1; proxy_temp_path ${folder}/n2; fastcgi_temp_path ${folder}/n3;
      uwsgi_temp_path ${folder}/n4; scgi_temp_path ${folder}/n5;`

export async function run_json(command, args) {
  const { stdout } = await run_file(command, args, { timeout: 180000 })
  return JSON.parse(stdout)
}

// wrk with one thread: requests a second and latencies in ms. `script` is Lua.
export async function wrk(folder, url, { script = '', connections = 64, seconds = 3 } = {}) {
  const file = join(folder, 'wrk.lua')
  writeFileSync(file, `${script}
    function done(summary, latency, requests)
      local bad = summary.errors.status + summary.errors.connect + summary.errors.read
        + summary.errors.write + summary.errors.timeout
      io.write(string.format('\\nRESULT {"requests_per_s":%f,"p50_ms":%f,"p99_ms":%f,"bad":%d}\\n',
        summary.requests / summary.duration * 1e6, latency:percentile(50) / 1e3,
        latency:percentile(99) / 1e3, bad))
    end`)
  const { stdout } = await run_file('wrk',
    ['-t1', `-c${connections}`, `-d${seconds}s`, '-s', file, url], { timeout: 60000 })
  return JSON.parse(stdout.match(/^RESULT (.*)$/m)[1])
}

export const read_text = path => readFileSync(path, 'utf8')
export { root }
