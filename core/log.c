// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

const char *const log_level_names[] = {"error", "warning", "info", "debug", NULL};

void log_line(const struct log *log, enum log_level level, const char *format, ...)
{
    if (log == NULL || level > log->level)
        return;
    char line[LOG_LINE_MAX];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (len >= 0)
        log->write(log->context, level, line);
}

const char *log_value(struct span value, struct log_value *out)
{
    static const char hex[] = "0123456789abcdef";
    size_t at = 0;
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        bool is_plain = c > ' ' && c < 0x7F && c != '"' && c != '\\';
        size_t need = is_plain ? 1 : 4;
        if (at + need > LOG_VALUE_MAX) {
            memcpy(out->text + at, "...", 3);
            at += 3;
            break;
        }
        if (is_plain) {
            out->text[at++] = (char)c;
            continue;
        }
        out->text[at++] = '\\';
        out->text[at++] = 'x';
        out->text[at++] = hex[c >> 4];
        out->text[at++] = hex[c & 15];
    }
    out->text[at] = '\0';
    return out->text;
}

void log_to_stderr(void *context, enum log_level level, const char *line)
{
    (void)context; // standard error needs none
    char text[LOG_LINE_MAX + 16];
    int len = snprintf(text, sizeof text, "%s %s\n", log_level_names[level], line);
    if (len > 0)
        (void)!write(STDERR_FILENO, text, (size_t)len); // nowhere left to report it to
}

void log_cap_sum_up(struct log_cap *cap, const struct log *log, int64_t now_ms)
{
    if (cap->swallowed == 0 || cap->second == now_ms / 1000)
        return;
    log_line(log, LOG_LEVEL_WARNING, "refused more=%lld, not logged one by one",
             (long long)cap->swallowed);
    cap->swallowed = 0;
}

bool log_cap_admit(struct log_cap *cap, const struct log *log, int64_t now_ms)
{
    log_cap_sum_up(cap, log, now_ms);
    if (cap->second != now_ms / 1000) {
        cap->second = now_ms / 1000;
        cap->count = 0;
    }
    if (cap->count == LOG_CAP_PER_SECOND) {
        cap->swallowed++;
        return false;
    }
    cap->count++;
    return true;
}
