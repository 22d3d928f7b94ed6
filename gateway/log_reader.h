// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// One thread's handle on the log for reading: opened when it is first wanted, tried again where
// that fails, and opened anew when another database was put in its place.
#ifndef ROOMWIRE_GATEWAY_LOG_READER_H
#define ROOMWIRE_GATEWAY_LOG_READER_H

#include "core/store.h"
#include "loop.h"

struct gateway;

struct log_reader {
    const struct gateway *gateway;
    const struct loop *loop;
    const char *whose; // for the log; borrowed
    struct store *store;
    int64_t retry_ms;
    enum err err;        // why there is no handle, if that was logged
    uint64_t generation; // of the log when the handle was last looked at (watermark.h)
};

void log_reader_init(struct log_reader *reader, const struct gateway *gateway,
                     const struct loop *loop, const char *whose);
void log_reader_finish(struct log_reader *reader); // fine where all is zero
// The handle; NULL (and one log line) if it cannot be had now. Borrowed until the next call.
struct store *log_reader_get(struct log_reader *reader);

#endif
