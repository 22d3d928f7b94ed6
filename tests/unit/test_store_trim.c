// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Keys and origins, and what is too old to stay.
#include "store_test.h"

static bool note_key(void *context, struct span room, struct span from, struct span key, int64_t id,
                     int64_t date_ms)
{
    (void)date_ms;
    buf_printf(context, "%.*s/%.*s/%.*s=%d ", (int)room.len, room.ptr, (int)from.len, from.ptr,
               (int)key.len, key.ptr, (int)id);
    return true;
}

// As if a new look began each time.
static enum err trim(struct store *store, const struct store_ages *before, int limit,
                     int *out_removed)
{
    struct store_place place = {0, 0};
    return store_trim(store, before, limit, &place, out_removed);
}

static void test_keys_are_remembered_and_trimmed(void **state)
{
    struct store *store = open_store(*state, STORE_WRITE);
    struct message one = make_message("a", 1, 0, "x"), two = make_message("a", 2, 1, "x");
    assert_ok(store_put_message(store, &one, span_of("k1")));
    assert_ok(store_put_message(store, &two, span_of("k2")));
    struct buf out;
    buf_init(&out, 1000);
    assert_ok(store_read_keys(store, 0, note_key, &out));
    assert_true(span_is(buf_span(&out), "a/alice/k1=1 a/alice/k2=2 "));
    int removed;
    assert_ok(trim(store, &(struct store_ages){.keys_ms = two.date_ms}, 100, &removed));
    assert_int_equal(removed, 1);
    buf_clear(&out);
    assert_ok(store_read_keys(store, 0, note_key, &out));
    assert_true(span_is(buf_span(&out), "a/alice/k2=2 "));
    buf_clear(&out);
    assert_ok(store_read_keys(store, two.date_ms + 1, note_key, &out));
    assert_int_equal(out.len, 0);
    buf_finish(&out);
    store_close(store);
}

static void test_trimming_goes_in_small_steps(void **state)
{
    struct store *store = two_rooms(*state);
    const struct store_ages before = {.messages_ms = 1795250400000 + 16}; // ids 1 to 15 are older
    int removed;
    assert_ok(trim(store, &before, 10, &removed));
    assert_int_equal(removed, 10);
    assert_ok(trim(store, &before, 10, &removed));
    assert_int_equal(removed, 5);
    assert_ok(trim(store, &before, 10, &removed));
    assert_int_equal(removed, 0);
    struct seen seen = read_page(store, (struct store_page){span_of("a"), 0, -1, 10}, false);
    assert_int_equal(seen.count, 3);
    assert_int_equal(seen.ids[0], 16);
    assert_int_equal(seen.prevs[0], 14); // shows that something was there
    store_close(store);
}

// The clock was wrong for a while: some are dated in the future, before those that are too old.
static void test_what_is_dated_in_the_future_is_passed_over(void **state)
{
    enum { FUTURE = 25, OLD = 35, NEW = 5, LIMIT = 10 };
    const int64_t now_ms = 1795250400000;
    struct store *store = open_store(*state, STORE_WRITE);
    for (int64_t id = 1; id <= FUTURE + OLD + NEW; id++) {
        struct store_put one = {.message = make_message("a", id, id - 1, "x"),
                                .origin = span_of("{}")};
        one.message.date_ms = id <= FUTURE         ? now_ms + 1000
                              : id <= FUTURE + OLD ? now_ms - 1000
                                                   : now_ms;
        size_t count;
        assert_ok(store_put_messages(store, &one, 1, &count));
    }
    const struct store_ages before = {
        .messages_ms = now_ms - 500, .origins_ms = now_ms - 500, .now_ms = now_ms};
    struct store_place place = {0, 0};
    int removed, total = 0, looks = 0;
    do {
        assert_ok(store_trim(store, &before, LIMIT, &place, &removed));
        total += removed;
        assert_int_equal(place.message_id, place.origin_id);
        assert_true(++looks <= (FUTURE + OLD + NEW) / LIMIT + 1);
    } while (place.message_id > 0);
    assert_int_equal(total, 2 * OLD); // with their origins
    struct seen seen = read_page(store, (struct store_page){span_of("a"), 0, -1, 100}, false);
    assert_int_equal(seen.count, FUTURE + NEW);
    // Where nothing is too old, the rest is not looked at.
    const struct store_ages none = {.messages_ms = now_ms - 500, .now_ms = now_ms + 1000};
    assert_ok(store_trim(store, &none, LIMIT, &place, &removed));
    assert_int_equal(removed, 0);
    assert_int_equal(place.message_id, 0);
    store_close(store);
}

