// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// What the plugin puts into its spool: a kept message, or a batch of traffic counts.
// Decoding is strict, since the file may be damaged in spite of its checksums.
// Not the ring: spool.h. Not the log: store.h.
#ifndef ROOMWIRE_CORE_RECORD_H
#define ROOMWIRE_CORE_RECORD_H

#include "message.h"
#include "meter.h"

enum {
    RECORD_TEXT_MAX = 255,  // bytes of each of room, from, name, type, key
    RECORD_SOURCE_MAX = 32, // bytes of a traffic source's name
    RECORD_PARTS = 8
};

// A kept message and how its publishing is metered: its sender pays. Texts are borrowed.
struct record_message {
    struct message message;
    struct span key;    // idempotency key, may be empty
    struct span origin; // JSON (origin.h), at most ORIGIN_MAX bytes, may be empty
    enum meter_face face;
};

// One encoded record as parts for spool_append. Borrows from what was encoded; must stay where it
// is while the parts are in use.
struct record_parts {
    unsigned char head[48];
    struct span parts[RECORD_PARTS];
    size_t count;
};

// Errors: ERR_TOO_LARGE (a text that is too long), ERR_INVALID (what decoding would refuse).
MUST_USE enum err record_encode_message(const struct record_message *m, struct record_parts *out);

// A batch of counts, written one by one into `out`; check the buffer's status at the end.
// Errors: ERR_TOO_LARGE, ERR_INVALID; the record is then not to be used.
MUST_USE enum err record_begin_traffic(struct span source, uint64_t batch, struct buf *out);
MUST_USE enum err record_add_count(const struct meter_key *key, const struct meter_count *count,
                                   struct buf *out);

enum record_kind { RECORD_MESSAGE = 1, RECORD_TRAFFIC = 2 };

struct record_traffic {
    struct span source;
    uint64_t batch;
    struct span counts; // what record_next_count has yet to give
};

// One decoded record; borrows from its bytes.
struct record {
    enum record_kind kind;
    union {
        struct record_message message;
        struct record_traffic traffic;
    };
};

// Errors: ERR_CORRUPT, ERR_VERSION (a kind or layout of a newer Roomwire).
MUST_USE enum err record_decode(struct span bytes, struct record *out_record);
// The next count of a decoded batch, borrowed like the record. False at the end.
bool record_next_count(struct record_traffic *traffic, struct meter_key *out_key,
                       struct meter_count *out_count);

#endif
