// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Which rooms the gateway listens to, and who of its workers hears them: between the service
// connection (upstream.h), which delivers each message once, and every worker's hub (hub.h).
// Rooms that nobody reads are not subscribed to.
#ifndef ROOMWIRE_GATEWAY_FEED_H
#define ROOMWIRE_GATEWAY_FEED_H

#include <stdatomic.h>

#include "core/message.h"
#include "gateway.h"

struct feed;

enum { FEED_WORKERS_MAX = 64 };

// One message as all workers share it; immutable but for the count.
struct feed_message {
    atomic_int references;
    size_t size;            // bytes of the allocation
    struct message message; // its spans point into this allocation
};
void feed_message_release(struct feed_message *message);

// At most `max_rooms` rooms are listened to at once, and at most `inbox_memory` bytes wait for a
// worker: one that falls further behind reads the rest from the database. Errors: ERR_MEMORY.
MUST_USE enum err feed_create(size_t max_rooms, size_t inbox_memory, struct feed **out_feed);
void feed_destroy(struct feed *feed); // NULL is fine; no worker may run any more

// ---- worker threads ----

// What a worker is told, on its own loop.
struct feed_events {
    void *context;
    // A message arrived; released by whoever is called.
    void (*on_message)(void *context, struct feed_message *message);
    // From here on every message of `room` is delivered (again): what came before has to be read.
    void (*on_listening)(void *context, struct span room);
};
// To be called once by each worker before anything else; `events` is borrowed until feed_leave.
MUST_USE enum err feed_join(struct feed *feed, int worker, struct loop *loop,
                            const struct feed_events *events);
void feed_leave(struct feed *feed, int worker);

// The worker wants to hear `room` from now on, or no longer. `*out_wake`: the upstream has to be
// told. Errors: ERR_FULL, ERR_MEMORY.
MUST_USE enum err feed_listen(struct feed *feed, int worker, struct span room, bool *out_wake);
void feed_ignore(struct feed *feed, int worker, struct span room, bool *out_wake);

// ---- the upstream's thread ----

// The broker has forgotten all subscriptions: everything has to be subscribed to again.
void feed_disconnected(struct feed *feed);
// One room whose subscription has to change; false if there is none. `*out_subscribe` says which
// way.
bool feed_next_change(struct feed *feed, char out_room[TOPIC_ROOM_MAX + 1], bool *out_subscribe);
// The broker has confirmed the subscription.
void feed_subscribed(struct feed *feed, const char *room);
// A message arrived: copied once, handed to every worker that listens.
MUST_USE enum err feed_deliver(struct feed *feed, const struct message *m);

#endif
