// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "event_stream.h"
#include "hub.h"
#include "page_live.h"

void hub_write(enum hub_form form, const struct message *m, const char *epoch, struct buf *out)
{
    if (form == HUB_EVENTS)
        event_stream_message(m, epoch, out);
    else
        page_live_item(m, out);
}

void hub_write_open(enum hub_form form, struct span room, const char *epoch, int64_t after,
                    int64_t retry_ms, struct buf *out)
{
    if (form == HUB_EVENTS)
        event_stream_open(room, epoch, after, retry_ms, out);
}

void hub_write_reset(enum hub_form form, struct span room, const char *epoch, int64_t after,
                     const char *reason, struct buf *out)
{
    if (form == HUB_EVENTS)
        event_stream_reset(room, epoch, after, reason, out);
    else
        page_live_gap(out);
}

void hub_write_keepalive(enum hub_form form, struct buf *out)
{
    if (form == HUB_EVENTS)
        event_stream_keepalive(out);
    else
        buf_add_char(out, '\n');
}

void hub_write_end(enum hub_form form, struct span room, const char *epoch, int64_t id,
                   struct buf *out)
{
    if (form == HUB_ITEMS)
        page_live_end(room, epoch, id, out);
}
