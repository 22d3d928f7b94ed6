// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
// cmocka needs what is above.
#include <cmocka.h>

#include "core/hash.h"
#include "core/table.h"
#include "plugin/keys.h"
#include "plugin/refuse.h"
#include "plugin/rooms.h"
#include "plugin/topics.h"
#include "plugin/waiting.h"

static bool is_number(const void *item, const void *key)
{
    return *(const int *)item == *(const int *)key;
}

// Few hashes for many items, so that they run into each other and over the table's end.
static uint64_t bad_hash(int number)
{
    return (uint64_t)(number % 7) * 61;
}

static void test_a_table_finds_what_is_left_after_removals(void **state)
{
    (void)state;
    enum { MANY = 300 };
    int numbers[MANY];
    struct table table;
    table_init(&table);
    for (int i = 0; i < MANY; i++) {
        numbers[i] = i;
        assert_int_equal(table_add(&table, bad_hash(i), &numbers[i]), ERR_OK);
    }
    for (int i = 0; i < MANY; i += 2)
        table_remove(&table, bad_hash(i), &numbers[i]);
    table_remove(&table, bad_hash(0), &numbers[0]); // not there any more
    assert_int_equal(table.count, MANY / 2);
    for (int i = 0; i < MANY; i++) {
        void *found = table_find(&table, bad_hash(i), is_number, &i);
        assert_ptr_equal(found, i % 2 == 0 ? NULL : &numbers[i]);
    }
    table_finish(&table);
}

// The vectors of the reference implementation for SipHash-1-3 and the key 00 01 02 ... 0f.
static void test_the_hash_is_siphash_1_3(void **state)
{
    (void)state;
    const struct hash_seed seed = {0x0706050403020100u, 0x0f0e0d0c0b0a0908u};
    char bytes[16];
    for (int i = 0; i < 16; i++)
        bytes[i] = (char)i;
    assert_true(hash_bytes(&seed, span_make(bytes, 0)) == 0xabac0158050fc4dcu);
    assert_true(hash_bytes(&seed, span_make(bytes, 1)) == 0xc9f49bf37d57ca93u);
    assert_true(hash_bytes(&seed, span_make(bytes, 8)) == 0x369095118d299a8eu);
    uint64_t ab_c = hash_more(&seed, hash_bytes(&seed, span_of("ab")), span_of("c"));
    uint64_t a_bc = hash_more(&seed, hash_bytes(&seed, span_of("a")), span_of("bc"));
    assert_true(ab_c != a_bc);
}

static void test_rooms_stay_where_they_are(void **state)
{
    (void)state;
    struct rooms *rooms = NULL;
    assert_int_equal(rooms_create(1000, &rooms), ERR_OK);
    struct room *first = NULL;
    struct room *room = NULL;
    assert_int_equal(rooms_get(rooms, span_of("r0"), &first), ERR_OK);
    first->last_id = 7;
    char name[16];
    for (int i = 1; i < 1000; i++) {
        (void)snprintf(name, sizeof name, "r%d", i);
        assert_int_equal(rooms_get(rooms, span_of(name), &room), ERR_OK);
        assert_int_equal(room->last_id, 0);
    }
    assert_int_equal(rooms_get(rooms, span_of("one-too-many"), &room), ERR_TOO_MANY);
    assert_int_equal(rooms_get(rooms, span_of("r0"), &room), ERR_OK);
    assert_ptr_equal(room, first);
    assert_int_equal(room->last_id, 7);
    assert_null(rooms_find(rooms, span_of("one-too-many")));
    // What the log already has is not turned away.
    assert_int_equal(rooms_restore(rooms, span_of("of-before"), 5), ERR_OK);
    assert_int_equal(rooms_restore(rooms, span_of("of-before"), 3), ERR_OK);
    assert_int_equal(rooms_find(rooms, span_of("of-before"))->last_id, 5);
    assert_int_equal(rooms_count(rooms), 1001);
    rooms_destroy(rooms);
}

static void test_what_waits_is_known_up_to_a_limit_for_all(void **state)
{
    (void)state;
    static const char messages[3]; // any address will do
    struct waiting_limit limit = {.max = 3};
    struct waiting one = {0}, two = {0};
    assert_int_equal(waiting_add(&one, &limit, &messages[0]), ERR_OK);
    assert_int_equal(waiting_add(&one, &limit, &messages[1]), ERR_OK);
    assert_int_equal(waiting_add(&two, &limit, &messages[1]), ERR_OK);
    assert_int_equal(waiting_add(&two, &limit, &messages[2]), ERR_FULL);
    assert_int_equal(waiting_add(&two, &limit, &messages[1]), ERR_OK); // again
    assert_true(waiting_has(&one, &messages[0]));
    assert_false(waiting_has(&two, &messages[0]));
    assert_false(waiting_has(&two, &messages[2]));
    waiting_finish(&one);
    assert_false(waiting_has(&one, &messages[0]));
    assert_int_equal(limit.count, 1);
    assert_int_equal(waiting_add(&one, &limit, &messages[2]), ERR_OK);
    waiting_finish(&one);
    waiting_finish(&one);
    waiting_finish(&two);
    assert_int_equal(limit.count, 0);
}

