// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The text of an event stream (WHATWG HTML §9.2.5-§9.2.6): events for messages, and the ids by
// which a reader resumes. Not the connection that carries it: stream.h.
#ifndef ROOMWIRE_GATEWAY_EVENT_STREAM_H
#define ROOMWIRE_GATEWAY_EVENT_STREAM_H

#include "core/message.h"

// "message" with id "<epoch>-<id>" and the message's JSON as its data, one line.
void event_stream_message(const struct message *m, const char *epoch, struct buf *out);
// "stream-open": the stream is live; its data is a JSON object {"epoch","room","after"}: what
// follows is everything after that id. With `retry_ms`, how long a reader waits before it
// reconnects.
void event_stream_open(struct span room, const char *epoch, int64_t after, int64_t retry_ms,
                       struct buf *out);
// "stream-reset": the past that was asked for cannot be given; `reason` is "expired" or "epoch".
// The reader drops what it has; messages after id `after` follow.
void event_stream_reset(struct span room, const char *epoch, int64_t after, const char *reason,
                        struct buf *out);
// A comment, which readers ignore and proxies see.
void event_stream_keepalive(struct buf *out);

enum event_stream_start {
    EVENT_STREAM_LIVE,        // no position was given
    EVENT_STREAM_AFTER,       // after `*out_id` of our epoch
    EVENT_STREAM_EARLIEST,    // the literal "earliest"
    EVENT_STREAM_OTHER_EPOCH, // an id, but not of this log
    EVENT_STREAM_BAD          // no id of ours
};
// Reads what a reader sends as Last-Event-ID or lastEventId.
enum event_stream_start event_stream_position(struct span last_event_id, const char *epoch,
                                              int64_t *out_id);

#endif
