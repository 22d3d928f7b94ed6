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

#include "core/tally.h"
#include "scratch.h"

// What survives the child: how far it had come, and what stands in for the database, which takes
// each batch wholly or not at all (the sums are there before the number that makes them count).
struct survivor {
    _Atomic uint64_t added;
    _Atomic uint64_t batch;
    struct meter_count stored[2];
};

struct storing {
    struct tally *tally;
    struct survivor *survivor;
    struct meter_count sum;
};

static void store_count(void *context, const struct meter_key *key, const struct meter_count *count)
{
    (void)key;
    struct meter_count *sum = context;
    sum->messages += count->messages;
    sum->blocks += count->blocks;
    sum->bytes += count->bytes;
}

static void store_batches(struct tally *tally, struct survivor *s)
{
    uint64_t batch;
    struct meter_count sum = s->stored[s->batch % 2];
    while (tally_take(tally, &batch, store_count, &sum)) {
        if (batch != s->batch) { // else it was stored, and only settling was cut short
            if (batch != s->batch + 1)
                abort();
            s->stored[batch % 2] = sum;
            s->batch = batch;
        }
        tally_settle(tally, batch);
        sum = s->stored[s->batch % 2];
    }
}

static void *keep_storing(void *context)
{
    struct storing *storing = context;
    for (;;) {
        store_batches(storing->tally, storing->survivor);
        (void)sched_yield();
    }
    return NULL;
}

// Adds for ever under changing keys, while another thread takes and settles.
static void child(struct tally *tally, struct survivor *s)
{
    struct storing storing = {tally, s, {0}};
    pthread_t thread;
    if (pthread_create(&thread, NULL, keep_storing, &storing) != 0)
        _exit(1);
    struct meter_count count = {1, 2, 600};
    for (uint64_t n = s->added;; n++) {
        char subject[24];
        (void)snprintf(subject, sizeof subject, "s%d", (int)(n % 40));
        struct meter_key key = {(int64_t)(n / 500), span_of("lobby"), span_of(subject), METER_WS,
                                METER_OUT};
        tally_add(tally, &key, &count);
        s->added = n + 1;
    }
}

static void test_kill_9_loses_and_doubles_nothing(void **state)
{
    enum { ROUNDS = 25 };
    struct survivor *s =
        mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(s != MAP_FAILED);
    unsigned seed = 7;
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t target = s->added + 1 + (uint64_t)rand_r(&seed) % 20000;
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            struct tally *tally;
            if (tally_open(scratch_path(*state, "tally"), 32, 8, &tally) != ERR_OK)
                _exit(1);
            child(tally, s);
        }
        int status = 0;
        while (s->added < target && waitpid(pid, &status, WNOHANG) == 0)
            (void)sched_yield();
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    }
    struct tally *tally;
    assert_int_equal(tally_open(scratch_path(*state, "tally"), 32, 8, &tally), ERR_OK);
    store_batches(tally, s);
    const struct meter_count *total = &s->stored[s->batch % 2];
    // An addition that was under way at the kill may be in it, in part or wholly.
    int64_t added = (int64_t)s->added;
    assert_in_range(total->messages, added, added + ROUNDS);
    assert_in_range(total->blocks, 2 * added, 2 * (added + ROUNDS));
    assert_in_range(total->bytes, 600 * added, 600 * (added + ROUNDS));
    tally_close(tally);
    assert_int_equal(munmap(s, sizeof *s), 0);
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        EACH(test_kill_9_loses_and_doubles_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
