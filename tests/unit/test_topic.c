// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "core/topic.h"

static struct span text(const char *t)
{
    return span_of(t);
}

static void names_have_no_wildcard_no_nul_and_are_utf8(void **state)
{
    (void)state;
    static const char *const good[] = {"a", "/", "a//b", "$SYS/x", "rooms/ü/messages", "a b"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(topic_is_name(text(good[i])));
        assert_true(topic_is_filter(text(good[i])));
    }
    static const char *const bad[] = {"",     "a/+",          "#",         "a+b", "a#", "\xff",
                                      "\xc0", "\xed\xa0\x80", "a/\xe2\x82"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(topic_is_name(text(bad[i])));
    assert_false(topic_is_name(span_make("a\0b", 3)));
    assert_false(topic_is_filter(span_make("a\0b", 3)));
}

static void names_have_at_most_65535_bytes(void **state)
{
    (void)state;
    char *long_name = malloc(TOPIC_LENGTH_MAX + 1);
    assert_non_null(long_name);
    memset(long_name, 'a', TOPIC_LENGTH_MAX + 1);
    assert_true(topic_is_name(span_make(long_name, TOPIC_LENGTH_MAX)));
    assert_false(topic_is_name(span_make(long_name, TOPIC_LENGTH_MAX + 1)));
    assert_false(topic_is_filter(span_make(long_name, TOPIC_LENGTH_MAX + 1)));
    free(long_name);
}

// Mosquitto ends the connection of whoever sends more, and with it everybody's who shares it.
static void topics_have_at_most_200_slashes(void **state)
{
    (void)state;
    char slashes[TOPIC_SLASHES_MAX + 1];
    memset(slashes, '/', sizeof slashes);
    assert_true(topic_is_name(span_make(slashes, TOPIC_SLASHES_MAX)));
    assert_true(topic_is_filter(span_make(slashes, TOPIC_SLASHES_MAX)));
    assert_false(topic_is_name(span_make(slashes, sizeof slashes)));
    assert_false(topic_is_filter(span_make(slashes, sizeof slashes)));
}

static void filters_have_wildcards_as_whole_levels_only(void **state)
{
    (void)state;
    static const char *const good[] = {"+", "#", "+/+", "a/+/b", "a/#", "/+", "+/", "+/#", "/#"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(topic_is_filter(text(good[i])));
    static const char *const bad[] = {"",   "a+",   "+a", "a/b+/c", "#/a",
                                      "a#", "a/#b", "##", "++",     "a/#/"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(topic_is_filter(text(bad[i])));
        assert_false(topic_has_filter_shape(text(bad[i])));
    }
}

static void share_prefix_is_stripped_or_refused(void **state)
{
    (void)state;
    static const struct {
        const char *filter;
        bool is_good;
        const char *rest;
    } rows[] = {
        {"$share/g/a/b", true, "a/b"}, {"$share/g/#", true, "#"},
        {"$share/g//", true, "/"},     {"a/b", true, "a/b"},
        {"$share", true, "$share"},    {"$shared/g/a", true, "$shared/g/a"},
        {"$share/", false, ""},        {"$share/g", false, ""},
        {"$share/g/", false, ""},      {"$share//a", false, ""},
        {"$share/+/a", false, ""},     {"$share/g#/a", false, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct span filter = text(rows[i].filter);
        assert_int_equal(topic_strip_share(&filter), rows[i].is_good);
        if (rows[i].is_good)
            assert_true(span_is(filter, rows[i].rest));
    }
}

static void filters_match_as_mqtt_says(void **state)
{
    (void)state;
    static const struct {
        const char *filter, *topic;
        bool is_match;
    } rows[] = {
        {"a", "a", true},
        {"a", "b", false},
        {"a", "a/", false},
        {"a/", "a", false},
        {"a", "aa", false},
        {"aa", "a", false},
        {"+", "a", true},
        {"+", "a/b", false},
        {"+", "/a", false},
        {"/+", "/a", true},
        {"+/+", "/a", true},
        {"+/a", "/a", true},
        {"a/+", "a/", true},
        {"a/+", "a", false},
        {"a/+/c", "a/b/c", true},
        {"a/+/c", "a//c", true},
        {"a/+/c", "a/b/d", false},
        {"a/+/c", "a/b/c/d", false},
        {"#", "a", true},
        {"#", "/", true},
        {"#", "a/b/c", true},
        {"a/#", "a", true},
        {"a/#", "a/", true},
        {"a/#", "a/b/c", true},
        {"a/#", "ab", false},
        {"a/#", "b", false},
        {"a/+/#", "a", false},
        {"a/+/#", "a/b", true},
        {"a/+/#", "a/b/c/d", true},
        {"+/#", "a", true},
        {"#", "$SYS/x", false},
        {"+/x", "$SYS/x", false},
        {"$SYS/#", "$SYS/x", true},
        {"$SYS/+", "$SYS/x", true},
        {"a/#", "a/$x", true},
        {"sport/tennis/player1/#", "sport/tennis/player1", true},
        {"sport/tennis/+", "sport/tennis/player1/ranking", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct span filter = text(rows[i].filter), topic = text(rows[i].topic);
        if (topic_matches(filter, topic) != rows[i].is_match)
            fail_msg("%s against %s", rows[i].filter, rows[i].topic);
        // A name is a filter for itself alone, so all three relations agree on it.
        assert_int_equal(topic_covers(filter, topic), rows[i].is_match);
        assert_int_equal(topic_overlaps(filter, topic), rows[i].is_match);
        assert_int_equal(topic_overlaps(topic, filter), rows[i].is_match);
    }
}

static void wide_filters_cover_narrow_ones(void **state)
{
    (void)state;
    static const struct {
        const char *wide, *narrow;
        bool is_covered;
    } rows[] = {
        {"#", "#", true},
        {"#", "+", true},
        {"#", "a/+/b", true},
        {"#", "a/#", true},
        {"+", "#", false},
        {"+/#", "#", true},
        {"#", "+/#", true},
        {"+/+/#", "#", false},
        {"+/#", "a/#", true},
        {"a/#", "a", true},
        {"a/#", "a/+", true},
        {"a/#", "a/+/#", true},
        {"a/+/#", "a/#", false},
        {"a/+", "a/#", false},
        {"a/+", "a/+", true},
        {"a/b", "a/+", false},
        {"+/b", "a/b", true},
        {"+/b", "a/+", false},
        {"a/#", "#", false},
        {"a/#", "+/b", false},
        {"#", "$SYS/#", false},
        {"+/x", "$SYS/x", false},
        {"$SYS/#", "$SYS/+", true},
        {"a/+/c", "a/+/c/d", false},
        {"a/+/c/#", "a/+/c", true},
        {"+/+", "+", false},
        {"+", "+/+", false},
        {"rooms/+/messages", "rooms/lobby/messages", true},
        {"rooms/lobby/#", "rooms/+/messages", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (topic_covers(text(rows[i].wide), text(rows[i].narrow)) != rows[i].is_covered)
            fail_msg("%s over %s", rows[i].wide, rows[i].narrow);
}

static void filters_overlap_where_a_topic_fits_both(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool is_shared;
    } rows[] = {
        {"#", "+", true},       {"a/+", "+/b", true},       {"a/+", "b/+", false},
        {"a/#", "+/b/c", true}, {"a/#", "a", true},         {"a/+/#", "a", false},
        {"a/+", "a/#", true},   {"a/b", "a/+/c", false},    {"+/+", "+/+/#", true},
        {"#", "$SYS/a", false}, {"$SYS/#", "$SYS/a", true}, {"+/a", "$SYS/#", false},
        {"a/b/#", "a/+", true}, {"a/b/c/#", "a/+", false},  {"+", "/", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (topic_overlaps(text(rows[i].a), text(rows[i].b)) != rows[i].is_shared)
            fail_msg("%s and %s", rows[i].a, rows[i].b);
        assert_int_equal(topic_overlaps(text(rows[i].b), text(rows[i].a)), rows[i].is_shared);
    }
}

enum { ALPHABET = 5, DEPTH = 3, FILTERS_MAX = 512 };

// All topics or filters of up to DEPTH levels over a few levels, in `out`.
static size_t enumerate(const char *const levels[ALPHABET], size_t level_count,
                        char out[FILTERS_MAX][16])
{
    size_t count = 0, from = 0;
    for (size_t i = 0; i < level_count; i++)
        (void)snprintf(out[count++], 16, "%s", levels[i]); // the longest is 3 * 2 + 2 bytes
    for (int depth = 1; depth < DEPTH; depth++) {
        size_t until = count;
        for (; from < until; from++)
            for (size_t i = 0; i < level_count; i++) {
                char upper[13]; // a copy, since both are of one array
                (void)snprintf(upper, sizeof upper, "%.12s", out[from]);
                (void)snprintf(out[count++], 16, "%s/%.2s", upper, levels[i]);
            }
    }
    return count;
}

// The definitions of covers and overlaps, tried out on every topic there is in a small world. It is
// deep enough: a filter of three levels has at most two before "#", and so shows its reach.
static void covers_and_overlaps_agree_with_matches_everywhere(void **state)
{
    (void)state;
    static const char *const name_levels[ALPHABET] = {"", "a", "b", "$", "c"};
    static const char *const filter_levels[ALPHABET] = {"", "a", "$", "+", "#"};
    static char names[FILTERS_MAX][16], all[FILTERS_MAX][16];
    size_t name_count = enumerate(name_levels, ALPHABET, names);
    size_t filter_count = enumerate(filter_levels, ALPHABET, all);
    size_t compared = 0;
    for (size_t i = 0; i < filter_count; i++) {
        for (size_t k = 0; k < filter_count; k++) {
            struct span a = text(all[i]), b = text(all[k]);
            if (!topic_is_filter(a) || !topic_is_filter(b))
                continue;
            bool is_covered = true, is_shared = false;
            for (size_t n = 0; n < name_count; n++) {
                struct span name = text(names[n]);
                if (!topic_is_name(name))
                    continue;
                bool in_a = topic_matches(a, name), in_b = topic_matches(b, name);
                is_covered = is_covered && (!in_b || in_a);
                is_shared = is_shared || (in_a && in_b);
            }
            if (topic_covers(a, b) != is_covered)
                fail_msg("%s covers %s", all[i], all[k]);
            if (topic_overlaps(a, b) != is_shared)
                fail_msg("%s overlaps %s", all[i], all[k]);
            compared++;
        }
    }
    assert_true(compared > 5000);
}

static void room_names_are_plain(void **state)
{
    (void)state;
    char longest[TOPIC_ROOM_MAX + 2];
    memset(longest, 'r', sizeof longest);
    assert_true(topic_is_room(span_make(longest, TOPIC_ROOM_MAX)));
    assert_false(topic_is_room(span_make(longest, TOPIC_ROOM_MAX + 1)));
    static const char *const good[] = {"a", "0", "Lobby", "a.b_c-d", "a..", "9-"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(topic_is_room(text(good[i])));
    static const char *const bad[] = {"", ".", "..", "-a", "_a", "a/b", "a b", "ü", "+", "#", "*"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(topic_is_room(text(bad[i])));
    assert_false(topic_is_room(span_make("a\0", 2)));
}

static void patterns_have_one_plus(void **state)
{
    (void)state;
    struct topic_rooms rooms;
    static const char *const bad[] = {"",     "rooms", "rooms/#", "+/+",
                                      "a+/b", "a/+/#", "+a",      "\xff/+"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(topic_rooms_init(&rooms, text(bad[i])), ERR_INVALID);
    assert_int_equal(topic_rooms_init(&rooms, text("rooms/+/messages")), ERR_OK);
    assert_true(span_is(rooms.before, "rooms/"));
    assert_true(span_is(rooms.after, "/messages"));
    assert_int_equal(topic_rooms_init(&rooms, text("+")), ERR_OK);
    assert_int_equal(rooms.before.len, 0);
    assert_int_equal(rooms.after.len, 0);
}

static void topics_are_classified(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *topic;
        enum topic_kind kind;
        const char *room;
    } rows[] = {
        {"rooms/+/messages", "rooms/lobby/messages", TOPIC_KEPT, "lobby"},
        {"rooms/+/messages", "rooms/lobby/typing", TOPIC_LIVE, "lobby"},
        {"rooms/+/messages", "rooms/lobby/messages/x", TOPIC_LIVE, "lobby"},
        {"rooms/+/messages", "rooms/lobby", TOPIC_LIVE, "lobby"},
        {"rooms/+/messages", "rooms/lobby/", TOPIC_LIVE, "lobby"},
        {"rooms/+/messages", "rooms/../messages", TOPIC_BAD_ROOM, ""},
        {"rooms/+/messages", "rooms//messages", TOPIC_BAD_ROOM, ""},
        {"rooms/+/messages", "rooms/", TOPIC_BAD_ROOM, ""},
        {"rooms/+/messages", "rooms/a b/messages", TOPIC_BAD_ROOM, ""},
        {"rooms/+/messages", "rooms", TOPIC_OTHER, ""},
        {"rooms/+/messages", "Rooms/lobby/messages", TOPIC_OTHER, ""},
        {"rooms/+/messages", "other/rooms/lobby/messages", TOPIC_OTHER, ""},
        {"rooms/+/messages", "$SYS/x", TOPIC_OTHER, ""},
        {"sensors/+/telemetry", "sensors/t1/telemetry", TOPIC_KEPT, "t1"},
        {"chat/+", "chat/lobby", TOPIC_KEPT, "lobby"},
        {"chat/+", "chat/lobby/typing", TOPIC_LIVE, "lobby"},
        {"+/messages", "lobby/messages", TOPIC_KEPT, "lobby"},
        {"+/messages", "$SYS/messages", TOPIC_OTHER, ""},
        {"+", "/x", TOPIC_BAD_ROOM, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct topic_rooms rooms;
        struct span room;
        assert_int_equal(topic_rooms_init(&rooms, text(rows[i].pattern)), ERR_OK);
        if (topic_classify(&rooms, text(rows[i].topic), &room) != rows[i].kind)
            fail_msg("%s in %s", rows[i].topic, rows[i].pattern);
        assert_true(span_is(room, rows[i].room));
    }
}

static void subscriptions_reach_rooms(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *filter;
        enum topic_reach reach;
        const char *room;
    } rows[] = {
        {"rooms/+/messages", "rooms/lobby/messages", TOPIC_REACHES_ONE, "lobby"},
        {"rooms/+/messages", "$share/g/rooms/lobby/messages", TOPIC_REACHES_ONE, "lobby"},
        {"rooms/+/messages", "rooms/lobby/+", TOPIC_REACHES_ONE, "lobby"},
        {"rooms/+/messages", "rooms/lobby/#", TOPIC_REACHES_ONE, "lobby"},
        {"rooms/+/messages", "rooms/lobby/messages/#", TOPIC_REACHES_ONE, "lobby"},
        {"rooms/+/messages", "+/lobby/messages", TOPIC_REACHES_ONE, "lobby"},
        {"rooms/+/messages", "rooms/+/messages", TOPIC_REACHES_ALL, ""},
        {"rooms/+/messages", "rooms/#", TOPIC_REACHES_ALL, ""},
        {"rooms/+/messages", "#", TOPIC_REACHES_ALL, ""},
        {"rooms/+/messages", "+/+/+", TOPIC_REACHES_ALL, ""},
        {"rooms/+/messages", "$share/g/rooms/#", TOPIC_REACHES_ALL, ""},
        {"rooms/+/messages", "$share/g", TOPIC_REACHES_NONE, ""},
        {"rooms/+/messages", "$share//rooms/#", TOPIC_REACHES_NONE, ""},
        {"rooms/+/messages", "rooms/lobby/typing", TOPIC_REACHES_NONE, ""},
        {"rooms/+/messages", "rooms/lobby", TOPIC_REACHES_NONE, ""},
        {"rooms/+/messages", "rooms/../messages", TOPIC_REACHES_NONE, ""},
        {"rooms/+/messages", "rooms//messages", TOPIC_REACHES_NONE, ""},
        {"rooms/+/messages", "+/+", TOPIC_REACHES_NONE, ""},
        {"rooms/+/messages", "$SYS/#", TOPIC_REACHES_NONE, ""},
        {"rooms/+/messages", "", TOPIC_REACHES_NONE, ""},
        {"a/b/+/c", "a/#", TOPIC_REACHES_ALL, ""},
        {"a/b/+/c", "a/+/x/c", TOPIC_REACHES_ONE, "x"},
        {"chat/+", "chat/lobby", TOPIC_REACHES_ONE, "lobby"},
        {"chat/+", "chat/lobby/#", TOPIC_REACHES_ONE, "lobby"},
        {"chat/+", "chat/#", TOPIC_REACHES_ALL, ""},
        {"+/messages", "lobby/messages", TOPIC_REACHES_ONE, "lobby"},
        {"+/messages", "+/#", TOPIC_REACHES_ALL, ""},
        {"+/messages", "$SYS/messages", TOPIC_REACHES_NONE, ""},
        {"+", "lobby", TOPIC_REACHES_ONE, "lobby"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct topic_rooms rooms;
        struct span room;
        assert_int_equal(topic_rooms_init(&rooms, text(rows[i].pattern)), ERR_OK);
        if (topic_reach(&rooms, text(rows[i].filter), &room) != rows[i].reach)
            fail_msg("%s in %s", rows[i].filter, rows[i].pattern);
        assert_true(span_is(room, rows[i].room));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_have_no_wildcard_no_nul_and_are_utf8),
        cmocka_unit_test(names_have_at_most_65535_bytes),
        cmocka_unit_test(topics_have_at_most_200_slashes),
        cmocka_unit_test(filters_have_wildcards_as_whole_levels_only),
        cmocka_unit_test(share_prefix_is_stripped_or_refused),
        cmocka_unit_test(filters_match_as_mqtt_says),
        cmocka_unit_test(wide_filters_cover_narrow_ones),
        cmocka_unit_test(filters_overlap_where_a_topic_fits_both),
        cmocka_unit_test(covers_and_overlaps_agree_with_matches_everywhere),
        cmocka_unit_test(room_names_are_plain),
        cmocka_unit_test(patterns_have_one_plus),
        cmocka_unit_test(topics_are_classified),
        cmocka_unit_test(subscriptions_reach_rooms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