static struct keys_name name_of(const char *room, const char *from, const char *key)
{
    return (struct keys_name){span_of(room), span_of(from), span_of(key)};
}

static void add_key(struct keys *keys, const char *key, int64_t id, int64_t date_ms)
{
    struct keys_name name = name_of("lobby", "alice", key);
    struct keys_first first = {.id = id, .prev = id - 1, .date_ms = date_ms, .connection = 3};
    assert_int_equal(keys_add(keys, &name, &first), ERR_OK);
}

static void test_a_key_is_unique_to_room_and_sender(void **state)
{
    (void)state;
    struct keys *keys = NULL;
    struct keys_first first;
    assert_int_equal(keys_create(10, 1000, &keys), ERR_OK);
    add_key(keys, "k", 5, 100);
    struct keys_name same = name_of("lobby", "alice", "k");
    assert_true(keys_find(keys, &same, 200, &first));
    assert_int_equal(first.id, 5);
    assert_int_equal(first.prev, 4);
    const struct keys_name others[] = {name_of("lobby", "bob", "k"), name_of("ops", "alice", "k"),
                                       name_of("lobby", "alice", "K"),
                                       name_of("lobbya", "lice", "k")};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(keys_find(keys, &others[i], 200, &first));
    keys_destroy(keys);
}

static void test_a_key_is_forgotten_after_its_lifetime(void **state)
{
    (void)state;
    struct keys *keys = NULL;
    struct keys_first first;
    assert_int_equal(keys_create(10, 1000, &keys), ERR_OK);
    add_key(keys, "young", 2, 1500);
    add_key(keys, "old", 1, 100); // out of order: the clock was set back
    struct keys_name old = name_of("lobby", "alice", "old");
    struct keys_name young = name_of("lobby", "alice", "young");
    assert_true(keys_find(keys, &old, 1099, &first));
    assert_false(keys_find(keys, &old, 1100, &first));
    assert_true(keys_find(keys, &young, 1100, &first));
    add_key(keys, "old", 9, 1100); // used again
    assert_true(keys_find(keys, &old, 1200, &first));
    assert_int_equal(first.id, 9);
    assert_false(keys_find(keys, &young, 2500, &first));
    assert_false(keys_find(keys, &old, 2500, &first));
    assert_int_equal(keys_count(keys), 0);
    keys_destroy(keys);
}

static void test_too_many_keys_forget_the_oldest(void **state)
{
    (void)state;
    struct keys *keys = NULL;
    struct keys_first first;
    assert_int_equal(keys_create(3, 1000, &keys), ERR_OK);
    const char *const names[] = {"a", "b", "c", "d"};
    for (int i = 0; i < 4; i++)
        add_key(keys, names[i], i + 1, 100 + i);
    assert_int_equal(keys_count(keys), 3);
    for (int i = 0; i < 4; i++) {
        struct keys_name name = name_of("lobby", "alice", names[i]);
        assert_int_equal(keys_find(keys, &name, 200, &first), i > 0);
    }
    keys_destroy(keys);
}

static void test_many_keys_are_forgotten_a_few_at_a_time(void **state)
{
    (void)state;
    enum { MANY = 1000, FEW = 100 };
    struct keys *keys = NULL;
    struct keys_first first;
    char key[16];
    assert_int_equal(keys_create(MANY + 1, 1000, &keys), ERR_OK);
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(key, sizeof key, "k%d", i);
        add_key(keys, key, i + 1, 100);
    }
    struct keys_name last = name_of("lobby", "alice", key);
    add_key(keys, "young", MANY + 1, 600);
    size_t before = keys_count(keys);
    while (before > 1) {
        assert_false(keys_find(keys, &last, 1100, &first)); // whether it is still there or not
        assert_true(keys_count(keys) < before && before - keys_count(keys) <= FEW);
        before = keys_count(keys);
    }
    keys_destroy(keys);
}

static void test_a_key_that_is_used_again_is_the_youngest(void **state)
{
    (void)state;
    struct keys *keys = NULL;
    struct keys_first first;
    assert_int_equal(keys_create(3, 1000, &keys), ERR_OK);
    add_key(keys, "a", 1, 100);
    add_key(keys, "b", 2, 600);
    add_key(keys, "a", 3, 1200); // before its turn to be forgotten
    add_key(keys, "c", 4, 1300); // too many
    add_key(keys, "d", 5, 1400); // and again
    struct keys_name again = name_of("lobby", "alice", "a"), old = name_of("lobby", "alice", "b");
    assert_true(keys_find(keys, &again, 1500, &first));
    assert_int_equal(first.id, 3);
    assert_false(keys_find(keys, &old, 1500, &first));
    assert_int_equal(keys_count(keys), 3);
    keys_destroy(keys);
}

