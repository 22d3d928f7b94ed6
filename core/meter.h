// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// A block is 512 bytes of payload, begun or full: 900 bytes are two, an empty payload is one (P6).
// What is counted, and under which key. Not where it is kept: tally.h, store.h.
#ifndef ROOMWIRE_CORE_METER_H
#define ROOMWIRE_CORE_METER_H

#include <stdint.h>

#include "span.h"

enum { METER_BLOCK_SIZE = 512, METER_ROOM_MAX = 64, METER_SUBJECT_MAX = 128 };

// How somebody reached the service.
enum meter_face {
    METER_MQTT = 0, // MQTT over TCP or a unix socket
    METER_WS,       // MQTT over WebSocket through the gateway
    METER_HTTP,     // posts by HTTP, and JSON pages
    METER_HTML,     // pages for people
    METER_SSE,
    METER_POLL, // long-poll
    METER_FACE_COUNT
};

enum meter_direction { METER_IN = 0, METER_OUT = 1 };

struct meter_key {
    int64_t hour;     // hours since 1970, UTC
    struct span room; // empty for topics outside the rooms
    struct span subject;
    enum meter_face face;
    enum meter_direction direction;
};

struct meter_count {
    int64_t messages;
    int64_t blocks;
    int64_t bytes;
};

// "mqtt", "ws", "http", "html", "sse", "poll"; "in", "out".
const char *meter_face_name(enum meter_face face);
const char *meter_direction_name(enum meter_direction direction);
bool meter_face_from_name(struct span name, enum meter_face *out_face);

// Blocks of one payload of `bytes` bytes; at least 1.
int64_t meter_blocks(int64_t bytes);
// The hour that `date_ms` (since 1970) lies in.
int64_t meter_hour(int64_t date_ms);
// Adds one message of `bytes` bytes.
void meter_count_message(struct meter_count *count, int64_t bytes);

// Micro-dollars for `blocks` at `price` micro-dollars a million, rounded up; blocks >= 0.
int64_t meter_cost(int64_t blocks, int64_t price_per_million);
enum { METER_PRICE_PER_MILLION = 5000000 }; // 5 USD in micro-dollars: AWS IoT of 2015-2017

#endif
