// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The event loop: the order of timers and tasks, removing what is about to be called, other
// threads, and what is left at the end.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "gateway/loop.h"

// Everything below notes what it did here.
struct notes {
    char text[256];
    size_t len;
};

static void note(struct notes *notes, char what)
{
    assert_in_range(notes->len, 0, sizeof notes->text - 2);
    notes->text[notes->len++] = what;
    notes->text[notes->len] = '\0';
}

struct thing {
    struct loop *loop;
    struct notes *notes;
    char name;
    struct loop_timer timer;
    struct loop_task task;
    struct loop_watch watch;
    struct thing *other;
};

static struct thing *of_timer(struct loop_timer *timer)
{
    return (struct thing *)(void *)((char *)timer - offsetof(struct thing, timer));
}

static struct thing *of_task(struct loop_task *task)
{
    return (struct thing *)(void *)((char *)task - offsetof(struct thing, task));
}

static struct thing *of_watch(struct loop_watch *watch)
{
    return (struct thing *)(void *)((char *)watch - offsetof(struct thing, watch));
}

static void note_timer(struct loop_timer *timer)
{
    note(of_timer(timer)->notes, of_timer(timer)->name);
}

static void stop_timer(struct loop_timer *timer)
{
    note_timer(timer);
    loop_stop(of_timer(timer)->loop);
}

static void note_task(struct loop_task *task)
{
    note(of_task(task)->notes, of_task(task)->name);
}

static void stop_task(struct loop_task *task)
{
    note_task(task);
    loop_stop(of_task(task)->loop);
}

static struct loop *make_loop(void)
{
    struct loop *loop;
    assert_int_equal(loop_create(&loop), ERR_OK);
    return loop;
}

static void timers_go_off_in_order(void **state)
{
    (void)state;
    struct loop *loop = make_loop();
    struct notes notes = {0};
    static const int delays[] = {12, 3, 9, 1, 6, 0};
    struct thing things[6];
    for (int i = 0; i < 6; i++) {
        things[i] = (struct thing){.loop = loop, .notes = &notes, .name = (char)('a' + i)};
        things[i].timer.on_time = i == 0 ? stop_timer : note_timer;
        assert_int_equal(loop_timer_start(loop, &things[i].timer, delays[i]), ERR_OK);
    }
    loop_run(loop);
    assert_string_equal(notes.text, "fdbeca");
    loop_destroy(loop);
}

static void a_timer_is_moved_and_stopped(void **state)
{
    (void)state;
    struct loop *loop = make_loop();
    struct notes notes = {0};
    struct thing a = {.loop = loop, .notes = &notes, .name = 'a', .timer = {.on_time = note_timer}};
    struct thing b = {.loop = loop, .notes = &notes, .name = 'b', .timer = {.on_time = note_timer}};
    struct thing c = {.loop = loop, .notes = &notes, .name = 'c', .timer = {.on_time = stop_timer}};
    assert_int_equal(loop_timer_start(loop, &a.timer, 1), ERR_OK);
    assert_int_equal(loop_timer_start(loop, &b.timer, 2), ERR_OK);
    assert_int_equal(loop_timer_start(loop, &c.timer, 20), ERR_OK);
    assert_int_equal(loop_timer_start(loop, &a.timer, 5), ERR_OK); // later now
    loop_timer_stop(loop, &b.timer);
    loop_timer_stop(loop, &b.timer); // twice does no harm
    loop_run(loop);
    assert_string_equal(notes.text, "ac");
    loop_destroy(loop);
}

// Against a plain model: whatever is started, moved and stopped, the earliest is always first.
static void many_timers_keep_their_order(void **state)
{
    (void)state;
    enum { COUNT = 500, ROUNDS = 20000 };
    struct loop *loop = make_loop();
    struct notes notes = {0};
    struct thing *things = calloc(COUNT, sizeof *things);
    assert_non_null(things);
    unsigned random = 1;
    for (int i = 0; i < ROUNDS; i++) {
        random = random * 1664525u + 1013904223u;
        struct loop_timer *timer = &things[(random >> 16) % COUNT].timer;
        if (random % 3 == 0)
            loop_timer_stop(loop, timer);
        else
            assert_int_equal(loop_timer_start(loop, timer, 100000 + (random >> 12) % 1000), ERR_OK);
    }
    // Taken out one after the other, by stopping the one at place 1.
    int64_t last_ms = 0;
    for (;;) {
        struct loop_timer *first = NULL;
        for (int i = 0; i < COUNT; i++)
            if (things[i].timer.place == 1)
                first = &things[i].timer;
        if (first == NULL)
            break;
        assert_true(first->due_ms >= last_ms);
        last_ms = first->due_ms;
        loop_timer_stop(loop, first);
    }
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(things[i].timer.place, 0);
    assert_int_equal(notes.len, 0);
    free(things);
    loop_destroy(loop);
}

