// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The load generator's scenarios and their options. Each prints one JSON object.
#ifndef ROOMWIRE_BENCH_LOAD_H
#define ROOMWIRE_BENCH_LOAD_H

#include "client.h"
#include "process.h"

struct load_options {
    struct link_target publish_to, subscribe_to;
    unsigned publishers, subscribers, rooms;
    unsigned echo;       // 1: publishers subscribe to their own rooms, and there are no others
    const char *body;    // of a POST; "*" stands for the message
    const char *level;   // the topic below the room: "messages" is kept, others are live only
    unsigned window;     // closed loop: messages open per publisher
    unsigned unanswered; // of sse: publishes that the server has not answered; 0: any number
    unsigned stalled;    // of sse: readers that stop reading when they are connected
    double rate;         // open loop: messages a second of all publishers; 0: closed loop
    double warmup_s, seconds, drain_s;
    size_t size; // of a payload
    struct processes measured;
    struct client_settings client;
    unsigned connections, at_once; // of storm
    double hold_s;
};

// Publishers and subscribers share rooms; throughput or latency, and what the servers spent.
int load_fan(const struct load_options *o);
// Readers of event streams over HTTP (subscribe_to) and one publisher, by MQTT or by POST.
int load_sse(const struct load_options *o);
// Connects and subscribes many clients, a few at once, and holds them; their time and memory.
int load_storm(const struct load_options *o);

#endif
