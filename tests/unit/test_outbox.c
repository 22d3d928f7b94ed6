// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Posts between a worker's loop and the upstream's thread: each is answered once, on its loop, or
// not at all once it was forgotten.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gateway/loop.h"
#include "gateway/outbox.h"

enum { TIMEOUT_MS = 1000, MAX = 3 };

// Stands in for a worker's loop: what was posted to it waits until run_loop.
struct loop {
    struct loop_task *first, **end;
};

void loop_post(struct loop *loop, struct loop_task *task)
{
    task->next = NULL;
    *loop->end = task;
    loop->end = &task->next;
}

static void run_tasks(struct loop *loop)
{
    while (loop->first != NULL) {
        struct loop_task *task = loop->first;
        loop->first = task->next;
        if (loop->first == NULL)
            loop->end = &loop->first;
        task->run(task);
    }
}

struct fixture {
    struct loop loop;
    struct outbox *outbox;
    int answers;
    struct upstream_answer last;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->loop.end = &f->loop.first;
    assert_int_equal(outbox_create(MAX, TIMEOUT_MS, &f->outbox), ERR_OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    outbox_destroy(f->outbox);
    int answers = f->answers;
    run_tasks(&f->loop); // as a loop does at its end
    int late = f->answers - answers;
    free(f);
    return late; // nobody may be called any more
}

static void on_answer(void *context, const struct upstream_answer *answer)
{
    struct fixture *f = context;
    f->answers++;
    f->last = *answer;
}

static void run_loop(struct fixture *f)
{
    run_tasks(&f->loop);
}

static struct post post_of(const char *payload)
{
    return (struct post){.topic = span_of("rooms/lobby/messages"),
                         .from = span_of("alice"),
                         .payload = span_of(payload),
                         .qos = 1,
                         .is_kept = true};
}

static uint64_t add(struct fixture *f, const char *payload, int64_t now_ms)
{
    bool is_wake_due;
    struct post post = post_of(payload);
    uint64_t ref = outbox_add(f->outbox, &f->loop, &post, now_ms, on_answer, f, &is_wake_due);
    assert_true(ref != 0);
    return ref;
}

static void a_post_goes_through_and_is_answered_once(void **state)
{
    struct fixture *f = *state;
    outbox_open(f->outbox);
    char payload[] = "hello";
    uint64_t ref = add(f, payload, 0);
    payload[0] = 'X'; // the outbox has a copy
    const struct post *post = outbox_next(f->outbox);
    assert_non_null(post);
    assert_true(post->ref == ref);
    assert_string_equal(post->topic.ptr, "rooms/lobby/messages");
    assert_string_equal(post->from.ptr, "alice");
    assert_string_equal(post->name.ptr, "");
    assert_true(span_is(post->payload, "hello"));
    assert_null(outbox_next(f->outbox));
    outbox_sent(f->outbox, ref);
    struct upstream_answer answer = {.err = ERR_OK, .id = 42};
    outbox_answer(f->outbox, ref, &answer);
    outbox_answer(f->outbox, ref, &answer); // a second one is nobody's
    assert_int_equal(f->answers, 0);        // not before the loop's turn
    run_loop(f);
    assert_int_equal(f->answers, 1);
    assert_int_equal(f->last.id, 42);
}

static void only_the_first_waiting_post_needs_a_wake(void **state)
{
    struct fixture *f = *state;
    outbox_open(f->outbox);
    struct post post = post_of("a");
    bool is_wake_due;
    assert_true(outbox_add(f->outbox, &f->loop, &post, 0, on_answer, f, &is_wake_due) != 0);
    assert_true(is_wake_due);
    assert_true(outbox_add(f->outbox, &f->loop, &post, 0, on_answer, f, &is_wake_due) != 0);
    assert_false(is_wake_due);
    while (outbox_next(f->outbox) != NULL)
        ;
    assert_true(outbox_add(f->outbox, &f->loop, &post, 0, on_answer, f, &is_wake_due) != 0);
    assert_true(is_wake_due);
}

static void a_forgotten_post_is_never_answered(void **state)
{
    struct fixture *f = *state;
    outbox_open(f->outbox);
    struct upstream_answer answer = {.err = ERR_OK};
    uint64_t queued = add(f, "a", 0);
    outbox_forget(f->outbox, queued);
    assert_non_null(outbox_next(f->outbox)); // it is published all the same
    outbox_answer(f->outbox, queued, &answer);
    uint64_t answered = add(f, "b", 0);
    assert_non_null(outbox_next(f->outbox));
    outbox_answer(f->outbox, answered, &answer);
    outbox_forget(f->outbox, answered); // its answer is on its way to the loop
    run_loop(f);
    assert_int_equal(f->answers, 0);
    outbox_forget(f->outbox, answered); // unknown by now
}

static void while_the_broker_is_away_posts_fail_at_once(void **state)
{
    struct fixture *f = *state;
    (void)add(f, "a", 0);
    assert_null(outbox_next(f->outbox));
    run_loop(f);
    assert_int_equal(f->answers, 1);
    assert_int_equal(f->last.err, ERR_AGAIN);
    outbox_open(f->outbox);
    uint64_t sent = add(f, "b", 0);
    assert_non_null(outbox_next(f->outbox));
    (void)add(f, "c", 0); // still queued
    outbox_close(f->outbox, "not sent", "sent");
    run_loop(f);
    assert_int_equal(f->answers, 3);
    assert_string_equal(f->last.detail, "sent"); // the queued one came first
    struct upstream_answer late = {.err = ERR_OK, .id = 1};
    outbox_answer(f->outbox, sent, &late);
    outbox_open(f->outbox);
    assert_null(outbox_next(f->outbox)); // nothing is sent again
    run_loop(f);
    assert_int_equal(f->answers, 3);
    (void)add(f, "d", 0);
    outbox_close(f->outbox, "not sent", "sent");
    run_loop(f);
    assert_int_equal(f->answers, 4);
    assert_string_equal(f->last.detail, "not sent");
}

static void the_number_of_waiting_posts_is_bounded(void **state)
{
    struct fixture *f = *state;
    outbox_open(f->outbox);
    uint64_t first = add(f, "1", 0);
    (void)add(f, "2", 0);
    (void)add(f, "3", 0);
    (void)add(f, "4", 0);
    run_loop(f);
    assert_int_equal(f->answers, 1);
    assert_int_equal(f->last.err, ERR_AGAIN);
    assert_non_null(outbox_next(f->outbox));
    struct upstream_answer answer = {.err = ERR_OK};
    outbox_answer(f->outbox, first, &answer);
    (void)add(f, "5", 0); // has room again
    run_loop(f);
    assert_int_equal(f->answers, 2);
    assert_int_equal(f->last.err, ERR_OK);
}

static void nobody_waits_longer_than_the_timeout(void **state)
{
    struct fixture *f = *state;
    outbox_open(f->outbox);
    assert_int_equal(outbox_expire(f->outbox, 0), -1);
    (void)add(f, "sent", 0);
    assert_non_null(outbox_next(f->outbox));
    (void)add(f, "queued", 400);
    assert_int_equal(outbox_expire(f->outbox, 999), 1);
    assert_int_equal(outbox_expire(f->outbox, 1000), 400);
    run_loop(f);
    assert_int_equal(f->answers, 1);
    assert_int_equal(f->last.err, ERR_AGAIN);
    assert_int_equal(outbox_expire(f->outbox, 1400), -1);
    run_loop(f);
    assert_int_equal(f->answers, 2);
    assert_null(outbox_next(f->outbox)); // too late to be sent
}

static void the_plugins_word_wins_over_the_brokers(void **state)
{
    struct fixture *f = *state;
    outbox_open(f->outbox);
    uint64_t told = add(f, "a", 0);
    assert_non_null(outbox_next(f->outbox));
    outbox_acked(f->outbox, told, ERR_DENIED, 10);
    struct upstream_answer full = {.err = ERR_FULL, .detail = "the disk is full"};
    outbox_answer(f->outbox, told, &full);
    run_loop(f);
    assert_int_equal(f->last.err, ERR_FULL);
    uint64_t untold = add(f, "b", 20);
    assert_non_null(outbox_next(f->outbox));
    outbox_acked(f->outbox, untold, ERR_DENIED, 30);
    int64_t wait_ms = outbox_expire(f->outbox, 30);
    assert_true(wait_ms > 0 && wait_ms < TIMEOUT_MS);
    run_loop(f);
    assert_int_equal(f->answers, 1);
    (void)outbox_expire(f->outbox, 30 + wait_ms);
    run_loop(f);
    assert_int_equal(f->answers, 2);
    assert_int_equal(f->last.err, ERR_DENIED);
}

static void an_ack_answers_what_is_not_kept(void **state)
{
    struct fixture *f = *state;
    outbox_open(f->outbox);
    uint64_t kept = add(f, "a", 0);
    struct post live = post_of("b");
    live.is_kept = false;
    bool is_wake_due;
    uint64_t ref = outbox_add(f->outbox, &f->loop, &live, 0, on_answer, f, &is_wake_due);
    while (outbox_next(f->outbox) != NULL)
        ;
    outbox_acked(f->outbox, kept, ERR_OK, 0); // says nothing about the stamp
    outbox_acked(f->outbox, ref, ERR_OK, 0);
    run_loop(f);
    assert_int_equal(f->answers, 1);
    assert_int_equal(f->last.err, ERR_OK);
}

static struct upstream_answer response(void)
{
    struct upstream_answer answer = {.err = ERR_OK};
    assert_int_equal(json_parse(span_of("{\"n\":7}"), &answer.response), ERR_OK);
    answer.data = json_member(answer.response, "n");
    return answer;
}

static void on_response(void *context, const struct upstream_answer *answer)
{
    int64_t number = 0;
    assert_true(json_get_int(answer->data, &number)); // lives during the call
    assert_int_equal(number, 7);
    ((struct fixture *)context)->answers++;
}

static void a_command_waits_for_its_response(void **state)
{
    struct fixture *f = *state;
    outbox_open(f->outbox);
    struct post post = {.payload = span_of("{\"command\":\"x\"}"), .qos = 1, .is_command = true};
    bool is_wake_due;
    uint64_t ref = outbox_add(f->outbox, &f->loop, &post, 0, on_response, f, &is_wake_due);
    assert_true(span_is(outbox_next(f->outbox)->payload, "{\"command\":\"x\"}"));
    outbox_acked(f->outbox, ref, ERR_OK, 0); // arrived, but not yet answered
    run_loop(f);
    assert_int_equal(f->answers, 0);
    struct upstream_answer answer = response();
    outbox_answer(f->outbox, ref, &answer);
    struct upstream_answer again = response();
    outbox_answer(f->outbox, ref, &again); // freed, not delivered
    run_loop(f);
    assert_int_equal(f->answers, 1);
    ref = outbox_add(f->outbox, &f->loop, &post, 0, on_response, f, &is_wake_due);
    outbox_forget(f->outbox, ref);
    (void)outbox_next(f->outbox);
    answer = response();
    outbox_answer(f->outbox, ref, &answer); // the same
    run_loop(f);
    assert_int_equal(f->answers, 1);
}

static void what_is_under_way_at_the_end_is_freed(void **state)
{
    struct fixture *f = *state;
    outbox_open(f->outbox);
    uint64_t ref = add(f, "answered, but its loop has stopped", 0);
    assert_non_null(outbox_next(f->outbox));
    struct upstream_answer answer = {.err = ERR_OK};
    outbox_answer(f->outbox, ref, &answer);
    (void)add(f, "queued", 0); // the teardown and the leak checker see to both
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_post_goes_through_and_is_answered_once, setup, teardown),
        cmocka_unit_test_setup_teardown(only_the_first_waiting_post_needs_a_wake, setup, teardown),
        cmocka_unit_test_setup_teardown(a_forgotten_post_is_never_answered, setup, teardown),
        cmocka_unit_test_setup_teardown(while_the_broker_is_away_posts_fail_at_once, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_number_of_waiting_posts_is_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(nobody_waits_longer_than_the_timeout, setup, teardown),
        cmocka_unit_test_setup_teardown(the_plugins_word_wins_over_the_brokers, setup, teardown),
        cmocka_unit_test_setup_teardown(an_ack_answers_what_is_not_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(a_command_waits_for_its_response, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_under_way_at_the_end_is_freed, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