static void defer_self_once(struct loop_task *task)
{
    struct thing *thing = of_task(task);
    note(thing->notes, thing->name);
    if (thing->other != NULL) {
        loop_defer(thing->loop, &thing->other->task);
        thing->other = NULL;
    }
}

static void start_anew(struct loop_timer *timer)
{
    note_timer(timer);
    struct thing *thing = of_timer(timer);
    if (thing->notes->len < 6)
        assert_int_equal(loop_timer_start(thing->loop, timer, 0), ERR_OK);
    else
        loop_stop(thing->loop);
}

static void note_watch(struct loop_watch *watch, uint32_t events)
{
    assert_int_equal(events, EPOLLIN);
    note(of_watch(watch)->notes, of_watch(watch)->name);
}

static void a_timer_that_starts_itself_anew_lets_descriptors_in(void **state)
{
    (void)state;
    struct loop *loop = make_loop();
    struct notes notes = {0};
    struct thing t = {.loop = loop, .notes = &notes, .name = 't', .timer = {.on_time = start_anew}};
    struct thing w = {.loop = loop, .notes = &notes, .name = 'w'};
    struct thing others[3];                                                      // running, too
    w.watch = (struct loop_watch){eventfd(1, EFD_CLOEXEC), EPOLLIN, note_watch}; // always ready
    assert_int_equal(loop_add(loop, &w.watch), ERR_OK);
    assert_int_equal(loop_timer_start(loop, &t.timer, 0), ERR_OK);
    for (int i = 0; i < 3; i++) {
        others[i] = (struct thing){.timer = {.on_time = note_timer}};
        assert_int_equal(loop_timer_start(loop, &others[i].timer, 60000), ERR_OK);
    }
    loop_run(loop);
    assert_string_equal(notes.text, "wtwtwt");
    loop_destroy(loop);
    assert_int_equal(close(w.watch.fd), 0);
}

static void tasks_run_in_the_order_they_came(void **state)
{
    (void)state;
    struct loop *loop = make_loop();
    struct notes notes = {0};
    struct thing c = {.loop = loop, .notes = &notes, .name = 'c', .task = {.run = stop_task}};
    struct thing b = {
        .loop = loop, .notes = &notes, .name = 'b', .task = {.run = defer_self_once}, .other = &c};
    struct thing a = {.loop = loop, .notes = &notes, .name = 'a', .task = {.run = note_task}};
    loop_defer(loop, &b.task); // runs behind what is posted
    loop_post(loop, &a.task);
    loop_run(loop);
    assert_string_equal(notes.text, "abc");
    loop_destroy(loop);
}

static void what_was_posted_before_the_stop_is_run(void **state)
{
    (void)state;
    struct loop *loop = make_loop();
    struct notes notes = {0};
    struct thing a = {.loop = loop, .notes = &notes, .name = 'a', .task = {.run = note_task}};
    struct thing b = {.loop = loop, .notes = &notes, .name = 'b', .task = {.run = note_task}};
    loop_post(loop, &a.task);
    loop_stop(loop);
    loop_run(loop);
    assert_string_equal(notes.text, "a");
    loop_post(loop, &b.task); // after the end: what it frees is still freed
    loop_destroy(loop);
    assert_string_equal(notes.text, "ab");
}

static void remove_other(struct loop_watch *watch, uint32_t events)
{
    struct thing *thing = of_watch(watch);
    assert_int_equal(events, EPOLLIN);
    note(thing->notes, thing->name);
    // Both were ready in this turn; the other must not be called any more.
    loop_remove(thing->loop, &thing->other->watch);
    loop_remove(thing->loop, &thing->watch);
    loop_stop(thing->loop);
}

