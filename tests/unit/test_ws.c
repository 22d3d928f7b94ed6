// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "core/buf.h"
#include "gateway/ws.h"

enum { MAX_MESSAGE = 1000, FIN = 0x80, MASK = 0x80 };

// ---- what a client sends ----

// Appends a frame with a length written as `length_size` (0, 2 or 8 further bytes) says.
static void add_frame_as(struct buf *out, unsigned head, int length_size, uint64_t payload_len,
                         bool is_masked, struct span payload)
{
    static const unsigned char key[4] = {0x37, 0xFA, 0x21, 0x3D};
    buf_add_char(out, (char)(unsigned char)head);
    unsigned short_len = length_size == 0 ? (unsigned)payload_len : length_size == 2 ? 126u : 127u;
    buf_add_char(out, (char)(unsigned char)(short_len | (is_masked ? MASK : 0)));
    for (int i = length_size - 1; i >= 0; i--)
        buf_add_char(out, (char)(unsigned char)(payload_len >> (8 * i)));
    if (is_masked)
        buf_add(out, key, sizeof key);
    for (size_t i = 0; i < payload.len; i++)
        buf_add_char(out, (char)(payload.ptr[i] ^ (char)(is_masked ? key[i % 4] : 0)));
}

static void add_frame(struct buf *out, unsigned head, struct span payload)
{
    int length_size = payload.len < 126 ? 0 : payload.len < 65536 ? 2 : 8;
    add_frame_as(out, head, length_size, payload.len, true, payload);
}

static void add_text_frame(struct buf *out, unsigned head, const char *payload)
{
    add_frame(out, head, span_of(payload));
}

// ---- what is read from it ----

// Feeds `bytes` in pieces of `step` and writes down what comes out: payload of messages as it is,
// control frames as <ping:...>. Stops behind CLOSE and BAD.
static void transcribe(struct span bytes, size_t step, uint32_t max_message, struct buf *out)
{
    struct ws_pool *pool;
    struct ws_reader reader;
    assert_int_equal(ws_pool_create(&pool), ERR_OK);
    ws_reader_init(&reader, max_message);
    bool is_over = false;
    while (bytes.len > 0 && !is_over) {
        size_t len = bytes.len < step ? bytes.len : step;
        // An exact copy, so that a sanitizer sees a read behind its end.
        char *exact = malloc(len);
        assert_non_null(exact);
        memcpy(exact, bytes.ptr, len);
        struct span input = span_make(exact, len);
        struct ws_event event;
        enum ws_kind kind;
        while ((kind = ws_read(&reader, pool, &input, &event)) != WS_MORE && !is_over) {
            if (kind == WS_DATA) {
                buf_add_span(out, event.payload);
            } else if (kind == WS_PING || kind == WS_PONG) {
                buf_add_text(out, kind == WS_PING ? "<ping:" : "<pong:");
                buf_add_span(out, event.payload);
                buf_add_char(out, '>');
            } else {
                buf_printf(out, "<%s:%d>", kind == WS_CLOSE ? "close" : "bad", (int)event.code);
                is_over = true;
            }
        }
        if (!is_over)
            assert_int_equal(input.len, 0);
        free(exact);
        bytes = span_skip(bytes, len);
    }
    ws_reader_finish(&reader, pool);
    ws_pool_destroy(pool);
}

static void assert_read(const struct buf *sent, struct span wanted)
{
    static const size_t steps[] = {1, 2, 3, 4, 5, 7, 100, 4095, 4096, 4097, 1000000};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct buf got;
        buf_init(&got, 1000000);
        transcribe(buf_span(sent), steps[i], MAX_MESSAGE, &got);
        if (!span_equal(buf_span(&got), wanted))
            print_message("step %zu: %.*s\n", steps[i], (int)got.len, got.ptr);
        assert_true(span_equal(buf_span(&got), wanted));
        buf_finish(&got);
    }
}

