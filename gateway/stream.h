// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// A connection on which a room's messages are written as they come, in one of the hub's forms. It
// is a cursor: it reads from the room's tape what its socket takes, and from the database what the
// tape no longer has. Nothing is queued for it but the rest of the message it is in the middle of.
// Not what a form looks like (event_stream.h, page_live.h).
#ifndef ROOMWIRE_GATEWAY_STREAM_H
#define ROOMWIRE_GATEWAY_STREAM_H

#include "auth.h"
#include "hub.h"

// Where a stream starts.
struct stream_start {
    int64_t after;       // behind this message; -1: behind the newest one, but for the
    int latest;          // newest `latest` (0..STORE_PAGE_MAX)
    bool is_earliest;    // before all that is there; `after` is -1
    bool is_other_epoch; // the reader knows another log than ours: tell it so; `after` is -1
};

// Answers the exchange with `content_type` and what is in `first` (the beginning of a page, may be
// empty), then streams until the reader goes, its token expires, or the gateway stops. `room` and
// what is needed of the caller are copied. Errors: those of hub_join; the exchange is not answered
// then.
MUST_USE enum err stream_open(struct exchange *x, const struct caller *caller, struct span room,
                              enum hub_form form, const struct stream_start *start,
                              const char *content_type, struct span first);

#endif
