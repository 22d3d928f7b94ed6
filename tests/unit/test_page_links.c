// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Addresses in messages: tests/data/links.json, which the script's rule is held to as well.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/json.h"
#include "gateway/html.h"
#include "gateway/page_links.h"

// What the table's parts look like on a page.
static void write_expected(const struct json *parts, struct buf *out)
{
    for (const struct json *part = json_first(parts); part != NULL; part = json_next(part)) {
        const struct json *words = json_first(part), *address = json_next(words);
        if (address != NULL) {
            buf_add_text(out, "<a href=\"");
            html_escape(span_of(json_text(address)), out);
            buf_add_text(out, "\" target=\"_blank\" rel=\"noopener noreferrer nofollow\">");
        }
        html_escape(span_of(json_text(words)), out);
        if (address != NULL)
            buf_add_text(out, "</a>");
    }
}

static struct buf read_table(void)
{
    struct buf text;
    buf_init(&text, 65536);
    FILE *in = fopen("tests/data/links.json", "re");
    assert_non_null(in);
    char *at = buf_reserve(&text, 65535);
    assert_non_null(at);
    buf_grow(&text, fread(at, 1, 65535, in));
    (void)fclose(in); // only read from
    return text;
}

static void addresses_are_found_and_nothing_else(void **state)
{
    (void)state;
    struct json *table;
    struct buf text = read_table(), found, expected;
    assert_int_equal(json_parse(buf_span(&text), &table), ERR_OK);
    int count = 0;
    for (const struct json *row = json_first(table); row != NULL; row = json_next(row), count++) {
        buf_init(&found, 65536);
        buf_init(&expected, 65536);
        page_links_write(span_of(json_text(json_first(row))), &found);
        write_expected(json_next(json_first(row)), &expected);
        buf_add_char(&found, '\0');
        buf_add_char(&expected, '\0');
        assert_string_equal(found.ptr, expected.ptr);
        buf_finish(&found);
        buf_finish(&expected);
    }
    assert_true(count > 10);
    json_destroy(table);
    buf_finish(&text);
}

// Nothing that somebody may post takes a time that grows with the square of its length.
static void long_texts_take_no_longer_than_they_are(void **state)
{
    (void)state;
    static const char *const pieces[] = {"http://(", "http://a)", "))",
                                         "h",        "http://.",  "http:// "};
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        struct buf text, out;
        buf_init(&text, 1 << 20);
        buf_init(&out, (size_t)1 << 28);
        buf_add_text(&text, "http://a");
        while (text.len < 500000)
            buf_add_text(&text, pieces[i]);
        page_links_write(buf_span(&text), &out);
        assert_int_equal(out.status, ERR_OK);
        buf_finish(&text);
        buf_finish(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_found_and_nothing_else),
        cmocka_unit_test(long_texts_take_no_longer_than_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
