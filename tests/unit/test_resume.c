// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "core/mapfile.h"
#include "core/record.h"
#include "core/resume.h"
#include "scratch.h"

#define assert_ok(call) assert_int_equal(call, ERR_OK)

enum { RING = 65536 };

// One run of the broker's side.
struct run {
    struct store *store;
    struct spool *spool;
    struct resume resume;
    int64_t next_id;
};

static void start(struct scratch *s, struct run *run)
{
    assert_ok(store_open(scratch_path(s, "log.db"), STORE_WRITE, NULL, &run->store));
    assert_ok(spool_open(scratch_path(s, "spool"), RING, &run->spool));
    assert_ok(resume_log(run->store, run->spool, &run->resume));
    run->next_id = run->resume.last_id + 1;
}

static void stop(struct run *run)
{
    spool_close(run->spool);
    store_close(run->store);
}

static void accept(struct run *run, int count)
{
    for (int i = 0; i < count; i++) {
        struct record_message m = {.message = {.id = run->next_id++,
                                               .room = span_of("lobby"),
                                               .from = span_of("alice"),
                                               .payload = span_of("x")}};
        struct record_parts parts;
        uint64_t number;
        assert_ok(record_encode_message(&m, &parts));
        assert_ok(spool_append(run->spool, parts.parts, parts.count, &number));
    }
}

// Stores all records there are, in one transaction; releases them unless the run is to die between.
static int store_all(struct run *run, bool with_release)
{
    struct span bytes;
    struct record record;
    uint64_t number = run->resume.replay_after;
    int count = 0;
    int64_t last_id = 0;
    assert_ok(store_begin(run->store));
    while (spool_next(run->spool, number, &bytes, &number)) {
        assert_ok(record_decode(bytes, &record));
        assert_ok(store_put_message(run->store, &record.message.message, span_of("")));
        last_id = record.message.message.id;
        count++;
    }
    assert_ok(store_set_source(run->store, run->resume.source, number));
    assert_ok(store_commit(run->store));
    run->resume.replay_after = number;
    if (with_release && count > 0)
        spool_release(run->spool, number, (uint64_t)last_id);
    return count;
}

static void copy_file(struct scratch *s, const char *from, const char *to)
{
    size_t len = 0;
    unsigned char *bytes = scratch_read(scratch_path(s, from), &len);
    assert_non_null(bytes);
    assert_int_equal(scratch_write(scratch_path(s, to), bytes, len), 0);
    free(bytes);
}

// The database alone; its write-ahead log must be empty.
static void copy_database(struct scratch *s, const char *from, const char *to)
{
    char name[32];
    copy_file(s, from, to);
    (void)snprintf(name, sizeof name, "%s-wal", to);
    (void)unlink(scratch_path(s, name));
    (void)snprintf(name, sizeof name, "%s-shm", to);
    (void)unlink(scratch_path(s, name));
}

static void test_a_first_start_and_a_plain_restart_keep_the_epoch(void **state)
{
    struct run run;
    start(*state, &run);
    char epoch[32];
    (void)snprintf(epoch, sizeof epoch, "%s", store_epoch(run.store));
    assert_false(run.resume.is_renewed);
    assert_int_equal(run.resume.last_id, 0);
    assert_int_equal(run.resume.replay_after, 0);
    accept(&run, 10);
    assert_int_equal(store_all(&run, true), 10);
    accept(&run, 3);
    stop(&run);
    start(*state, &run);
    assert_false(run.resume.is_renewed);
    assert_string_equal(store_epoch(run.store), epoch);
    assert_int_equal(run.resume.last_id, 10);
    assert_int_equal(run.resume.replay_after, 10);
    assert_int_equal(store_all(&run, true), 3);
    stop(&run);
}

static void test_death_before_the_first_commit_keeps_the_epoch(void **state)
{
    struct run run;
    start(*state, &run);
    accept(&run, 3);
    stop(&run);
    start(*state, &run);
    assert_false(run.resume.is_renewed);
    assert_int_equal(store_all(&run, true), 3);
    stop(&run);
}

