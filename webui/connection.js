// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The page's MQTT connection: made, watched, and made again. Every connection is a new MQTT client,
// so nothing is sent again but by the outbox, which knows what it sent.

/* global MQTT_URL */

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 15000;
const ANSWER_MS = 3000; // until a connection that may be dead is taken for it
const LOOK_MS = 5000; // at the clock
const SLEPT_MS = 15000; // if this much has passed between two looks
const REFUSED = 128; // reason codes from here on (MQTT 5 §2.4)
const DIRECT = '$roomwire/connection'; // to this client alone, without any subscription

function clientId() {
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  return `web-${[...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}

function options(me) {
  const isSecure = location.protocol === 'https:';
  return {
    protocol: isSecure ? 'wss' : 'ws',
    hostname: location.hostname,
    port: Number(location.port || (isSecure ? 443 : 80)),
    path: `/mqtt?subject=${encodeURIComponent(me)}`,
    protocolVersion: 5,
    clientId: clientId(),
    keepalive: 30,
    connectTimeout: 10000,
    reconnectPeriod: 0,
    resubscribe: false,
  };
}

export class Connection {
  #topic;
  #me;
  #events;
  #client = null;
  #isReady = false;
  #isStopped = false;
  #failures = 0;
  #scriptFailures = 0;
  #timer = 0; // until the next attempt
  #answerTimer = 0;

  // events.ready(): subscribed, from now on nothing is missed; events.message(payload, properties),
  // of the room; events.direct(payload, properties), for this client alone; events.down(failures, reason): no connection, for the n-th time in a row; it is tried again.
  constructor(topic, me, events) {
    this.#topic = topic;
    this.#me = me;
    this.#events = events;
    for (const change of ['online', 'offline']) addEventListener(change, () => this.hurry());
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'visible') this.hurry();
    });
    let last = Date.now();
    setInterval(() => {
      if (Date.now() - last > SLEPT_MS) this.hurry();
      last = Date.now();
    }, LOOK_MS);
  }

  get isReady() {
    return this.#isReady;
  }

  // There is reason to believe that it will work now, or that it broke without a word: the network is
  // another one, or the machine slept.
  hurry() {
    if (this.#isReady) this.#check(this.#client);
    if (!this.#timer) return;
    clearTimeout(this.#timer);
    this.start();
  }

  // Whatever comes in time shows that it lives.
  #check(client) {
    if (this.#answerTimer) return;
    this.#answerTimer = setTimeout(() => this.#down(client, 'no answer'), ANSWER_MS);
    client.once('packetreceive', () => this.#forgetCheck());
    client.sendPing();
  }

  #forgetCheck() {
    clearTimeout(this.#answerTimer);
    this.#answerTimer = 0;
  }

  async start() {
    this.#timer = 0;
    if (this.#isStopped || this.#client) return;
    let mqtt;
    try {
      mqtt = await this.#loadMqtt();
    } catch (error) {
      this.#scriptFailures += 1;
      this.#down(null, error.message);
      return;
    }
    if (this.#isStopped || this.#client) return;
    this.#open(mqtt.createClient(options(this.#me)));
  }

  // By another name after each failure: most browsers remember the one that failed, and ask no more.
  #loadMqtt() {
    return import(this.#scriptFailures > 0 ? `${MQTT_URL}&again=${this.#scriptFailures}` : MQTT_URL);
  }

  stop() {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    this.#client?.end(true);
    this.#isReady = false;
  }

  // Publishes at QoS 1. done(null) when it was acknowledged, done(reason) when it was refused;
  // not called at all if the connection breaks before.
  publish(text, key, done) {
    const client = this.#client;
    const message = { qos: 1, properties: { userProperties: { key } } };
    client.publish(this.#topic, text, message, (error) => {
      if (client !== this.#client) return;
      if (!error) done(null);
      else if (error.code >= REFUSED) done(error.message.replace(/^Publish error: /, ''));
    });
  }

  #open(client) {
    let reason = '';
    this.#client = client;
    client.on('connect', () => this.#subscribe(client));
    client.on('message', (topic, payload, packet) => {
      if (topic === this.#topic) this.#events.message(payload, packet.properties);
      else if (topic === DIRECT) this.#events.direct(payload, packet.properties);
    });
    client.on('error', (error) => {
      reason = error.message;
    });
    client.on('disconnect', (packet) => {
      reason = packet.properties?.reasonString ?? '';
    });
    client.on('close', () => this.#down(client, reason));
  }

  // Without what is retained (MQTT 5 §3.8.3.1): the history has it, and it would count once more.
  #subscribe(client) {
    client.subscribe(this.#topic, { qos: 1, rh: 2 }, (error, granted) => {
      if (client !== this.#client) return;
      if (error || granted[0].qos >= REFUSED) {
        client.end(true);
        return;
      }
      this.#failures = 0;
      this.#isReady = true;
      this.#events.ready();
    });
  }

  #down(client, reason) {
    if (client !== this.#client) return; // an older one's last word
    this.#forgetCheck();
    client?.removeAllListeners();
    client?.on('error', () => {}); // it may still complain
    client?.end(true);
    this.#client = null;
    this.#isReady = false;
    if (this.#isStopped) return;
    const delay = Math.min(FIRST_DELAY_MS * 2 ** this.#failures, LONGEST_DELAY_MS);
    this.#failures += 1;
    // Not all at once after the server was away.
    this.#timer = setTimeout(() => this.start(), delay * (0.5 + Math.random() / 2));
    this.#events.down(this.#failures, reason);
  }
}
