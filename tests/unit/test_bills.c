// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Bills made aside: each who asks gets one on his own loop, or nothing more once he has gone.
#include "core/clock.h"
#include "gateway/bills.h"
#include "gateway/gateway.h"
#include "store_test.h"

struct fixture {
    struct scratch *scratch;
    struct gateway gateway;
    struct loop *loop;
    struct bills *bills;
    int done;
    enum err err;
    int64_t messages;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    assert_int_equal(scratch_setup((void **)&f->scratch), 0);
    f->gateway.config.database = strdup(scratch_path(f->scratch, "log.db"));
    f->gateway.log = (struct log){.level = LOG_LEVEL_ERROR};
    assert_ok(loop_create(&f->loop));
    assert_ok(bills_create(&f->gateway, &f->bills));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    int done = f->done;
    bills_destroy(f->bills);
    loop_destroy(f->loop);
    int late = f->done - done;
    free(f->gateway.config.database);
    int failed = scratch_teardown((void **)&f->scratch);
    free(f);
    return failed + late; // nobody is called at the end
}

static void on_bill(void *context, enum err err, const struct bill *bill)
{
    struct fixture *f = context;
    f->done++;
    f->err = err;
    f->messages = bill->today.total.in.messages;
    loop_stop(f->loop);
}

static void store_one(struct fixture *f)
{
    struct store *store = open_store(f->scratch, STORE_WRITE);
    struct meter_key key = {.hour = meter_hour(clock_real_ms()),
                            .room = span_of("a"),
                            .subject = span_of("alice"),
                            .direction = METER_IN};
    struct meter_count count = {7, 7, 7};
    assert_ok(store_add_traffic(store, &key, &count));
    store_close(store);
}

static struct bill_query *ask(struct fixture *f)
{
    struct bill_query *query = NULL;
    assert_ok(bills_ask(f->bills, f->loop, on_bill, f, &query));
    return query;
}

static void who_asks_gets_a_bill(void **state)
{
    struct fixture *f = *state;
    store_one(f);
    (void)ask(f);
    loop_run(f->loop);
    assert_int_equal(f->done, 1);
    assert_int_equal(f->err, ERR_OK);
    assert_int_equal(f->messages, 7);
}

static void without_a_database_there_is_none_now(void **state)
{
    struct fixture *f = *state;
    (void)ask(f);
    loop_run(f->loop);
    assert_int_equal(f->done, 1);
    assert_int_equal(f->err, ERR_AGAIN);
}

static void who_has_gone_is_not_told(void **state)
{
    struct fixture *f = *state;
    store_one(f);
    for (int i = 0; i < 5; i++)
        bills_forget(ask(f));
    (void)ask(f);
    loop_run(f->loop);
    assert_int_equal(f->done, 1);
    bills_forget(ask(f)); // and may be forgotten at the end, wherever it is
}

// The thread is with the first one, which waits for the database.
static void not_too_many_wait(void **state)
{
    struct fixture *f = *state;
    struct bill_query *queries[100];
    size_t count = 0;
    sqlite3 *holder = NULL;
    assert_int_equal(sqlite3_open(scratch_path(f->scratch, "log.db"), &holder), SQLITE_OK);
    assert_int_equal(sqlite3_exec(holder, "BEGIN EXCLUSIVE; CREATE TABLE t (x)", NULL, NULL, NULL),
                     SQLITE_OK);
    while (count < 100 && bills_ask(f->bills, f->loop, on_bill, f, &queries[count]) == ERR_OK)
        count++;
    assert_in_range(count, 16, 17);
    while (count > 0)
        bills_forget(queries[--count]);
    (void)sqlite3_close(holder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_asks_gets_a_bill, setup, teardown),
        cmocka_unit_test_setup_teardown(without_a_database_there_is_none_now, setup, teardown),
        cmocka_unit_test_setup_teardown(who_has_gone_is_not_told, setup, teardown),
        cmocka_unit_test_setup_teardown(not_too_many_wait, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
