// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The server's chart: tests/data/charts.json, which the script's is held to as well.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/json.h"
#include "gateway/html.h"
#include "gateway/page_chart.h"

enum { TABLE_MAX = 65536 };
static const int64_t begin_ms = 1764000000000; // the messages are a second apart

static struct buf read_table(void)
{
    struct buf text;
    buf_init(&text, TABLE_MAX);
    FILE *in = fopen("tests/data/charts.json", "re");
    assert_non_null(in);
    char *at = buf_reserve(&text, TABLE_MAX - 1);
    assert_non_null(at);
    buf_grow(&text, fread(at, 1, TABLE_MAX - 1, in));
    (void)fclose(in); // only read from
    return text;
}

static void add(struct page_chart *chart, const char *text, int64_t date_ms)
{
    struct message m = {.date_ms = date_ms, .payload = span_of(text)};
    page_chart_add(chart, &m);
}

// Goes on in `*html` behind `before`, the text of member `name` and `after`, which must be there.
static void expect(const char **html, const char *before, const struct json *line, const char *name,
                   const char *after)
{
    struct buf wanted;
    buf_init(&wanted, TABLE_MAX);
    buf_add_text(&wanted, before);
    html_escape(span_of(json_text(json_member(line, name))), &wanted);
    buf_add_text(&wanted, after);
    buf_add_char(&wanted, '\0');
    assert_int_equal(wanted.status, ERR_OK);
    const char *found = strstr(*html, wanted.ptr);
    if (found == NULL)
        fail_msg("no %s in %s", wanted.ptr, *html);
    *html = found + wanted.len - 1;
    buf_finish(&wanted);
}

static void expect_line(const char **html, const struct json *line)
{
    expect(html, "<p><span>", line, "name", "</span> ");
    expect(html, "<b>", line, "last", "</b></p>\n<svg ");
    expect(html, "<polyline points=\"", line, "points", "\"></polyline>");
    expect(html, "<path class=\"last\" d=\"M", line, "end", "h0\"></path>");
    expect(html, "<title>", line, "name", " from ");
    expect(html, "", line, "low", " to ");
    expect(html, "", line, "high", "</title></svg>\n");
    expect(html, "<p class=\"range\"><span>", line, "low", "</span><i> to </i>");
    expect(html, "<span>", line, "high", "</span></p>\n</div>\n");
}

static void check_row(const struct json *row)
{
    struct page_chart chart = {.series_count = 0};
    struct buf out;
    int64_t date_ms = begin_ms;
    const struct json *text = json_first(json_member(row, "texts"));
    for (; text != NULL; text = json_next(text), date_ms += 1000)
        add(&chart, json_text(text), date_ms);
    buf_init(&out, TABLE_MAX);
    page_chart_write(&chart, &out);
    buf_add_char(&out, '\0');
    assert_int_equal(out.status, ERR_OK);
    const char *html = out.ptr;
    const struct json *lines = json_member(row, "lines");
    if (json_is_null(lines))
        assert_string_equal(html, "");
    for (const struct json *line = json_first(lines); line != NULL; line = json_next(line))
        expect_line(&html, line);
    assert_null(strstr(html, "<polyline")); // no more than these
    buf_finish(&out);
}

static void measurements_are_found_and_drawn_and_nothing_else(void **state)
{
    (void)state;
    struct json *table;
    struct buf text = read_table();
    int count = 0;
    assert_int_equal(json_parse(buf_span(&text), &table), ERR_OK);
    for (const struct json *row = json_first(table); row != NULL; row = json_next(row), count++)
        check_row(row);
    assert_true(count > 10);
    json_destroy(table);
    buf_finish(&text);
}

static void a_full_chart_takes_no_more_messages_and_keeps_within_its_size(void **state)
{
    (void)state;
    struct page_chart chart = {.series_count = 0};
    struct buf out;
    for (int i = 0; i < 3 * PAGE_CHART_POINTS; i++) {
        char text[256];
        (void)snprintf(text, sizeof text, "{\"%032d\":%d.5e300,\"%032d\":%d,\"c\":-1e300,\"d\":1}",
                       1, i, 2, -i);
        add(&chart, text, begin_ms + i);
    }
    for (size_t i = 0; i < chart.series_count; i++)
        assert_int_equal(chart.series[i].count, PAGE_CHART_POINTS);
    buf_init(&out, PAGE_CHART_HTML_MAX);
    page_chart_write(&chart, &out);
    assert_int_equal(out.status, ERR_OK);
    buf_finish(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(measurements_are_found_and_drawn_and_nothing_else),
        cmocka_unit_test(a_full_chart_takes_no_more_messages_and_keeps_within_its_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