static void a_removed_watch_is_not_called(void **state)
{
    (void)state;
    struct loop *loop = make_loop();
    struct notes notes = {0};
    struct thing things[2];
    for (int i = 0; i < 2; i++) {
        things[i] =
            (struct thing){.loop = loop, .notes = &notes, .name = 'x', .other = &things[1 - i]};
        things[i].watch = (struct loop_watch){eventfd(1, EFD_CLOEXEC), EPOLLIN, remove_other};
        assert_int_equal(loop_add(loop, &things[i].watch), ERR_OK);
    }
    loop_run(loop);
    assert_string_equal(notes.text, "x");
    for (int i = 0; i < 2; i++)
        assert_int_equal(close(things[i].watch.fd), 0);
    loop_destroy(loop);
}

static void read_and_stop(struct loop_watch *watch, uint32_t events)
{
    struct thing *thing = of_watch(watch);
    note(thing->notes, (events & EPOLLOUT) != 0 ? 'o' : 'i');
    if ((events & EPOLLOUT) != 0)
        assert_int_equal(loop_change(thing->loop, watch, EPOLLIN), ERR_OK);
    else
        loop_stop(thing->loop);
}

static void what_is_watched_for_can_change(void **state)
{
    (void)state;
    struct loop *loop = make_loop();
    struct notes notes = {0};
    struct thing thing = {.loop = loop, .notes = &notes};
    thing.watch = (struct loop_watch){eventfd(1, EFD_CLOEXEC), EPOLLOUT, read_and_stop};
    assert_int_equal(loop_add(loop, &thing.watch), ERR_OK);
    loop_run(loop);
    assert_string_equal(notes.text, "oi");
    loop_remove(loop, &thing.watch);
    assert_int_equal(close(thing.watch.fd), 0);
    loop_destroy(loop);
}

enum { POSTERS = 4, POSTS = 5000 };

struct poster {
    struct loop *loop;
    struct thing *things;
    pthread_t thread;
};

static size_t posts_run; // of this test alone, on the loop's thread

static void count_post(struct loop_task *task)
{
    struct thing *thing = of_task(task);
    if (++posts_run == (size_t)POSTERS * POSTS)
        loop_stop(thing->loop);
}

static void *post_all(void *context)
{
    struct poster *poster = context;
    for (int i = 0; i < POSTS; i++)
        loop_post(poster->loop, &poster->things[i].task);
    return NULL;
}

static void posts_of_many_threads_all_arrive(void **state)
{
    (void)state;
    struct loop *loop = make_loop();
    struct poster posters[POSTERS];
    posts_run = 0;
    for (int i = 0; i < POSTERS; i++) {
        posters[i] = (struct poster){.loop = loop, .things = calloc(POSTS, sizeof(struct thing))};
        assert_non_null(posters[i].things);
        for (int k = 0; k < POSTS; k++)
            posters[i].things[k] = (struct thing){.loop = loop, .task = {.run = count_post}};
        assert_int_equal(pthread_create(&posters[i].thread, NULL, post_all, &posters[i]), 0);
    }
    loop_run(loop); // ends when the last has run; a lost wake-up would leave it waiting
    assert_int_equal(posts_run, (size_t)POSTERS * POSTS);
    for (int i = 0; i < POSTERS; i++) {
        assert_int_equal(pthread_join(posters[i].thread, NULL), 0);
        free(posters[i].things);
    }
    loop_destroy(loop);
}

static void the_clocks_go_on(void **state)
{
    (void)state;
    struct loop *loop = make_loop();
    struct notes notes = {0};
    struct thing a = {.loop = loop, .notes = &notes, .name = 'a', .timer = {.on_time = stop_timer}};
    int64_t before_ms = loop_now_ms(loop), date_ms = loop_date_ms(loop);
    assert_int_equal(loop_timer_start(loop, &a.timer, 20), ERR_OK);
    loop_run(loop);
    assert_true(loop_now_ms(loop) - before_ms >= 20);
    assert_true(loop_date_ms(loop) - date_ms >= 19); // the wall clock may be steered a little
    assert_true(date_ms > 1500000000000);
    loop_destroy(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_go_off_in_order),
        cmocka_unit_test(a_timer_is_moved_and_stopped),
        cmocka_unit_test(many_timers_keep_their_order),
        cmocka_unit_test(a_timer_that_starts_itself_anew_lets_descriptors_in),
        cmocka_unit_test(tasks_run_in_the_order_they_came),
        cmocka_unit_test(what_was_posted_before_the_stop_is_run),
        cmocka_unit_test(a_removed_watch_is_not_called),
        cmocka_unit_test(what_is_watched_for_can_change),
        cmocka_unit_test(posts_of_many_threads_all_arrive),
        cmocka_unit_test(the_clocks_go_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
