// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// One log line per decision, as key=value text: what happened, to what, why.
// Never a token or a payload. Not thread-safe by itself: the sink is.
#ifndef ROOMWIRE_CORE_LOG_H
#define ROOMWIRE_CORE_LOG_H

#include <stdint.h>

#include "span.h"

enum log_level {
    LOG_LEVEL_ERROR,   // we failed
    LOG_LEVEL_WARNING, // something is wrong, and we go on
    LOG_LEVEL_INFO,    // lifecycle and refusals
    LOG_LEVEL_DEBUG
};
extern const char *const log_level_names[]; // ended by NULL

// Where lines go. `write` gets one line without a line end.
struct log {
    void (*write)(void *context, enum log_level level, const char *line);
    void *context;
    enum log_level level; // lines above this level are dropped
};

// Writes one line, cut at LOG_LINE_MAX bytes. `log` may be NULL: nothing is written.
void log_line(const struct log *log, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

enum { LOG_LINE_MAX = 1024, LOG_VALUE_MAX = 128 };

// A value from outside made fit for a line: control bytes, quotes, spaces and non-ASCII as \xNN,
// cut at LOG_VALUE_MAX bytes with "..." behind. Returns `out`.
struct log_value {
    char text[LOG_VALUE_MAX + 4];
};
const char *log_value(struct span value, struct log_value *out);

// Keeps the lines that anybody can provoke to what a log can take. Zeroed before its first use.
struct log_cap {
    int64_t second;    // since 1970, that `count` is about
    int count;         // lines written in it
    int64_t swallowed; // lines that were not
};
enum { LOG_CAP_PER_SECOND = 200 };
// May one more line be written? `now_ms` is since 1970.
bool log_cap_admit(struct log_cap *cap, const struct log *log, int64_t now_ms);
// Says how many lines were not written, once their second is over.
void log_cap_sum_up(struct log_cap *cap, const struct log *log, int64_t now_ms);

// A sink that writes "<level> <line>" to standard error, one write(2) a line, so it may be shared
// by threads.
void log_to_stderr(void *context, enum log_level level, const char *line);

#endif