static void test_death_between_commit_and_release_doubles_nothing(void **state)
{
    struct run run;
    start(*state, &run);
    accept(&run, 10);
    assert_int_equal(store_all(&run, false), 10);
    stop(&run);
    start(*state, &run);
    assert_false(run.resume.is_renewed);
    assert_int_equal(run.resume.last_id, 10);
    assert_int_equal(store_all(&run, true), 0);
    stop(&run);
}

static void test_an_older_database_gets_a_new_epoch_and_higher_ids(void **state)
{
    struct run run;
    start(*state, &run);
    accept(&run, 10);
    assert_int_equal(store_all(&run, true), 10);
    stop(&run);
    copy_database(*state, "log.db", "backup.db");
    start(*state, &run);
    char epoch[32];
    (void)snprintf(epoch, sizeof epoch, "%s", store_epoch(run.store));
    accept(&run, 10);
    assert_int_equal(store_all(&run, true), 10);
    accept(&run, 2); // in the ring alone
    stop(&run);
    copy_database(*state, "backup.db", "log.db");
    start(*state, &run);
    assert_true(run.resume.is_renewed);
    assert_string_not_equal(store_epoch(run.store), epoch);
    assert_true(run.resume.last_id >= 20);
    assert_int_equal(store_all(&run, true), 2);
    (void)snprintf(epoch, sizeof epoch, "%s", store_epoch(run.store));
    accept(&run, 1);
    assert_int_equal(store_all(&run, true), 1);
    stop(&run);
    start(*state, &run); // once is enough
    assert_false(run.resume.is_renewed);
    assert_string_equal(store_epoch(run.store), epoch);
    stop(&run);
}

static void test_an_emptied_database_beside_a_used_ring_gets_higher_ids(void **state)
{
    struct run run;
    start(*state, &run);
    accept(&run, 10);
    assert_int_equal(store_all(&run, true), 10);
    stop(&run);
    assert_int_equal(unlink(scratch_path(*state, "log.db")), 0);
    (void)unlink(scratch_path(*state, "log.db-wal"));
    (void)unlink(scratch_path(*state, "log.db-shm"));
    start(*state, &run);
    assert_true(run.resume.is_renewed);
    assert_true(run.resume.last_id >= 10);
    stop(&run);
}

static void test_a_lost_ring_gets_a_new_epoch(void **state)
{
    struct run run;
    start(*state, &run);
    accept(&run, 10);
    assert_int_equal(store_all(&run, true), 10);
    accept(&run, 2); // lost with the ring
    stop(&run);
    assert_int_equal(unlink(scratch_path(*state, "spool")), 0);
    start(*state, &run);
    assert_true(run.resume.is_renewed);
    assert_true(run.resume.last_id >= 12);
    stop(&run);
    start(*state, &run); // known by now, though nothing was stored through it yet
    assert_false(run.resume.is_renewed);
    accept(&run, 2);
    assert_int_equal(store_all(&run, true), 2);
    stop(&run);
}

static void test_a_ring_older_than_the_database_gives_no_number_twice(void **state)
{
    struct run run;
    start(*state, &run);
    accept(&run, 5);
    assert_int_equal(store_all(&run, true), 5);
    stop(&run);
    copy_file(*state, "spool", "old");
    start(*state, &run);
    accept(&run, 20);
    assert_int_equal(store_all(&run, true), 20);
    stop(&run);
    copy_file(*state, "old", "spool"); // as a loss of power may leave it
    start(*state, &run);
    assert_int_equal(run.resume.replay_after, 25);
    assert_int_equal(run.resume.last_id, 25);
    accept(&run, 3);
    assert_int_equal(store_all(&run, true), 3);
    stop(&run);
}

