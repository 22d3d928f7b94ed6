// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "store_test.h"

#include <sys/stat.h>
#include <sys/wait.h>

// ---- opening: epochs, versions, files that are not ours ----

static void test_the_epoch_lasts_until_it_is_renewed(void **state)
{
    struct store *store = open_store(*state, STORE_WRITE);
    struct store *reader = open_store(*state, STORE_READ);
    char epoch[MESSAGE_EPOCH_MAX + 1];
    (void)snprintf(epoch, sizeof epoch, "%s", store_epoch(store));
    assert_true(strlen(epoch) >= 4);
    assert_string_equal(store_epoch(reader), epoch);
    assert_ok(store_begin(store));
    assert_ok(store_renew_epoch(store));
    assert_string_not_equal(store_epoch(store), epoch);
    store_rollback(store);
    assert_string_equal(store_epoch(store), epoch);
    store_close(store);
    store = open_store(*state, STORE_WRITE);
    assert_string_equal(store_epoch(store), epoch);
    assert_ok(store_renew_epoch(store));
    assert_string_equal(store_epoch(reader), epoch);
    assert_ok(store_refresh(reader));
    assert_string_equal(store_epoch(reader), store_epoch(store));
    assert_string_not_equal(store_epoch(reader), epoch);
    store_close(reader);
    store_close(store);
}

static void test_a_reader_notices_that_the_file_was_replaced(void **state)
{
    struct store *store = open_store(*state, STORE_WRITE);
    store_close(store);
    struct store *reader = open_store(*state, STORE_READ);
    assert_int_equal(unlink(scratch_path(*state, "log.db")), 0);
    assert_int_equal(store_refresh(reader), ERR_NOT_FOUND);
    store_close(reader);
}

static enum err try_open(struct scratch *s, enum store_mode mode)
{
    struct store *store = NULL;
    enum err err = store_open(scratch_path(s, "log.db"), mode, NULL, &store);
    if (err == ERR_OK)
        store_close(store);
    else
        assert_null(store);
    return err;
}

