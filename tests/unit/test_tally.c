// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/mapfile.h"
#include "core/tally.h"
#include "scratch.h"

#define assert_ok(call) assert_int_equal(call, ERR_OK)

enum { CAPACITY = 64, BATCH = 16 };

static struct tally *open_tally(struct scratch *s, size_t capacity, size_t max_batch)
{
    struct tally *tally = NULL;
    assert_ok(tally_open(scratch_path(s, "tally"), capacity, max_batch, &tally));
    return tally;
}

static struct meter_key make_key(int64_t hour, const char *room, const char *subject)
{
    return (struct meter_key){hour, span_of(room), span_of(subject), METER_WS, METER_OUT};
}

static void add(struct tally *tally, const struct meter_key *key, int64_t bytes)
{
    struct meter_count count = {0};
    meter_count_message(&count, bytes);
    tally_add(tally, key, &count);
}

// What was taken, by key as text.
struct bill_entry {
    char key[300];
    struct meter_count count;
};
struct sums {
    struct bill_entry entries[2000];
    size_t count;
    size_t calls;
    struct meter_count total;
};

static void sum_up(void *context, const struct meter_key *key, const struct meter_count *count)
{
    struct sums *sums = context;
    char text[300] = {0};
    (void)snprintf(text, sizeof text, "%d %.*s %.*s %s %s", (int)key->hour, (int)key->room.len,
                   key->room.ptr, (int)key->subject.len, key->subject.ptr,
                   meter_face_name(key->face), meter_direction_name(key->direction));
    size_t i = 0;
    while (i < sums->count && strcmp(sums->entries[i].key, text) != 0)
        i++;
    if (i == sums->count) {
        sums->count++;
        memcpy(sums->entries[i].key, text, sizeof text);
    }
    struct meter_count *all[2] = {&sums->entries[i].count, &sums->total};
    for (int k = 0; k < 2; k++) {
        all[k]->messages += count->messages;
        all[k]->blocks += count->blocks;
        all[k]->bytes += count->bytes;
    }
    sums->calls++;
}

static struct sums *drain(struct tally *tally, struct sums *sums)
{
    uint64_t batch;
    while (tally_take(tally, &batch, sum_up, sums))
        tally_settle(tally, batch);
    return sums;
}

static const struct meter_count *count_of(const struct sums *sums, const char *key)
{
    static const struct meter_count nothing;
    for (size_t i = 0; i < sums->count; i++)
        if (strcmp(sums->entries[i].key, key) == 0)
            return &sums->entries[i].count;
    return &nothing;
}

static void test_counts_are_handed_on_once(void **state)
{
    struct tally *tally = open_tally(*state, CAPACITY, BATCH);
    struct sums *sums = calloc(1, sizeof *sums);
    struct meter_key a = make_key(10, "lobby", "alice"), b = make_key(10, "", "");
    uint64_t batch = 0;
    assert_false(tally_take(tally, &batch, sum_up, sums));
    add(tally, &a, 900);
    add(tally, &a, 900);
    add(tally, &b, 0);
    assert_true(tally_take(tally, &batch, sum_up, sums));
    assert_int_equal(batch, 1);
    assert_int_equal(sums->calls, 2);
    const struct meter_count *count = count_of(sums, "10 lobby alice ws out");
    assert_int_equal(count->messages, 2);
    assert_int_equal(count->blocks, 4);
    assert_int_equal(count->bytes, 1800);
    assert_int_equal(count_of(sums, "10   ws out")->blocks, 1);
    tally_settle(tally, batch);
    assert_false(tally_take(tally, &batch, sum_up, sums));
    add(tally, &a, 1);
    assert_true(tally_take(tally, &batch, sum_up, sums));
    assert_int_equal(batch, 2);
    assert_int_equal(count->bytes, 1801);
    free(sums);
    tally_close(tally);
}

