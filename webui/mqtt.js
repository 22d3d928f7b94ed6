// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// MQTT.js, as much of it as a page needs: MQTT over the browser's own WebSocket. A file of its
// own, so that the room's page works before these bytes have come.

import client from 'mqtt/lib/client';
import { browserStreamBuilder } from 'mqtt/lib/connect/ws';

const { default: MqttClient } = client; // a CommonJS module

// A client of MQTT.js for `options` (protocol, hostname, port, path, ...), connecting at once.
export function createClient(options) {
  return new MqttClient((made) => browserStreamBuilder(made, made.options), {
    timerVariant: 'native',
    ...options,
  });
}
