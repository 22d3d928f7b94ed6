// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
// MQTT clients: MQTT.js for what has to be seen in full, mosquitto_pub and mosquitto_sub as people
// use them.
import { randomUUID } from 'node:crypto';
import { createConnection } from 'node:net';

import mqtt from 'mqtt';

import { Program, run } from './process.mjs';
import { waitFor, within } from './wait.mjs';

// A connected MQTT.js client. `options` are MQTT.js's; `version` is 3, 4 or 5; `token` the password;
// `socket` the path of a unix socket in place of the broker's port.
export async function connect(broker, { token, version = 5, username = 'user', url, ...options } = {}) {
  const it = new Client(url ?? `mqtt://127.0.0.1:${broker.port}`, {
    protocolVersion: version, protocolId: version === 3 ? 'MQIsdp' : 'MQTT',
    username, password: token, reconnectPeriod: 0, connectTimeout: 10000, ...options,
  });
  await it.connected();
  return it;
}

// What a broker that refuses a CONNECT says: its reason code.
export async function connectRefused(broker, options) {
  try {
    const client = await connect(broker, options);
    await client.end();
  } catch (error) {
    if (error.code === undefined) throw error;
    return error.code;
  }
  throw new Error('the broker accepted the connection');
}

const open = new Set();
// Ends the connections that a failed test left open.
export function dropLeftovers() {
  open.forEach((client) => client.end(true));
}

export class Client {
  constructor(url, options) {
    this.messages = [];
    const { socket } = options;
    this.mqtt = socket ? new mqtt.MqttClient(() => createConnection(socket), options) : mqtt.connect(url, options);
    this.mqtt.on('message', (topic, payload, packet) => this.messages.push(toMessage(topic, payload, packet)));
    this.mqtt.on('error', (error) => (this.error = error));
    // Else what is sent behind an acknowledgement waits for the broker's delayed ACK, 40 ms each time.
    this.mqtt.stream.setNoDelay?.(true);
    this.closed = new Promise((resolve) => this.mqtt.on('close', resolve));
    open.add(this.mqtt);
    this.mqtt.on('close', () => ((this.isClosed = true), open.delete(this.mqtt)));
    this.mqtt.on('disconnect', (packet) => (this.disconnectCode = packet.reasonCode));
  }

  async connected() {
    await within(new Promise((resolve, reject) => {
      this.mqtt.once('connect', (packet) => ((this.connack = packet), resolve()));
      this.mqtt.once('error', reject);
      this.mqtt.once('close', () => reject(new Error('closed before CONNACK')));
    }), 'CONNACK');
  }

  // The reason codes granted, one for each filter.
  async subscribe(filter, options = { qos: 0 }) {
    return within(new Promise((resolve, reject) => {
      this.mqtt.subscribe(filter, options, (error, granted, packet) => {
        if (packet?.granted) resolve(packet.granted);
        else if (error) reject(error);
        else resolve(granted.map((grant) => grant.qos));
      });
    }), `SUBACK for ${filter}`);
  }

  // Resolves with the PUBACK's or PUBREC's reason code once it is there (QoS 0: once sent).
  async publish(topic, payload, options = { qos: 1 }) {
    return within(new Promise((resolve, reject) => {
      this.mqtt.publish(topic, payload, options, (error, packet) => {
        if (error && error.code === undefined) reject(error);
        else resolve(error?.code ?? packet?.reasonCode ?? 0);
      });
    }), `the acknowledgement of a publish to ${topic}`);
  }

  // The first `count` messages, all of them: fails if more are there.
  async receive(count, what = `${count} messages`) {
    await waitFor(() => this.messages.length >= count, `${what}; have ${JSON.stringify(this.messages)}`);
    if (this.messages.length > count) throw new Error(`too many: ${JSON.stringify(this.messages)}`);
    return this.messages;
  }

  async end() {
    await within(this.mqtt.endAsync(), 'the client to end');
  }

  // Drops the connection without DISCONNECT, so that the will is sent.
  async drop() {
    this.mqtt.stream.destroy();
    await within(this.closed, 'the connection to close');
    await this.mqtt.endAsync(true);
  }
}

function toMessage(topic, payload, packet) {
  const properties = packet.properties ?? {};
  const pairs = { ...properties.userProperties };
  return { topic, payload, text: payload.toString(), retain: packet.retain, qos: packet.qos,
    type: properties.contentType, pairs, stamp: readStamp(pairs) };
}

// The stamp (docs/protocol.md), or undefined where a message has none.
function readStamp(pairs) {
  if (pairs['rw-id'] === undefined) return undefined;
  return { id: Number(pairs['rw-id']), prev: Number(pairs['rw-prev']), epoch: pairs['rw-epoch'],
    ts: Number(pairs['rw-ts']), from: pairs['rw-from'], name: pairs['rw-name'] };
}

const version = { 3: 'mqttv31', 4: 'mqttv311', 5: 'mqttv5' };
const common = (broker, token, v) =>
  ['-h', '127.0.0.1', '-p', String(broker.port), '-V', version[v], '-u', 'user', '-P', token];

// mosquitto_pub; gives its exit code and what it wrote.
export async function pub(broker, token, args, { v = 4, input } = {}) {
  return run('mosquitto_pub', [...common(broker, token, v), ...args], { input });
}

// mosquitto_sub, once its subscription stands (which it tells only a terminal at once).
export async function sub(broker, token, args, { v = 4 } = {}) {
  const id = `sub-${randomUUID()}`;
  const since = broker.log.length;
  const program = new Program('mosquitto_sub', [...common(broker, token, v), '-i', id, ...args]);
  await broker.says(`Sending SUBACK to ${id}`, since);
  return program;
}
