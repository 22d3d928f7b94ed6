// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// MQTT packets written by hand, so that tests can say exactly which bytes they mean.

function remainingLength(len) {
  const bytes = [];
  do {
    bytes.push((len & 0x7f) | (len > 127 ? 0x80 : 0));
    len >>= 7;
  } while (len > 0);
  return Buffer.from(bytes);
}

export function packet(first, ...parts) {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
  return Buffer.concat([Buffer.from([first]), remainingLength(body.length), body]);
}

export function field(value) {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
}

// A CONNECT packet; undefined fields are left out. `level` 3, 4 or 5.
export function connect({
  level = 4,
  clientId = 'c1',
  keepAlive = 60,
  will,
  username,
  password,
  properties = '',
  clean = true,
} = {}) {
  const flags =
    (clean ? 2 : 0) | (will ? 4 : 0) | (username !== undefined ? 0x80 : 0) | (password !== undefined ? 0x40 : 0);
  const ownProperties = (bytes) =>
    level === 5 ? [remainingLength(bytes.length), Buffer.from(bytes)] : [];
  return packet(
    0x10,
    field(level === 3 ? 'MQIsdp' : 'MQTT'),
    [level, flags, keepAlive >> 8, keepAlive & 0xff],
    ...ownProperties(properties),
    field(clientId),
    ...(will ? [...ownProperties(''), field(will.topic), field(will.payload)] : []),
    ...(username !== undefined ? [field(username)] : []),
    ...(password !== undefined ? [field(password)] : []),
  );
}

export const connack = Buffer.from([0x20, 2, 0, 0]);
export const pingreq = Buffer.from([0xc0, 0]);
export const pingresp = Buffer.from([0xd0, 0]);
export const disconnect = Buffer.from([0xe0, 0]);

// SUBSCRIBE to one filter.
export const subscribe = (filter, { level = 4, qos = 0 } = {}) =>
  packet(0x82, [0, 1], level === 5 ? [0] : [], field(filter), [qos]);

export const publish = (topic, payload, { level = 4, qos = 0, id = 1 } = {}) =>
  packet(0x30 | (qos << 1), field(topic), qos > 0 ? [id >> 8, id & 0xff] : [], level === 5 ? [0] : [], payload);
