// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "plugin/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
// cmocka needs what is above.
#include <cmocka.h>

static struct sessions *make(size_t max_offline)
{
    struct sessions *sessions = NULL;
    assert_int_equal(sessions_create(max_offline, &sessions), ERR_OK);
    return sessions;
}

// Any address will do for a client: it is never followed.
static const void *client(size_t number)
{
    static char addresses[100000];
    assert_true(number < sizeof addresses);
    return &addresses[number];
}

static struct session *add_due(struct sessions *sessions, size_t number, const char *id,
                               int64_t deadline_s)
{
    struct session_data data = {.client = client(number),
                                .client_id = id,
                                .broker_username = "user",
                                .own_username = "",
                                .address = "127.0.0.1:5",
                                .deadline_s = deadline_s};
    struct session *session = NULL;
    assert_int_equal(sessions_add(sessions, &data, &session), ERR_OK);
    return session;
}

static struct session *add(struct sessions *sessions, size_t number, const char *id)
{
    return add_due(sessions, number, id, 0);
}

static struct session *add_of(struct sessions *sessions, size_t number, const char *id,
                              const char *subject)
{
    struct token token = {.expires_s = 0};
    (void)snprintf(token.subject, sizeof token.subject, "%s", subject);
    struct session_data data = {.client = client(number), .client_id = id, .token = &token};
    struct session *session = NULL;
    assert_int_equal(sessions_add(sessions, &data, &session), ERR_OK);
    return session;
}

static size_t count_of(const struct sessions *sessions, const char *subject)
{
    size_t count = 0;
    struct session *session = sessions_first_of(sessions, subject);
    for (; session != NULL; session = sessions_next_of(session), count++)
        assert_string_equal(session->token.subject, subject);
    return count;
}

static void assert_connected(const struct sessions *sessions, const char *ids)
{
    char seen[100] = "";
    uint64_t connection = 0;
    struct session *session = sessions_first_connected(sessions);
    for (; session != NULL; session = sessions_next_connected(session)) {
        size_t len = strlen(seen);
        (void)snprintf(seen + len, sizeof seen - len, "%s ", session->client_id);
        assert_true(session->connection > connection);
        connection = session->connection;
    }
    assert_string_equal(seen, ids);
}

static void test_connected_sessions_are_in_the_order_they_came(void **state)
{
    (void)state;
    struct sessions *sessions = make(1);
    assert_connected(sessions, "");
    struct session *one = add(sessions, 1, "one");
    struct session *two = add(sessions, 2, "two");
    (void)add(sessions, 3, "three");
    assert_connected(sessions, "one two three ");
    sessions_disconnect(sessions, two, true);
    assert_connected(sessions, "one three ");
    (void)add(sessions, 4, "two"); // ends the offline one
    sessions_disconnect(sessions, one, true);
    (void)add(sessions, 3, "reused"); // in place of three
    assert_connected(sessions, "two reused ");
    struct session *taker = add(sessions, 5, "two");
    assert_connected(sessions, "two reused two ");
    sessions_disconnect(sessions, sessions_find(sessions, client(4)), true);
    assert_connected(sessions, "reused two ");
    sessions_disconnect(sessions, taker, false);
    sessions_remove(sessions, sessions_find(sessions, client(3)));
    sessions_sweep(sessions);
    assert_connected(sessions, "");
    sessions_destroy(sessions);
}

static void test_sessions_are_found_by_subject(void **state)
{
    (void)state;
    struct sessions *sessions = make(10);
    struct session *one = add_of(sessions, 1, "one", "alice");
    struct session *two = add_of(sessions, 2, "two", "alice");
    struct session *three = add_of(sessions, 3, "three", "alice");
    struct session *other = add_of(sessions, 4, "other", "bob");
    (void)add(sessions, 5, "service");
    assert_int_equal(count_of(sessions, "alice"), 3);
    sessions_remove(sessions, three); // neither the first nor the last
    assert_int_equal(count_of(sessions, "alice"), 2);
    sessions_remove(sessions, one); // the first
    assert_int_equal(count_of(sessions, "alice"), 1);
    struct token token = {.subject = "alice"};
    sessions_renew(sessions, other, &token, 0);
    assert_int_equal(count_of(sessions, "alice"), 2);
    assert_int_equal(count_of(sessions, "bob"), 0);
    sessions_remove(sessions, two);
    sessions_remove(sessions, other);
    assert_null(sessions_first_of(sessions, "alice"));
    sessions_destroy(sessions);
}

static void test_a_session_is_found_by_pointer_and_id(void **state)
{
    (void)state;
    struct sessions *sessions = make(10);
    struct session *one = add(sessions, 1, "one");
    struct session *two = add(sessions, 2, "two");
    assert_ptr_equal(sessions_find(sessions, client(1)), one);
    assert_ptr_equal(sessions_find(sessions, client(2)), two);
    assert_null(sessions_find(sessions, client(3)));
    assert_ptr_equal(sessions_find_id(sessions, "two"), two);
    assert_null(sessions_find_id(sessions, "three"));
    assert_string_equal(one->address, "127.0.0.1:5");
    assert_true(one->is_service); // no token was given
    assert_true(two->connection > one->connection);
    sessions_destroy(sessions);
}

static void test_a_reused_pointer_is_another_session(void **state)
{
    (void)state;
    struct sessions *sessions = make(10);
    (void)add(sessions, 1, "before");
    struct session *after = add(sessions, 1, "after");
    assert_ptr_equal(sessions_find(sessions, client(1)), after);
    assert_null(sessions_find_id(sessions, "before"));
    assert_int_equal(sessions_count(sessions), 1);
    sessions_destroy(sessions);
}

