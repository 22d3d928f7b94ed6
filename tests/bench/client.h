// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// One MQTT client of the load generator, from connecting to being ready.
#ifndef ROOMWIRE_BENCH_CLIENT_H
#define ROOMWIRE_BENCH_CLIENT_H

#include "link.h"

enum client_state { CLIENT_IDLE, CLIENT_CONNECTING, CLIENT_CONNECTED, CLIENT_READY, CLIENT_LOST };

struct client {
    struct link link;
    enum client_state state;
    uint32_t number;
    uint64_t started_ns; // when it began to connect
    bool is_publisher;
    bool subscribes; // to its topic, before it is ready
    char topic[128]; // published to or subscribed
};

// What all clients of a run share.
struct client_settings {
    int epoll;
    int version;
    int qos;
    const char *user, *password;
};

// Publishes or subscribes to rooms/r<room>/<level>.
void client_choose_topic(struct client *c, unsigned room, const char *level);
// Begins to connect. False if that failed at once.
bool client_start(struct client *c, const struct client_settings *s,
                  const struct link_target *target);
// Handles an event until the client is ready; then the packets are the caller's (link_next).
// A refusal or a lost connection ends in CLIENT_LOST, with a line on stderr.
void client_turn(struct client *c, const struct client_settings *s, uint32_t events);
void client_lose(struct client *c, const char *why, int reason);

uint64_t now_ns(void); // CLOCK_MONOTONIC

#endif
