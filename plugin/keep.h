// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Taking a message into the log: id and prev, the idempotency key, the spool. Nothing here waits,
// except in the strict mode for the commit.
// Not the stamp's form on the wire: stamp.h.
#ifndef ROOMWIRE_PLUGIN_KEEP_H
#define ROOMWIRE_PLUGIN_KEEP_H

#include "plugin.h"

// A publish to a room's kept topic.
struct keep_post {
    struct span room;
    struct room *known; // the same, if it has kept messages; NULL: to be looked up
    struct span from, name;
    struct span type;   // may be empty
    struct span key;    // may be empty
    struct span origin; // may be empty (core/origin.h)
    struct span payload;
    enum meter_face face;
    uint64_t connection; // that sent it; 0: the broker itself (a will)
};

struct keep_result {
    bool is_duplicate;       // `first` is the message that came first with this key
    struct keys_first first; // else: this message
};

// Writes into an empty buffer where a client's messages come from, if there are webhooks to tell.
void keep_write_origin(const struct plugin *p, const struct session *session, struct buf *out);

// Errors, with a line for people in `*out_why` (static storage): ERR_TOO_LARGE, ERR_INVALID,
// ERR_FULL, ERR_TOO_MANY, ERR_AGAIN, ERR_MEMORY. After ERR_AGAIN (strict: no commit in time) it may
// be kept.
MUST_USE enum err keep_message(struct plugin *p, const struct keep_post *post,
                               struct keep_result *out_result, const char **out_why);

#endif
