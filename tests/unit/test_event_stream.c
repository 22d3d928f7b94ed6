// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The text of event streams, and the ids by which readers resume.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/event_stream.h"

#define BYTES(text) span_make(text, sizeof(text) - 1)
// The same for a table.
#define LITERAL(text)                                                                              \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }

static void ids_say_where_a_reader_goes_on(void **state)
{
    (void)state;
    static const struct {
        struct span text;
        enum event_stream_start start;
        int64_t id;
    } table[] = {
        {LITERAL(""), EVENT_STREAM_LIVE, -1},
        {LITERAL("earliest"), EVENT_STREAM_EARLIEST, -1},
        {LITERAL("Earliest"), EVENT_STREAM_BAD, -1},
        {LITERAL("abc-0"), EVENT_STREAM_AFTER, 0},
        {LITERAL("abc-17"), EVENT_STREAM_AFTER, 17},
        {LITERAL("abc-9223372036854775807"), EVENT_STREAM_AFTER, INT64_MAX},
        {LITERAL("abc-9223372036854775808"), EVENT_STREAM_BAD, -1},
        {LITERAL("xyz-17"), EVENT_STREAM_OTHER_EPOCH, -1},
        {LITERAL("ABC-17"), EVENT_STREAM_OTHER_EPOCH, -1},
        {LITERAL("abc"), EVENT_STREAM_BAD, -1},
        {LITERAL("17"), EVENT_STREAM_BAD, -1},
        {LITERAL("-17"), EVENT_STREAM_BAD, -1},
        {LITERAL("abc-"), EVENT_STREAM_BAD, -1},
        {LITERAL("abc--1"), EVENT_STREAM_BAD, -1},
        {LITERAL("abc-1-2"), EVENT_STREAM_BAD, -1},
        {LITERAL("abc-+1"), EVENT_STREAM_BAD, -1},
        {LITERAL("abc- 1"), EVENT_STREAM_BAD, -1},
        {LITERAL("abc-1\0"), EVENT_STREAM_BAD, -1},
        {LITERAL("abc-0x1"), EVENT_STREAM_BAD, -1},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        int64_t id = -1;
        assert_int_equal(event_stream_position(table[i].text, "abc", &id), table[i].start);
        assert_int_equal(id, table[i].id);
    }
}

static void an_epoch_is_never_longer_than_ours(void **state)
{
    (void)state;
    char text[MESSAGE_EPOCH_MAX + 4];
    int64_t id = -1;
    memset(text, 'e', sizeof text);
    memcpy(text + MESSAGE_EPOCH_MAX, "-1", 2);
    assert_int_equal(event_stream_position(span_make(text, MESSAGE_EPOCH_MAX + 2), "abc", &id),
                     EVENT_STREAM_OTHER_EPOCH);
    memcpy(text + MESSAGE_EPOCH_MAX, "e-1", 3);
    assert_int_equal(event_stream_position(span_make(text, MESSAGE_EPOCH_MAX + 3), "abc", &id),
                     EVENT_STREAM_BAD);
}

static void expect_text(struct buf *out, struct span text)
{
    assert_int_equal(out->status, ERR_OK);
    assert_int_equal(out->len, text.len);
    assert_memory_equal(out->ptr, text.ptr, text.len);
    buf_clear(out);
}

static void events_are_whole_lines(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 4096);
    event_stream_open(BYTES("lobby"), "abc", 7, 1000, &out);
    expect_text(&out, BYTES("retry: 1000\nid: abc-7\nevent: stream-open\n"
                            "data: {\"room\":\"lobby\",\"epoch\":\"abc\",\"after\":7}\n\n"));
    event_stream_reset(BYTES("lobby"), "abc", 8, "expired", &out);
    expect_text(
        &out,
        BYTES("id: abc-8\nevent: stream-reset\n"
              "data: {\"room\":\"lobby\",\"epoch\":\"abc\",\"after\":8,\"reason\":\"expired\"}"
              "\n\n"));
    event_stream_keepalive(&out);
    expect_text(&out, BYTES(":\n\n"));
    buf_finish(&out);
}

// Whatever a message holds, a reader sees one event with one line of data.
static void a_message_cannot_end_its_line(void **state)
{
    (void)state;
    static const struct span payloads[] = {
        LITERAL(""),
        LITERAL("\r"),
        LITERAL("\n\n"),
        LITERAL("a\r\nid: evil\r\n\r\nevent: message\ndata: x"),
        LITERAL("\0"),
        LITERAL("\xEF\xBB\xBF"
                "byte order mark"),
        LITERAL("\xE2\x80\xA8 line separator"),
        LITERAL("\xFF not text"),
    };
    struct buf out;
    buf_init(&out, 65536);
    for (size_t i = 0; i < sizeof payloads / sizeof *payloads; i++) {
        struct message m = {.id = 5,
                            .prev = 4,
                            .room = BYTES("lobby"),
                            .from = BYTES("a\nb"),
                            .name = BYTES("a\rb"),
                            .payload = payloads[i]};
        event_stream_message(&m, "abc", &out);
        assert_int_equal(out.status, ERR_OK);
        const char head[] = "id: abc-5\nevent: message\ndata: {";
        assert_memory_equal(out.ptr, head, sizeof head - 1);
        assert_memory_equal(out.ptr + out.len - 3, "}\n\n", 3);
        size_t line_ends = 0;
        for (size_t at = 0; at < out.len; at++) {
            line_ends += out.ptr[at] == '\n';
            assert_true(out.ptr[at] != '\r' && out.ptr[at] != '\0');
        }
        assert_int_equal(line_ends, 4);
        buf_clear(&out);
    }
    buf_finish(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_say_where_a_reader_goes_on),
        cmocka_unit_test(an_epoch_is_never_longer_than_ours),
        cmocka_unit_test(events_are_whole_lines),
        cmocka_unit_test(a_message_cannot_end_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
