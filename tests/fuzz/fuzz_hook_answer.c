// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// What a webhook answers: whatever it is, nothing comes out of it that could not be published.
#include <assert.h>
#include <stdint.h>

#include "core/base64.h"
#include "core/topic.h"
#include "gateway/hook_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_item(const struct hook_item *item, bool has_room)
{
    (void)has_room; // without assertions
    assert(item->room.len > 0 ? topic_is_room(item->room) : has_room || item->is_reply);
    if (!item->is_base64)
        return;
    struct buf bytes;
    buf_init(&bytes, item->text.len);
    assert(base64_decode(item->text, &bytes) == ERR_OK);
    buf_finish(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int i = 0; i < 4; i++) {
        bool is_connect = i & 1, has_room = i & 2;
        struct hook_answer answer;
        enum hook_outcome outcome = hook_answer_judge(
            200, span_of("application/json"), span_make(data, size), is_connect, has_room, &answer);
        assert(outcome == HOOK_DELIVERED || outcome == HOOK_FAILED ||
               (is_connect && outcome == HOOK_REFUSED));
        if (outcome == HOOK_FAILED)
            continue;
        assert(answer.count <= HOOK_ITEMS_MAX && answer.reason.len <= HOOK_REASON_MAX);
        for (size_t at = 0; at < answer.count; at++)
            check_item(&answer.items[at], has_room);
        hook_answer_finish(&answer);
    }
    return 0;
}
