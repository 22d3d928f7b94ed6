// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/packet_gauge.h"

#define BYTES(text) span_make(text, sizeof(text) - 1)
// The same for a table.
#define LITERAL(text)                                                                              \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }

// Feeds `bytes` in pieces of `step`.
static enum err feed(struct packet_gauge *gauge, struct span bytes, size_t step, size_t max)
{
    enum err err = ERR_OK;
    while (bytes.len > 0 && err == ERR_OK) {
        size_t len = bytes.len < step ? bytes.len : step;
        err = packet_gauge_feed(gauge, span_make(bytes.ptr, len), max);
        bytes = span_skip(bytes, len);
    }
    return err;
}

static void packets_cut_anywhere_are_followed(void **state)
{
    (void)state;
    // PUBLISH, PINGREQ, SUBSCRIBE, DISCONNECT.
    static const char stream[] = "\x30\x04\x00\x01"
                                 "ab\xC0\x00\x82\x06\x00\x01\x00\x01#\x00\xE0\x00";
    for (size_t step = 1; step < sizeof stream; step++) {
        struct packet_gauge gauge = {0};
        assert_int_equal(feed(&gauge, BYTES(stream), step, 10), ERR_OK);
        assert_true(packet_gauge_has_disconnected(&gauge));
    }
}

static void disconnect_counts_when_it_is_whole_and_last(void **state)
{
    (void)state;
    static const struct {
        struct span bytes;
        bool is_disconnected;
    } table[] = {
        {LITERAL(""), false},
        {LITERAL("\xE0"), false},
        {LITERAL("\xE0\x00"), true},
        {LITERAL("\xE0\x02\x00"), false},
        {LITERAL("\xE0\x02\x00\x00"), true},
        {LITERAL("\xE0\x00\xC0"), false},
        {LITERAL("\xE0\x00\xC0\x00"), false},
        {LITERAL("\x30\x02\xE0\x00"), false}, // only looks like one
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct packet_gauge gauge = {0};
        assert_int_equal(packet_gauge_feed(&gauge, table[i].bytes, 10), ERR_OK);
        assert_int_equal(packet_gauge_has_disconnected(&gauge), table[i].is_disconnected);
    }
}

static void a_packet_over_the_limit_is_seen_in_its_head(void **state)
{
    (void)state;
    for (size_t step = 1; step < 4; step++) {
        struct packet_gauge gauge = {0};
        assert_int_equal(feed(&gauge, BYTES("\x30\x62"), step, 100), ERR_OK); // 100 in all
        gauge = (struct packet_gauge){0};
        assert_int_equal(feed(&gauge, BYTES("\x30\x63"), step, 100), ERR_TOO_LARGE);
        gauge = (struct packet_gauge){0};
        assert_int_equal(feed(&gauge, BYTES("\xC0\x00\x30\xFF\xFF\xFF\x7F"), step, 1000),
                         ERR_TOO_LARGE);
        gauge = (struct packet_gauge){0};
        assert_int_equal(feed(&gauge, BYTES("\x30\xFF\xFF\xFF\x7F"), step, 268435460), ERR_OK);
    }
}

static void a_length_without_end_is_malformed(void **state)
{
    (void)state;
    for (size_t step = 1; step < 7; step++) {
        struct packet_gauge gauge = {0};
        assert_int_equal(feed(&gauge, BYTES("\x30\x80\x80\x80\x80\x01"), step, 1000), ERR_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_cut_anywhere_are_followed),
        cmocka_unit_test(disconnect_counts_when_it_is_whole_and_last),
        cmocka_unit_test(a_packet_over_the_limit_is_seen_in_its_head),
        cmocka_unit_test(a_length_without_end_is_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
