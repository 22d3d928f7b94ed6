// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// What the gateway has yet to tell webhooks, over restarts.
#include "store_test.h"

#include "core/store_hooks.h"

static struct store_hooks *open_hooks(struct scratch *s)
{
    struct store_hooks *hooks = NULL;
    assert_ok(store_hooks_open(scratch_path(s, "log.db-hooks"), NULL, &hooks));
    return hooks;
}

static int64_t enter(struct store_hooks *hooks, const char *url, int64_t since_id)
{
    int64_t id = 0;
    assert_ok(store_hooks_enter(hooks, span_of(url), since_id, &id));
    return id;
}

static int64_t position(struct store_hooks *hooks, int64_t hook_id, const char *room)
{
    int64_t id = -1;
    assert_ok(store_hooks_position(hooks, hook_id, span_of(room), &id));
    return id;
}

static void set_position(struct store_hooks *hooks, int64_t hook_id, const char *room, int64_t id)
{
    assert_ok(store_hooks_set_position(hooks, hook_id, span_of(room), id));
}

static void test_a_hook_keeps_its_number_and_positions(void **state)
{
    struct store_hooks *hooks = open_hooks(*state);
    int64_t one = enter(hooks, "http://one", 7), two = enter(hooks, "http://two", 9);
    assert_int_not_equal(one, two);
    set_position(hooks, one, "lobby", 12);
    store_hooks_close(hooks);
    hooks = open_hooks(*state);
    assert_int_equal(enter(hooks, "http://one", 1000), one);
    assert_int_equal(position(hooks, one, "lobby"), 12);
    assert_int_equal(position(hooks, one, "other"), 7);
    assert_int_equal(position(hooks, two, "lobby"), 9);
    store_hooks_close(hooks);
}

static void test_a_hook_that_was_not_told_of_messages_begins_anew(void **state)
{
    struct store_hooks *hooks = open_hooks(*state);
    int64_t one = enter(hooks, "http://one", 7);
    set_position(hooks, one, "lobby", 12);
    assert_int_equal(enter(hooks, "http://one", -1), one);
    assert_int_equal(enter(hooks, "http://one", 40), one);
    assert_int_equal(position(hooks, one, "lobby"), 40);
    store_hooks_close(hooks);
}

static void test_what_is_not_kept_is_forgotten_and_its_number_not_used_again(void **state)
{
    struct store_hooks *hooks = open_hooks(*state);
    int64_t one = enter(hooks, "http://one", 0), two = enter(hooks, "http://two", 0);
    set_position(hooks, two, "lobby", 5);
    assert_ok(store_hooks_keep_only(hooks, &one, 1));
    int64_t again = enter(hooks, "http://two", 3);
    assert_true(again > two);
    assert_int_equal(position(hooks, again, "lobby"), 3);
    store_hooks_close(hooks);
}

static void test_another_epoch_takes_positions_back(void **state)
{
    struct store_hooks *hooks = open_hooks(*state);
    assert_string_equal(store_hooks_epoch(hooks), "");
    int64_t one = enter(hooks, "http://one", 20);
    set_position(hooks, one, "early", 10);
    set_position(hooks, one, "late", 30);
    assert_ok(store_hooks_begin_epoch(hooks, "abcd", 15));
    assert_int_equal(position(hooks, one, "early"), 10);
    assert_int_equal(position(hooks, one, "late"), 15);
    assert_int_equal(position(hooks, one, "new"), 15);
    store_hooks_close(hooks);
    hooks = open_hooks(*state);
    assert_string_equal(store_hooks_epoch(hooks), "abcd");
    store_hooks_close(hooks);
}

static void put_event(struct store_hooks *hooks, int64_t hook_id, const char *client,
                      const char *name)
{
    struct store_hook_event event = {.kind = STORE_HOOK_DISCONNECT,
                                     .name = span_of(name),
                                     .date_ms = 1000,
                                     .json = span_of("{\"type\":\"connect\"}")};
    assert_ok(store_hooks_put_event(hooks, hook_id, span_of(client), &event));
}

