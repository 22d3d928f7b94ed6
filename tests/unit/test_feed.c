// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Between the service connection and the workers: which rooms have to be subscribed to, and what
// each worker hears, however far it is behind.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/topic.h"
#include "gateway/feed.h"
#include "gateway/loop.h"

enum { WORKERS = 2, ROOMS_MAX = 3, INBOX_MEMORY = 1 << 20 };

struct worker_side {
    struct loop *loop;
    struct feed_events events;
    int64_t last_id;
    size_t messages, listenings;
    struct loop_task task;
    size_t messages_first; // when the task ran
};

struct fixture {
    struct feed *feed;
    struct worker_side workers[WORKERS];
};

static void on_message(void *context, struct feed_message *message)
{
    struct worker_side *w = context;
    assert_true(message->message.id > w->last_id); // in order
    w->messages++;
    w->last_id = message->message.id;
    feed_message_release(message);
}

static void on_listening(void *context, struct span room)
{
    struct worker_side *w = context;
    assert_true(topic_is_room(room));
    w->listenings++;
}

static void set_up(struct fixture *f)
{
    *f = (struct fixture){0};
    assert_int_equal(feed_create(ROOMS_MAX, INBOX_MEMORY, &f->feed), ERR_OK);
    for (int i = 0; i < WORKERS; i++) {
        struct worker_side *w = &f->workers[i];
        w->events = (struct feed_events){w, on_message, on_listening};
        assert_int_equal(loop_create(&w->loop), ERR_OK);
        assert_int_equal(feed_join(f->feed, i, w->loop, &w->events), ERR_OK);
    }
}

static void tear_down(struct fixture *f)
{
    for (int i = 0; i < WORKERS; i++) {
        feed_leave(f->feed, i);
        loop_destroy(f->workers[i].loop);
    }
    feed_destroy(f->feed);
}

// Has the worker look into its inbox.
static void run(struct worker_side *w)
{
    loop_stop(w->loop);
    loop_run(w->loop);
}

static void listen_to(struct fixture *f, int worker, const char *room, bool wakes)
{
    bool has_to_wake = false;
    assert_int_equal(feed_listen(f->feed, worker, span_of(room), &has_to_wake), ERR_OK);
    assert_int_equal(has_to_wake, wakes);
}

static void ignore(struct fixture *f, int worker, const char *room, bool wakes)
{
    bool has_to_wake = false;
    feed_ignore(f->feed, worker, span_of(room), &has_to_wake);
    assert_int_equal(has_to_wake, wakes);
}

static void expect_change(struct fixture *f, const char *room, bool subscribes)
{
    char found[TOPIC_ROOM_MAX + 1];
    bool is_wanted = false;
    assert_true(feed_next_change(f->feed, found, &is_wanted));
    assert_string_equal(found, room);
    assert_int_equal(is_wanted, subscribes);
}

static void expect_no_change(struct fixture *f)
{
    char found[TOPIC_ROOM_MAX + 1];
    bool is_wanted;
    assert_false(feed_next_change(f->feed, found, &is_wanted));
}

static void make_live(struct fixture *f, int worker, const char *room)
{
    listen_to(f, worker, room, true);
    expect_change(f, room, true);
    feed_subscribed(f->feed, room);
    run(&f->workers[worker]);
}

static void deliver(struct fixture *f, const char *room, int64_t id, size_t len)
{
    static const char payload[INBOX_MEMORY];
    assert_true(len <= sizeof payload);
    struct message m = {.id = id, .room = span_of(room), .payload = span_make(payload, len)};
    assert_int_equal(feed_deliver(f->feed, &m), ERR_OK);
}

static void a_room_is_subscribed_to_while_somebody_listens(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    listen_to(&f, 0, "lobby", true);
    expect_change(&f, "lobby", true);
    listen_to(&f, 1, "lobby", false); // asked for already
    feed_subscribed(f.feed, "lobby");
    for (int i = 0; i < WORKERS; i++) {
        run(&f.workers[i]);
        assert_int_equal(f.workers[i].listenings, 1);
    }
    ignore(&f, 0, "lobby", false);
    expect_no_change(&f);
    ignore(&f, 1, "lobby", true);
    expect_change(&f, "lobby", false);
    expect_no_change(&f);
    tear_down(&f);
}

static void who_comes_back_at_once_is_told_without_a_change(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    make_live(&f, 0, "lobby");
    ignore(&f, 0, "lobby", true);
    listen_to(&f, 0, "lobby", false);
    expect_no_change(&f);
    run(&f.workers[0]);
    assert_int_equal(f.workers[0].listenings, 2);
    tear_down(&f);
}