static struct buf sending(void)
{
    struct buf b;
    buf_init(&b, 1000000);
    return b;
}

static void binary_messages_come_out_whole(void **state)
{
    (void)state;
    struct buf sent = sending();
    add_text_frame(&sent, FIN | 2, "hello ");
    add_text_frame(&sent, FIN | 2, "");
    add_text_frame(&sent, FIN | 2, "world");
    assert_read(&sent, span_of("hello world"));
    buf_finish(&sent);
}

static void every_length_form_is_read(void **state)
{
    (void)state;
    static const size_t lengths[] = {0, 1, 125, 126, 127, 65535, 65536, 200000};
    char *payload = malloc(200000);
    assert_non_null(payload);
    for (size_t i = 0; i < 200000; i++)
        payload[i] = (char)(i * 7 % 251);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        for (size_t step = 1; step < 100000; step = step * 9 + 1) {
            struct buf sent = sending(), got = sending();
            add_frame(&sent, FIN | 2, span_make(payload, lengths[i]));
            add_text_frame(&sent, FIN | 9, "p");
            transcribe(buf_span(&sent), step, 1000000, &got);
            assert_int_equal(got.len, lengths[i] + strlen("<ping:p>"));
            assert_true(span_starts_with(buf_span(&got), span_make(payload, lengths[i])));
            buf_finish(&sent);
            buf_finish(&got);
        }
    }
    free(payload);
}

static void fragments_make_one_message(void **state)
{
    (void)state;
    struct buf sent = sending();
    add_text_frame(&sent, 2, "a");
    add_text_frame(&sent, 0, "b");
    add_text_frame(&sent, 0, "");
    add_text_frame(&sent, FIN | 0, "c");
    add_text_frame(&sent, FIN | 2, "d");
    assert_read(&sent, span_of("abcd"));
    buf_finish(&sent);
}

static void control_frames_may_stand_between_fragments(void **state)
{
    (void)state;
    char longest[WS_CONTROL_MAX + 1];
    memset(longest, 'x', WS_CONTROL_MAX);
    longest[WS_CONTROL_MAX] = '\0';
    struct buf sent = sending(), wanted = sending();
    add_text_frame(&sent, 2, "a");
    add_text_frame(&sent, FIN | 9, "");
    add_text_frame(&sent, FIN | 9, longest);
    add_text_frame(&sent, FIN | 10, "late");
    add_text_frame(&sent, FIN | 0, "b");
    buf_printf(&wanted, "a<ping:><ping:%s><pong:late>b", longest);
    assert_read(&sent, buf_span(&wanted));
    buf_finish(&sent);
    buf_finish(&wanted);
}

static void a_close_frame_ends_reading(void **state)
{
    (void)state;
    static const struct {
        struct span payload;
        const char *wanted;
    } table[] = {
        {{"", 0}, "<close:0>"},
        {{"\x03\xE8", 2}, "<close:1000>"},
        {{"\x03\xE9"
          "bye",
          5},
         "<close:1001>"},
        {{"\x03\xEB", 2}, "<close:1003>"},
        {{"\x03\xEF", 2}, "<close:1007>"},
        {{"\x03\xF6", 2}, "<close:1014>"},
        {{"\x0B\xB8", 2}, "<close:3000>"},
        {{"\x13\x87\xC3\xA9", 4}, "<close:4999>"},
        {{"\x03", 1}, "<bad:1002>"},
        {{"\x00\x00", 2}, "<bad:1002>"},
        {{"\x03\xE7", 2}, "<bad:1002>"},         // 999
        {{"\x03\xEC", 2}, "<bad:1002>"},         // 1004 reserved
        {{"\x03\xED", 2}, "<bad:1002>"},         // 1005 must not be sent
        {{"\x03\xEE", 2}, "<bad:1002>"},         // 1006 must not be sent
        {{"\x03\xF7", 2}, "<bad:1002>"},         // 1015 must not be sent
        {{"\x03\xF8", 2}, "<bad:1002>"},         // 1016
        {{"\x0B\xB7", 2}, "<bad:1002>"},         // 2999
        {{"\x13\x88", 2}, "<bad:1002>"},         // 5000
        {{"\xFF\xFF", 2}, "<bad:1002>"},         // 65535
        {{"\x03\xE8\xC3", 3}, "<bad:1007>"},     // a character cut
        {{"\x03\xE8\xC0\x80", 4}, "<bad:1007>"}, // overlong
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct buf sent = sending();
        add_frame(&sent, FIN | 8, table[i].payload);
        add_text_frame(&sent, FIN | 2, "not read");
        assert_read(&sent, span_of(table[i].wanted));
        buf_finish(&sent);
    }
}