static void note_event(void *context, const struct store_hook_event *event)
{
    struct buf *out = context;
    assert_int_equal(event->date_ms, 1000);
    assert_int_equal(event->kind, STORE_HOOK_DISCONNECT);
    buf_printf(out, "%.*s:%.*s", (int)event->name.len, event->name.ptr, (int)event->json.len,
               event->json.ptr);
    buf_add_char(out, '\0');
    assert_ok(out->status);
}

static void note_id(void *context, const struct store_hook_event *event)
{
    int64_t *id = context;
    *id = event->event_id;
}

static void note_client(void *context, int64_t hook_id, struct span client)
{
    (void)hook_id;
    buf_printf(context, "%.*s ", (int)client.len, client.ptr);
}

static void test_events_of_a_client_come_in_order(void **state)
{
    struct store_hooks *hooks = open_hooks(*state);
    int64_t one = enter(hooks, "http://one", 0), count = 0, first = 0;
    struct buf seen;
    buf_init(&seen, 1000);
    put_event(hooks, one, "lamp", "first");
    put_event(hooks, one, "door", "other");
    put_event(hooks, one, "lamp", "second");
    store_hooks_close(hooks);
    hooks = open_hooks(*state);
    assert_ok(store_hooks_count_events(hooks, &count));
    assert_int_equal(count, 3);
    assert_ok(store_hooks_first_event(hooks, one, span_of("lamp"), note_event, &seen));
    assert_string_equal(seen.ptr, "first:{\"type\":\"connect\"}");
    assert_ok(store_hooks_first_event(hooks, one, span_of("lamp"), note_id, &first));
    assert_ok(store_hooks_remove_event(hooks, first));
    buf_clear(&seen);
    assert_ok(store_hooks_first_event(hooks, one, span_of("lamp"), note_event, &seen));
    assert_string_equal(seen.ptr, "second:{\"type\":\"connect\"}");
    assert_int_equal(store_hooks_first_event(hooks, one, span_of("none"), note_event, &seen),
                     ERR_NOT_FOUND);
    buf_clear(&seen);
    assert_ok(store_hooks_read_clients(hooks, note_client, &seen));
    buf_add_char(&seen, '\0');
    assert_string_equal(seen.ptr, "door lamp ");
    buf_finish(&seen);
    store_hooks_close(hooks);
}

static void put_connection(struct store_hooks *hooks, int64_t version, const char *client,
                           const char *source_ip)
{
    struct store_hook_connection c = {.version = version,
                                      .client = span_of(client),
                                      .session = span_of("e1-7"),
                                      .principal = span_of("alice"),
                                      .source_ip = span_of(source_ip)};
    assert_ok(store_hooks_put_connection(hooks, &c));
}

// The versions from `after` up to `last`.
static void assert_connections(struct store_hooks *hooks, int64_t after, int64_t last,
                               const char *expected)
{
    char seen[200] = "";
    struct store_hook_connection c = {.version = after};
    enum err err;
    while ((err = store_hooks_next_connection(hooks, c.version, last, &c)) == ERR_OK) {
        size_t len = strlen(seen);
        (void)snprintf(seen + len, sizeof seen - len, "%lld ", (long long)c.version);
    }
    assert_int_equal(err, ERR_NOT_FOUND);
    assert_string_equal(seen, expected);
}

