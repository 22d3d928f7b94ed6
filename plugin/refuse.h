// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The log lines about what was refused: one each, but no more in a second than a log can take.
// Never a token or a payload.
#ifndef ROOMWIRE_PLUGIN_REFUSE_H
#define ROOMWIRE_PLUGIN_REFUSE_H

#include "core/err.h"
#include "core/log.h"

// What was refused to whom; NULL texts are left out.
struct refusal {
    const char *what; // "connect", "subscribe", "publish", "will", "connection" (it was ended), ...
    const char *client_id;
    const char *subject;
    const char *address;
    const char *topic;
    const char *why;
};

void refuse_log(struct log_cap *cap, const struct log *log, int64_t now_ms,
                const struct refusal *refusal);
#endif
