// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "gateway/tape.h"

static struct tape *make(size_t max_bytes, size_t max_messages)
{
    static struct tape_budget plenty = {0, SIZE_MAX};
    struct tape *tape = NULL;
    assert_int_equal(tape_create(&plenty, max_bytes, max_messages, &tape), ERR_OK);
    return tape;
}

static void append(struct tape *tape, int64_t id, int64_t prev, const char *text)
{
    assert_int_equal(tape_append(tape, id, prev, (int64_t)strlen(text), span_of(text)), ERR_OK);
}

// What a reader at `at` would write.
static const char *read_all(const struct tape *tape, struct tape_position at)
{
    static char text[65536];
    struct iovec parts[2];
    int count = tape_read(tape, &at, sizeof text - 1, parts);
    if (count < 0)
        return "(fell off)";
    size_t len = 0;
    for (int i = 0; i < count; i++) {
        memcpy(text + len, parts[i].iov_base, parts[i].iov_len);
        len += parts[i].iov_len;
    }
    text[len] = '\0';
    return text;
}

static void a_reader_gets_what_follows_its_id(void **state)
{
    (void)state;
    struct tape *tape = make(1000, 100);
    struct tape_position at;
    assert_false(tape_seek(tape, 0, &at));
    append(tape, 3, 0, "three");
    append(tape, 7, 3, "seven");
    assert_true(tape_seek(tape, 0, &at));
    assert_string_equal(read_all(tape, at), "threeseven");
    assert_true(tape_seek(tape, 3, &at));
    assert_string_equal(read_all(tape, at), "seven");
    assert_true(tape_seek(tape, 5, &at)); // an id between two is fine: ids are not contiguous
    assert_string_equal(read_all(tape, at), "seven");
    assert_true(tape_seek(tape, 7, &at));
    assert_string_equal(read_all(tape, at), "");
    assert_int_equal(at.id, 7);
    assert_int_equal(at.sum.messages, 2);
    assert_int_equal(at.sum.bytes, 10);
    assert_false(tape_seek(tape, 8, &at)); // who is ahead must not be given 8 once more
    tape_destroy(tape);
}

static void what_is_missing_before_the_tape_is_told(void **state)
{
    (void)state;
    struct tape *tape = make(1000, 100);
    struct tape_position at;
    append(tape, 7, 3, "seven");
    assert_false(tape_seek(tape, 2, &at)); // 3 is not here
    assert_true(tape_seek(tape, 7, &at));
    append(tape, 9, 8, "nine"); // 8 was missed: the tape starts anew
    assert_string_equal(read_all(tape, at), "(fell off)");
    assert_false(tape_seek(tape, 7, &at));
    assert_true(tape_seek(tape, 8, &at));
    assert_string_equal(read_all(tape, at), "nine");
    assert_int_equal(tape_append(tape, 9, 8, 5, span_of("again")), ERR_INVALID);
    tape_destroy(tape);
}

static void a_slow_reader_falls_off(void **state)
{
    (void)state;
    struct tape *tape = make(10, 100);
    append(tape, 1, 0, "aaaa");
    struct tape_position at = {0};
    append(tape, 2, 1, "bbbb");
    assert_string_equal(read_all(tape, at), "aaaabbbb");
    append(tape, 3, 2, "cccc");
    assert_string_equal(read_all(tape, at), "(fell off)");
    assert_false(tape_seek(tape, 0, &at));
    assert_true(tape_seek(tape, 1, &at));
    assert_string_equal(read_all(tape, at), "bbbbcccc");
    assert_true(tape_seek(tape, 3, &at));
    assert_int_equal(tape_append(tape, 4, 3, 1, span_of("longer than the tape")), ERR_TOO_LARGE);
    append(tape, 5, 4, "eeee");
    assert_string_equal(read_all(tape, at), "(fell off)"); // 4 is to come from elsewhere
    assert_false(tape_seek(tape, 3, &at));
    tape_destroy(tape);
}

static void a_partial_write_ends_at_its_message(void **state)
{
    (void)state;
    struct tape *tape = make(1000, 100);
    append(tape, 1, 0, "aaaa");
    append(tape, 2, 1, "bb");
    append(tape, 5, 2, "cccccc");
    struct tape_position at = {0};
    tape_advance(tape, &at, 1);
    assert_int_equal(at.offset, 4);
    assert_int_equal(at.id, 1);
    tape_advance(tape, &at, 2);
    assert_int_equal(at.offset, 6);
    assert_int_equal(at.id, 2);
    at = (struct tape_position){0};
    tape_advance(tape, &at, 11);
    assert_int_equal(at.offset, 12);
    assert_int_equal(at.id, 5);
    assert_int_equal(at.sum.messages, 3);
    assert_int_equal(at.sum.bytes, 12);
    tape_destroy(tape);
}

