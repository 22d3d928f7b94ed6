// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "plugin/members.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
// cmocka needs what is above.
#include <cmocka.h>

#include "plugin/session.h"

// How often two texts were compared, in the whole program: the linker puts these in the place of
// the library's, of which compilers take the one or the other.
static size_t compared;

int __real_memcmp(const void *a, const void *b, size_t len);
int __wrap_memcmp(const void *a, const void *b, size_t len);
int __wrap_bcmp(const void *a, const void *b, size_t len);

int __wrap_memcmp(const void *a, const void *b, size_t len)
{
    compared++;
    return __real_memcmp(a, b, len);
}

int __wrap_bcmp(const void *a, const void *b, size_t len)
{
    return __wrap_memcmp(a, b, len);
}

enum { MANY = 2000, MAX = 5000, TEXT_MAX = 64 };

struct stand {
    struct topic_rooms pattern;
    struct members *members;
    struct sessions *sessions;
};

static int set_up(void **state)
{
    struct stand *stand = calloc(1, sizeof *stand);
    assert_non_null(stand);
    assert_int_equal(topic_rooms_init(&stand->pattern, span_of("rooms/+/messages")), ERR_OK);
    assert_int_equal(members_create(&stand->pattern, MAX, &stand->members), ERR_OK);
    assert_int_equal(sessions_create(10, &stand->sessions), ERR_OK);
    *state = stand;
    return 0;
}

// Whatever a test left behind goes with its session.
static int tear_down(void **state)
{
    struct stand *stand = *state;
    sessions_destroy(stand->sessions);
    members_destroy(stand->members);
    free(stand);
    return 0;
}

static struct session *add(struct stand *stand, const char *id)
{
    static const char clients[100]; // any address will do
    static size_t used;
    assert_true(used < sizeof clients);
    struct session_data data = {.client = &clients[used++], .client_id = id};
    struct session *session = NULL;
    assert_int_equal(sessions_add(stand->sessions, &data, &session), ERR_OK);
    return session;
}

static enum err join(struct stand *stand, struct session *session, const char *filter)
{
    return members_join(stand->members, session, span_of(filter), 1);
}

static enum err learn(struct stand *stand, struct session *session, const char *topic)
{
    return members_learn(stand->members, session, span_of(topic), 1);
}

static void leave(struct stand *stand, struct session *session, const char *filter)
{
    members_leave(stand->members, session, span_of(filter));
}

static bool write_id(void *context, const struct session *session, int64_t since_ms)
{
    assert_true(since_ms > 0);
    size_t len = strlen(context);
    (void)snprintf((char *)context + len, TEXT_MAX - len, "%s", session->client_id);
    return true;
}

// The client ids are single letters, the oldest subscription first.
static void assert_members(const struct stand *stand, const char *room, const char *ids)
{
    char seen[TEXT_MAX] = "";
    members_each(stand->members, span_of(room), write_id, seen);
    assert_string_equal(seen, ids);
}

static void test_members_are_those_who_subscribed(void **state)
{
    struct stand *stand = *state;
    struct session *a = add(stand, "a"), *b = add(stand, "b");
    assert_int_equal(join(stand, a, "rooms/x/messages"), ERR_OK);
    assert_int_equal(join(stand, b, "rooms/x/#"), ERR_OK);
    assert_int_equal(join(stand, a, "$share/g/rooms/y/messages"), ERR_OK);
    assert_int_equal(join(stand, a, "rooms/x/messages"), ERR_OK); // again
    assert_int_equal(join(stand, a, "rooms/x/typing"), ERR_OK);
    assert_members(stand, "x", "ab");
    assert_members(stand, "y", "a");
    assert_int_equal(join(stand, b, "rooms/+/messages"), ERR_OK);
    assert_members(stand, "x", "abb");
    assert_members(stand, "y", "ab");
    leave(stand, a, "rooms/x/messages");
    leave(stand, b, "rooms/+/#"); // had not
    assert_members(stand, "x", "bb");
    leave(stand, b, "rooms/+/messages");
    leave(stand, b, "rooms/x/#");
    assert_members(stand, "x", "");
    assert_members(stand, "y", "a");
    members_forget(a);
    assert_members(stand, "y", "");
}

