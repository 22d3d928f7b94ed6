// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// A latency histogram of fixed size, exact to about one part in 64.
#ifndef ROOMWIRE_BENCH_HISTOGRAM_H
#define ROOMWIRE_BENCH_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_SUB 64u
#define HISTOGRAM_POWERS 40u

struct histogram {
    uint64_t count;
    uint64_t max_ns;
    uint64_t buckets[HISTOGRAM_POWERS][HISTOGRAM_SUB];
};

void histogram_add(struct histogram *h, uint64_t value_ns);
// The value below which `share` (0..1) of all values lie, in nanoseconds; 0 if there are none.
uint64_t histogram_at(const struct histogram *h, double share);

#endif