static void test_connections_are_read_in_order(void **state)
{
    struct store_hooks *hooks = open_hooks(*state);
    struct store_hook_connection c;
    int64_t high = 1795250400123000;
    put_connection(hooks, high, "door", "");
    put_connection(hooks, 3, "lamp", "::1");
    put_connection(hooks, 5, "", "");
    put_connection(hooks, 3, "another", "::2"); // is there
    store_hooks_close(hooks);
    hooks = open_hooks(*state);
    assert_connections(hooks, 0, INT64_MAX, "3 5 1795250400123000 ");
    assert_connections(hooks, 3, high, "5 1795250400123000 ");
    assert_connections(hooks, 3, high - 1, "5 ");
    assert_connections(hooks, high, INT64_MAX, "");
    assert_ok(store_hooks_next_connection(hooks, 2, 3, &c));
    assert_true(span_is(c.client, "lamp") && span_is(c.session, "e1-7"));
    assert_true(span_is(c.principal, "alice") && span_is(c.source_ip, "::1"));
    assert_ok(store_hooks_next_connection(hooks, 4, 5, &c));
    assert_true(c.client.len == 0 && span_is(c.session, "e1-7") && c.source_ip.len == 0);
    assert_ok(store_hooks_remove_connection(hooks, 5));
    assert_ok(store_hooks_remove_connection(hooks, 5));
    assert_connections(hooks, 0, INT64_MAX, "3 1795250400123000 ");
    store_hooks_close(hooks);
}

static void test_older_connections_of_a_client_are_found(void **state)
{
    struct store_hooks *hooks = open_hooks(*state);
    struct store_hook_connection c;
    put_connection(hooks, 9, "lamp", "");
    put_connection(hooks, 7, "lamp", "");
    put_connection(hooks, 1, "door", "");
    assert_ok(store_hooks_older_connection(hooks, span_of("lamp"), 10, &c));
    assert_int_equal(c.version, 7);
    assert_ok(store_hooks_remove_connection(hooks, 7));
    assert_ok(store_hooks_older_connection(hooks, span_of("lamp"), 10, &c));
    assert_int_equal(c.version, 9);
    assert_int_equal(store_hooks_older_connection(hooks, span_of("lamp"), 9, &c), ERR_NOT_FOUND);
    assert_int_equal(store_hooks_older_connection(hooks, span_of("none"), 9, &c), ERR_NOT_FOUND);
    store_hooks_close(hooks);
}

extern const struct embedded_file hook_schema_files[];

static void run_sql(struct scratch *s, const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(scratch_path(s, "log.db-hooks"), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void test_the_first_schema_is_migrated_with_its_contents(void **state)
{
    run_sql(*state, (const char *)hook_schema_files[0].bytes);
    run_sql(*state, "INSERT INTO hooks VALUES (4, 'http://one', 7);"
                    "INSERT INTO events VALUES (1, 4, 'lamp', 1, 'e1-7-disconnect', 1000, '{}')");
    struct store_hooks *hooks = open_hooks(*state);
    int64_t count = 0;
    assert_int_equal(enter(hooks, "http://one", 9), 4);
    assert_int_equal(position(hooks, 4, "lobby"), 7);
    assert_ok(store_hooks_count_events(hooks, &count));
    assert_int_equal(count, 1);
    put_connection(hooks, 3, "lamp", "");
    assert_connections(hooks, 0, INT64_MAX, "3 ");
    store_hooks_close(hooks);
}

static void test_the_log_is_not_taken_for_it(void **state)
{
    struct store *log = open_store(*state, STORE_WRITE);
    struct store_hooks *hooks = NULL;
    store_close(log);
    assert_int_equal(store_hooks_open(scratch_path(*state, "log.db"), NULL, &hooks), ERR_CORRUPT);
    assert_null(hooks);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_hook_keeps_its_number_and_positions),
        TEST(test_a_hook_that_was_not_told_of_messages_begins_anew),
        TEST(test_what_is_not_kept_is_forgotten_and_its_number_not_used_again),
        TEST(test_another_epoch_takes_positions_back),
        TEST(test_events_of_a_client_come_in_order),
        TEST(test_connections_are_read_in_order),
        TEST(test_older_connections_of_a_client_are_found),
        TEST(test_the_first_schema_is_migrated_with_its_contents),
        TEST(test_the_log_is_not_taken_for_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
