// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The memory of idempotency keys (P4): which message was the first with a publisher's key.
// Unique per room and sender. The oldest are forgotten when their lifetime is over or there are too
// many. Not durable by itself: it is filled from the log at start.
#ifndef ROOMWIRE_PLUGIN_KEYS_H
#define ROOMWIRE_PLUGIN_KEYS_H

#include <stdint.h>

#include "core/err.h"
#include "core/span.h"

struct keys;

struct keys_name {
    struct span room, from, key;
};

// The first message with a key.
struct keys_first {
    int64_t id;
    int64_t prev; // -1: not known any more (it was read from the log)
    int64_t date_ms;
    uint64_t connection; // the session that sent it, 0 if not known any more
};

// Errors: ERR_MEMORY, ERR_IO (no random seed).
MUST_USE enum err keys_create(size_t max, int64_t lifetime_ms, struct keys **out_keys);
void keys_destroy(struct keys *keys); // NULL is fine

// False if the key is new, forgotten, or its lifetime is over at `now_ms`. Forgets a few of those
// whose lifetime is over.
bool keys_find(struct keys *keys, const struct keys_name *name, int64_t now_ms,
               struct keys_first *out_first);
// Remembers a key that keys_find did not find. Errors: ERR_MEMORY.
MUST_USE enum err keys_add(struct keys *keys, const struct keys_name *name,
                           const struct keys_first *first);
size_t keys_count(const struct keys *keys);

#endif
