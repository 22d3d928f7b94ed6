// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// What is to be counted when a buffer is written: each message in it counts when its last byte was
// taken, however many writes that needs. Not who is billed, nor for what: history.h, meter.h.
#ifndef ROOMWIRE_GATEWAY_DUES_H
#define ROOMWIRE_GATEWAY_DUES_H

#include "core/buf.h"
#include "core/meter.h"

struct dues {
    struct buf rows;
    size_t written; // bytes, since the buffer was last empty
};

// At most `max` messages at once; allocates nothing.
void dues_init(struct dues *dues, size_t max);
void dues_finish(struct dues *dues);
// ERR_OK, or that something could not be added and is lost (ERR_TOO_LARGE, ERR_MEMORY).
enum err dues_status(const struct dues *dues);

// `count` is due when the `unwritten` bytes that are in the buffer now are written.
void dues_add(struct dues *dues, size_t unwritten, const struct meter_count *count);
// `len` bytes more were written; gives what is due by that.
struct meter_count dues_take(struct dues *dues, size_t len);

#endif
