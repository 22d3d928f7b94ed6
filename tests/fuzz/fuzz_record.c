// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Any bytes as a record of the spool: refused, or decoded so that encoding gives the same bytes.
#include <stdint.h>
#include <stdlib.h>

#include "core/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool is_so)
{
    if (!is_so)
        abort();
}

static void check_message(const struct record_message *m, struct buf *out)
{
    struct record_parts parts;
    expect(record_encode_message(m, &parts) == ERR_OK);
    for (size_t i = 0; i < parts.count; i++)
        buf_add_span(out, parts.parts[i]);
}

static void check_traffic(struct record_traffic traffic, struct buf *out)
{
    struct meter_key key;
    struct meter_count count;
    expect(record_begin_traffic(traffic.source, traffic.batch, out) == ERR_OK);
    while (record_next_count(&traffic, &key, &count))
        expect(record_add_count(&key, &count, out) == ERR_OK);
    expect(traffic.counts.len == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct record record;
    struct span bytes = span_make(data, size);
    if (record_decode(bytes, &record) != ERR_OK)
        return 0;
    struct buf again;
    buf_init(&again, size);
    if (record.kind == RECORD_MESSAGE)
        check_message(&record.message, &again);
    else
        check_traffic(record.traffic, &again);
    expect(again.status == ERR_OK && span_equal(buf_span(&again), bytes));
    buf_finish(&again);
    return 0;
}
