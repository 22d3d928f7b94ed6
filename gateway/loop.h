// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// One thread's event loop: descriptors (epoll), timers, and tasks posted by other threads.
// Nothing called from it may block.
#ifndef ROOMWIRE_GATEWAY_LOOP_H
#define ROOMWIRE_GATEWAY_LOOP_H

#include <stddef.h>
#include <stdint.h>

#include "core/container.h"
#include "core/err.h"

struct loop;

// Errors: ERR_IO, ERR_MEMORY.
MUST_USE enum err loop_create(struct loop **out_loop);
// Runs the tasks that still wait, then ends the loop. NULL is fine.
void loop_destroy(struct loop *loop);
// Runs until loop_stop, which any thread may call, also before. What was posted before that is run
// before this returns.
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

// Milliseconds of the monotonic clock, and of the wall clock since 1970, at this turn of the loop.
int64_t loop_now_ms(const struct loop *loop);
int64_t loop_date_ms(const struct loop *loop);

// A watched descriptor, embedded in whatever owns it. `events` are EPOLLIN, EPOLLOUT, ... ;
// level-triggered. The owner removes it before closing the descriptor or freeing the storage.
struct loop_watch {
    int fd;
    uint32_t events;
    void (*on_ready)(struct loop_watch *watch, uint32_t events);
};
MUST_USE enum err loop_add(struct loop *loop, struct loop_watch *watch);
MUST_USE enum err loop_change(struct loop *loop, struct loop_watch *watch, uint32_t events);
void loop_remove(struct loop *loop, struct loop_watch *watch);

// A timer, embedded; zeroed before its first use. Starting a running timer moves it, which cannot
// fail; it is stopped before `on_time` is called. One that is started from there, with whatever
// delay, goes off in a later turn: the way to do a long work in parts.
struct loop_timer {
    void (*on_time)(struct loop_timer *timer);
    int64_t due_ms;
    unsigned turn; // of the loop's, when it was started
    size_t place;  // in the loop's heap, from 1; 0: not running
};
MUST_USE enum err loop_timer_start(struct loop *loop, struct loop_timer *timer, int64_t delay_ms);
void loop_timer_stop(struct loop *loop, struct loop_timer *timer);

// A task, embedded; run once on the loop's thread. May be posted from any thread; must not be
// posted again before it has begun to run.
struct loop_task {
    void (*run)(struct loop_task *task);
    struct loop_task *next;
};
void loop_post(struct loop *loop, struct loop_task *task);
// Runs the task at the end of this turn, when no callback holds a pointer any more: the place to
// free things. From a deferred task it is the next turn. Only from the loop's own thread.
void loop_defer(struct loop *loop, struct loop_task *task);

#endif
