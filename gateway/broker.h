// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// libmosquitto, as the upstream's thread uses it: one MQTT 5 connection over the broker's unix
// socket, driven by somebody else's poll. No other file of the gateway includes mosquitto.h.
// A broken connection is not mended: close it and open another, so that libmosquitto never sends
// anything again by itself.
#ifndef ROOMWIRE_GATEWAY_BROKER_H
#define ROOMWIRE_GATEWAY_BROKER_H

#include "outbox.h"

enum { BROKER_SEND_MAXIMUM = 1000 }; // QoS 1 messages under way; the broker may allow fewer

struct broker;

// Once in the process, around everything else here.
void broker_library_init(void);
void broker_library_finish(void);

// What is told during broker_drive. Nothing of this may close the connection.
struct broker_events {
    void *context;
    void (*on_connected)(void *context);
    void (*on_message)(void *context, const char *topic, struct span payload);
    // A message with a stamp; `room` is left for the caller to find out from the topic.
    void (*on_stamped)(void *context, const char *topic, const struct message *m);
    void (*on_subscribed)(void *context, uint16_t mid);
    // The broker's PUBACK for the message number `mid`: ERR_OK, or why it was refused.
    void (*on_acked)(void *context, uint16_t mid, enum err err);
};

// Begins to connect. `events` is borrowed for the connection's life.
// Errors: ERR_IO (nobody listens on the socket), ERR_INVALID (the secret has a NUL), ERR_MEMORY.
MUST_USE enum err broker_open(const char *socket_path, const char *client_id, struct span secret,
                              const struct broker_events *events, struct broker **out_broker);
// Says goodbye where that is still possible. NULL is fine.
void broker_close(struct broker *broker);

// For poll: the descriptor, and whether it is to be watched for writing.
int broker_fd(const struct broker *broker);
bool broker_wants_write(const struct broker *broker);
// Reads, writes and keeps alive. ERR_AGAIN once the connection is lost or was refused; `why` then
// points to a static text.
MUST_USE enum err broker_drive(struct broker *broker, bool is_readable, bool is_writable,
                               const char **out_why);

// Publishes one post out of the outbox with what the protocol adds to it.
// Errors: ERR_INVALID, ERR_TOO_LARGE, ERR_UNSUPPORTED, ERR_MEMORY, ERR_AGAIN.
MUST_USE enum err broker_publish_post(struct broker *broker, const struct post *post,
                                      uint16_t *out_mid);
// Asks for a topic's messages, with QoS 0, and not for what is retained; on_subscribed says when
// they come. And the reverse.
MUST_USE enum err broker_subscribe(struct broker *broker, const char *topic, uint16_t *out_mid);
MUST_USE enum err broker_unsubscribe(struct broker *broker, const char *topic);
// Publishes plain bytes with QoS 1.
MUST_USE enum err broker_publish(struct broker *broker, const char *topic, struct span payload,
                                 uint16_t *out_mid);

#endif
