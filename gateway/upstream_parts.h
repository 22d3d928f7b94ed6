// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// What upstream.c and upstream_events.c share. Nobody else looks in here.
#ifndef ROOMWIRE_GATEWAY_UPSTREAM_PARTS_H
#define ROOMWIRE_GATEWAY_UPSTREAM_PARTS_H

#include "broker.h"
#include "mark.h"
#include "tallies.h"

enum { UPSTREAM_RETRY_FIRST_MS = 100, UPSTREAM_CLIENT_ID_TEXT = 32, UPSTREAM_MIDS = 65536 };

struct upstream {
    struct gateway *gateway;
    struct outbox *outbox;
    struct topic_rooms rooms;
    int wake_fd;
    pthread_t thread;
    atomic_bool is_connected;
    atomic_bool is_stopping;

    // The thread's own from here on.
    struct broker *broker; // NULL between two attempts
    struct broker_events events;
    char client_id[UPSTREAM_CLIENT_ID_TEXT];
    struct traffic traffic;
    struct leftovers leftovers; // of gateways before
    struct mark mark;
    bool has_warned; // that the broker cannot be reached, since it last could
    int64_t retry_ms;
    int64_t attempt_due_ms;             // when to connect again
    int64_t connect_until_ms;           // an attempt takes no longer
    int64_t stop_until_ms;              // 0 until stopping
    uint64_t ref_of_mid[UPSTREAM_MIDS]; // posts that were sent with QoS 1; 0 for none
    int64_t unacked;                    // how many they are
    char *room_of_mid[UPSTREAM_MIDS];   // subscriptions that were asked for; NULL for none
};

// What the broker's connection calls, all on the thread (upstream_events.c).
void upstream_set_events(struct upstream *upstream);

#endif
