// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "events.h"

#include "accept.h"
#include "event_stream.h"
#include "input.h"
#include "stream.h"

#define EVENT_STREAM "text/event-stream"

bool events_are_wanted(const struct exchange *x)
{
    return accept_names(exchange_head(x), EVENT_STREAM, "application/json");
}

// What the reader last had; empty if it says nothing. False if what it says cannot be read.
static bool last_event_id(struct exchange *x, struct span *out_id, bool *out_is_header)
{
    *out_is_header = http_head_field(exchange_head(x), "Last-Event-ID", out_id) && out_id->len > 0;
    return *out_is_header || exchange_query(x, "lastEventId", out_id) != ERR_INVALID;
}

static enum err read_limit(struct exchange *x, int *out_latest)
{
    struct span value;
    unsigned long long limit;
    *out_latest = 0;
    enum err err = exchange_query(x, "limit", &value);
    if (err != ERR_OK)
        return err == ERR_NOT_FOUND ? ERR_OK : err;
    if (!span_to_uint(value, STORE_PAGE_MAX, &limit))
        return ERR_INVALID;
    *out_latest = (int)limit;
    return ERR_OK;
}

static enum err read_start(struct exchange *x, const char *epoch, struct stream_start *start)
{
    *start = (struct stream_start){.after = -1};
    bool is_header;
    struct span id;
    if (!last_event_id(x, &id, &is_header))
        return ERR_INVALID;
    enum err err = read_limit(x, &start->latest);
    switch (event_stream_position(id, epoch, &start->after)) {
    case EVENT_STREAM_LIVE:
    case EVENT_STREAM_AFTER:
        break;
    case EVENT_STREAM_EARLIEST:
        start->is_earliest = true;
        break;
    case EVENT_STREAM_OTHER_EPOCH:
        start->is_other_epoch = true;
        break;
    case EVENT_STREAM_BAD:
        if (!is_header)
            return ERR_INVALID;
        start->is_other_epoch = true; // an EventSource that is refused never asks again
        break;
    }
    return err;
}

// A reader that is told no by a status never asks again (WHATWG HTML §9.2.3); what passes by itself
// is told by a stream that ends at once.
static void ask_to_return(struct exchange *x, enum err err)
{
    exchange_note_refusal(x, 503, err, "the room cannot be followed now");
    exchange_answer(x, 200, EVENT_STREAM, span_of("retry: 2000\n\n"));
}

static void open_admitted(struct exchange *x, const struct caller *caller, struct span room)
{
    struct store *store = worker_store(exchange_worker(x));
    struct stream_start start;
    if (store == NULL) {
        ask_to_return(x, ERR_AGAIN);
        return;
    }
    if (read_start(x, store_epoch(store), &start) != ERR_OK) {
        exchange_refuse(x, 400, ERR_INVALID,
                        "lastEventId is <epoch>-<id> or earliest; limit is 0 to 1000");
        return;
    }
    exchange_add_field(x, "Cache-Control", span_of("no-store"));
    exchange_add_field(x, "X-Accel-Buffering", span_of("no")); // nginx passes it on as it comes
    exchange_add_field(x, "Vary", span_of("Authorization, Cookie, Accept"));
    if (span_is(exchange_head(x)->method, "HEAD")) {
        (void)exchange_stream(x, EVENT_STREAM); // nothing follows the head
        return;
    }
    enum err err = stream_open(x, caller, room, HUB_EVENTS, &start, EVENT_STREAM, span_of(""));
    if (err != ERR_OK)
        ask_to_return(x, err);
}

void events_open(struct exchange *x, struct span room)
{
    struct caller caller;
    if (!auth_admit(x, RIGHTS_SUBSCRIBE, room, &caller))
        return;
    open_admitted(x, &caller, room);
    caller_finish(&caller);
}
