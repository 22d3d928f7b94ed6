// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "core/origin.h"
#include "core/record.h"

static const struct record_message full = {
    .message = {.id = 1042,
                .prev = 1039,
                .date_ms = 1795250400123,
                .room = {"lobby", 5},
                .from = {"alice", 5},
                .name = {"Alice", 5},
                .type = {"text/plain", 10},
                .payload = {"hello\0there", 11}},
    .key = {"k-1", 3},
    .origin = {"{\"method\":\"POST\"}", 17},
    .face = METER_HTTP,
};

// The parts in one piece, as the spool makes them.
static void join(const struct record_parts *parts, struct buf *out)
{
    buf_clear(out);
    for (size_t i = 0; i < parts->count; i++)
        buf_add_span(out, parts->parts[i]);
    assert_int_equal(out->status, ERR_OK);
}

static void encode(const struct record_message *m, struct buf *out)
{
    struct record_parts parts;
    assert_int_equal(record_encode_message(m, &parts), ERR_OK);
    assert_true(parts.count <= RECORD_PARTS);
    join(&parts, out);
}

static void expect_same(const struct record_message *a, const struct record_message *b)
{
    assert_int_equal(a->message.id, b->message.id);
    assert_int_equal(a->message.prev, b->message.prev);
    assert_int_equal(a->message.date_ms, b->message.date_ms);
    assert_true(span_equal(a->message.room, b->message.room));
    assert_true(span_equal(a->message.from, b->message.from));
    assert_true(span_equal(a->message.name, b->message.name));
    assert_true(span_equal(a->message.type, b->message.type));
    assert_true(span_equal(a->message.payload, b->message.payload));
    assert_true(span_equal(a->key, b->key));
    assert_true(span_equal(a->origin, b->origin));
    assert_int_equal(a->face, b->face);
}

static void test_every_field_of_a_message_comes_back(void **state)
{
    (void)state;
    struct buf bytes;
    buf_init(&bytes, 300000);
    struct record record;
    encode(&full, &bytes);
    assert_int_equal(record_decode(buf_span(&bytes), &record), ERR_OK);
    assert_int_equal(record.kind, RECORD_MESSAGE);
    expect_same(&record.message, &full);

    struct record_message bare = {.message = {.id = 1, .room = {"a", 1}}, .face = METER_POLL};
    encode(&bare, &bytes);
    assert_int_equal(record_decode(buf_span(&bytes), &record), ERR_OK);
    expect_same(&record.message, &bare);

    char *payload = calloc(1, 131072);
    char text[RECORD_TEXT_MAX], origin[ORIGIN_MAX];
    memset(text, 'x', sizeof text);
    memset(origin, 'o', sizeof origin);
    struct record_message large = full;
    large.origin = span_make(origin, sizeof origin);
    large.message.payload = span_make(payload, 131072);
    large.message.from = large.message.name = large.message.type = large.key =
        span_make(text, sizeof text);
    encode(&large, &bytes);
    assert_int_equal(record_decode(buf_span(&bytes), &record), ERR_OK);
    expect_same(&record.message, &large);
    free(payload);
    buf_finish(&bytes);
}

