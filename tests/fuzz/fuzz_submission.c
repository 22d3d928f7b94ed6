// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Bodies of posts as JSON, form and bytes, and in the short form: the first byte chooses, the rest
// is the body. Whatever is taken holds what submission.h promises.
#include <assert.h>
#include <stdint.h>

#include "gateway/input.h"
#include "gateway/submission.h"

enum { MAX_PAYLOAD = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const types[] = {"application/json", "application/x-www-form-urlencoded",
                                        "text/plain", "", "short"};
    enum { TYPES = sizeof types / sizeof types[0] };
    if (size == 0)
        return 0;
    struct submission s;
    struct submission_refusal refusal = {0, NULL};
    struct span body = span_make(data + 1, size - 1);
    const char *type = types[data[0] % TYPES];
    enum err err = strcmp(type, "short") == 0
                       ? submission_read_short(body, MAX_PAYLOAD, &s, &refusal)
                       : submission_read(span_of(type), body, MAX_PAYLOAD, &s, &refusal);
    if (err == ERR_INVALID)
        assert(refusal.status >= 400 && refusal.status < 500 && refusal.detail != NULL);
    if (err != ERR_OK)
        return 0;
    assert(s.payload.len <= MAX_PAYLOAD);
    assert(s.type.len == 0 || input_is_content_type(s.type));
    assert(s.key.len == 0 || input_is_clean(s.key, MESSAGE_KEY_MAX));
    if (s.kind == SUBMISSION_FORM)
        assert(span_is_utf8(s.payload));
    submission_finish(&s);
    return 0;
}
