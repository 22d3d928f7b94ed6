// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Long-poll: GET /rooms/<room>/messages?after=ID&wait=SECONDS answers as soon as there is a message
// behind that one, or with an empty page when the time has passed.
#ifndef ROOMWIRE_GATEWAY_POLL_H
#define ROOMWIRE_GATEWAY_POLL_H

#include "core/store.h"
#include "exchange.h"

// Waits until the room has something behind `page->after`, at most `wait_ms`; then calls `go` once,
// on the same loop. To be ended with poll_forget where that is no longer wanted.
struct poll;
typedef void poll_ready_fn(void *context);
// Errors: those of hub_join.
MUST_USE enum err poll_start(struct worker *worker, const struct token *token, struct span room,
                             int64_t after, int64_t wait_ms, poll_ready_fn *go, void *context,
                             struct poll **out_poll);
void poll_forget(struct poll *poll);

#endif