static void test_what_could_not_be_read_back_is_not_written(void **state)
{
    (void)state;
    char text[RECORD_TEXT_MAX + 1];
    memset(text, 'x', sizeof text);
    struct span long_text = span_make(text, sizeof text);
    struct record_message m = full;
    struct record_parts parts;
    m.message.from = long_text;
    assert_int_equal(record_encode_message(&m, &parts), ERR_TOO_LARGE);
    m = full;
    m.key = long_text;
    assert_int_equal(record_encode_message(&m, &parts), ERR_TOO_LARGE);
    char origin[ORIGIN_MAX + 1];
    memset(origin, 'o', sizeof origin);
    m = full;
    m.origin = span_make(origin, sizeof origin);
    assert_int_equal(record_encode_message(&m, &parts), ERR_TOO_LARGE);
    m = full;
    m.message.room = span_make(text, METER_ROOM_MAX + 1);
    assert_int_equal(record_encode_message(&m, &parts), ERR_INVALID);
    m = full;
    m.message.room.len = 0;
    assert_int_equal(record_encode_message(&m, &parts), ERR_INVALID);
    m = full;
    m.message.prev = m.message.id;
    assert_int_equal(record_encode_message(&m, &parts), ERR_INVALID);
    m = full;
    m.message.id = INT64_C(1) << 53;
    assert_int_equal(record_encode_message(&m, &parts), ERR_INVALID);
    m = full;
    m.message.id = 0;
    m.message.prev = 0;
    assert_int_equal(record_encode_message(&m, &parts), ERR_INVALID);
    m = full;
    m.face = METER_FACE_COUNT;
    assert_int_equal(record_encode_message(&m, &parts), ERR_INVALID);
}

static const struct meter_key lobby = {498680, {"lobby", 5}, {"alice", 5}, METER_HTML, METER_OUT};
static const struct meter_key nowhere = {0, {"", 0}, {"", 0}, METER_MQTT, METER_IN};
static const struct meter_count some = {3, 4, 1200};
static const struct meter_count much = {INT64_MAX, INT64_MAX, INT64_MAX};

static void encode_traffic(struct buf *out)
{
    assert_int_equal(record_begin_traffic(span_of("0123456789abcdef"), 7, out), ERR_OK);
    assert_int_equal(record_add_count(&lobby, &some, out), ERR_OK);
    assert_int_equal(record_add_count(&nowhere, &much, out), ERR_OK);
}

static void test_a_traffic_batch_comes_back(void **state)
{
    (void)state;
    struct buf bytes;
    buf_init(&bytes, 1000);
    struct record record;
    struct meter_key key;
    struct meter_count count;
    encode_traffic(&bytes);
    assert_int_equal(record_decode(buf_span(&bytes), &record), ERR_OK);
    assert_int_equal(record.kind, RECORD_TRAFFIC);
    assert_true(span_is(record.traffic.source, "0123456789abcdef"));
    assert_int_equal(record.traffic.batch, 7);
    assert_true(record_next_count(&record.traffic, &key, &count));
    assert_int_equal(key.hour, lobby.hour);
    assert_true(span_is(key.room, "lobby"));
    assert_true(span_is(key.subject, "alice"));
    assert_int_equal(key.face, METER_HTML);
    assert_int_equal(key.direction, METER_OUT);
    assert_memory_equal(&count, &some, sizeof some);
    assert_true(record_next_count(&record.traffic, &key, &count));
    assert_int_equal(key.room.len, 0);
    assert_memory_equal(&count, &much, sizeof much);
    assert_false(record_next_count(&record.traffic, &key, &count));
    buf_finish(&bytes);
}

static void test_bad_traffic_is_not_written(void **state)
{
    (void)state;
    struct buf bytes;
    buf_init(&bytes, 1000);
    char text[200];
    memset(text, 'x', sizeof text);
    assert_int_equal(record_begin_traffic(span_of(""), 7, &bytes), ERR_INVALID);
    assert_int_equal(record_begin_traffic(span_of("a"), 0, &bytes), ERR_INVALID);
    assert_int_equal(record_begin_traffic(span_make(text, RECORD_SOURCE_MAX + 1), 7, &bytes),
                     ERR_TOO_LARGE);
    struct meter_key key = lobby;
    key.subject = span_make(text, METER_SUBJECT_MAX + 1);
    assert_int_equal(record_add_count(&key, &some, &bytes), ERR_INVALID);
    key = lobby;
    key.room = span_make(text, METER_ROOM_MAX + 1);
    assert_int_equal(record_add_count(&key, &some, &bytes), ERR_INVALID);
    struct meter_count negative = {-1, 0, 0};
    assert_int_equal(record_add_count(&lobby, &negative, &bytes), ERR_INVALID);
    assert_int_equal(bytes.len, 0);
    buf_init(&bytes, 20);
    assert_int_equal(record_begin_traffic(span_of("abc"), 7, &bytes), ERR_OK);
    assert_int_equal(record_add_count(&lobby, &some, &bytes), ERR_TOO_LARGE);
    buf_finish(&bytes);
}