static void what_is_whole_is_summed(void **state)
{
    (void)state;
    struct tape *tape = make(10, 100);
    append(tape, 1, 0, "aaaa");
    append(tape, 2, 1, "bb");
    append(tape, 5, 2, "cccccc"); // the first one gives way
    static const struct {
        uint64_t offset;
        int64_t messages, bytes;
    } table[] = {{4, 1, 4}, {5, 1, 4}, {6, 2, 6}, {11, 2, 6}, {12, 3, 12}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct meter_count sum = tape_sum_at(tape, table[i].offset);
        assert_int_equal(sum.messages, table[i].messages);
        assert_int_equal(sum.bytes, table[i].bytes);
    }
    tape_destroy(tape);
}

// Random messages against a plain model: whatever the sizes and limits, a reader that reads at its
// own pace gets exactly the bytes from its offset on, or is told that it fell off.
static void readers_of_a_long_tape_agree_with_a_model(void **state)
{
    (void)state;
    enum { TOTAL = 400000, LIMIT = 20000 };
    char *model = malloc(TOTAL + 1000);
    assert_non_null(model);
    struct tape *tape = make(LIMIT, 300);
    srand(7);
    size_t end = 0;
    struct tape_position reader = {0};
    for (int64_t id = 1; end < TOTAL; id++) {
        size_t len = (size_t)(rand() % 900) + 1;
        memset(model + end, 'a' + (int)(id % 26), len);
        assert_int_equal(tape_append(tape, id, id - 1, (int64_t)len, span_make(model + end, len)),
                         ERR_OK);
        end += len;
        if (rand() % 20 != 0)
            continue;
        struct iovec parts[2];
        int count = tape_read(tape, &reader, 5000, parts);
        if (count < 0)
            assert_true(tape_seek(tape, id, &reader));
        if (count <= 0)
            continue;
        uint64_t at = reader.offset;
        for (int i = 0; i < count; i++) {
            assert_memory_equal(parts[i].iov_base, model + at, parts[i].iov_len);
            at += parts[i].iov_len;
        }
        struct meter_count whole = tape_sum_at(tape, at);
        tape_advance(tape, &reader, (size_t)(at - reader.offset));
        assert_true(reader.offset >= at && whole.bytes <= (int64_t)at);
        assert_int_equal(whole.messages, reader.offset == at ? reader.id : reader.id - 1);
        assert_int_equal(reader.sum.bytes, reader.offset);
        assert_int_equal(reader.sum.messages, reader.id);
    }
    tape_destroy(tape);
    free(model);
}

static void tapes_share_what_memory_there_is(void **state)
{
    (void)state;
    struct tape_budget budget = {0, 8192};
    struct tape *first, *second;
    struct tape_position at;
    char text[3001] = {0};
    memset(text, 'x', sizeof text - 1);
    assert_int_equal(tape_create(&budget, 65536, 100, &first), ERR_OK);
    assert_int_equal(tape_create(&budget, 65536, 100, &second), ERR_OK);
    append(first, 1, 0, text);
    append(first, 2, 1, text);
    assert_int_equal(budget.used, 8192);
    append(first, 3, 2, text); // in the place of the oldest
    assert_false(tape_seek(first, 0, &at));
    assert_true(tape_seek(first, 1, &at));
    assert_int_equal(tape_append(second, 1, 0, 1, span_of("y")), ERR_TOO_LARGE);
    tape_destroy(first);
    assert_int_equal(budget.used, 0);
    append(second, 1, 0, "y");
    tape_destroy(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reader_gets_what_follows_its_id),
        cmocka_unit_test(what_is_missing_before_the_tape_is_told),
        cmocka_unit_test(a_slow_reader_falls_off),
        cmocka_unit_test(a_partial_write_ends_at_its_message),
        cmocka_unit_test(what_is_whole_is_summed),
        cmocka_unit_test(readers_of_a_long_tape_agree_with_a_model),
        cmocka_unit_test(tapes_share_what_memory_there_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
