// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "refuse.h"

#include "core/buf.h"

static void add_field(struct buf *line, const char *name, const char *value)
{
    struct log_value escaped;
    if (value != NULL)
        buf_printf(line, " %s=%s", name, log_value(span_of(value), &escaped));
}

void refuse_log(struct log_cap *cap, const struct log *log, int64_t now_ms,
                const struct refusal *refusal)
{
    if (!log_cap_admit(cap, log, now_ms))
        return;
    struct buf line;
    buf_init(&line, LOG_LINE_MAX);
    buf_printf(&line, "refused what=%s", refusal->what);
    add_field(&line, "client", refusal->client_id);
    add_field(&line, "subject", refusal->subject);
    add_field(&line, "address", refusal->address);
    add_field(&line, "topic", refusal->topic);
    buf_printf(&line, " why=\"%s\"", refusal->why);
    log_line(log, LOG_LEVEL_INFO, "%.*s", (int)line.len, line.ptr ? line.ptr : "");
    buf_finish(&line);
}
