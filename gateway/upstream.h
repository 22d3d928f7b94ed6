// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The gateway's one service connection to the broker (docs/protocol.md), by libmosquitto on a
// thread of its own, which reconnects by itself. Not the clients' connections: those are relay.h.
#ifndef ROOMWIRE_GATEWAY_UPSTREAM_H
#define ROOMWIRE_GATEWAY_UPSTREAM_H

#include "core/json.h"
#include "core/message.h"
#include "gateway.h"

MUST_USE enum err upstream_start(struct gateway *gateway, struct upstream **out_upstream);
// Sends what is due (the traffic batch) for at most `drain_ms`, then ends the thread.
// To be called when no loop runs any more that has posts under way, and before those loops are
// destroyed. NULL is fine.
void upstream_stop(struct upstream *upstream);
bool upstream_is_connected(const struct upstream *upstream); // from any thread
// How many posts and commands wait for the broker's or the plugin's answer; from any thread.
size_t upstream_waiting(const struct upstream *upstream);

// The outcome of one publish.
struct upstream_answer {
    enum err err; // ERR_OK, ERR_INVALID, ERR_TOO_LARGE, ERR_FULL, ERR_TOO_MANY, ERR_DENIED,
                  // ERR_NOT_FOUND, ERR_AGAIN (no broker, or no answer within publish_timeout_ms: it
                  // may have been kept all the same)
    int64_t id, prev, date_ms;
    char epoch[MESSAGE_EPOCH_MAX + 1]; // "" where an older plugin does not say it
    bool is_duplicate;
    char detail[128]; // for people; "" if none
    // Of upstream_ask: what the plugin says, NULL if nothing; borrowed from `response`, which lives
    // during the call.
    const struct json *data;
    struct json *response;
};

// What somebody without a connection of his own publishes; all of it is copied.
struct upstream_post {
    const struct message *message; // from, name, type, payload, and the room where one is needed
    enum meter_face face;
    struct span key;    // idempotency key, may be empty
    struct span origin; // core/origin.h, may be empty
};

// Publishes to the message's room. `on_answer` runs once, on `loop`, also when the broker is away
// or the queue is full; upstream_forget suppresses it. The returned number names the post; 0 when
// out of memory: `on_answer` will not run.
typedef void upstream_answer_fn(void *context, const struct upstream_answer *answer);
uint64_t upstream_publish(struct upstream *upstream, struct loop *loop,
                          const struct upstream_post *post, upstream_answer_fn *on_answer,
                          void *context);

// A publish to any other topic, for whoever holds the rights to it (POST /topics).
struct upstream_topic {
    struct span topic; // must not start with "$"
    int qos;           // 0 or 1
    bool is_retained;
};
// The same for `topic` in place of the room's own, which is not looked at. The answer has an id if
// the topic is a room's kept one, else 0; with QoS 0 it says no more than that the broker was
// connected.
uint64_t upstream_publish_topic(struct upstream *upstream, struct loop *loop,
                                const struct upstream_topic *topic,
                                const struct upstream_post *post, upstream_answer_fn *on_answer,
                                void *context);

// A command of the control topic (docs/protocol.md) while it is written: its members go to `w`. It
// must stay where it is.
struct upstream_command {
    struct buf json;
    struct json_writer w;
};
// Begins the command `name`, which may have `max` bytes in all.
void upstream_command_begin(struct upstream_command *command, const char *name, size_t max);
// Ends the command, gives it to the plugin, and frees it. The rest as for upstream_publish.
uint64_t upstream_ask(struct upstream *upstream, struct loop *loop,
                      struct upstream_command *command, upstream_answer_fn *on_answer,
                      void *context);

// From the thread of the loop that was given: on_answer will not be called any more. The message
// may be published all the same. NULL is fine.
void upstream_forget(struct upstream *upstream, uint64_t number);

// From the thread of the worker with that number: its hub wants to hear `room` (feed.h), or no
// longer. Errors: those of feed_listen.
MUST_USE enum err upstream_listen(struct upstream *upstream, int worker, struct span room);
void upstream_ignore(struct upstream *upstream, int worker, struct span room);

#endif
