// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// A room's past, read so that everything accepted before the call is in it: waits for the writer's
// commit where needed (watermark.h), and keeps rendered JSON pages for as long as they are true.
#ifndef ROOMWIRE_GATEWAY_HISTORY_H
#define ROOMWIRE_GATEWAY_HISTORY_H

#include "core/store.h"
#include "exchange.h"

// Makes and ends the worker's own part (worker->history). Ending it forgets all waits.
// Errors: ERR_MEMORY, ERR_IO.
MUST_USE enum err history_start(struct worker *worker);
void history_stop(struct worker *worker);

// Calls `go` on the worker's loop, at once or within read_wait_ms, when the database holds all that
// had been accepted for `room`, and at least the message `id` (0: no such wish). `is_complete` is
// false if the time ran out. A wait that is no longer wanted is ended with history_forget.
struct history_wait;
typedef void history_ready_fn(void *context, bool is_complete);
// NULL when `go` was already called. Never waits while the broker is away.
struct history_wait *history_await(struct worker *worker, struct span room, int64_t id,
                                   history_ready_fn *go, void *context);
void history_forget(struct history_wait *wait);

// What a page holds beside its JSON, for ETag and metering.
struct history_facts {
    char epoch[MESSAGE_EPOCH_MAX + 1];
    int64_t first_id, last_id; // 0 if empty
    struct meter_count count;  // of the payloads in it
    bool has_more;
};
// The JSON object {"room","epoch","messages","more"} of a page, from the cache or the database.
// A page may hold fewer messages than its limit because of their size; `more` is true then.
// Borrowed until the next call on this worker. Errors: those of the store, ERR_AGAIN (no database).
MUST_USE enum err history_json(struct worker *worker, const struct store_page *page,
                               struct span *out_json, struct history_facts *out_facts);

// The array of {"m","n","t"} of a page, from the database; otherwise the same.
MUST_USE enum err history_short_json(struct worker *worker, const struct store_page *page,
                                     struct span *out_json, struct history_facts *out_facts);

// The strong entity tag of a page, with its quotes: the same facts mean the same bytes.
enum { HISTORY_ETAG_TEXT = 128 };
void history_etag(const struct history_facts *facts, char out[HISTORY_ETAG_TEXT]);

// Counts what was delivered to `subject` from `room` (the gateway's tally).
void history_meter(struct worker *worker, struct span room, struct span subject,
                   enum meter_face face, const struct meter_count *count);

#endif
