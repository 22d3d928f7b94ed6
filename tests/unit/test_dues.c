// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gateway/dues.h"

static void a_message_counts_with_its_last_byte(void **state)
{
    (void)state;
    struct dues dues;
    struct meter_count count = {0}, sum;
    dues_init(&dues, 10);
    meter_count_message(&count, 600);
    dues_add(&dues, 100, &count); // behind 20 bytes of something else
    sum = dues_take(&dues, 99);
    assert_int_equal(sum.messages, 0);
    dues_add(&dues, 51, &count); // one byte is left of the first
    sum = dues_take(&dues, 1);
    assert_int_equal(sum.messages, 1);
    assert_int_equal(sum.blocks, 2);
    assert_int_equal(sum.bytes, 600);
    sum = dues_take(&dues, 50);
    assert_int_equal(sum.messages, 1);
    sum = dues_take(&dues, 1000); // what counts nothing
    assert_int_equal(sum.messages, 0);
    assert_int_equal(dues_status(&dues), ERR_OK);
    dues_finish(&dues);
}

static void more_than_the_maximum_is_told(void **state)
{
    (void)state;
    struct dues dues;
    struct meter_count count = {1, 1, 1}, none = {0};
    dues_init(&dues, 2);
    for (size_t i = 1; i <= 2; i++)
        dues_add(&dues, i, &count);
    dues_add(&dues, 3, &none);
    assert_int_equal(dues_status(&dues), ERR_OK);
    dues_add(&dues, 3, &count);
    assert_int_equal(dues_status(&dues), ERR_TOO_LARGE);
    dues_finish(&dues);
}

// However the writes fall, each message is counted once, with the write that its last byte is in.
static void any_writes_count_the_same(void **state)
{
    (void)state;
    enum { MESSAGES = 500 };
    struct dues dues;
    size_t ends[MESSAGES], put = 0, written = 0;
    int64_t told = 0;
    srand(3);
    dues_init(&dues, MESSAGES);
    for (int n = 0; n < MESSAGES; n++) {
        struct meter_count count = {1, 1, 1};
        put += (size_t)(rand() % 50) + 1;
        ends[n] = put;
        dues_add(&dues, put - written, &count);
        size_t len = (size_t)rand() % (put - written + 1);
        written += len;
        told += dues_take(&dues, len).messages;
        int64_t whole = 0;
        while (whole <= n && ends[whole] <= written)
            whole++;
        assert_int_equal(told, whole);
    }
    dues_finish(&dues);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_counts_with_its_last_byte),
        cmocka_unit_test(more_than_the_maximum_is_told),
        cmocka_unit_test(any_writes_count_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