static void test_what_was_learned_goes_with_any_filter_that_reaches_it(void **state)
{
    struct stand *stand = *state;
    struct session *a = add(stand, "a"), *b = add(stand, "b");
    static const char *const reaching[] = {"rooms/x/messages", "rooms/x/#",
                                           "+/x/messages",     "$share/g/rooms/x/messages",
                                           "$share/g/#",       "rooms/+/#"};
    for (size_t i = 0; i < sizeof reaching / sizeof reaching[0]; i++) {
        assert_int_equal(learn(stand, a, "rooms/x/messages"), ERR_OK);
        assert_int_equal(learn(stand, a, "rooms/x/messages"), ERR_OK); // with the next message
        assert_int_equal(learn(stand, a, "rooms/x/typing"), ERR_OK);   // tells nothing
        assert_int_equal(learn(stand, b, "rooms/x/messages"), ERR_OK);
        assert_members(stand, "x", "ab");
        leave(stand, a, "rooms/y/messages");
        leave(stand, a, "rooms/+/typing");
        assert_members(stand, "x", "ab");
        leave(stand, a, reaching[i]);
        assert_members(stand, "x", "b");
        leave(stand, b, reaching[i]);
        assert_members(stand, "x", "");
    }
}

static void test_what_is_known_is_not_learned(void **state)
{
    struct stand *stand = *state;
    struct session *a = add(stand, "a");
    assert_int_equal(join(stand, a, "rooms/x/messages"), ERR_OK);
    assert_int_equal(learn(stand, a, "rooms/x/messages"), ERR_OK);
    assert_members(stand, "x", "a");
    assert_int_equal(join(stand, a, "rooms/#"), ERR_OK);
    assert_int_equal(learn(stand, a, "rooms/y/messages"), ERR_OK);
    assert_members(stand, "y", "a");
    leave(stand, a, "rooms/#");
    assert_members(stand, "y", "");
    assert_int_equal(learn(stand, a, "rooms/y/messages"), ERR_OK);
    assert_members(stand, "y", "a");
    // What was learned first, and is then subscribed to, stays when another filter goes.
    assert_int_equal(join(stand, a, "rooms/y/messages"), ERR_OK);
    leave(stand, a, "rooms/y/#");
    assert_members(stand, "y", "a");
}

static void test_who_takes_a_session_over_has_its_subscriptions(void **state)
{
    struct stand *stand = *state;
    struct session *before = add(stand, "a");
    assert_int_equal(join(stand, before, "rooms/x/messages"), ERR_OK);
    assert_int_equal(join(stand, before, "$share/g/#"), ERR_OK);
    leave(stand, before, "$share/g/#");
    assert_int_equal(learn(stand, before, "rooms/y/messages"), ERR_OK);
    struct memberships taken = members_take(before);
    assert_members(stand, "x", "");
    struct session *after = add(stand, "a");
    members_give(after, taken);
    members_forget(before);
    assert_members(stand, "x", "");
    members_show(after, 2);
    assert_members(stand, "x", "a");
    assert_members(stand, "y", "a");
    // They are known under the new session: neither doubled nor lost.
    assert_int_equal(join(stand, after, "rooms/x/messages"), ERR_OK);
    assert_int_equal(learn(stand, after, "rooms/y/messages"), ERR_OK);
    assert_members(stand, "x", "a");
    assert_members(stand, "y", "a");
    members_hide(after);
    assert_members(stand, "x", "");
    leave(stand, after, "rooms/x/messages");
    members_show(after, 3);
    assert_members(stand, "x", "");
    assert_members(stand, "y", "a");
    members_drop(members_take(after));
    assert_members(stand, "y", "");
}

static void test_one_filter_of_two_sessions_of_one_client_id(void **state)
{
    struct stand *stand = *state;
    struct session *old = add(stand, "a"), *taker = add(stand, "a");
    assert_int_equal(join(stand, old, "rooms/x/messages"), ERR_OK);
    assert_int_equal(join(stand, taker, "rooms/x/messages"), ERR_OK);
    assert_members(stand, "x", "aa");
    members_forget(old);
    assert_members(stand, "x", "a");
    leave(stand, taker, "rooms/x/messages");
    assert_members(stand, "x", "");
}

static void test_no_more_are_remembered_than_allowed(void **state)
{
    struct stand *stand = *state;
    struct session *a = add(stand, "a");
    char filter[TEXT_MAX];
    for (int i = 0; i < MAX; i++) {
        (void)snprintf(filter, sizeof filter, "rooms/r%d/messages", i);
        assert_int_equal(join(stand, a, filter), ERR_OK);
    }
    assert_int_equal(join(stand, a, "rooms/x/messages"), ERR_FULL);
    assert_int_equal(learn(stand, a, "rooms/x/messages"), ERR_FULL);
    assert_int_equal(join(stand, a, filter), ERR_OK); // known already
    leave(stand, a, filter);
    assert_int_equal(join(stand, a, "rooms/x/messages"), ERR_OK);
}