static void test_an_unsettled_batch_is_offered_again_unchanged(void **state)
{
    struct tally *tally = open_tally(*state, CAPACITY, BATCH);
    struct sums *first = calloc(1, sizeof *first), *again = calloc(1, sizeof *again);
    struct meter_key a = make_key(10, "lobby", "alice");
    uint64_t batch;
    char name[32];
    (void)snprintf(name, sizeof name, "%s", tally_name(tally));
    assert_int_equal(strlen(name), 16);
    add(tally, &a, 10);
    assert_true(tally_take(tally, &batch, sum_up, first));
    add(tally, &a, 500);
    tally_settle(tally, batch + 1); // of nobody
    for (int round = 0; round < 2; round++) {
        memset(again, 0, sizeof *again);
        assert_true(tally_take(tally, &batch, sum_up, again));
        assert_int_equal(batch, 1);
        assert_memory_equal(again, first, sizeof *first);
        tally_close(tally);
        tally = open_tally(*state, CAPACITY, BATCH);
        assert_string_equal(tally_name(tally), name);
    }
    tally_settle(tally, 1);
    memset(again, 0, sizeof *again);
    assert_true(tally_take(tally, &batch, sum_up, again));
    assert_int_equal(batch, 2);
    assert_int_equal(again->total.bytes, 500);
    free(first);
    free(again);
    tally_close(tally);
}

static void test_many_keys_come_in_several_batches(void **state)
{
    struct tally *tally = open_tally(*state, CAPACITY, BATCH);
    struct sums *sums = calloc(1, sizeof *sums);
    for (int i = 0; i < CAPACITY; i++) {
        char subject[16];
        (void)snprintf(subject, sizeof subject, "s%d", i);
        struct meter_key key = make_key(10, "lobby", subject);
        add(tally, &key, i);
    }
    uint64_t batch;
    int batches = 0;
    while (tally_take(tally, &batch, sum_up, sums)) {
        tally_settle(tally, batch);
        assert_true(sums->calls <= (size_t)(++batches * BATCH));
    }
    assert_int_equal(batches, CAPACITY / BATCH);
    assert_int_equal(sums->count, CAPACITY);
    assert_int_equal(count_of(sums, "10 lobby s63 ws out")->bytes, 63);
    free(sums);
    tally_close(tally);
}

static void test_full_tally_keeps_the_sums_exact(void **state)
{
    struct tally *tally = open_tally(*state, 8, BATCH);
    struct sums *sums = calloc(1, sizeof *sums);
    int64_t bytes = 0;
    for (int i = 0; i < 1000; i++) {
        char room[16], subject[16];
        (void)snprintf(room, sizeof room, "r%d", i % 3);
        (void)snprintf(subject, sizeof subject, "s%d", i);
        struct meter_key key = make_key(10, room, subject);
        add(tally, &key, i);
        bytes += i;
    }
    drain(tally, sums);
    assert_int_equal(sums->total.messages, 1000);
    assert_int_equal(sums->total.bytes, bytes);
    assert_int_equal(count_of(sums, "10 r1 s1 ws out")->messages, 1);
    assert_int_equal(count_of(sums, "10 (other) (other) ws out")->messages, 1000 - 8);
    // Once settled there is room again.
    struct meter_key key = make_key(11, "lobby", "zoe");
    add(tally, &key, 5);
    memset(sums, 0, sizeof *sums);
    drain(tally, sums);
    assert_int_equal(count_of(sums, "11 lobby zoe ws out")->bytes, 5);
    free(sums);
    tally_close(tally);
}

static void test_what_finds_no_room_while_a_batch_is_out_keeps_its_hour(void **state)
{
    struct tally *tally = open_tally(*state, 2, BATCH);
    struct sums *sums = calloc(1, sizeof *sums);
    for (int hour = 10; hour < 12; hour++) { // the second time, the last resort has an old key
        static const char *const subjects[] = {"a", "b", "c"};
        uint64_t batch = 0;
        for (size_t i = 0; i < 3; i++) {
            struct meter_key key = make_key(hour, "lobby", subjects[i]);
            if (i == 2)
                assert_true(tally_take(tally, &batch, sum_up, sums));
            add(tally, &key, 1);
        }
        tally_settle(tally, batch);
        drain(tally, sums);
    }
    assert_int_equal(count_of(sums, "10 (other) (other) ws out")->messages, 1);
    assert_int_equal(count_of(sums, "11 (other) (other) ws out")->messages, 1);
    assert_int_equal(sums->total.messages, 6);
    free(sums);
    tally_close(tally);
}