static void run_sql(struct scratch *s, const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(scratch_path(s, "log.db"), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void test_a_reader_needs_a_database_that_is_there(void **state)
{
    assert_int_equal(try_open(*state, STORE_READ), ERR_NOT_FOUND);
    run_sql(*state, "VACUUM"); // an empty one
    assert_int_equal(try_open(*state, STORE_READ), ERR_NOT_FOUND);
    assert_int_equal(try_open(*state, STORE_WRITE), ERR_OK);
    assert_int_equal(try_open(*state, STORE_READ), ERR_OK);
}

extern const struct embedded_file schema_files[];

// A database as the first `version` migrations left it, with one message in it.
static void make_old_database(struct scratch *s, size_t version)
{
    for (size_t i = 0; i < version; i++)
        run_sql(s, (const char *)schema_files[i].bytes);
    run_sql(s, "INSERT INTO rooms VALUES (1, 'lobby', 7, 1);"
               "INSERT INTO messages VALUES (7, 1, 0, 1795250400007, 'alice', 'Alice', '', 'old')");
}

static void test_every_older_schema_is_migrated_with_its_contents(void **state)
{
    size_t count = 0;
    while (schema_files[count].name != NULL)
        count++;
    assert_true(count >= 2);
    for (size_t version = 1; version < count; version++) {
        make_old_database(*state, version);
        assert_int_equal(try_open(*state, STORE_READ), ERR_OLDER); // readers wait for the writer
        struct store *store = open_store(*state, STORE_WRITE);
        struct message old = make_message("lobby", 7, 0, "old");
        assert_ok(store_read_last(store, span_of("lobby"), compare, &old));
        struct message next = make_message("lobby", 8, 7, "new");
        put(store, &next);
        struct meter_key key = {1, span_of("a"), span_of("alice"), METER_WS, METER_IN};
        struct meter_count one = {1, 2, 600};
        assert_ok(store_add_traffic(store, &key, &one));
        int64_t number;
        assert_ok(store_get_int(store, "PRAGMA user_version", &number));
        assert_int_equal(number, count);
        store_close(store);
        assert_int_equal(try_open(*state, STORE_READ), ERR_OK);
        assert_int_equal(unlink(scratch_path(*state, "log.db")), 0);
        (void)unlink(scratch_path(*state, "log.db-wal"));
        (void)unlink(scratch_path(*state, "log.db-shm"));
    }
}

static void test_a_newer_schema_is_refused_and_left_alone(void **state)
{
    assert_int_equal(try_open(*state, STORE_WRITE), ERR_OK);
    run_sql(*state, "PRAGMA user_version = 9999");
    assert_int_equal(try_open(*state, STORE_WRITE), ERR_VERSION);
    assert_int_equal(try_open(*state, STORE_READ), ERR_VERSION);
}

static void test_a_migration_that_fails_leaves_the_old_schema(void **state)
{
    static const unsigned char bad[] = "CREATE TABLE extra (a); CREATE TABLE extra (a);";
    static const unsigned char numberless[] = "CREATE TABLE extra (a);";
    const struct embedded_file tables[2][2] = {
        {{.name = "0099_bad.sql", .bytes = bad}, {.name = NULL}},
        {{.name = "0099_numberless.sql", .bytes = numberless}, {.name = NULL}}};
    struct store *store = open_store(*state, STORE_WRITE);
    for (int i = 0; i < 2; i++) {
        int64_t extra = -1, version = -1;
        assert_int_equal(store_migrate(store, tables[i]), ERR_DATABASE);
        assert_ok(store_get_int(store, "SELECT count(*) FROM sqlite_schema WHERE name = 'extra'",
                                &extra));
        assert_int_equal(extra, 0);
        assert_ok(store_get_int(store, "PRAGMA user_version", &version));
        assert_true(version < 99);
    }
    store_close(store);
}

static void test_other_files_are_not_taken_for_a_log(void **state)
{
    static const char text[] = "this is no database, but it is long enough to be looked at. "
                               "this is no database, but it is long enough to be looked at.";
    assert_int_equal(scratch_write(scratch_path(*state, "log.db"), text, sizeof text), 0);
    assert_int_equal(try_open(*state, STORE_WRITE), ERR_CORRUPT);
    assert_int_equal(try_open(*state, STORE_READ), ERR_CORRUPT);
    assert_int_equal(unlink(scratch_path(*state, "log.db")), 0);
    run_sql(*state, "CREATE TABLE somebody_elses (a)");
    assert_int_equal(try_open(*state, STORE_WRITE), ERR_CORRUPT);
    assert_int_equal(try_open(*state, STORE_READ), ERR_CORRUPT);
}

static void test_a_reader_cannot_write(void **state)
{
    struct store *store = open_store(*state, STORE_WRITE);
    struct store *reader = open_store(*state, STORE_READ);
    assert_int_equal(store_renew_epoch(reader), ERR_DATABASE);
    assert_int_not_equal(store_begin(reader), ERR_OK);
    store_close(reader);
    store_close(store);
}

static void test_another_user_of_the_group_reads_while_no_writer_runs(void **state)
{
    struct scratch *s = *state;
    if (geteuid() != 0)
        skip();
    store_close(two_rooms(s));
    assert_int_equal(chmod(s->folder, 0755), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct store *reader;
        if (setuid(65534) != 0) // of the same group
            _exit(1);
        if (store_open(scratch_path(s, "log.db"), STORE_READ, NULL, &reader) != ERR_OK)
            _exit(2);
        int64_t last = 0;
        enum err err = store_last_id(reader, &last);
        store_close(reader);
        _exit(err == ERR_OK && last == 20 ? 0 : 3);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        EACH(test_the_epoch_lasts_until_it_is_renewed),
        EACH(test_a_reader_notices_that_the_file_was_replaced),
        EACH(test_a_reader_needs_a_database_that_is_there),
        EACH(test_every_older_schema_is_migrated_with_its_contents),
        EACH(test_a_newer_schema_is_refused_and_left_alone),
        EACH(test_a_migration_that_fails_leaves_the_old_schema),
        EACH(test_other_files_are_not_taken_for_a_log),
        EACH(test_a_reader_cannot_write),
        EACH(test_another_user_of_the_group_reads_while_no_writer_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
