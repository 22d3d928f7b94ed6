// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The clocks: real time for stamps, monotonic time for waiting.
#ifndef ROOMWIRE_CORE_CLOCK_H
#define ROOMWIRE_CORE_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t clock_read_ms(clockid_t id)
{
    struct timespec now = {0};
    (void)clock_gettime(id, &now); // cannot fail for the clocks used here
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// Milliseconds since 1970, UTC.
static inline int64_t clock_real_ms(void)
{
    return clock_read_ms(CLOCK_REALTIME);
}

static inline int64_t clock_monotonic_ms(void)
{
    return clock_read_ms(CLOCK_MONOTONIC);
}

// A point of the monotonic clock as the pthread functions want it.
static inline struct timespec clock_deadline(int64_t monotonic_ms)
{
    return (struct timespec){.tv_sec = monotonic_ms / 1000,
                             .tv_nsec = monotonic_ms % 1000 * 1000000};
}

#endif