static void test_when_a_room_has_an_other_entry_it_is_used(void **state)
{
    struct tally *tally = open_tally(*state, 4, BATCH);
    struct sums *sums = calloc(1, sizeof *sums);
    static const char *const subjects[] = {"(other)", "a", "b", "c", "d", "e"};
    for (size_t i = 0; i < 6; i++) {
        struct meter_key key = make_key(10, "lobby", subjects[i]);
        add(tally, &key, 1);
    }
    drain(tally, sums);
    assert_int_equal(count_of(sums, "10 lobby (other) ws out")->messages, 3);
    assert_int_equal(count_of(sums, "10 (other) (other) ws out")->messages, 0);
    free(sums);
    tally_close(tally);
}

static void test_entries_are_used_again_hour_after_hour(void **state)
{
    struct tally *tally = open_tally(*state, 16, BATCH);
    struct sums *sums = calloc(1, sizeof *sums);
    int64_t bytes = 0;
    for (int hour = 0; hour < 500; hour++) {
        for (int i = 0; i < 12; i++) {
            char subject[16];
            (void)snprintf(subject, sizeof subject, "s%d", (hour * 7 + i) % 31);
            struct meter_key key = make_key(hour, "lobby", subject);
            add(tally, &key, i);
            bytes += i;
        }
        memset(sums->entries, 0, sizeof sums->entries);
        sums->count = 0;
        drain(tally, sums);
        assert_int_equal(sums->count, 12); // nothing went to "(other)"
        if (hour % 50 == 0) {
            tally_close(tally);
            tally = open_tally(*state, 16, BATCH);
        }
    }
    assert_int_equal(sums->total.bytes, bytes);
    free(sums);
    tally_close(tally);
}

static void test_a_ref_follows_its_key_through_hours_and_reuse(void **state)
{
    struct tally *tally = open_tally(*state, 4, BATCH);
    struct sums *sums = calloc(1, sizeof *sums);
    struct tally_ref ref = {0, 0};
    struct meter_count one = {1, 1, 10};
    struct meter_key alice = make_key(1, "lobby", "alice");
    tally_add_at(tally, &ref, &alice, &one);
    tally_add_at(tally, &ref, &alice, &one);
    alice.hour = 2;
    tally_add_at(tally, &ref, &alice, &one);
    drain(tally, sums);
    assert_int_equal(count_of(sums, "1 lobby alice ws out")->messages, 2);
    assert_int_equal(count_of(sums, "2 lobby alice ws out")->messages, 1);
    // Others take over all four entries; the ref must notice.
    for (int i = 0; i < 4; i++) {
        char subject[16];
        (void)snprintf(subject, sizeof subject, "s%d", i);
        struct meter_key key = make_key(2, "lobby", subject);
        add(tally, &key, 0);
    }
    tally_add_at(tally, &ref, &alice, &one);
    memset(sums, 0, sizeof *sums);
    drain(tally, sums);
    assert_int_equal(sums->total.messages, 5);
    for (int i = 0; i < 4; i++) {
        char key[32];
        (void)snprintf(key, sizeof key, "2 lobby s%d ws out", i);
        assert_int_equal(count_of(sums, key)->messages, 1);
    }
    free(sums);
    tally_close(tally);
}

static void test_long_names_are_cut(void **state)
{
    struct tally *tally = open_tally(*state, CAPACITY, BATCH);
    struct sums *sums = calloc(1, sizeof *sums);
    char name[300];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    struct meter_key key = make_key(1, name, name);
    add(tally, &key, 3);
    drain(tally, sums);
    assert_int_equal(sums->total.bytes, 3);
    assert_int_equal(strlen(sums->entries[0].key), strlen("1   ws out") + 64 + 128);
    free(sums);
    tally_close(tally);
}

