// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Chunked bodies: the outcome and the body are the same in one piece and byte by byte, and the body
// never grows beyond its limit.
#include <stdint.h>
#include <stdlib.h>

#include "gateway/chunked.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BODY_MAX = 4096 };

static void require(bool is_so)
{
    if (!is_so)
        abort();
}

static enum chunked_result decode(struct span bytes, size_t step, struct buf *body,
                                  size_t *out_consumed)
{
    struct chunked chunked = {0};
    enum chunked_result result = CHUNKED_MORE;
    for (size_t at = 0; at < bytes.len && result == CHUNKED_MORE; at += step) {
        size_t len = bytes.len - at < step ? bytes.len - at : step, consumed = 0;
        result = chunked_decode(&chunked, span_make(bytes.ptr + at, len), body, &consumed);
        require(consumed <= len);
        if (result == CHUNKED_DONE)
            *out_consumed = at + consumed;
    }
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span bytes = span_make(data, size);
    struct buf whole, single;
    size_t whole_consumed = 0, single_consumed = 0;
    buf_init(&whole, BODY_MAX);
    buf_init(&single, BODY_MAX);
    enum chunked_result result = decode(bytes, size ? size : 1, &whole, &whole_consumed);
    require(result != CHUNKED_MEMORY);
    require(decode(bytes, 1, &single, &single_consumed) == result);
    if (result == CHUNKED_DONE || result == CHUNKED_MORE)
        require(whole_consumed == single_consumed &&
                span_equal(buf_span(&whole), buf_span(&single)));
    require(whole.len <= BODY_MAX && single.len <= BODY_MAX);
    buf_finish(&whole);
    buf_finish(&single);
    return 0;
}
