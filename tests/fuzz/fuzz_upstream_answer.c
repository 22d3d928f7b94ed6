// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// What comes back over the service connection: answers to posts, and to commands.
#include <assert.h>
#include <stdint.h>

#include "gateway/upstream_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t ref = 0;
    struct upstream_answer answer;
    if (upstream_response_read(span_make(data, size), &ref, &answer) == ERR_OK) {
        assert(ref > 0 && answer.response != NULL);
        json_destroy(answer.response);
    }
    if (upstream_answer_read(span_make(data, size), &ref, &answer) != ERR_OK)
        return 0;
    assert(ref > 0);
    assert(memchr(answer.detail, '\0', sizeof answer.detail) != NULL);
    if (answer.err == ERR_OK)
        assert(answer.id >= 0 && answer.prev >= 0);
    return 0;
}
