// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "histogram.h"

#include <stddef.h>

// Values below HISTOGRAM_SUB have a bucket each; above, each power of two has HISTOGRAM_SUB.
static size_t power_of(uint64_t value)
{
    size_t power = 0;
    while ((value >> power) >= 2 * HISTOGRAM_SUB && power < HISTOGRAM_POWERS - 2)
        power++;
    return value < HISTOGRAM_SUB ? 0 : power + 1;
}

void histogram_add(struct histogram *h, uint64_t value_ns)
{
    size_t power = power_of(value_ns);
    uint64_t sub = power == 0 ? value_ns : (value_ns >> (power - 1)) - HISTOGRAM_SUB;
    if (sub >= HISTOGRAM_SUB)
        sub = HISTOGRAM_SUB - 1;
    h->buckets[power][sub]++;
    h->count++;
    if (value_ns > h->max_ns)
        h->max_ns = value_ns;
}

uint64_t histogram_at(const struct histogram *h, double share)
{
    if (h->count == 0)
        return 0;
    uint64_t wanted = (uint64_t)(share * (double)h->count);
    uint64_t seen = 0;
    for (size_t power = 0; power < HISTOGRAM_POWERS; power++)
        for (size_t sub = 0; sub < HISTOGRAM_SUB; sub++) {
            seen += h->buckets[power][sub];
            if (seen > wanted)
                return power == 0 ? sub : (sub + HISTOGRAM_SUB) << (power - 1);
        }
    return h->max_ns;
}
