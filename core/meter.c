// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "meter.h"

#include <assert.h>

static const char *const face_names[METER_FACE_COUNT] = {"mqtt", "ws",  "http",
                                                         "html", "sse", "poll"};

const char *meter_face_name(enum meter_face face)
{
    assert((unsigned)face < METER_FACE_COUNT);
    return face_names[face];
}

const char *meter_direction_name(enum meter_direction direction)
{
    return direction == METER_IN ? "in" : "out";
}

bool meter_face_from_name(struct span name, enum meter_face *out_face)
{
    for (int face = 0; face < METER_FACE_COUNT; face++) {
        if (span_is(name, face_names[face])) {
            *out_face = (enum meter_face)face;
            return true;
        }
    }
    return false;
}

int64_t meter_blocks(int64_t bytes)
{
    return bytes > METER_BLOCK_SIZE ? (bytes - 1) / METER_BLOCK_SIZE + 1 : 1;
}

int64_t meter_hour(int64_t date_ms)
{
    const int64_t hour_ms = 3600000;
    int64_t hour = date_ms / hour_ms;
    return date_ms % hour_ms < 0 ? hour - 1 : hour;
}

void meter_count_message(struct meter_count *count, int64_t bytes)
{
    count->messages++;
    count->blocks += meter_blocks(bytes);
    count->bytes += bytes;
}

int64_t meter_cost(int64_t blocks, int64_t price_per_million)
{
    assert(blocks >= 0 && price_per_million >= 0);
    const int64_t million = 1000000;
    // In two parts, since blocks * price need not fit into 64 bits.
    int64_t cost, rest = blocks % million * price_per_million;
    if (__builtin_mul_overflow(blocks / million, price_per_million, &cost) ||
        __builtin_add_overflow(cost, rest / million + (rest % million > 0), &cost))
        return INT64_MAX;
    return cost;
}