static void test_reserved_room_is_room_without_moving(void **state)
{
    (void)state;
    enum { MANY = 1000 };
    static const char items[MANY];
    struct table table;
    table_init(&table);
    assert_int_equal(table_reserve(&table, MANY), ERR_OK);
    const struct table_slot *slots = table.slots;
    for (int i = 0; i < MANY; i++)
        assert_int_equal(table_add(&table, bad_hash(i), (void *)&items[i]), ERR_OK);
    assert_ptr_equal(table.slots, slots);
    assert_int_equal(table_reserve(&table, 1), ERR_OK);
    assert_ptr_equal(table.slots, slots);
    table_finish(&table);
}

struct lines {
    int count;
    char last[LOG_LINE_MAX];
};

static void take_line(void *context, enum log_level level, const char *line)
{
    (void)level;
    struct lines *lines = context;
    lines->count++;
    (void)snprintf(lines->last, sizeof lines->last, "%s", line);
}

static void test_a_flood_of_refusals_is_summed_up(void **state)
{
    (void)state;
    struct lines lines = {0};
    struct log log = {.write = take_line, .context = &lines, .level = LOG_LEVEL_INFO};
    struct log_cap refusals = {0};
    struct refusal refusal = {.what = "connect", .client_id = "c\n1", .why = "no token"};
    for (int i = 0; i < LOG_CAP_PER_SECOND + 50; i++)
        refuse_log(&refusals, &log, 1000, &refusal);
    assert_int_equal(lines.count, LOG_CAP_PER_SECOND);
    assert_string_equal(lines.last, "refused what=connect client=c\\x0a1 why=\"no token\"");
    log_cap_sum_up(&refusals, &log, 1999);
    assert_int_equal(lines.count, LOG_CAP_PER_SECOND);
    log_cap_sum_up(&refusals, &log, 2000);
    assert_int_equal(lines.count, LOG_CAP_PER_SECOND + 1);
    assert_string_equal(lines.last, "refused more=50, not logged one by one");
    refuse_log(&refusals, &log, 2000, &refusal);
    assert_int_equal(lines.count, LOG_CAP_PER_SECOND + 2);
}

static void test_a_topic_is_remembered_but_not_for_another(void **state)
{
    (void)state;
    struct rooms *rooms = NULL;
    struct topics topics;
    assert_int_equal(rooms_create(10, &rooms), ERR_OK);
    assert_int_equal(topics_init(&topics, "rooms/+/messages", rooms), ERR_OK);
    for (int i = 0; i < 2; i++) {
        const struct topic_view *view = topics_view(&topics, "rooms/lobby/messages");
        assert_int_equal(view->kind, TOPIC_KEPT);
        assert_true(span_is(view->room, "lobby"));
        assert_null(view->known);
    }
    struct room *room = NULL;
    assert_int_equal(rooms_get(rooms, span_of("lobby"), &room), ERR_OK);
    topics_forget(&topics);
    assert_ptr_equal(topics_view(&topics, "rooms/lobby/messages")->known, room);
    assert_int_equal(topics_view(&topics, "rooms/lobby/typing")->kind, TOPIC_LIVE);
    assert_int_equal(topics_view(&topics, "rooms/.x/messages")->kind, TOPIC_BAD_ROOM);
    assert_int_equal(topics_view(&topics, "elsewhere")->kind, TOPIC_OTHER);
    assert_int_equal(topics_view(&topics, "elsewhere")->room.len, 0);
    assert_int_equal(topics_view(&topics, "")->kind, TOPIC_OTHER);
    rooms_destroy(rooms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_table_finds_what_is_left_after_removals),
        cmocka_unit_test(test_the_hash_is_siphash_1_3),
        cmocka_unit_test(test_what_waits_is_known_up_to_a_limit_for_all),
        cmocka_unit_test(test_rooms_stay_where_they_are),
        cmocka_unit_test(test_a_key_is_unique_to_room_and_sender),
        cmocka_unit_test(test_a_key_is_forgotten_after_its_lifetime),
        cmocka_unit_test(test_too_many_keys_forget_the_oldest),
        cmocka_unit_test(test_many_keys_are_forgotten_a_few_at_a_time),
        cmocka_unit_test(test_a_key_that_is_used_again_is_the_youngest),
        cmocka_unit_test(test_reserved_room_is_room_without_moving),
        cmocka_unit_test(test_a_flood_of_refusals_is_summed_up),
        cmocka_unit_test(test_a_topic_is_remembered_but_not_for_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