// An exact copy, so that a sanitizer sees a read behind its end.
static enum err decode_copy(struct span bytes, struct record *out)
{
    char *copy = malloc(bytes.len ? bytes.len : 1);
    memcpy(copy, bytes.ptr, bytes.len);
    enum err err = record_decode(span_make(copy, bytes.len), out);
    free(copy);
    return err;
}

static void test_no_cut_record_is_taken_for_a_whole_message(void **state)
{
    (void)state;
    struct buf bytes;
    buf_init(&bytes, 1000);
    struct record record;
    encode(&full, &bytes);
    for (size_t len = 0; len < bytes.len; len++)
        assert_int_equal(decode_copy(span_make(bytes.ptr, len), &record), ERR_CORRUPT);
    buf_add_char(&bytes, 'x');
    assert_int_equal(decode_copy(buf_span(&bytes), &record), ERR_CORRUPT);

    buf_clear(&bytes);
    assert_int_equal(record_begin_traffic(span_of("0123456789abcdef"), 7, &bytes), ERR_OK);
    size_t head = bytes.len; // a batch without counts
    assert_int_equal(record_add_count(&lobby, &some, &bytes), ERR_OK);
    size_t one = bytes.len;
    assert_int_equal(record_add_count(&nowhere, &much, &bytes), ERR_OK);
    for (size_t len = 0; len < bytes.len; len++)
        assert_int_equal(decode_copy(span_make(bytes.ptr, len), &record),
                         len == head || len == one ? ERR_OK : ERR_CORRUPT);
    buf_finish(&bytes);
}

static void test_newer_kinds_and_layouts_are_told_from_damage(void **state)
{
    (void)state;
    struct record record;
    assert_int_equal(decode_copy(span_make("\3\1", 2), &record), ERR_VERSION);
    assert_int_equal(decode_copy(span_make("\1\3", 2), &record), ERR_VERSION);
    assert_int_equal(decode_copy(span_make("\2\2", 2), &record), ERR_VERSION);
    assert_int_equal(decode_copy(span_make("\0\1", 2), &record), ERR_CORRUPT);
    assert_int_equal(decode_copy(span_make("\1\0", 2), &record), ERR_CORRUPT);
}

static void test_a_changed_byte_never_leads_outside(void **state)
{
    (void)state;
    struct buf bytes;
    buf_init(&bytes, 1000);
    struct record record;
    for (int kind = 0; kind < 2; kind++) {
        buf_clear(&bytes);
        if (kind == 0)
            encode(&full, &bytes);
        else
            encode_traffic(&bytes);
        for (size_t i = 0; i < bytes.len; i++) {
            for (int bit = 0; bit < 8; bit++) {
                bytes.ptr[i] = (char)(bytes.ptr[i] ^ 1 << bit);
                (void)decode_copy(buf_span(&bytes), &record); // a sanitizer watches
                bytes.ptr[i] = (char)(bytes.ptr[i] ^ 1 << bit);
            }
        }
    }
    buf_finish(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_field_of_a_message_comes_back),
        cmocka_unit_test(test_what_could_not_be_read_back_is_not_written),
        cmocka_unit_test(test_a_traffic_batch_comes_back),
        cmocka_unit_test(test_bad_traffic_is_not_written),
        cmocka_unit_test(test_no_cut_record_is_taken_for_a_whole_message),
        cmocka_unit_test(test_newer_kinds_and_layouts_are_told_from_damage),
        cmocka_unit_test(test_a_changed_byte_never_leads_outside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
