// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Accept, Accept-Encoding and If-None-Match.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gateway/accept.h"

static struct http_head head_with(const char *name, const char *value)
{
    struct http_head head = {.field_count = value != NULL};
    head.fields[0] = (struct http_field){span_of(name), span_of(value)};
    return head;
}

static void the_most_specific_entry_counts(void **state)
{
    (void)state;
    static const struct {
        const char *accept, *value;
        int quality;
    } rows[] = {
        {NULL, "text/html", -1},
        {"", "text/html", -1},
        {"text/html", "text/html", 1000},
        {"TEXT/HTML", "text/html", 1000},
        {"text/html", "application/json", -1},
        {"*/*", "application/json", 1000},
        {"*/*;q=0.1, text/*;q=0.5, text/html;q=0.75", "text/html", 750},
        {"text/html;q=0.75, text/*;q=0.5, */*;q=0.1", "text/plain", 500},
        {"text/html;q=0.75, text/*;q=0.5, */*;q=0.1", "image/png", 100},
        {"text/*", "textual/html", -1},
        {"text/html;level=1;q=0.3", "text/html", 300},
        {"text/html ; q=0.3", "text/html", 300},
        {"text/html;q=0", "text/html", 0},
        {"text/html;q=0.000", "text/html", 0},
        {"text/html;q=1.000", "text/html", 1000},
        {"text/html;q=0.123", "text/html", 123},
        {"text/html;q=9", "text/html", 1000},
        {"text/html;q=nonsense", "text/html", 1000},
        {"text/html;q=-1", "text/html", 1000},
        {"text/html;q=0.1234", "text/html", 1000},
        {",,text/html,,", "text/html", 1000},
        {"gzip, br", "br", 1000},
        {"gzip;q=0.5, *;q=0", "br", 0},
        {"*;q=0.25", "gzip", 250},
        {"gzipper", "gzip", -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct http_head head = head_with("aCCept", rows[i].accept);
        int quality = accept_quality(&head, "Accept", rows[i].value);
        if (quality != rows[i].quality)
            fail_msg("%s in %s: %d", rows[i].value, rows[i].accept, quality);
    }
}

static void a_type_is_named_and_wanted_no_less(void **state)
{
    (void)state;
    static const struct {
        const char *accept;
        bool is_named;
    } rows[] = {
        {NULL, false},
        {"*/*", false},
        {"text/*", false},
        {"application/json", false},
        {"text/event-stream", true},
        {"Text/Event-Stream", true},
        {"text/event-stream; charset=utf-8", true},
        {"text/event-stream;q=0.9, */*;q=0.1", true},
        {"application/json, text/event-stream", true},
        {"*/*, text/event-stream", true},
        {"text/event-stream;q=0", false},
        {"application/json, text/event-stream;q=0.5", false},
        {"*/*, text/event-stream;q=0.5", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct http_head head = head_with("Accept", rows[i].accept);
        if (accept_names(&head, "text/event-stream", "application/json") != rows[i].is_named)
            fail_msg("%s", rows[i].accept);
    }
}

static void known_tags_are_known(void **state)
{
    (void)state;
    static const struct {
        const char *field;
        bool is_known;
    } rows[] = {
        {NULL, false},           {"\"a\"", true}, {"W/\"a\"", true},  {"\"b\", \"a\"", true},
        {"\"b\",W/\"a\"", true}, {"*", true},     {"\"b\"", false},   {"a", false},
        {"\"aa\"", false},       {"\"a", false},  {"w/\"a\"", false}, {"", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct http_head head = head_with("If-None-Match", rows[i].field);
        assert_int_equal(accept_knows(&head, span_of("\"a\"")), rows[i].is_known);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_most_specific_entry_counts),
        cmocka_unit_test(a_type_is_named_and_wanted_no_less),
        cmocka_unit_test(known_tags_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
