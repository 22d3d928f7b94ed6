// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "event_stream.h"

static void put_id(const char *epoch, int64_t id, struct buf *out)
{
    buf_add_text(out, "id: ");
    buf_add_text(out, epoch);
    buf_add_char(out, '-');
    buf_add_int(out, id);
    buf_add_char(out, '\n');
}

void event_stream_message(const struct message *m, const char *epoch, struct buf *out)
{
    put_id(epoch, m->id, out);
    // JSON escapes CR, LF and NUL, so whatever the message holds is one line of data.
    buf_add_text(out, "event: message\ndata: ");
    struct json_writer w;
    json_writer_init(&w, out);
    message_write_json(m, epoch, &w);
    buf_add_text(out, "\n\n");
}

// The data line of the two events about the stream itself.
static void put_state(struct span room, const char *epoch, int64_t after, const char *reason,
                      struct buf *out)
{
    buf_add_text(out, "data: ");
    struct json_writer w;
    json_writer_init(&w, out);
    json_begin_object(&w);
    json_field_text(&w, "room", room);
    json_field_text(&w, "epoch", span_of(epoch));
    json_field_int(&w, "after", after);
    if (reason != NULL)
        json_field_text(&w, "reason", span_of(reason));
    json_end_object(&w);
    buf_add_text(out, "\n\n");
}

void event_stream_open(struct span room, const char *epoch, int64_t after, int64_t retry_ms,
                       struct buf *out)
{
    buf_printf(out, "retry: %lld\n", (long long)retry_ms);
    // A reader that leaves before the first message resumes from here, not from the end.
    put_id(epoch, after, out);
    buf_add_text(out, "event: stream-open\n");
    put_state(room, epoch, after, NULL, out);
}

void event_stream_reset(struct span room, const char *epoch, int64_t after, const char *reason,
                        struct buf *out)
{
    put_id(epoch, after, out);
    buf_add_text(out, "event: stream-reset\n");
    put_state(room, epoch, after, reason, out);
}

void event_stream_keepalive(struct buf *out)
{
    buf_add_text(out, ":\n\n");
}

enum event_stream_start event_stream_position(struct span last_event_id, const char *epoch,
                                              int64_t *out_id)
{
    if (last_event_id.len == 0)
        return EVENT_STREAM_LIVE;
    if (span_is(last_event_id, "earliest"))
        return EVENT_STREAM_EARLIEST;
    struct span rest = last_event_id, name;
    unsigned long long id;
    if (!span_split(&rest, '-', &name) || name.len == 0 || name.len > MESSAGE_EPOCH_MAX ||
        !span_to_uint(rest, INT64_MAX, &id))
        return EVENT_STREAM_BAD;
    if (!span_is(name, epoch))
        return EVENT_STREAM_OTHER_EPOCH;
    *out_id = (int64_t)id;
    return EVENT_STREAM_AFTER;
}
