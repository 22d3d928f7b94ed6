// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// What MQTT.js expects to be global, as it is in Node (see `inject` in build.mjs).

export { default as process } from 'process';
export { Buffer } from 'buffer';
