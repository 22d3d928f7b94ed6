// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "store_test.h"

static void test_a_page_is_the_newest_messages_of_its_room_in_order(void **state)
{
    struct store *store = two_rooms(*state);
    struct span a = span_of("a");
    struct seen seen = read_page(store, (struct store_page){a, 0, -1, 3}, true);
    assert_int_equal(seen.count, 3);
    assert_int_equal(seen.ids[0], 16);
    assert_int_equal(seen.ids[2], 20);
    assert_int_equal(seen.prevs[0], 14);
    seen = read_page(store, (struct store_page){a, 16, -1, 3}, true);
    assert_int_equal(seen.ids[0], 10);
    assert_int_equal(seen.ids[2], 14);
    seen = read_page(store, (struct store_page){a, 0, -1, 10}, false);
    assert_int_equal(seen.count, 10);
    assert_int_equal(seen.ids[0], 2);
    seen = read_page(store, (struct store_page){a, 0, -1, 9}, true);
    assert_int_equal(seen.ids[0], 4);
    seen = read_page(store, (struct store_page){a, 2, -1, 9}, false);
    assert_int_equal(seen.count, 0);
    seen = read_page(store, (struct store_page){span_of("nowhere"), 0, -1, 9}, false);
    assert_int_equal(seen.count, 0);
    store_close(store);
}

static void test_a_page_after_an_id_goes_forward(void **state)
{
    struct store *store = two_rooms(*state);
    struct span b = span_of("b");
    struct seen seen = read_page(store, (struct store_page){b, 0, 0, 4}, true);
    assert_int_equal(seen.count, 4);
    assert_int_equal(seen.ids[0], 1);
    assert_int_equal(seen.ids[3], 7);
    seen = read_page(store, (struct store_page){b, 0, 7, 6}, false);
    assert_int_equal(seen.count, 6);
    assert_int_equal(seen.ids[5], 19);
    seen = read_page(store, (struct store_page){b, 0, 19, 6}, false);
    assert_int_equal(seen.count, 0);
    seen = read_page(store, (struct store_page){b, 9, 3, 6}, false);
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.ids[0], 5);
    store_close(store);
}

static void test_a_callback_may_stop_a_page(void **state)
{
    struct store *store = two_rooms(*state);
    struct seen seen = {.stop_at = 2};
    struct store_page page = {span_of("a"), 0, -1, 5};
    bool has_more;
    assert_ok(store_read_page(store, &page, note, &seen, &has_more));
    assert_int_equal(seen.count, 2);
    store_close(store);
}

static void test_every_field_comes_back(void **state)
{
    struct store *store = open_store(*state, STORE_WRITE);
    struct message m = make_message("lobby", 7, 3, "");
    m.payload = span_make("\0\xff binary\0", 10);
    m.type = span_of("application/octet-stream");
    put(store, &m);
    assert_ok(store_read_last(store, span_of("lobby"), compare, &m));
    struct message bare = {.id = 9, .room = span_of("bare")};
    put(store, &bare);
    assert_ok(store_read_last(store, span_of("bare"), compare, &bare));
    assert_int_equal(store_read_last(store, span_of("none"), compare, &bare), ERR_NOT_FOUND);
    store_close(store);
}

static void test_an_id_is_stored_once(void **state)
{
    struct store *store = open_store(*state, STORE_WRITE);
    struct message m = make_message("lobby", 7, 0, "one");
    put(store, &m);
    assert_ok(store_begin(store));
    assert_int_equal(store_put_message(store, &m, span_of("")), ERR_INVALID);
    struct message next = make_message("lobby", 8, 7, "two");
    put(store, &next);
    assert_ok(store_commit(store));
    struct buf out;
    buf_init(&out, 100);
    assert_ok(store_read_rooms(store, note_room, &out));
    assert_true(span_is(buf_span(&out), "lobby:8:2 "));
    buf_finish(&out);
    store_close(store);
}

