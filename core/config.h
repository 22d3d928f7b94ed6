// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// roomwire.conf: every option and every limit of both programs, in one table (config.c) that
// drives parsing, range checks, defaults, --help and the documentation.
// Not mosquitto.conf, which is the broker's own; nor the keys, which are files of their own.
#ifndef ROOMWIRE_CORE_CONFIG_H
#define ROOMWIRE_CORE_CONFIG_H

#include <stdint.h>
#include <stdio.h>

#include "buf.h"
#include "log.h"

enum config_durability {
    CONFIG_DURABILITY_GROUP, // power-safe within sync_ms
    CONFIG_DURABILITY_STRICT // power-safe before the PUBACK
};

// Texts are owned by the struct and never NULL; an option that was not given is "". A list's words
// are separated by spaces, perhaps more than one.
// Names and units are those of the options.
struct config {
    // Tokens and rights (RFC 7519).
    char *secret_file; // HMAC secret, raw bytes, one trailing line end ignored
    char *key_file;    // PEM public key or certificate
    char *jwks_file;   // RFC 7517 key set
    char *algorithms;  // names separated by spaces; "" allows what each key's type allows
    char *issuer;
    char *audience;
    int64_t leeway_s;
    bool require_exp;
    char *default_rights; // JSON object like the claim "rooms", for tokens without any rights
    int64_t max_token;    // bytes

    // Rooms and messages.
    char *room_topic;   // exactly one "+"
    char *default_room; // of /savemessage and /chat; "" for neither
    int64_t max_payload;
    int64_t max_rooms;

    // Who is there.
    bool lifecycle_events;
    int64_t max_memberships; // subscriptions to rooms remembered
    int64_t max_members;     // of a room, in one answer
    int64_t member_linger_s; // a reader by single requests stays a member so long

    // The log.
    char *database;
    int64_t spool_size; // bytes
    int64_t sync_ms;
    enum config_durability durability;
    int64_t retention_days; // 0 keeps for ever
    int64_t traffic_days;   // the same
    int64_t max_keys;       // idempotency keys remembered
    int64_t key_lifetime_s;
    int64_t max_tallies; // counters between two writes to the database

    // Between gateway and broker.
    char *broker_socket;
    char *service_secret_file;
    int64_t publish_timeout_ms;
    int64_t max_publishes; // waiting for the broker's answer

    // The gateway.
    char *listen; // "address:port", several separated by spaces
    char *handover_socket;
    char *tls_certificate;
    char *tls_key;
    char *public_url; // scheme://host[:port] that browsers see; "" takes it from Host
    char *allowed_origins;
    bool guests;
    char *guest_rights;
    int64_t guest_ttl_s;
    int64_t workers; // 0: one per processor
    int64_t max_connections;
    int64_t max_connections_per_address;
    int64_t head_timeout_ms;
    int64_t body_timeout_ms;
    int64_t idle_timeout_ms;
    int64_t write_timeout_ms;
    int64_t connect_timeout_ms; // from the WebSocket upgrade to the whole CONNECT packet
    int64_t max_head;
    int64_t max_relay_buffer; // bytes waiting in one direction of a WebSocket connection
    int64_t max_packet;       // bytes of one WebSocket message
    int64_t max_bodies;       // bytes of request bodies being received, all together
    int64_t page_cache;       // bytes, each worker
    int64_t read_wait_ms;     // a read waits so long for a message that was just accepted
    int64_t drain_ms;
    int64_t max_live_rooms; // with readers of an event stream or a live page
    int64_t tape_size;      // bytes, each live room, form and worker
    int64_t tape_memory;    // bytes, each worker
    int64_t inbox_memory;   // bytes, each worker
    int64_t tape_messages;
    int64_t heartbeat_ms; // between two signs of life on a quiet stream
    int64_t live_page_s;  // of a page that grows
    int64_t max_wait_s;   // of a long-poll

    // Webhooks. Lists of URLs separated by spaces; "" for none.
    char *webhook_connect;
    char *webhook_disconnect;
    char *webhook_message;
    char *webhook_secret_file;
    char *webhook_subject;         // who publishes what hooks answer
    bool webhook_connect_required; // a hook that does not answer lets nobody in
    int64_t webhook_timeout_ms;
    int64_t webhook_retry_max_ms; // longest wait between two attempts
    int64_t webhook_give_up_s;    // age at which an event that cannot be delivered is dropped
    int64_t webhook_concurrency;  // requests at once to one URL; as many ask of connects
    int64_t webhook_max_queue;    // connects and disconnects waiting for delivery
    int64_t webhook_max_answer;   // bytes
    enum log_level log_level;
};

// Reads `path`. Relative file names in it are taken from its folder.
// On an error `why` gets one line "<path>:<line>: <what>" (any buffer with room).
// Errors: ERR_IO, ERR_INVALID, ERR_MEMORY.
MUST_USE enum err config_load(const char *path, struct config *out_config, struct buf *why);
// The same from an open stream; `name` is used in messages and for relative file names.
MUST_USE enum err config_read(FILE *in, const char *name, struct config *out_config,
                              struct buf *why);
// Sets every option to its default. Errors: ERR_MEMORY.
MUST_USE enum err config_init(struct config *out_config);
// Sets one option from text, as a line of the file would. Errors: ERR_NOT_FOUND (no such option),
// ERR_INVALID (`why` says what was expected), ERR_MEMORY.
MUST_USE enum err config_set(struct config *config, const char *option, const char *value,
                             struct buf *why);
void config_finish(struct config *config);

// The path of a file that stands beside the database, `<database><suffix>`, to be freed; NULL when
// out of memory. docs/operations.md ("Files") says what each is.
char *config_companion(const struct config *config, const char *suffix);

// One line per option: name, default, range with unit, meaning.
void config_describe(struct buf *out);

#endif
