// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Chunked bodies: what they decode to, what is refused, and that it does not matter where they are
// cut.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gateway/chunked.h"

enum { BODY_MAX = 64 };

static const struct row {
    const char *name, *bytes;
    enum chunked_result result;
    const char *body, *rest;
} rows[] = {
    {"empty", "0\r\n\r\n", CHUNKED_DONE, "", ""},
    {"one chunk", "3\r\nabc\r\n0\r\n\r\nGET", CHUNKED_DONE, "abc", "GET"},
    {"two chunks", "1\r\na\r\n02\r\nbc\r\n0\r\n\r\n", CHUNKED_DONE, "abc", ""},
    {"hex in both cases", "A\r\n0123456789\r\nb\r\n0123456789a\r\n000\r\n\r\n", CHUNKED_DONE,
     "01234567890123456789a", ""},
    {"line ends in data", "4\r\n\r\n\r\n\r\n0\r\n\r\n", CHUNKED_DONE, "\r\n\r\n", ""},
    {"extensions", "1;a=b;c=\"d e\"\r\nx\r\n0;z\r\n\r\n", CHUNKED_DONE, "x", ""},
    {"trailers", "1\r\nx\r\n0\r\nA: b\r\nC-d:\r\n\r\nR", CHUNKED_DONE, "x", "R"},
    {"longest that fits",
     "40\r\n0123456789012345678901234567890123456789012345678901234567890123\r\n0\r\n\r\n",
     CHUNKED_DONE, "0123456789012345678901234567890123456789012345678901234567890123", ""},

    {"no size", "\r\n", CHUNKED_BAD, "", ""},
    {"no digit", "g\r\n", CHUNKED_BAD, "", ""},
    {"sign", "+1\r\n", CHUNKED_BAD, "", ""},
    {"prefix", "0x1\r\n", CHUNKED_BAD, "", ""},
    {"space before", " 1\r\n", CHUNKED_BAD, "", ""},
    {"space behind", "1 \r\n", CHUNKED_BAD, "", ""},
    {"nine digits", "000000001\r\n", CHUNKED_BAD, "", ""},
    {"bare lf behind size", "1\nx\r\n", CHUNKED_BAD, "", ""},
    {"cr without lf", "1\rx", CHUNKED_BAD, "", ""},
    {"bare lf behind data", "1\r\nx\n", CHUNKED_BAD, "", ""},
    {"data too long", "1\r\nxy\r\n", CHUNKED_BAD, "", ""},
    {"bare lf in extension", "1;a\nb\r\nx\r\n", CHUNKED_BAD, "", ""},
    {"control in extension", "1;\x01\r\nx\r\n", CHUNKED_BAD, "", ""},
    {"trailer without name", "0\r\n: a\r\n\r\n", CHUNKED_BAD, "", ""},
    {"trailer with space", "0\r\nA : a\r\n\r\n", CHUNKED_BAD, "", ""},
    {"folded trailer", "0\r\nA: a\r\n b\r\n\r\n", CHUNKED_BAD, "", ""},
    {"bare lf in trailer", "0\r\nA: a\n\r\n", CHUNKED_BAD, "", ""},
    {"bare lf at the end", "0\r\n\n", CHUNKED_BAD, "", ""},

    {"one byte too many", "41\r\n", CHUNKED_TOO_LARGE, "", ""},
    {"far too many", "ffffffff\r\n", CHUNKED_TOO_LARGE, "", ""},
    {"too many in all",
     "40\r\n0123456789012345678901234567890123456789012345678901234567890123\r\n1\r\nx",
     CHUNKED_TOO_LARGE, "", ""},
};

// In parts of `step` bytes, each in memory of its own. `*out_rest` is what is behind the body.
static enum chunked_result decode(struct span bytes, size_t step, struct buf *body,
                                  struct span *out_rest)
{
    struct chunked chunked = {0};
    enum chunked_result result = CHUNKED_MORE;
    for (size_t at = 0; at < bytes.len && result == CHUNKED_MORE; at += step) {
        size_t len = bytes.len - at < step ? bytes.len - at : step, consumed = 0;
        char *part = malloc(len);
        assert_non_null(part);
        memcpy(part, bytes.ptr + at, len);
        result = chunked_decode(&chunked, span_make(part, len), body, &consumed);
        if (result == CHUNKED_DONE)
            *out_rest = span_skip(bytes, at + consumed);
        free(part);
    }
    return result;
}

static void every_row_has_its_outcome_however_it_is_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct span bytes = span_of(rows[i].bytes), rest = {NULL, 0};
        for (size_t step = 1; step <= bytes.len; step++) {
            struct buf body;
            buf_init(&body, BODY_MAX);
            enum chunked_result result = decode(bytes, step, &body, &rest);
            if (result != rows[i].result)
                fail_msg("%s by %zu: %d", rows[i].name, step, (int)result);
            if (result == CHUNKED_DONE) {
                assert_true(span_is(buf_span(&body), rows[i].body));
                assert_true(span_is(rest, rows[i].rest));
            }
            buf_finish(&body);
        }
    }
}

static void a_part_is_never_done(void **state)
{
    (void)state;
    struct span whole = span_of("3;a\r\nabc\r\n0\r\nA: b\r\n\r\n");
    for (size_t len = 0; len < whole.len; len++) {
        struct buf body;
        struct span rest;
        buf_init(&body, BODY_MAX);
        assert_int_equal(decode(span_make(whole.ptr, len), len ? len : 1, &body, &rest),
                         CHUNKED_MORE);
        buf_finish(&body);
    }
}

static void endless_extensions_and_trailers_end(void **state)
{
    (void)state;
    static const char *const starts[] = {"1;", "0\r\nA: "};
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        struct chunked chunked = {0};
        struct buf body;
        size_t consumed;
        buf_init(&body, BODY_MAX);
        enum chunked_result result = chunked_decode(&chunked, span_of(starts[i]), &body, &consumed);
        for (int n = 0; n < 10000 && result == CHUNKED_MORE; n++)
            result = chunked_decode(&chunked, span_of("a"), &body, &consumed);
        assert_int_equal(result, CHUNKED_BAD);
        buf_finish(&body);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_has_its_outcome_however_it_is_cut),
        cmocka_unit_test(a_part_is_never_done),
        cmocka_unit_test(endless_extensions_and_trailers_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