static void test_at_the_limit_the_longest_hidden_make_room(void **state)
{
    struct stand *stand = *state;
    struct session *a = add(stand, "a"), *b = add(stand, "b"), *c = add(stand, "c");
    char filter[TEXT_MAX];
    for (int i = 0; i < MAX - 2; i++) {
        (void)snprintf(filter, sizeof filter, "rooms/r%d/messages", i);
        assert_int_equal(join(stand, a, filter), ERR_OK);
    }
    assert_int_equal(join(stand, b, "rooms/x/messages"), ERR_OK);
    assert_int_equal(learn(stand, b, "rooms/y/messages"), ERR_OK);
    members_hide(b);
    members_hide(a);
    members_show(b, 2);
    members_hide(b); // so it went behind the other one
    assert_int_equal(join(stand, c, "rooms/x/messages"), ERR_OK);
    members_show(a, 3);
    assert_members(stand, "r0", "");
    members_show(b, 3);
    assert_members(stand, "x", "cb");
    assert_members(stand, "y", "b");
    // Who is shown stays, and who has none left is in nobody's way.
    leave(stand, b, "rooms/y/messages");
    members_hide(b);
    leave(stand, b, "rooms/x/messages");
    for (int i = 0; i < MAX - 1; i++) {
        (void)snprintf(filter, sizeof filter, "rooms/r%d/messages", i);
        assert_int_equal(join(stand, a, filter), ERR_OK);
    }
    assert_int_equal(join(stand, a, "rooms/z/messages"), ERR_FULL);
    assert_members(stand, "x", "c");
}

// ---- the cost ----

typedef void step_fn(struct stand *stand, struct session *session, const char *text);

static void step_join(struct stand *stand, struct session *session, const char *text)
{
    assert_int_equal(join(stand, session, text), ERR_OK);
}

static void step_learn(struct stand *stand, struct session *session, const char *text)
{
    assert_int_equal(learn(stand, session, text), ERR_OK);
}

// Does it for MANY texts that have a number in the place of "%", and sees to it that each costs a
// few comparisons, however many there are.
static void assert_cheap(struct stand *stand, struct session *session, step_fn *step,
                         const char *pattern)
{
    enum { FEW = 30 };
    char text[TEXT_MAX];
    size_t before = strcspn(pattern, "%");
    compared = 0;
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(text, sizeof text, "%.*s%d%s", (int)before, pattern, 1000 + i,
                       pattern + before + 1); // all of one length
        step(stand, session, text);
    }
    assert_true(compared > 0);
    assert_true(compared < (size_t)MANY * FEW);
}

static void test_joining_and_leaving_cost_the_same_with_many(void **state)
{
    struct stand *stand = *state;
    static const char *const patterns[] = {"rooms/r%/messages", "$share/g%/rooms/x/messages",
                                           "$share/g%/rooms/#"};
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        struct session *a = add(stand, "a");
        assert_cheap(stand, a, step_join, patterns[i]);
        assert_cheap(stand, a, step_join, patterns[i]); // again
        assert_cheap(stand, a, leave, "$share/other%/rooms/+/messages");
        assert_cheap(stand, a, leave, patterns[i]);
        assert_members(stand, "x", "");
    }
}

static void test_learning_costs_the_same_with_many(void **state)
{
    struct stand *stand = *state;
    struct session *a = add(stand, "a");
    assert_cheap(stand, a, step_join, "$share/g%/rooms/x/messages");
    assert_cheap(stand, a, step_learn, "rooms/r%/messages");
    assert_cheap(stand, a, step_learn, "rooms/r%/messages"); // the next messages
    assert_cheap(stand, a, leave, "rooms/other%/messages");
    assert_cheap(stand, a, leave, "$share/g%/rooms/+/messages");
    assert_members(stand, "r1000", "");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_members_are_those_who_subscribed),
        TEST(test_what_was_learned_goes_with_any_filter_that_reaches_it),
        TEST(test_what_is_known_is_not_learned),
        TEST(test_who_takes_a_session_over_has_its_subscriptions),
        TEST(test_one_filter_of_two_sessions_of_one_client_id),
        TEST(test_no_more_are_remembered_than_allowed),
        TEST(test_at_the_limit_the_longest_hidden_make_room),
        TEST(test_joining_and_leaving_cost_the_same_with_many),
        TEST(test_learning_costs_the_same_with_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