static void test_another_capacity_is_taken_once_all_is_settled(void **state)
{
    struct tally *tally = open_tally(*state, 4, BATCH);
    struct sums *sums = calloc(1, sizeof *sums);
    struct meter_key key = make_key(1, "lobby", "alice");
    add(tally, &key, 3);
    tally_close(tally);
    tally = open_tally(*state, 1000, 100); // still the old one, with its count
    drain(tally, sums);
    assert_int_equal(sums->total.bytes, 3);
    tally_close(tally);
    tally = open_tally(*state, 1000, 100);
    for (int i = 0; i < 1000; i++) {
        char subject[16];
        (void)snprintf(subject, sizeof subject, "s%d", i);
        key = make_key(1, "lobby", subject);
        add(tally, &key, 1);
    }
    memset(sums, 0, sizeof *sums);
    drain(tally, sums);
    assert_int_equal(sums->count, 1000);
    free(sums);
    tally_close(tally);
}

static void test_after_a_power_loss_nothing_is_counted_twice(void **state)
{
    struct tally *tally = open_tally(*state, CAPACITY, BATCH);
    struct sums *sums = calloc(1, sizeof *sums);
    struct meter_key key = make_key(1, "lobby", "alice");
    char name[32];
    (void)snprintf(name, sizeof name, "%s", tally_name(tally));
    add(tally, &key, 3);
    tally_close(tally);
    // As if the machine had gone down in another boot while the file was in use.
    size_t len = 0;
    const char *path = scratch_path(*state, "tally");
    unsigned char *bytes = scratch_read(path, &len);
    struct mapfile_head *head = (void *)bytes;
    head->is_open = 1;
    head->boot[0] ^= 1;
    assert_int_equal(scratch_write(path, bytes, len), 0);
    free(bytes);
    tally = open_tally(*state, CAPACITY, BATCH);
    assert_string_not_equal(tally_name(tally), name);
    drain(tally, sums);
    assert_int_equal(sums->calls, 0);
    free(sums);
    tally_close(tally);
}

static void test_a_second_process_is_kept_out(void **state)
{
    struct tally *tally = open_tally(*state, CAPACITY, BATCH), *second = NULL;
    assert_int_equal(tally_open(scratch_path(*state, "tally"), CAPACITY, BATCH, &second),
                     ERR_AGAIN);
    tally_close(tally);
}

static void test_a_damaged_file_is_refused(void **state)
{
    struct tally *tally = open_tally(*state, CAPACITY, BATCH);
    struct meter_key key = make_key(1, "lobby", "alice");
    add(tally, &key, 3);
    uint64_t batch;
    struct sums *sums = calloc(1, sizeof *sums);
    assert_true(tally_take(tally, &batch, sum_up, sums));
    free(sums);
    tally_close(tally);
    const char *path = scratch_path(*state, "tally");
    size_t len = 0;
    unsigned char *bytes = scratch_read(path, &len);
    struct {
        size_t at;
        enum err expect;
    } const damages[] = {{0, ERR_CORRUPT},
                         {8, ERR_VERSION},
                         {16, ERR_CORRUPT},
                         {512, ERR_CORRUPT},
                         {528, ERR_CORRUPT}};
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        bytes[damages[i].at] ^= 0x41;
        assert_int_equal(scratch_write(path, bytes, len), 0);
        bytes[damages[i].at] ^= 0x41;
        assert_int_equal(tally_open(path, CAPACITY, BATCH, &tally), damages[i].expect);
    }
    free(bytes);
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        EACH(test_counts_are_handed_on_once),
        EACH(test_an_unsettled_batch_is_offered_again_unchanged),
        EACH(test_many_keys_come_in_several_batches),
        EACH(test_full_tally_keeps_the_sums_exact),
        EACH(test_what_finds_no_room_while_a_batch_is_out_keeps_its_hour),
        EACH(test_when_a_room_has_an_other_entry_it_is_used),
        EACH(test_entries_are_used_again_hour_after_hour),
        EACH(test_a_ref_follows_its_key_through_hours_and_reuse),
        EACH(test_long_names_are_cut),
        EACH(test_another_capacity_is_taken_once_all_is_settled),
        EACH(test_after_a_power_loss_nothing_is_counted_twice),
        EACH(test_a_second_process_is_kept_out),
        EACH(test_a_damaged_file_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