static void test_takeover_keeps_the_old_session_until_it_is_disconnected(void **state)
{
    (void)state;
    struct sessions *sessions = make(10);
    struct session *old = add(sessions, 1, "same");
    struct session *taker = add(sessions, 2, "same");
    assert_ptr_equal(sessions_find_id(sessions, "same"), taker);
    assert_ptr_equal(sessions_find(sessions, client(1)), old);
    sessions_sweep(sessions);
    assert_int_equal(sessions_count(sessions), 2); // its will may still be asked about
    sessions_disconnect(sessions, old, true);
    assert_int_equal(old->state, SESSION_ENDED); // the newer one has the broker's session
    sessions_sweep(sessions);
    assert_null(sessions_find(sessions, client(1)));
    assert_ptr_equal(sessions_find_id(sessions, "same"), taker);
    assert_int_equal(taker->state, SESSION_CONNECTED);
    sessions_destroy(sessions);
}

static void test_who_comes_back_ends_the_offline_session(void **state)
{
    (void)state;
    struct sessions *sessions = make(10);
    struct session *away = add(sessions, 1, "same");
    sessions_disconnect(sessions, away, true);
    assert_int_equal(away->state, SESSION_OFFLINE);
    assert_int_equal(sessions_offline(sessions), 1);
    struct session *back = add(sessions, 2, "same");
    assert_int_equal(sessions_offline(sessions), 0);
    assert_int_equal(away->state, SESSION_ENDED);
    assert_ptr_equal(sessions_find(sessions, client(1)), away); // until the sweep
    sessions_disconnect(sessions, away, true);                  // 2.0.11 says it twice
    sessions_sweep(sessions);
    assert_null(sessions_find(sessions, client(1)));
    assert_ptr_equal(sessions_find_id(sessions, "same"), back);
    sessions_destroy(sessions);
}

static void test_too_many_offline_sessions_forget_the_longest_gone(void **state)
{
    (void)state;
    struct sessions *sessions = make(2);
    for (size_t i = 0; i < 4; i++) {
        char id[8];
        (void)snprintf(id, sizeof id, "c%zu", i);
        sessions_disconnect(sessions, add(sessions, i, id), true);
    }
    assert_int_equal(sessions_offline(sessions), 2);
    sessions_sweep(sessions);
    assert_null(sessions_find(sessions, client(0)));
    assert_null(sessions_find(sessions, client(1)));
    assert_non_null(sessions_find(sessions, client(2)));
    assert_non_null(sessions_find(sessions, client(3)));
    sessions_destroy(sessions);
}

static void test_a_pointer_reused_while_its_session_waits_for_the_sweep(void **state)
{
    (void)state;
    struct sessions *sessions = make(10);
    sessions_disconnect(sessions, add(sessions, 1, "a"), false);
    struct session *fresh = add(sessions, 1, "b");
    sessions_sweep(sessions);
    assert_ptr_equal(sessions_find(sessions, client(1)), fresh);
    assert_int_equal(sessions_count(sessions), 1);
    sessions_destroy(sessions);
}

// Deadlines in no order, some sessions leaving in between: they come out in order.
static void test_sessions_are_due_in_the_order_of_their_deadlines(void **state)
{
    (void)state;
    enum { MANY = 5000 };
    struct sessions *sessions = make(MANY);
    uint32_t random = 1;
    size_t expected = 0;
    for (size_t i = 0; i < MANY; i++) {
        random = random * 1664525u + 1013904223u;
        char id[16];
        (void)snprintf(id, sizeof id, "c%zu", i);
        struct session *session = add_due(sessions, i, id, 1 + (random >> 8) % 1000);
        if (i % 3 == 0)
            sessions_disconnect(sessions, session, true);
        else
            expected++;
    }
    assert_null(sessions_due(sessions, 0));
    int64_t last_s = 0;
    size_t count = 0;
    for (;;) {
        struct session *due = sessions_due(sessions, 1000);
        if (due == NULL)
            break;
        assert_int_equal(due->state, SESSION_CONNECTED);
        assert_true(due->deadline_s >= last_s);
        last_s = due->deadline_s;
        sessions_undue(sessions, due);
        count++;
    }
    assert_int_equal(count, expected);
    sessions_destroy(sessions);
}

static void test_an_expired_session_is_due_at_once(void **state)
{
    (void)state;
    struct sessions *sessions = make(10);
    struct session *late = add_due(sessions, 1, "late", 2000);
    (void)add_due(sessions, 2, "early", 1000);
    struct session *never = add(sessions, 3, "never");
    assert_null(sessions_due(sessions, 999));
    sessions_expire(sessions, late, SESSION_KICK_REFUSED);
    assert_ptr_equal(sessions_due(sessions, 999), late);
    assert_true(late->kick == SESSION_KICK_REFUSED);
    sessions_undue(sessions, late);
    sessions_expire(sessions, never, SESSION_KICK_REFUSED);
    assert_ptr_equal(sessions_due(sessions, 999), never);
    sessions_destroy(sessions);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_session_is_found_by_pointer_and_id),
        cmocka_unit_test(test_sessions_are_found_by_subject),
        cmocka_unit_test(test_connected_sessions_are_in_the_order_they_came),
        cmocka_unit_test(test_a_reused_pointer_is_another_session),
        cmocka_unit_test(test_takeover_keeps_the_old_session_until_it_is_disconnected),
        cmocka_unit_test(test_who_comes_back_ends_the_offline_session),
        cmocka_unit_test(test_too_many_offline_sessions_forget_the_longest_gone),
        cmocka_unit_test(test_a_pointer_reused_while_its_session_waits_for_the_sweep),
        cmocka_unit_test(test_sessions_are_due_in_the_order_of_their_deadlines),
        cmocka_unit_test(test_an_expired_session_is_due_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
