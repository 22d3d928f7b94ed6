// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/relay_queue.h"

static void bytes_come_out_in_order(void **state)
{
    (void)state;
    struct relay_queue queue;
    unsigned char next_in = 0, next_out = 0;
    unsigned seed = 1;
    relay_queue_init(&queue, 1000);
    for (int round = 0; round < 20000; round++) {
        seed = seed * 1103515245u + 12345u;
        unsigned char bytes[50];
        size_t add = seed >> 16 & 31, take = seed >> 24 & 31;
        if (relay_queue_len(&queue) + add > 500)
            add = 0;
        for (size_t i = 0; i < add; i++)
            bytes[i] = next_in++;
        assert_int_equal(relay_queue_add(&queue, span_make(bytes, add)), ERR_OK);
        if (take > relay_queue_len(&queue))
            take = relay_queue_len(&queue);
        struct span waiting = relay_queue_span(&queue);
        for (size_t i = 0; i < take; i++)
            assert_int_equal((unsigned char)waiting.ptr[i], next_out++);
        relay_queue_take(&queue, take);
    }
    relay_queue_finish(&queue);
}

static void an_empty_queue_holds_no_memory(void **state)
{
    (void)state;
    struct relay_queue queue;
    relay_queue_init(&queue, 100);
    assert_null(queue.bytes.ptr);
    assert_int_equal(relay_queue_add(&queue, span_of("abc")), ERR_OK);
    relay_queue_take(&queue, 2);
    assert_true(span_is(relay_queue_span(&queue), "c"));
    relay_queue_take(&queue, 1);
    assert_null(queue.bytes.ptr);
    assert_int_equal(relay_queue_len(&queue), 0);
}

// What was taken makes room again, so the limit is for what waits.
static void the_limit_is_for_what_waits(void **state)
{
    (void)state;
    struct relay_queue queue;
    relay_queue_init(&queue, 8);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(relay_queue_add(&queue, span_of("12345")), ERR_OK);
        assert_int_equal(relay_queue_add(&queue, span_of("678")), ERR_OK);
        relay_queue_take(&queue, 5);
        assert_int_equal(relay_queue_add(&queue, span_of("abcde")), ERR_OK);
        assert_true(span_is(relay_queue_span(&queue), "678abcde"));
        relay_queue_take(&queue, 8);
    }
    assert_int_equal(relay_queue_add(&queue, span_of("123456789")), ERR_TOO_LARGE);
    relay_queue_finish(&queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_come_out_in_order),
        cmocka_unit_test(an_empty_queue_holds_no_memory),
        cmocka_unit_test(the_limit_is_for_what_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
