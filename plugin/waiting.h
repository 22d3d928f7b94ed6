// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Which messages Mosquitto 2.0 took for a session while it was offline: they are delivered, and
// counted, when its client comes back. What it took before was counted then; and the broker asks
// about the one like about the other at every CONNECT (docs/metering.md).
// Not the messages: those are the broker's, which may drop them and not say so.
#ifndef ROOMWIRE_PLUGIN_WAITING_H
#define ROOMWIRE_PLUGIN_WAITING_H

#include "core/table.h"

// How many are remembered, for all sessions together.
struct waiting_limit {
    size_t count, max;
};

// Those of one session. All zero: none.
struct waiting {
    struct waiting_limit *limit;
    struct table marks;
};

// `mark` is an address that the message keeps while the broker has it. That of a message that was
// dropped may come again with another one, which then waits in its place.
// Errors: ERR_FULL, ERR_MEMORY; it is then not remembered.
MUST_USE enum err waiting_add(struct waiting *waiting, struct waiting_limit *limit,
                              const void *mark);
bool waiting_has(const struct waiting *waiting, const void *mark);
void waiting_finish(struct waiting *waiting); // none are left

#endif
