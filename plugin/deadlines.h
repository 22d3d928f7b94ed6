// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The connected sessions by the time their tokens expire: a binary heap, so that 100,000 of them
// cost a tick nothing until one is due.
#ifndef ROOMWIRE_PLUGIN_DEADLINES_H
#define ROOMWIRE_PLUGIN_DEADLINES_H

#include "core/err.h"

#include <stddef.h>

struct session;

struct deadlines {
    struct session **heap; // no session is earlier than its parent, heap[(i - 1) / 2]
    size_t count, capacity;
};

void deadlines_init(struct deadlines *deadlines);
void deadlines_finish(struct deadlines *deadlines);
// Adds a session that is not in it; one without a deadline (0) is not added. Errors: ERR_MEMORY.
MUST_USE enum err deadlines_add(struct deadlines *deadlines, struct session *session);
// Takes a session out, if it is in.
void deadlines_drop(struct deadlines *deadlines, struct session *session);
// The earliest; NULL if there is none.
struct session *deadlines_first(const struct deadlines *deadlines);

#endif