static void put_from(struct store *store, int64_t id, const char *origin)
{
    struct store_put one = {.message = make_message("a", id, id - 1, "x"),
                            .origin = span_of(origin)};
    size_t count;
    assert_ok(store_put_messages(store, &one, 1, &count));
}

static void expect_origin(struct store *store, int64_t id, const char *expected)
{
    struct buf out;
    buf_init(&out, 100);
    enum err err = store_read_origin(store, id, &out);
    assert_int_equal(err, expected != NULL ? ERR_OK : ERR_NOT_FOUND);
    assert_true(expected == NULL || span_is(buf_span(&out), expected));
    buf_finish(&out);
}

// The origin of a message goes with it at the latest.
static void test_origins_are_remembered_and_trimmed(void **state)
{
    struct store *store = open_store(*state, STORE_WRITE);
    put_from(store, 1, "{\"one\":1}");
    put_from(store, 2, "");
    put_from(store, 3, "{\"three\":3}");
    put_from(store, 4, "{\"four\":4}");
    expect_origin(store, 1, "{\"one\":1}");
    expect_origin(store, 2, NULL);
    int64_t third_ms = make_message("a", 3, 2, "x").date_ms;
    int removed;
    assert_ok(trim(store, &(struct store_ages){.origins_ms = third_ms}, 10, &removed));
    assert_int_equal(removed, 1);
    expect_origin(store, 1, NULL);
    expect_origin(store, 3, "{\"three\":3}");
    assert_ok(trim(store, &(struct store_ages){.messages_ms = third_ms + 1}, 10, &removed));
    assert_int_equal(removed, 3 + 1);
    expect_origin(store, 3, NULL);
    expect_origin(store, 4, "{\"four\":4}");
    store_close(store);
}

// Keys of one room, so that only their dates can tell which go.
static void test_keys_go_in_small_steps(void **state)
{
    struct store *store = open_store(*state, STORE_WRITE);
    char key[16];
    int64_t last_ms = 0;
    for (int64_t id = 1; id <= 25; id++) {
        struct message m = make_message("a", id, id - 1, "x");
        (void)snprintf(key, sizeof key, "k%d", (int)(id * 7 % 25)); // in another order
        assert_ok(store_put_message(store, &m, span_of(key)));
        last_ms = m.date_ms;
    }
    static const int expected[] = {10, 10, 4, 0};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        int removed;
        assert_ok(trim(store, &(struct store_ages){.keys_ms = last_ms}, 10, &removed));
        assert_int_equal(removed, expected[i]);
    }
    struct buf out;
    buf_init(&out, 1000);
    assert_ok(store_read_keys(store, 0, note_key, &out));
    assert_true(span_is(buf_span(&out), "a/alice/k0=25 "));
    buf_finish(&out);
    store_close(store);
}

static bool count_messages(void *context, const struct store_traffic *traffic)
{
    *(int64_t *)context += traffic->in.messages;
    return true;
}

static void test_traffic_goes_by_hours(void **state)
{
    enum { HOURS = 10, SUBJECTS = 3 };
    const int64_t hour_ms = 3600 * 1000;
    struct store *store = open_store(*state, STORE_WRITE);
    for (int64_t i = 0; i < HOURS * SUBJECTS; i++) {
        static const char *const subjects[SUBJECTS] = {"a", "b", "c"};
        struct meter_key key = {.hour = 1000 + i / SUBJECTS,
                                .room = span_of("lobby"),
                                .subject = span_of(subjects[i % SUBJECTS])};
        assert_ok(store_add_traffic(store, &key, &(struct meter_count){1, 1, 1}));
    }
    int removed;
    assert_ok(trim(store, &(struct store_ages){.now_ms = 1}, 100, &removed));
    assert_int_equal(removed, 0); // it is kept for ever
    static const int expected[] = {6, 6, 3, 0};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        // Within the sixth hour, which stays.
        assert_ok(trim(store, &(struct store_ages){.traffic_ms = 1005 * hour_ms + 5}, 4, &removed));
        assert_int_equal(removed, expected[i]);
    }
    int64_t left = 0;
    assert_ok(store_read_traffic(store, STORE_BY_ROOM, 0, 9999, count_messages, &left));
    assert_int_equal(left, 5 * SUBJECTS);
    store_close(store);
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        EACH(test_keys_are_remembered_and_trimmed),
        EACH(test_trimming_goes_in_small_steps),
        EACH(test_what_is_dated_in_the_future_is_passed_over),
        EACH(test_origins_are_remembered_and_trimmed),
        EACH(test_keys_go_in_small_steps),
        EACH(test_traffic_goes_by_hours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
