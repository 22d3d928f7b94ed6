// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/meter.h"

static void test_a_block_is_512_bytes_begun_or_full(void **state)
{
    (void)state;
    static const int64_t rows[][2] = {{0, 1},
                                      {1, 1},
                                      {511, 1},
                                      {512, 1},
                                      {513, 2},
                                      {900, 2},
                                      {1024, 2},
                                      {1025, 3},
                                      {131072, 256},
                                      {-5, 1},
                                      {INT64_MAX, (INT64_MAX - 1) / 512 + 1}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(meter_blocks(rows[i][0]), rows[i][1]);
}

static void test_900_bytes_to_three_subscribers_are_6_blocks_out(void **state)
{
    (void)state;
    struct meter_count in = {0}, out = {0};
    meter_count_message(&in, 900);
    for (int i = 0; i < 3; i++)
        meter_count_message(&out, 900);
    assert_int_equal(in.blocks, 2);
    assert_int_equal(out.blocks, 6);
    assert_int_equal(out.messages, 3);
    assert_int_equal(out.bytes, 2700);
}

static void test_hours_begin_on_the_hour(void **state)
{
    (void)state;
    static const int64_t rows[][2] = {
        {0, 0},   {3599999, 0},   {3600000, 1},   {7199999, 1},
        {-1, -1}, {-3600000, -1}, {-3600001, -2}, {1795250400123, 498680}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(meter_hour(rows[i][0]), rows[i][1]);
}

static void test_cost_is_rounded_up_to_whole_microdollars(void **state)
{
    (void)state;
    static const int64_t rows[][3] = {
        // blocks, price of a million, cost
        {0, 5000000, 0},
        {1, 5000000, 5},
        {8, 5000000, 40},
        {1000000, 5000000, 5000000},
        {1, 1000000, 1},
        {1, 1, 1},
        {1, 900000, 1},
        {1000001, 900000, 900001},
        {3, 333333, 1},
        {4, 333333, 2},
        {999999, 999999, 999999},
        {INT64_C(1) << 50, 5000000, (INT64_C(1) << 50) * 5},
        {INT64_MAX, 1000000, INT64_MAX},
        {INT64_MAX, 5000000, INT64_MAX}, // at least not a negative bill
        {INT64_MAX, 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(meter_cost(rows[i][0], rows[i][1]), rows[i][2]);
}

static void test_faces_have_names(void **state)
{
    (void)state;
    static const char *const names[] = {"mqtt", "ws", "http", "html", "sse", "poll"};
    assert_int_equal(sizeof names / sizeof names[0], METER_FACE_COUNT);
    for (int face = 0; face < METER_FACE_COUNT; face++) {
        enum meter_face found = METER_FACE_COUNT;
        assert_string_equal(meter_face_name((enum meter_face)face), names[face]);
        assert_true(meter_face_from_name(span_of(names[face]), &found));
        assert_int_equal(found, face);
    }
    enum meter_face found;
    assert_false(meter_face_from_name(span_of(""), &found));
    assert_false(meter_face_from_name(span_of("MQTT"), &found));
    assert_string_equal(meter_direction_name(METER_IN), "in");
    assert_string_equal(meter_direction_name(METER_OUT), "out");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_block_is_512_bytes_begun_or_full),
        cmocka_unit_test(test_900_bytes_to_three_subscribers_are_6_blocks_out),
        cmocka_unit_test(test_hours_begin_on_the_hour),
        cmocka_unit_test(test_cost_is_rounded_up_to_whole_microdollars),
        cmocka_unit_test(test_faces_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