// A full set, whose sixth id is stored already.
static void test_many_are_stored_up_to_one_that_cannot_be(void **state)
{
    struct store *store = open_store(*state, STORE_WRITE);
    struct message known = make_message("b", 6, 0, "known");
    put(store, &known);
    struct store_put puts[STORE_PUTS_MAX];
    for (int i = 0; i < STORE_PUTS_MAX; i++)
        puts[i] = (struct store_put){.message = make_message(i % 2 ? "b" : "a", i + 1, 0, "x")};
    size_t count;
    assert_ok(store_begin(store));
    assert_int_equal(store_put_messages(store, puts, STORE_PUTS_MAX, &count), ERR_INVALID);
    assert_int_equal(count, 5);
    assert_ok(store_put_messages(store, puts + 6, STORE_PUTS_MAX - 6, &count));
    assert_int_equal(count, STORE_PUTS_MAX - 6);
    assert_ok(store_commit(store));
    struct buf out;
    buf_init(&out, 100);
    assert_ok(store_read_rooms(store, note_room, &out));
    assert_true(span_is(buf_span(&out), "b:16:8 a:15:8 "));
    buf_finish(&out);
    store_close(store);
}

static void test_a_name_too_long_stops_many_where_it_stands(void **state)
{
    struct store *store = open_store(*state, STORE_WRITE);
    char name[METER_ROOM_MAX + 2];
    memset(name, 'r', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    struct store_put puts[STORE_PUTS_MAX];
    for (int i = 0; i < STORE_PUTS_MAX; i++)
        puts[i] = (struct store_put){.message = make_message(i == 3 ? name : "a", i + 1, i, "x")};
    size_t count;
    assert_int_equal(store_put_messages(store, puts, STORE_PUTS_MAX, &count), ERR_TOO_LARGE);
    assert_int_equal(count, 3);
    store_close(store);
}

// ---- rooms, sources ----

static void test_rooms_are_listed_newest_first(void **state)
{
    struct store *store = two_rooms(*state);
    struct message m = make_message("b", 21, 19, "x");
    put(store, &m);
    struct buf out;
    buf_init(&out, 1000);
    assert_ok(store_read_rooms(store, note_room, &out));
    assert_true(span_is(buf_span(&out), "b:21:11 a:20:10 "));
    int64_t last;
    assert_ok(store_last_id(store, &last));
    assert_int_equal(last, 21);
    buf_finish(&out);
    store_close(store);
}

static void test_sources_are_numbered(void **state)
{
    struct store *store = open_store(*state, STORE_WRITE);
    uint64_t number = 99;
    assert_ok(store_source(store, "spool:1", &number));
    assert_int_equal(number, 0);
    assert_ok(store_begin(store));
    assert_ok(store_set_source(store, "spool:1", 41));
    assert_ok(store_set_source(store, "spool:1", 42));
    assert_ok(store_commit(store));
    assert_ok(store_begin(store));
    assert_ok(store_set_source(store, "spool:1", 43));
    store_rollback(store);
    assert_ok(store_source(store, "spool:1", &number));
    assert_int_equal(number, 42);
    store_close(store);
}

static void test_a_room_name_too_long_is_refused(void **state)
{
    struct store *store = open_store(*state, STORE_WRITE);
    char name[METER_ROOM_MAX + 2];
    memset(name, 'x', sizeof name);
    name[METER_ROOM_MAX + 1] = '\0';
    struct message m = make_message(name, 1, 0, "x");
    assert_int_equal(store_put_message(store, &m, span_of("")), ERR_TOO_LARGE);
    name[METER_ROOM_MAX] = '\0';
    m.room = span_of(name);
    put(store, &m);
    store_close(store);
}

// More rooms and counters than a transaction keeps in memory.
static void test_many_rooms_and_counters_in_one_transaction(void **state)
{
    enum { ROOMS = 5000 };
    struct store *store = open_store(*state, STORE_WRITE);
    assert_ok(store_begin(store));
    for (int64_t id = 1; id <= 10000; id++) {
        char name[16];
        (void)snprintf(name, sizeof name, "r%d", (int)(id % ROOMS));
        struct message m = make_message(name, id, id > ROOMS ? id - ROOMS : 0, "x");
        put(store, &m);
        struct meter_key key = {1, m.room, m.from, METER_WS, METER_IN};
        struct meter_count one = {1, 2, 600};
        assert_ok(store_add_traffic(store, &key, &one));
    }
    int64_t last;
    assert_ok(store_last_id(store, &last));
    assert_int_equal(last, 10000); // also what is not yet written
    assert_ok(store_commit(store));
    store_close(store);
    store = open_store(*state, STORE_READ);
    struct buf out;
    buf_init(&out, 1000000);
    assert_ok(store_read_rooms(store, note_room, &out));
    buf_add_char(&out, '\0');
    assert_int_equal(strncmp(out.ptr, "r0:10000:2 r4999:9999:2 ", 24), 0);
    assert_non_null(strstr(out.ptr, " r1:5001:2 "));
    buf_finish(&out);
    store_close(store);
}

static void test_what_is_rolled_back_never_was(void **state)
{
    struct store *store = two_rooms(*state);
    struct message m = make_message("a", 22, 20, "x"), fresh = make_message("new", 23, 0, "x");
    struct meter_key key = {1, span_of("a"), span_of("alice"), METER_WS, METER_IN};
    struct meter_count one = {1, 2, 600};
    assert_ok(store_begin(store));
    put(store, &m);
    put(store, &fresh);
    assert_ok(store_add_traffic(store, &key, &one));
    store_rollback(store);
    store_rollback(store); // of nothing
    int64_t last;
    assert_ok(store_last_id(store, &last));
    assert_int_equal(last, 20);
    // The room that was made in it has to be made again.
    put(store, &fresh);
    struct buf out;
    buf_init(&out, 1000);
    assert_ok(store_read_rooms(store, note_room, &out));
    assert_true(span_is(buf_span(&out), "new:23:1 a:20:10 b:19:10 "));
    buf_finish(&out);
    store_close(store);
}

// ---- large pages ----

static bool add_length(void *context, const struct message *m)
{
    size_t *total = context;
    assert_int_equal(m->payload.len, 200000);
    for (size_t i = 0; i < m->payload.len; i += 9999)
        assert_int_equal((unsigned char)m->payload.ptr[i], m->id % 251);
    *total += m->payload.len;
    return true;
}

static void test_a_page_larger_than_memory_keeps_is_read_all_the_same(void **state)
{
    struct store *store = open_store(*state, STORE_WRITE);
    char *payload = malloc(200000);
    assert_ok(store_begin(store));
    for (int64_t id = 1; id <= 20; id++) {
        struct message m = make_message("a", id, id - 1, "");
        memset(payload, (int)(id % 251), 200000);
        m.payload = span_make(payload, 200000);
        put(store, &m);
    }
    assert_ok(store_commit(store));
    free(payload);
    size_t total = 0;
    bool has_more = false;
    struct store_page page = {span_of("a"), 19, -1, 15};
    assert_ok(store_read_page(store, &page, add_length, &total, &has_more));
    assert_int_equal(total, 15 * 200000);
    assert_true(has_more);
    struct seen seen = read_page(store, page, true);
    assert_int_equal(seen.count, 15);
    assert_int_equal(seen.ids[0], 4);
    assert_int_equal(seen.ids[14], 18);
    store_close(store);
}

static struct seen read_within(struct store *store, int64_t after, int64_t max_bytes, bool is_cut)
{
    struct seen seen = {.count = 0};
    struct store_page page = {span_of("a"), 0, after, 10};
    bool has_more = !is_cut;
    assert_ok(store_read_page_within(store, &page, max_bytes, note, &seen, &has_more));
    assert_int_equal(has_more, is_cut);
    return seen;
}

// Ten messages of a byte each.
static void test_a_page_has_no_more_bytes_than_asked_for(void **state)
{
    struct store *store = two_rooms(*state);
    int64_t one = STORE_ROW_BYTES + 1;
    assert_int_equal(read_within(store, -1, 10 * one, false).count, 10);
    assert_int_equal(read_within(store, 0, 10 * one, false).count, 10);
    struct seen seen = read_within(store, -1, 4 * one - 1, true); // the newest
    assert_int_equal(seen.count, 3);
    assert_int_equal(seen.ids[0], 16);
    assert_int_equal(seen.ids[2], 20);
    seen = read_within(store, 0, 4 * one - 1, true); // the oldest
    assert_int_equal(seen.count, 3);
    assert_int_equal(seen.ids[0], 2);
    assert_int_equal(seen.ids[2], 6);
    assert_int_equal(read_within(store, -1, 0, true).ids[0], 20); // never none
    assert_int_equal(read_within(store, 0, 0, true).ids[0], 2);
    store_close(store);
}

// Of the ten messages in "a", which have every other id.
static void test_the_newest_messages_begin_behind_an_id(void **state)
{
    static const struct {
        int latest;
        int64_t id;
    } rows[] = {{0, -1}, {1, 18}, {3, 14}, {9, 2}, {10, 0}, {1000, 0}};
    struct store *store = two_rooms(*state);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t id = -1;
        assert_ok(store_id_before_latest(store, span_of("a"), rows[i].latest, &id));
        assert_int_equal(id, rows[i].id);
    }
    int64_t id = -1;
    assert_ok(store_id_before_latest(store, span_of("nowhere"), 5, &id));
    assert_int_equal(id, -1);
    store_close(store);
}

