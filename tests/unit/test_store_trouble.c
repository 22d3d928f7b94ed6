// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "store_test.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

// ---- full disks ----

// Stores messages in one transaction each until it fails; returns how many.
static int64_t fill_up(struct store *store, enum err *out_err)
{
    char payload[3000];
    memset(payload, 'x', sizeof payload);
    int64_t id = 0;
    for (enum err err = ERR_OK; err == ERR_OK;) {
        struct message m = make_message("lobby", id + 1, id, "");
        m.payload = span_make(payload, sizeof payload);
        err = store_begin(store);
        if (err == ERR_OK)
            err = store_put_message(store, &m, span_of(""));
        if (err == ERR_OK)
            err = store_commit(store);
        if (err != ERR_OK)
            store_rollback(store);
        else
            id++;
        *out_err = err;
    }
    return id;
}

static void test_a_full_database_refuses_and_loses_nothing(void **state)
{
    struct store *store = open_store(*state, STORE_WRITE);
    enum err err;
    assert_ok(store_exec(store, "PRAGMA max_page_count = 100"));
    int64_t kept = fill_up(store, &err);
    assert_int_equal(err, ERR_FULL);
    assert_true(kept > 10);
    int64_t last;
    assert_ok(store_last_id(store, &last));
    assert_int_equal(last, kept);
    // With room again it goes on where it was.
    assert_ok(store_exec(store, "PRAGMA max_page_count = 200"));
    struct message next = make_message("lobby", kept + 1, kept, "after");
    put(store, &next);
    assert_ok(store_read_last(store, span_of("lobby"), compare, &next));
    store_close(store);
}

static void test_a_full_disk_refuses_and_loses_nothing(void **state)
{
    struct scratch *s = *state;
    store_close(open_store(s, STORE_WRITE));
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) { // no file may grow beyond this in here
        struct rlimit limit = {.rlim_cur = 400000, .rlim_max = RLIM_INFINITY};
        struct store *store;
        enum err err;
        (void)signal(SIGXFSZ, SIG_IGN);
        if (setrlimit(RLIMIT_FSIZE, &limit) != 0 ||
            store_open(scratch_path(s, "log.db"), STORE_WRITE, NULL, &store) != ERR_OK)
            _exit(101);
        int64_t kept = fill_up(store, &err);
        if (err != ERR_FULL || kept < 10 || kept > 90)
            _exit(102);
        limit.rlim_cur = RLIM_INFINITY;
        int64_t last = 0;
        if (setrlimit(RLIMIT_FSIZE, &limit) != 0 || store_last_id(store, &last) != ERR_OK ||
            last != kept)
            _exit(103);
        struct message next = make_message("lobby", kept + 1, kept, "after");
        if (store_put_message(store, &next, span_of("")) != ERR_OK)
            _exit(104);
        store_close(store);
        _exit((int)kept + 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    int64_t kept = WEXITSTATUS(status);
    assert_in_range(kept, 11, 91);
    struct store *store = open_store(s, STORE_WRITE);
    struct seen seen = read_page(store, (struct store_page){span_of("lobby"), 0, -1, 1000}, false);
    assert_int_equal(seen.count, kept);
    assert_int_equal(seen.ids[kept - 1], kept);
    int64_t is_sound = 0;
    assert_ok(store_get_int(store, "SELECT integrity_check = 'ok' FROM pragma_integrity_check",
                            &is_sound));
    assert_int_equal(is_sound, 1);
    store_close(store);
}

// ---- a reader beside the writer ----

enum { ROUNDS = 300, PER_ROUND = 7, ALL = ROUNDS * PER_ROUND };

static void *keep_writing(void *context)
{
    struct store *store = context;
    int64_t id = 0;
    for (int round = 0; round < ROUNDS; round++) {
        if (store_begin(store) != ERR_OK)
            return NULL;
        for (int i = 0; i < PER_ROUND; i++, id++) {
            struct message m = make_message("lobby", id + 1, id, "x");
            if (store_put_message(store, &m, span_of("")) != ERR_OK)
                return NULL;
        }
        if (store_commit(store) != ERR_OK)
            return NULL;
    }
    return store;
}

static void test_a_reader_sees_whole_transactions_and_no_gap(void **state)
{
    struct store *store = open_store(*state, STORE_WRITE);
    struct store *reader = open_store(*state, STORE_READ);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, keep_writing, store), 0);
    int64_t last = 0;
    while (last < ALL) {
        struct seen seen = {.count = 0};
        struct store_page page = {span_of("lobby"), 0, -1, 20};
        bool has_more;
        assert_ok(store_read_page(reader, &page, note, &seen, &has_more));
        for (size_t i = 1; i < seen.count; i++)
            assert_int_equal(seen.prevs[i], seen.ids[i - 1]);
        int64_t newest = seen.count ? seen.ids[seen.count - 1] : 0;
        assert_int_equal(newest % PER_ROUND, 0);
        assert_true(newest >= last);
        last = newest;
    }
    void *result;
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_ptr_equal(result, store);
    store_close(reader);
    store_close(store);
}

static void test_reads_in_one_state_do_not_see_later_commits(void **state)
{
    struct store *store = two_rooms(*state);
    struct store *reader = open_store(*state, STORE_READ);
    int64_t last;
    assert_ok(store_begin_read(reader));
    assert_ok(store_last_id(reader, &last));
    struct message m = make_message("a", 99, 20, "x");
    put(store, &m);
    assert_ok(store_last_id(reader, &last));
    assert_int_equal(last, 20);
    store_end_read(reader);
    assert_ok(store_last_id(reader, &last));
    assert_int_equal(last, 99);
    store_close(reader);
    store_close(store);
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        EACH(test_a_full_database_refuses_and_loses_nothing),
        EACH(test_a_full_disk_refuses_and_loses_nothing),
        EACH(test_a_reader_sees_whole_transactions_and_no_gap),
        EACH(test_reads_in_one_state_do_not_see_later_commits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
