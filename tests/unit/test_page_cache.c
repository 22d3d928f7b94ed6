// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gateway/page_cache.h"

static struct store_page key_of(const char *room, int64_t before)
{
    return (struct store_page){.room = span_of(room), .before = before, .after = -1, .limit = 50};
}

static const struct page_state state_1 = {.accepted = 7, .generation = 1};

static void put(struct page_cache *cache, const char *room, int64_t before, const char *json)
{
    struct store_page key = key_of(room, before);
    struct history_facts facts = {.first_id = 1, .last_id = 7, .count = {3, 3, 99}};
    (void)snprintf(facts.epoch, sizeof facts.epoch, "k3f9");
    page_cache_put(cache, &key, &state_1, span_of(json), &facts);
}

static bool has(struct page_cache *cache, const char *room, int64_t before, const char *json)
{
    struct store_page key = key_of(room, before);
    struct span found;
    struct history_facts facts;
    if (!page_cache_find(cache, &key, &state_1, &found, &facts))
        return false;
    assert_true(span_is(found, json));
    assert_string_equal(facts.epoch, "k3f9");
    assert_int_equal(facts.count.bytes, 99);
    return true;
}

static void a_page_is_found_by_all_of_its_key(void **state)
{
    (void)state;
    struct page_cache *cache;
    assert_int_equal(page_cache_create(100000, &cache), ERR_OK);
    put(cache, "lobby", 0, "{1}");
    put(cache, "lobby", 5, "{2}");
    put(cache, "ops", 0, "{3}");
    assert_true(has(cache, "lobby", 0, "{1}"));
    assert_true(has(cache, "lobby", 5, "{2}"));
    assert_true(has(cache, "ops", 0, "{3}"));
    assert_false(has(cache, "op", 0, ""));
    struct store_page key = key_of("lobby", 0);
    struct span json;
    struct history_facts facts;
    key.limit = 49;
    assert_false(page_cache_find(cache, &key, &state_1, &json, &facts));
    key.limit = 50;
    key.after = 0;
    assert_false(page_cache_find(cache, &key, &state_1, &json, &facts));
    page_cache_destroy(cache);
}

static void a_page_is_true_only_in_its_own_state(void **state)
{
    (void)state;
    struct page_cache *cache;
    assert_int_equal(page_cache_create(100000, &cache), ERR_OK);
    put(cache, "lobby", 0, "{1}");
    struct store_page key = key_of("lobby", 0);
    struct span json;
    struct history_facts facts;
    const struct page_state newer = {.accepted = 8, .generation = 1};
    const struct page_state trimmed = {.accepted = 7, .generation = 2};
    assert_false(page_cache_find(cache, &key, &newer, &json, &facts));
    assert_false(page_cache_find(cache, &key, &trimmed, &json, &facts));
    assert_true(has(cache, "lobby", 0, "{1}"));
    put(cache, "lobby", 0, "{2}"); // replaces
    assert_true(has(cache, "lobby", 0, "{2}"));
    page_cache_destroy(cache);
}

static void the_longest_unused_page_goes_first(void **state)
{
    (void)state;
    struct page_cache *cache;
    char json[2001] = {0};
    memset(json, 'x', sizeof json - 1);
    assert_int_equal(page_cache_create(10000, &cache), ERR_OK);
    put(cache, "a", 0, json);
    put(cache, "b", 0, json);
    put(cache, "c", 0, json);
    put(cache, "d", 0, json);
    assert_true(has(cache, "a", 0, json)); // now b is the one
    put(cache, "e", 0, json);
    assert_false(has(cache, "b", 0, json));
    assert_true(has(cache, "a", 0, json));
    assert_true(has(cache, "e", 0, json));
    assert_true(page_cache_used(cache) <= 10000);
    page_cache_destroy(cache);
}

static void the_bytes_stay_bounded_under_any_use(void **state)
{
    (void)state;
    enum { MAX = 50000 };
    struct page_cache *cache;
    assert_int_equal(page_cache_create(MAX, &cache), ERR_OK);
    char room[16], json[3000];
    unsigned random = 1;
    for (int i = 0; i < 20000; i++) {
        random = random * 1664525U + 1013904223U;
        (void)snprintf(room, sizeof room, "r%u", random >> 26);
        size_t len = (random >> 8) % sizeof json;
        memset(json, 'y', len);
        struct store_page key = key_of(room, random >> 29);
        struct history_facts facts = {.first_id = i};
        struct span found;
        if (random & 0x40)
            page_cache_put(cache, &key, &state_1, span_make(json, len), &facts);
        else
            (void)page_cache_find(cache, &key, &state_1, &found, &facts);
        assert_true(page_cache_used(cache) <= MAX);
    }
    page_cache_destroy(cache);
}

static void what_does_not_fit_is_not_kept(void **state)
{
    (void)state;
    struct page_cache *cache;
    assert_int_equal(page_cache_create(0, &cache), ERR_OK);
    put(cache, "lobby", 0, "{}");
    assert_false(has(cache, "lobby", 0, "{}"));
    assert_int_equal(page_cache_used(cache), 0);
    page_cache_destroy(cache);
}

static void tags_tell_pages_apart(void **state)
{
    (void)state;
    struct history_facts facts = {.epoch = "k3f9", .first_id = 3, .last_id = 9, .count = {4, 4, 4}};
    char a[HISTORY_ETAG_TEXT], b[HISTORY_ETAG_TEXT];
    history_etag(&facts, a);
    assert_string_equal(a, "\"k3f9-3-9-4\"");
    facts.has_more = true;
    history_etag(&facts, b);
    assert_string_not_equal(a, b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_is_found_by_all_of_its_key),
        cmocka_unit_test(a_page_is_true_only_in_its_own_state),
        cmocka_unit_test(the_longest_unused_page_goes_first),
        cmocka_unit_test(the_bytes_stay_bounded_under_any_use),
        cmocka_unit_test(what_does_not_fit_is_not_kept),
        cmocka_unit_test(tags_tell_pages_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
