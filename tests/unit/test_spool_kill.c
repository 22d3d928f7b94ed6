// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "spool_test.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>

// ---- threads and kill -9 ----

enum { MANY = 30000, KILL_RING = 8 * RING };

static void *take_all(void *context)
{
    struct spool *spool = context;
    char bytes[300];
    uint64_t after = 0;
    while (after < MANY) {
        struct span record;
        uint64_t number;
        if (!spool_next(spool, after, &record, &number)) {
            (void)sched_yield();
            continue;
        }
        size_t len = fill(after + 1, bytes);
        if (number != after + 1 || !span_equal(record, span_make(bytes, len)))
            return NULL;
        after = number;
        if (number % 3 == 0)
            spool_release(spool, number, number);
    }
    return spool;
}

static void test_one_thread_appends_while_another_takes(void **state)
{
    struct spool *spool = open_spool(*state, RING);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, take_all, spool), 0);
    for (uint64_t n = 1; n <= MANY;) {
        if (append(spool, n) == ERR_OK)
            n++;
        else
            (void)sched_yield();
    }
    void *result;
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_ptr_equal(result, spool);
    spool_close(spool);
}

// What survives the child. `stored` stands in for the database: it commits before it releases.
struct survivor {
    _Atomic uint64_t accepted;
    _Atomic uint64_t stored;
};

struct storing {
    struct spool *spool;
    struct survivor *survivor;
};

static bool store_next(struct spool *spool, struct survivor *s)
{
    struct span record;
    uint64_t number;
    char bytes[300];
    if (!spool_next(spool, s->stored, &record, &number))
        return false;
    size_t len = fill(s->stored + 1, bytes);
    if (number != s->stored + 1 || !span_equal(record, span_make(bytes, len)))
        abort(); // the parent sees another end than its own
    s->stored = number;
    if (number % 7 == 0)
        spool_release(spool, number, number);
    return true;
}

static void *keep_storing(void *context)
{
    struct storing *storing = context;
    for (;;)
        if (!store_next(storing->spool, storing->survivor))
            (void)sched_yield();
    return NULL;
}

static void child(struct spool *spool, struct survivor *s)
{
    struct storing storing = {spool, s};
    pthread_t thread;
    char bytes[300];
    uint64_t number;
    if (pthread_create(&thread, NULL, keep_storing, &storing) != 0)
        _exit(1);
    for (;;) {
        struct span part = span_make(bytes, fill(spool_last(spool) + 1, bytes));
        if (spool_append(spool, &part, 1, &number) == ERR_OK)
            s->accepted = number;
        else
            (void)sched_yield();
    }
}

static void test_kill_9_loses_nothing_that_was_accepted(void **state)
{
    enum { ROUNDS = 40 };
    struct survivor *s =
        mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(s != MAP_FAILED);
    unsigned seed = 11;
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t target = s->accepted + 1 + (uint64_t)rand_r(&seed) % 5000;
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            struct spool *spool;
            if (spool_open(scratch_path(*state, "spool"), KILL_RING, &spool) != ERR_OK)
                _exit(1);
            child(spool, s);
        }
        int status = 0;
        while (s->accepted < target && waitpid(pid, &status, WNOHANG) == 0)
            (void)sched_yield();
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        // Everything accepted is stored or still there; one more may have been under way.
        struct spool *spool = open_spool(*state, KILL_RING);
        assert_false(spool_has_lost(spool));
        assert_in_range(spool_last(spool), s->accepted, s->accepted + 1);
        assert_true(spool_released(spool) <= s->stored);
        if (round % 2)
            while (store_next(spool, s)) {
            }
        s->accepted = spool_last(spool);
        spool_close(spool);
    }
    assert_int_equal(munmap(s, sizeof *s), 0);
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        EACH(test_one_thread_appends_while_another_takes),
        EACH(test_kill_9_loses_nothing_that_was_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
