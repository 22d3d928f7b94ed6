// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// One stamped room message (P2): its fields, its JSON form, its date.
// Not how it is stored (store.h) or spooled (record.h).
#ifndef ROOMWIRE_CORE_MESSAGE_H
#define ROOMWIRE_CORE_MESSAGE_H

#include "json.h"

enum {
    MESSAGE_ID_TEXT = 24,   // bytes for an id in decimal
    MESSAGE_DATE_TEXT = 25, // bytes for "2026-11-21T09:00:00.123Z" and a NUL
    MESSAGE_EPOCH_MAX = 16, // bytes of an epoch's name
    MESSAGE_TYPE_MAX = 128, // bytes of a content type
    MESSAGE_KEY_MAX = 128   // bytes of an idempotency key
};

// MQTT 5 user properties of the stamp. Clients may not send one with this prefix.
#define MESSAGE_PROPERTY_PREFIX "rw-"
#define MESSAGE_PROPERTY_ID "rw-id"
#define MESSAGE_PROPERTY_PREV "rw-prev"
#define MESSAGE_PROPERTY_EPOCH "rw-epoch"
#define MESSAGE_PROPERTY_DATE "rw-ts"
#define MESSAGE_PROPERTY_FROM "rw-from"
#define MESSAGE_PROPERTY_NAME "rw-name"
// The publisher's own idempotency key (P4).
#define MESSAGE_PROPERTY_KEY "key"

// All texts and bytes are borrowed from whoever filled the struct in.
struct message {
    int64_t id;      // > 0, rising within the room, below 2^53
    int64_t prev;    // id of the room's previous message, 0 for the first
    int64_t date_ms; // since 1970, UTC
    struct span room;
    struct span from; // the token's subject
    struct span name; // display name, may be empty
    struct span type; // content type, may be empty
    struct span payload;
};

// The JSON object of DESIGN P2. A payload that is not UTF-8 goes out as "data" in base64.
void message_write_json(const struct message *m, const char *epoch, struct json_writer *w);

// "2026-11-21T09:00:00.123Z" (RFC 3339) for `date_ms`.
void message_format_date(int64_t date_ms, char out[MESSAGE_DATE_TEXT]);

#endif