static void test_power_loss_while_in_use_gets_a_new_epoch(void **state)
{
    struct run run;
    start(*state, &run);
    accept(&run, 5);
    assert_int_equal(store_all(&run, true), 5);
    accept(&run, 5);
    stop(&run);
    size_t len = 0;
    unsigned char *bytes = scratch_read(scratch_path(*state, "spool"), &len);
    struct mapfile_head *head = (void *)bytes;
    head->is_open = 1;
    head->boot[3] ^= 1;
    assert_int_equal(scratch_write(scratch_path(*state, "spool"), bytes, len), 0);
    free(bytes);
    start(*state, &run);
    assert_true(run.resume.is_renewed);
    assert_int_equal(run.resume.stored_id, 5);
    assert_int_equal(store_all(&run, true), 5); // what is there is kept nevertheless
    stop(&run);
    start(*state, &run);
    assert_false(run.resume.is_renewed);
    stop(&run);
}

// ---- kill -9 ----

// Stores for ever what the other thread accepts.
static void *keep_storing(void *context)
{
    for (;;)
        (void)store_all(context, true);
    return NULL;
}

static void child(struct scratch *s, _Atomic int64_t *accepted)
{
    struct run run;
    pthread_t thread;
    start(s, &run);
    if (run.resume.is_renewed)
        abort();
    // What the last run left in the ring was given ids, too.
    (void)store_all(&run, true);
    if (store_last_id(run.store, &run.next_id) != ERR_OK ||
        pthread_create(&thread, NULL, keep_storing, &run) != 0)
        abort();
    for (run.next_id++;;) {
        struct record_message m = {.message = {.id = run.next_id,
                                               .prev = run.next_id - 1,
                                               .room = span_of("lobby"),
                                               .from = span_of("alice"),
                                               .payload = span_of("x")}};
        struct record_parts parts;
        uint64_t number;
        if (record_encode_message(&m, &parts) != ERR_OK)
            abort();
        if (spool_append(run.spool, parts.parts, parts.count, &number) == ERR_OK)
            *accepted = run.next_id++;
    }
}

static bool check_chain(void *context, const struct message *m)
{
    int64_t *last = context;
    if (m->id != *last + 1 || m->prev != *last)
        return false;
    *last = m->id;
    return true;
}

static void test_kill_9_keeps_every_accepted_message_once(void **state)
{
    enum { ROUNDS = 8 };
    _Atomic int64_t *accepted =
        mmap(NULL, sizeof *accepted, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(accepted != MAP_FAILED);
    unsigned seed = 3;
    for (int round = 0; round < ROUNDS; round++) {
        int64_t target = *accepted + 1 + rand_r(&seed) % 3000;
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            child(*state, accepted);
        int status = 0;
        while (*accepted < target && waitpid(pid, &status, WNOHANG) == 0)
            (void)sched_yield();
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    }
    struct run run;
    start(*state, &run);
    assert_false(run.resume.is_renewed);
    (void)store_all(&run, true);
    int64_t last = 0;
    bool has_more = true;
    while (has_more) {
        struct store_page page = {span_of("lobby"), 0, last, 1000};
        int64_t before = last;
        assert_ok(store_read_page(run.store, &page, check_chain, &last, &has_more));
        assert_true(last == before + 1000 || !has_more);
    }
    assert_in_range(last, *accepted, *accepted + 1); // one may have been under way
    stop(&run);
    assert_int_equal(munmap((void *)accepted, sizeof *accepted), 0);
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        EACH(test_a_first_start_and_a_plain_restart_keep_the_epoch),
        EACH(test_death_before_the_first_commit_keeps_the_epoch),
        EACH(test_death_between_commit_and_release_doubles_nothing),
        EACH(test_an_older_database_gets_a_new_epoch_and_higher_ids),
        EACH(test_an_emptied_database_beside_a_used_ring_gets_higher_ids),
        EACH(test_a_lost_ring_gets_a_new_epoch),
        EACH(test_a_ring_older_than_the_database_gives_no_number_twice),
        EACH(test_power_loss_while_in_use_gets_a_new_epoch),
        EACH(test_kill_9_keeps_every_accepted_message_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
