// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "plugin/writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "core/clock.h"
#include "scratch.h"

#define assert_ok(call) assert_int_equal(call, ERR_OK)

enum { RING = 65536, BATCH = 16, BATCHES = 12, COUNTERS = BATCH * BATCHES, HOUR = 498680 };

struct stand {
    struct store *store, *reader;
    struct spool *spool;
    struct tally *tally;
    struct watermark *watermark;
    struct resume resume;
    struct writer *writer;
};

static void begin(struct scratch *s, struct stand *stand)
{
    const char *path = scratch_path(s, "log.db");
    assert_ok(store_open(path, STORE_WRITE, NULL, &stand->store));
    assert_ok(store_open(path, STORE_READ, NULL, &stand->reader));
    assert_ok(spool_open(scratch_path(s, "spool"), RING, &stand->spool));
    assert_ok(tally_open(scratch_path(s, "tally"), 2 * COUNTERS, BATCH, &stand->tally));
    assert_ok(resume_log(stand->store, stand->spool, &stand->resume));
    assert_ok(watermark_create(scratch_path(s, "mark"), 0, &stand->watermark));
}

static void start_writer(struct stand *stand)
{
    struct writer_setup setup = {.store = stand->store,
                                 .spool = stand->spool,
                                 .tally = stand->tally,
                                 .watermark = stand->watermark,
                                 .resume = &stand->resume,
                                 .sync_ms = 100};
    assert_ok(writer_start(&setup, &stand->writer));
}

static void end(struct stand *stand)
{
    writer_stop(stand->writer);
    watermark_close(stand->watermark);
    tally_close(stand->tally);
    spool_close(stand->spool);
    store_close(stand->reader);
    store_close(stand->store);
}

static void count(struct stand *stand)
{
    struct meter_count one = {0};
    meter_count_message(&one, 1);
    for (int i = 0; i < COUNTERS; i++) {
        char subject[16];
        (void)snprintf(subject, sizeof subject, "s%d", i);
        struct meter_key key = {HOUR, span_of("lobby"), span_of(subject), METER_MQTT, METER_OUT};
        tally_add(stand->tally, &key, &one);
    }
}

static bool add_up(void *context, const struct store_traffic *traffic)
{
    *(int64_t *)context += traffic->out.messages;
    return true;
}

static int64_t stored(const struct stand *stand)
{
    int64_t messages = 0;
    assert_ok(store_read_traffic(stand->reader, STORE_TOTAL, HOUR, HOUR + 1, add_up, &messages));
    return messages;
}

static void test_a_tally_that_is_fuller_than_a_batch_is_stored_without_pause(void **state)
{
    struct stand stand = {0};
    begin(*state, &stand);
    count(&stand);
    int64_t begin_ms = clock_monotonic_ms();
    start_writer(&stand);
    const struct timespec pause = {.tv_nsec = 1000000};
    while (stored(&stand) < COUNTERS && clock_monotonic_ms() - begin_ms < BATCHES * 1000)
        (void)nanosleep(&pause, NULL);
    assert_int_equal(stored(&stand), COUNTERS);
    assert_true(clock_monotonic_ms() - begin_ms < BATCHES * 1000 / 2);
    end(&stand);
}

static void test_the_end_stores_all_that_was_counted(void **state)
{
    struct stand stand = {0};
    begin(*state, &stand);
    start_writer(&stand);
    count(&stand);
    writer_stop(stand.writer);
    stand.writer = NULL;
    assert_int_equal(stored(&stand), COUNTERS);
    end(&stand);
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        EACH(test_a_tally_that_is_fuller_than_a_batch_is_stored_without_pause),
        EACH(test_the_end_stores_all_that_was_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