// ---- traffic ----

static bool note_traffic(void *context, const struct store_traffic *t)
{
    buf_printf(context, "%.*s %d/%d/%d %d/%d/%d; ", (int)t->name.len, t->name.ptr,
               (int)t->in.messages, (int)t->in.blocks, (int)t->in.bytes, (int)t->out.messages,
               (int)t->out.blocks, (int)t->out.bytes);
    return true;
}

static void expect_traffic(struct store *store, enum store_group group, int64_t since,
                           int64_t until, const char *expected)
{
    struct buf out;
    buf_init(&out, 10000);
    assert_ok(store_read_traffic(store, group, since, until, note_traffic, &out));
    buf_add_char(&out, '\0');
    assert_string_equal(out.ptr, expected);
    buf_finish(&out);
}

static void test_traffic_is_summed_by_what_is_asked(void **state)
{
    struct store *store = open_store(*state, STORE_WRITE);
    static const struct {
        struct meter_key key;
        struct meter_count count;
    } rows[] = {
        {{10, {"lobby", 5}, {"alice", 5}, METER_MQTT, METER_IN}, {1, 2, 900}},
        {{10, {"lobby", 5}, {"bob", 3}, METER_WS, METER_OUT}, {2, 4, 1800}},
        {{11, {"ops", 3}, {"bob", 3}, METER_WS, METER_OUT}, {1, 1, 10}},
        {{11, {"", 0}, {"alice", 5}, METER_SSE, METER_OUT}, {1, 1, 0}},
        {{12, {"ops", 3}, {"bob", 3}, METER_WS, METER_OUT}, {5, 50, 500}},
    };
    assert_ok(store_begin(store));
    for (int twice = 0; twice < 2; twice++)
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
            assert_ok(store_add_traffic(store, &rows[i].key, &rows[i].count));
    assert_ok(store_commit(store));
    expect_traffic(store, STORE_BY_ROOM, 10, 12,
                   "lobby 2/4/1800 4/8/3600;  0/0/0 2/2/0; ops 0/0/0 2/2/20; ");
    expect_traffic(store, STORE_BY_SUBJECT, 10, 12, "bob 0/0/0 6/10/3620; alice 2/4/1800 2/2/0; ");
    expect_traffic(store, STORE_BY_FACE, 10, 12,
                   "ws 0/0/0 6/10/3620; mqtt 2/4/1800 0/0/0; sse 0/0/0 2/2/0; ");
    expect_traffic(store, STORE_TOTAL, 10, 12, " 2/4/1800 8/12/3620; ");
    expect_traffic(store, STORE_TOTAL, 12, 13, " 0/0/0 10/100/1000; ");
    expect_traffic(store, STORE_TOTAL, 0, 10, "");
    store_close(store);
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        EACH(test_a_page_is_the_newest_messages_of_its_room_in_order),
        EACH(test_a_page_after_an_id_goes_forward),
        EACH(test_a_callback_may_stop_a_page),
        EACH(test_every_field_comes_back),
        EACH(test_an_id_is_stored_once),
        EACH(test_many_are_stored_up_to_one_that_cannot_be),
        EACH(test_a_name_too_long_stops_many_where_it_stands),
        EACH(test_rooms_are_listed_newest_first),
        EACH(test_sources_are_numbered),
        EACH(test_a_room_name_too_long_is_refused),
        EACH(test_many_rooms_and_counters_in_one_transaction),
        EACH(test_what_is_rolled_back_never_was),
        EACH(test_a_page_larger_than_memory_keeps_is_read_all_the_same),
        EACH(test_a_page_has_no_more_bytes_than_asked_for),
        EACH(test_the_newest_messages_begin_behind_an_id),
        EACH(test_traffic_is_summed_by_what_is_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