static void a_new_connection_subscribes_to_all_again(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    make_live(&f, 0, "lobby");
    feed_disconnected(f.feed);
    expect_change(&f, "lobby", true);
    expect_no_change(&f);
    feed_subscribed(f.feed, "lobby");
    run(&f.workers[0]);
    assert_int_equal(f.workers[0].listenings, 2);
    tear_down(&f);
}

static void rooms_are_counted(void **state)
{
    (void)state;
    struct fixture f;
    bool wakes;
    set_up(&f);
    listen_to(&f, 0, "a", true);
    listen_to(&f, 0, "b", false); // the upstream is awake
    listen_to(&f, 0, "c", false);
    assert_int_equal(feed_listen(f.feed, 0, span_of("d"), &wakes), ERR_FULL);
    ignore(&f, 0, "b", false);
    expect_change(&f, "a", true);
    expect_change(&f, "c", true); // nobody ever asked the broker for b
    expect_no_change(&f);
    listen_to(&f, 0, "d", true);
    tear_down(&f);
}

static void rooms_that_nobody_reads_make_room_while_the_broker_is_away(void **state)
{
    (void)state;
    struct fixture f;
    bool wakes;
    set_up(&f);
    make_live(&f, 0, "a");
    feed_disconnected(f.feed);
    listen_to(&f, 0, "b", false);
    listen_to(&f, 0, "c", false);
    assert_int_equal(feed_listen(f.feed, 0, span_of("d"), &wakes), ERR_FULL);
    ignore(&f, 0, "a", false);
    ignore(&f, 0, "c", false);
    listen_to(&f, 0, "d", false);
    expect_change(&f, "b", true);
    expect_change(&f, "d", true);
    expect_no_change(&f);
    tear_down(&f);
}

static void messages_reach_who_listens(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    make_live(&f, 0, "lobby");
    make_live(&f, 1, "kitchen");
    deliver(&f, "lobby", 1, 100);
    deliver(&f, "kitchen", 2, 100);
    deliver(&f, "cellar", 3, 100);
    for (int i = 0; i < WORKERS; i++) {
        run(&f.workers[i]);
        assert_int_equal(f.workers[i].messages, 1);
        assert_int_equal(f.workers[i].last_id, i + 1);
    }
    tear_down(&f);
}

static void a_worker_that_is_behind_holds_no_more_than_it_may(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    make_live(&f, 0, "lobby");
    listen_to(&f, 1, "lobby", false);
    for (int64_t id = 1; id <= 10; id++) {
        deliver(&f, "lobby", id, INBOX_MEMORY / 4);
        run(&f.workers[1]);
    }
    run(&f.workers[0]);
    assert_in_range(f.workers[0].messages, 1, 3);
    assert_int_equal(f.workers[0].last_id, f.workers[0].messages); // the first ones, in order
    assert_int_equal(f.workers[1].messages, 10);
    deliver(&f, "lobby", 11, INBOX_MEMORY / 4); // there is room again
    run(&f.workers[0]);
    assert_int_equal(f.workers[0].last_id, 11);
    tear_down(&f);
}

static void count_turn(struct loop_task *task)
{
    struct worker_side *w = CONTAINER_OF(task, struct worker_side, task);
    w->messages_first = w->messages;
}

static void many_messages_are_not_taken_in_one_turn(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    struct fixture f;
    set_up(&f);
    make_live(&f, 0, "lobby");
    for (int64_t id = 1; id <= COUNT; id++)
        deliver(&f, "lobby", id, 1);
    struct worker_side *w = &f.workers[0];
    w->task.run = count_turn;
    loop_post(w->loop, &w->task); // behind the inbox's first part
    run(w);
    assert_in_range(w->messages_first, 1, COUNT - 1);
    assert_int_equal(w->messages, COUNT);
    tear_down(&f);
}

static void what_waits_is_freed_with_the_feed(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    make_live(&f, 0, "lobby");
    deliver(&f, "lobby", 1, 100);
    tear_down(&f); // the sanitizers count
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_room_is_subscribed_to_while_somebody_listens),
        cmocka_unit_test(who_comes_back_at_once_is_told_without_a_change),
        cmocka_unit_test(a_new_connection_subscribes_to_all_again),
        cmocka_unit_test(rooms_are_counted),
        cmocka_unit_test(rooms_that_nobody_reads_make_room_while_the_broker_is_away),
        cmocka_unit_test(messages_reach_who_listens),
        cmocka_unit_test(a_worker_that_is_behind_holds_no_more_than_it_may),
        cmocka_unit_test(many_messages_are_not_taken_in_one_turn),
        cmocka_unit_test(what_waits_is_freed_with_the_feed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
