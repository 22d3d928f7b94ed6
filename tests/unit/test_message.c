// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <time.h>

#include "core/message.h"

static void test_dates_are_rfc_3339(void **state)
{
    (void)state;
    static const struct {
        int64_t date_ms;
        const char *text;
    } rows[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {1, "1970-01-01T00:00:00.001Z"},
        {951782400000, "2000-02-29T00:00:00.000Z"},
        {951868799999, "2000-02-29T23:59:59.999Z"},
        {951868800000, "2000-03-01T00:00:00.000Z"},
        {1795250400123, "2026-11-21T08:40:00.123Z"},
        {4107542400000, "2100-03-01T00:00:00.000Z"},
        {253402300799999, "9999-12-31T23:59:59.999Z"},
        // What has no four-digit year becomes the nearest that has.
        {253402300800000, "9999-12-31T23:59:59.999Z"},
        {INT64_MAX, "9999-12-31T23:59:59.999Z"},
        {-1, "1970-01-01T00:00:00.000Z"},
        {INT64_MIN, "1970-01-01T00:00:00.000Z"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[MESSAGE_DATE_TEXT];
        message_format_date(rows[i].date_ms, text);
        assert_string_equal(text, rows[i].text);
    }
}

static void test_every_day_for_400_years_is_as_the_c_library_says(void **state)
{
    (void)state;
    for (int64_t day = 0; day < 146097; day++) {
        time_t seconds = (time_t)(day * 86400 + day % 86400);
        struct tm tm;
        char expected[MESSAGE_DATE_TEXT], text[MESSAGE_DATE_TEXT];
        assert_non_null(gmtime_r(&seconds, &tm));
        assert_int_equal(strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%S.000Z", &tm), 24);
        message_format_date((int64_t)seconds * 1000, text);
        assert_string_equal(text, expected);
    }
}

static void expect_json(const struct message *m, const char *epoch, const char *expected)
{
    struct buf out;
    struct json_writer w;
    buf_init(&out, 65536);
    json_writer_init(&w, &out);
    message_write_json(m, epoch, &w);
    assert_int_equal(out.status, ERR_OK);
    if (!span_is(buf_span(&out), expected))
        fail_msg("%.*s is not %s", (int)out.len, out.ptr, expected);
    struct json *parsed = NULL;
    if (memchr(out.ptr, 0, out.len) == NULL && strstr(expected, "\\u0000") == NULL)
        assert_int_equal(json_parse(buf_span(&out), &parsed), ERR_OK);
    json_destroy(parsed);
    buf_finish(&out);
}

static const struct message plain = {.id = 1042,
                                     .prev = 1039,
                                     .date_ms = 1795250400123,
                                     .room = {"lobby", 5},
                                     .from = {"alice", 5},
                                     .name = {"Alice", 5},
                                     .payload = {"hi", 2}};

static void test_a_message_is_the_object_of_the_contract(void **state)
{
    (void)state;
    expect_json(&plain, "k3f9",
                "{\"id\":1042,\"prev\":1039,\"epoch\":\"k3f9\",\"room\":\"lobby\","
                "\"from\":\"alice\",\"name\":\"Alice\",\"date\":\"2026-11-21T08:40:00.123Z\","
                "\"text\":\"hi\"}");
    struct message m = plain;
    m.name = span_of("");
    m.type = span_of("text/plain");
    m.payload = span_of("");
    m.id = (INT64_C(1) << 53) - 1;
    m.prev = 0;
    expect_json(&m, "k3f9",
                "{\"id\":9007199254740991,\"prev\":0,\"epoch\":\"k3f9\",\"room\":\"lobby\","
                "\"from\":\"alice\",\"date\":\"2026-11-21T08:40:00.123Z\",\"type\":\"text/plain\","
                "\"text\":\"\"}");
}

static void expect_payload(struct span payload, const char *member)
{
    struct message m = plain;
    char expected[512];
    m.payload = payload;
    (void)snprintf(
        expected, sizeof expected,
        "{\"id\":1042,\"prev\":1039,\"epoch\":\"k3f9\",\"room\":\"lobby\","
        "\"from\":\"alice\",\"name\":\"Alice\",\"date\":\"2026-11-21T08:40:00.123Z\",%s}",
        member);
    expect_json(&m, "k3f9", expected);
}

static void test_payloads_are_text_if_utf8_else_base64(void **state)
{
    (void)state;
    expect_payload(span_of("\xF0\x9F\x98\x80 ok"), "\"text\":\"\xF0\x9F\x98\x80 ok\"");
    expect_payload(span_make("\xff\x00\x01", 3), "\"data\":\"/wAB\"");
    expect_payload(span_of("\xed\xa0\x80"), "\"data\":\"7aCA\"");
    expect_payload(span_of("eight by\xc3"), "\"data\":\"ZWlnaHQgYnnD\"");
    expect_payload(span_make("a\0b", 3), "\"text\":\"a\\u0000b\"");
    expect_payload(span_of("</script>"), "\"text\":\"</script>\"");
}

// The fast way and the careful way meet here: each byte at each place of two words.
static void test_every_byte_at_every_place_is_escaped_where_it_must_be(void **state)
{
    (void)state;
    for (int c = 0; c < 128; c++) {
        for (size_t place = 0; place < 17; place++) {
            char payload[17], escaped[8], member[64];
            memset(payload, 'x', sizeof payload);
            payload[place] = (char)c;
            if (c == '"' || c == '\\')
                (void)snprintf(escaped, sizeof escaped, "\\%c", c);
            else if (c == '\n' || c == '\r' || c == '\t')
                (void)snprintf(escaped, sizeof escaped, "\\%c",
                               "trn"[c == '\r'   ? 1
                                     : c == '\n' ? 2
                                                 : 0]);
            else if (c < ' ' || c == 0x7F)
                (void)snprintf(escaped, sizeof escaped, "\\u%04x", (unsigned)c);
            else
                (void)snprintf(escaped, sizeof escaped, "%c", c);
            (void)snprintf(member, sizeof member, "\"text\":\"%.*s%s%.*s\"", (int)place,
                           "xxxxxxxxxxxxxxxxx", escaped, (int)(16 - place), "xxxxxxxxxxxxxxxxx");
            expect_payload(span_make(payload, sizeof payload), member);
        }
    }
}

static void test_names_are_escaped_too(void **state)
{
    (void)state;
    struct message m = plain;
    m.from = span_of("a\"b");
    m.name = span_of("\xC3\x9C<\\>");
    expect_json(&m, "k3f9",
                "{\"id\":1042,\"prev\":1039,\"epoch\":\"k3f9\",\"room\":\"lobby\","
                "\"from\":\"a\\\"b\",\"name\":\"\xC3\x9C<\\\\>\","
                "\"date\":\"2026-11-21T08:40:00.123Z\",\"text\":\"hi\"}");
}

static void test_messages_follow_each_other_with_commas(void **state)
{
    (void)state;
    struct buf out;
    struct json_writer w;
    buf_init(&out, 65536);
    json_writer_init(&w, &out);
    struct message binary = plain;
    binary.payload = span_of("\xff");
    json_begin_array(&w);
    for (int i = 0; i < 4; i++)
        message_write_json(i % 2 ? &binary : &plain, "k3f9", &w);
    json_end_array(&w);
    struct json *parsed;
    assert_int_equal(json_parse(buf_span(&out), &parsed), ERR_OK);
    int count = 0;
    for (const struct json *m = json_first(parsed); m != NULL; m = json_next(m), count++)
        assert_non_null(json_text(json_member(m, count % 2 ? "data" : "text")));
    assert_int_equal(count, 4);
    json_destroy(parsed);
    buf_finish(&out);
}

static void test_a_full_buffer_is_told(void **state)
{
    (void)state;
    for (size_t max = 0; max < 160; max++) {
        struct buf out;
        struct json_writer w;
        buf_init(&out, max);
        json_writer_init(&w, &out);
        message_write_json(&plain, "k3f9", &w);
        assert_int_equal(out.status, ERR_TOO_LARGE);
        assert_true(out.len <= max);
        buf_finish(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dates_are_rfc_3339),
        cmocka_unit_test(test_every_day_for_400_years_is_as_the_c_library_says),
        cmocka_unit_test(test_a_message_is_the_object_of_the_contract),
        cmocka_unit_test(test_payloads_are_text_if_utf8_else_base64),
        cmocka_unit_test(test_every_byte_at_every_place_is_escaped_where_it_must_be),
        cmocka_unit_test(test_names_are_escaped_too),
        cmocka_unit_test(test_messages_follow_each_other_with_commas),
        cmocka_unit_test(test_a_full_buffer_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