struct violation {
    const char *what;
    unsigned head;
    int length_size;
    uint64_t payload_len;
    bool is_masked;
    const char *wanted;
};

static void violations_are_told_with_their_code(void **state)
{
    (void)state;
    static const struct violation table[] = {
        {"text", FIN | 1, 0, 1, true, "<bad:1003>"},
        {"text fragment", 1, 0, 1, true, "<bad:1003>"},
        {"unmasked", FIN | 2, 0, 1, false, "<bad:1002>"},
        {"unmasked and empty", FIN | 2, 0, 0, false, "<bad:1002>"},
        {"unmasked ping", FIN | 9, 0, 0, false, "<bad:1002>"},
        {"RSV1", FIN | 0x40 | 2, 0, 1, true, "<bad:1002>"},
        {"RSV2", FIN | 0x20 | 2, 0, 1, true, "<bad:1002>"},
        {"RSV3", FIN | 0x10 | 2, 0, 1, true, "<bad:1002>"},
        {"RSV1 on ping", FIN | 0x40 | 9, 0, 0, true, "<bad:1002>"},
        {"opcode 3", FIN | 3, 0, 1, true, "<bad:1002>"},
        {"opcode 4", FIN | 4, 0, 1, true, "<bad:1002>"},
        {"opcode 5", FIN | 5, 0, 1, true, "<bad:1002>"},
        {"opcode 6", FIN | 6, 0, 1, true, "<bad:1002>"},
        {"opcode 7", FIN | 7, 0, 1, true, "<bad:1002>"},
        {"opcode 11", FIN | 11, 0, 1, true, "<bad:1002>"},
        {"opcode 12", FIN | 12, 0, 1, true, "<bad:1002>"},
        {"opcode 13", FIN | 13, 0, 1, true, "<bad:1002>"},
        {"opcode 14", FIN | 14, 0, 1, true, "<bad:1002>"},
        {"opcode 15", FIN | 15, 0, 1, true, "<bad:1002>"},
        {"continuation of nothing", FIN | 0, 0, 1, true, "<bad:1002>"},
        {"fragment of nothing", 0, 0, 1, true, "<bad:1002>"},
        {"fragmented ping", 9, 0, 1, true, "<bad:1002>"},
        {"fragmented close", 8, 0, 0, true, "<bad:1002>"},
        {"ping of 126 bytes", FIN | 9, 2, 126, true, "<bad:1002>"},
        {"close of 126 bytes", FIN | 8, 2, 126, true, "<bad:1002>"},
        {"short length in two bytes", FIN | 2, 2, 125, true, "<bad:1002>"},
        {"short length in eight bytes", FIN | 2, 8, 125, true, "<bad:1002>"},
        {"two-byte length in eight bytes", FIN | 2, 8, 65535, true, "<bad:1002>"},
        {"length with the top bit", FIN | 2, 8, UINT64_C(1) << 63, true, "<bad:1002>"},
        {"over the limit", FIN | 2, 2, MAX_MESSAGE + 1, true, "<bad:1009>"},
        {"2^62 bytes", FIN | 2, 8, UINT64_C(1) << 62, true, "<bad:1009>"},
        {"2^63 - 1 bytes", 2, 8, (UINT64_C(1) << 63) - 1, true, "<bad:1009>"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const struct violation *v = &table[i];
        // One byte of payload is enough to tell, however much was announced.
        struct span payload = span_make("x", v->payload_len > 0 ? 1 : 0);
        struct buf sent = sending(), wanted = sending();
        print_message("%s\n", v->what);
        add_frame_as(&sent, v->head, v->length_size, v->payload_len, v->is_masked, payload);
        assert_read(&sent, span_of(v->wanted));

        // The same behind a good message.
        buf_clear(&sent);
        add_text_frame(&sent, FIN | 2, "good");
        add_frame_as(&sent, v->head, v->length_size, v->payload_len, v->is_masked, payload);
        buf_printf(&wanted, "good%s", v->wanted);
        assert_read(&sent, buf_span(&wanted));
        buf_finish(&sent);
        buf_finish(&wanted);
    }
}

static void a_message_inside_another_is_refused(void **state)
{
    (void)state;
    struct buf sent = sending();
    add_text_frame(&sent, 2, "a");
    add_text_frame(&sent, FIN | 2, "b");
    assert_read(&sent, span_of("a<bad:1002>"));
    buf_finish(&sent);
}

static void a_message_counts_over_all_its_fragments(void **state)
{
    (void)state;
    char part[400];
    memset(part, 'p', sizeof part);
    for (size_t is_over = 0; is_over < 2; is_over++) {
        struct buf sent = sending(), wanted = sending();
        for (int message = 0; message < 2; message++) { // the second begins at 0 again
            add_frame(&sent, 2, span_make(part, 400));
            add_frame(&sent, 0, span_make(part, 400));
            buf_add(&wanted, part, 400);
            buf_add(&wanted, part, 400);
            add_frame(&sent, FIN | 0, span_make(part, message == 1 && is_over ? 201 : 200));
            if (message == 0 || !is_over)
                buf_add(&wanted, part, 200);
        }
        if (is_over)
            buf_add_text(&wanted, "<bad:1009>");
        assert_read(&sent, buf_span(&wanted));
        buf_finish(&sent);
        buf_finish(&wanted);
    }
}

// The pool's frames go from reader to reader, and each has to find them as new.
static void readers_share_a_pool(void **state)
{
    (void)state;
    enum { READERS = 20 };
    struct ws_pool *pool;
    struct ws_reader readers[READERS];
    struct buf sent = sending();
    add_text_frame(&sent, FIN | 2, "some payload");
    add_text_frame(&sent, FIN | 9, "ping");
    assert_int_equal(ws_pool_create(&pool), ERR_OK);
    for (int i = 0; i < READERS; i++)
        ws_reader_init(&readers[i], MAX_MESSAGE);

    // All of them byte by byte, in turns: as many unfinished frames as readers.
    size_t payload_len[READERS] = {0};
    int pings = 0;
    for (size_t at = 0; at < sent.len; at++) {
        for (int i = 0; i < READERS; i++) {
            struct span input = span_make(sent.ptr + at, 1);
            struct ws_event event;
            enum ws_kind kind;
            while ((kind = ws_read(&readers[i], pool, &input, &event)) != WS_MORE) {
                assert_true(kind == WS_DATA || kind == WS_PING);
                if (kind == WS_PING)
                    pings += span_is(event.payload, "ping");
                else
                    payload_len[i] += event.payload.len;
            }
        }
    }
    assert_int_equal(pings, READERS);
    for (int i = 0; i < READERS; i++) {
        assert_int_equal(payload_len[i], strlen("some payload"));
        assert_null(readers[i].frames); // nothing is held between frames
        ws_reader_finish(&readers[i], pool);
    }
    ws_pool_destroy(pool);
    buf_finish(&sent);
}

static void a_reader_finished_inside_a_frame_spoils_nothing(void **state)
{
    (void)state;
    struct ws_pool *pool;
    struct ws_reader reader;
    struct ws_event event;
    struct buf sent = sending();
    add_text_frame(&sent, FIN | 2, "payload");
    assert_int_equal(ws_pool_create(&pool), ERR_OK);
    for (size_t cut = 0; cut <= sent.len; cut++) {
        ws_reader_init(&reader, MAX_MESSAGE);
        struct span input = span_make(sent.ptr, cut);
        while (ws_read(&reader, pool, &input, &event) == WS_DATA)
            continue;
        ws_reader_finish(&reader, pool);

        ws_reader_init(&reader, MAX_MESSAGE);
        input = buf_span(&sent);
        assert_int_equal(ws_read(&reader, pool, &input, &event), WS_DATA);
        assert_true(span_is(event.payload, "payload"));
        ws_reader_finish(&reader, pool);
    }
    ws_pool_destroy(pool);
    buf_finish(&sent);
}

// ---- writing ----

static void heads_are_in_the_shortest_form(void **state)
{
    (void)state;
    static const struct {
        uint64_t payload_len;
        struct span wanted;
    } table[] = {
        {0, {"\x82\x00", 2}},
        {125, {"\x82\x7D", 2}},
        {126, {"\x82\x7E\x00\x7E", 4}},
        {65535, {"\x82\x7E\xFF\xFF", 4}},
        {65536, {"\x82\x7F\x00\x00\x00\x00\x00\x01\x00\x00", 10}},
        {UINT64_C(0x0102030405060708), {"\x82\x7F\x01\x02\x03\x04\x05\x06\x07\x08", 10}},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        unsigned char head[WS_HEAD_MAX];
        size_t len = ws_write_head(WS_OPCODE_BINARY, table[i].payload_len, head);
        assert_true(span_equal(span_make(head, len), table[i].wanted));
    }
}

static void control_frames_are_written(void **state)
{
    (void)state;
    unsigned char frame[WS_CONTROL_FRAME_MAX];
    size_t len = ws_write_control(WS_OPCODE_PONG, span_of("abc"), frame);
    assert_true(span_is(span_make(frame, len), "\x8A\x03"
                                               "abc"));
    len = ws_write_close(WS_CODE_GOING_AWAY, "bye", frame);
    assert_true(span_is(span_make(frame, len), "\x88\x05\x03\xE9"
                                               "bye"));
    len = ws_write_close(WS_CODE_NONE, "not written", frame);
    assert_true(span_equal(span_make(frame, len), span_make("\x88\x00", 2)));
}

static void a_long_close_reason_is_cut_between_characters(void **state)
{
    (void)state;
    char reason[200];
    unsigned char frame[WS_CONTROL_FRAME_MAX];
    for (size_t i = 0; i + 2 < sizeof reason; i += 2)
        memcpy(reason + i, "\xC3\xA9", 3);
    size_t len = ws_write_close(WS_CODE_NORMAL, reason, frame);
    assert_int_equal(len, 2 + 2 + 122);
    assert_int_equal(frame[1], 124);
    assert_true(span_is_utf8(span_make(frame + 4, len - 4)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(binary_messages_come_out_whole),
        cmocka_unit_test(every_length_form_is_read),
        cmocka_unit_test(fragments_make_one_message),
        cmocka_unit_test(control_frames_may_stand_between_fragments),
        cmocka_unit_test(a_close_frame_ends_reading),
        cmocka_unit_test(violations_are_told_with_their_code),
        cmocka_unit_test(a_message_inside_another_is_refused),
        cmocka_unit_test(a_message_counts_over_all_its_fragments),
        cmocka_unit_test(readers_share_a_pool),
        cmocka_unit_test(a_reader_finished_inside_a_frame_spoils_nothing),
        cmocka_unit_test(heads_are_in_the_shortest_form),
        cmocka_unit_test(control_frames_are_written),
        cmocka_unit_test(a_long_close_reason_is_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
