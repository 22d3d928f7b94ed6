// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "loop.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/clock.h"

enum {
    EVENTS_MAX = 128, // of descriptors, in one turn
    TIMERS_MAX = 64,
    HEAP_START = 64,
    WAIT_MAX_MS = 60000
};

// A list that tasks are taken from in the order they came.
struct task_list {
    struct loop_task *first;
    struct loop_task *last;
};

struct loop {
    int epoll;
    struct loop_watch waker; // an eventfd: there is something in the inbox, or the loop shall stop
    int64_t now_ms, date_ms;

    struct loop_timer **heap; // binary, the earliest first; place p is heap[p - 1]
    size_t heap_count, heap_cap;
    unsigned turn; // how often timers were run

    struct task_list deferred;

    pthread_mutex_t lock;
    struct task_list inbox; // guarded by lock
    atomic_bool is_stopping;

    // The events of this turn; a watch that is removed meanwhile is taken out of them.
    struct epoll_event ready[EVENTS_MAX];
    int ready_at, ready_count;
};

// ---- time ----

static void read_clocks(struct loop *loop)
{
    loop->now_ms = clock_monotonic_ms();
    loop->date_ms = clock_real_ms();
}

int64_t loop_now_ms(const struct loop *loop)
{
    return loop->now_ms;
}

int64_t loop_date_ms(const struct loop *loop)
{
    return loop->date_ms;
}

// ---- tasks ----

static void list_add(struct task_list *list, struct loop_task *task)
{
    task->next = NULL;
    if (list->last != NULL)
        list->last->next = task;
    else
        list->first = task;
    list->last = task;
}

// Runs what is in the list now. What the tasks add comes with the next turn, so that they cannot
// keep the loop from its descriptors.
static void list_run(struct task_list *list)
{
    struct loop_task *task = list->first;
    *list = (struct task_list){NULL, NULL};
    while (task != NULL) {
        struct loop_task *next = task->next; // the task may free itself
        task->run(task);
        task = next;
    }
}

static void wake(struct loop *loop)
{
    uint64_t one = 1;
    // Only a full counter can fail here, and then the loop is awake already.
    (void)!write(loop->waker.fd, &one, sizeof one);
}

void loop_post(struct loop *loop, struct loop_task *task)
{
    pthread_mutex_lock(&loop->lock);
    bool was_empty = loop->inbox.first == NULL;
    list_add(&loop->inbox, task);
    pthread_mutex_unlock(&loop->lock);
    if (was_empty)
        wake(loop);
}

void loop_defer(struct loop *loop, struct loop_task *task)
{
    list_add(&loop->deferred, task);
}

static void run_inbox(struct loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    struct task_list taken = loop->inbox;
    loop->inbox = (struct task_list){NULL, NULL};
    pthread_mutex_unlock(&loop->lock);
    list_run(&taken);
}

static bool has_tasks(struct loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    bool has_some = loop->inbox.first != NULL || loop->deferred.first != NULL;
    pthread_mutex_unlock(&loop->lock);
    return has_some;
}

static void on_wake(struct loop_watch *watch, uint32_t events)
{
    (void)events; // only ever EPOLLIN
    uint64_t count;
    // The inbox is emptied behind this, so a wake-up that comes between the two is only spare.
    (void)!read(watch->fd, &count, sizeof count);
}

// ---- timers ----

static void heap_put(struct loop *loop, size_t place, struct loop_timer *timer)
{
    loop->heap[place - 1] = timer;
    timer->place = place;
}

static void sift_up(struct loop *loop, size_t place, struct loop_timer *timer)
{
    while (place > 1 && loop->heap[place / 2 - 1]->due_ms > timer->due_ms) {
        heap_put(loop, place, loop->heap[place / 2 - 1]);
        place /= 2;
    }
    heap_put(loop, place, timer);
}

static void sift_down(struct loop *loop, size_t place, struct loop_timer *timer)
{
    for (size_t child = place * 2; child <= loop->heap_count; child = place * 2) {
        if (child < loop->heap_count && loop->heap[child]->due_ms < loop->heap[child - 1]->due_ms)
            child++;
        if (loop->heap[child - 1]->due_ms >= timer->due_ms)
            break;
        heap_put(loop, place, loop->heap[child - 1]);
        place = child;
    }
    heap_put(loop, place, timer);
}

static void sift(struct loop *loop, size_t place, struct loop_timer *timer)
{
    if (place > 1 && loop->heap[place / 2 - 1]->due_ms > timer->due_ms)
        sift_up(loop, place, timer);
    else
        sift_down(loop, place, timer);
}

enum err loop_timer_start(struct loop *loop, struct loop_timer *timer, int64_t delay_ms)
{
    if (timer->place == 0) {
        if (loop->heap_count == loop->heap_cap) {
            size_t cap = loop->heap_cap ? loop->heap_cap * 2 : HEAP_START;
            struct loop_timer **grown = realloc(loop->heap, cap * sizeof *grown);
            if (grown == NULL)
                return ERR_MEMORY;
            loop->heap = grown;
            loop->heap_cap = cap;
        }
        timer->place = ++loop->heap_count;
    }
    timer->due_ms = loop->now_ms + (delay_ms > 0 ? delay_ms : 0);
    timer->turn = loop->turn;
    sift(loop, timer->place, timer);
    return ERR_OK;
}

void loop_timer_stop(struct loop *loop, struct loop_timer *timer)
{
    if (timer->place == 0)
        return;
    size_t place = timer->place;
    timer->place = 0;
    struct loop_timer *last = loop->heap[--loop->heap_count];
    if (last != timer)
        sift(loop, place, last);
}

// Not those that are started by one, nor too many at a time: the descriptors wait.
static void run_timers(struct loop *loop)
{
    loop->turn++;
    for (int left = TIMERS_MAX; left > 0 && loop->heap_count > 0; left--) {
        struct loop_timer *timer = loop->heap[0];
        if (timer->due_ms > loop->now_ms || timer->turn == loop->turn)
            return;
        loop_timer_stop(loop, timer);
        timer->on_time(timer);
    }
}

// ---- descriptors ----

static enum err control(struct loop *loop, int operation, struct loop_watch *watch, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = watch};
    if (epoll_ctl(loop->epoll, operation, watch->fd, &event) != 0)
        return errno == ENOMEM || errno == ENOSPC ? ERR_MEMORY : ERR_IO;
    watch->events = events;
    return ERR_OK;
}

enum err loop_add(struct loop *loop, struct loop_watch *watch)
{
    return control(loop, EPOLL_CTL_ADD, watch, watch->events);
}

enum err loop_change(struct loop *loop, struct loop_watch *watch, uint32_t events)
{
    if (events == watch->events)
        return ERR_OK;
    return control(loop, EPOLL_CTL_MOD, watch, events);
}

void loop_remove(struct loop *loop, struct loop_watch *watch)
{
    // Fails only for a watch that is not there, which is as well.
    (void)epoll_ctl(loop->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
    for (int i = loop->ready_at; i < loop->ready_count; i++)
        if (loop->ready[i].data.ptr == watch)
            loop->ready[i].data.ptr = NULL;
}

static void run_watches(struct loop *loop, int count)
{
    loop->ready_count = count;
    for (loop->ready_at = 0; loop->ready_at < loop->ready_count; loop->ready_at++) {
        struct epoll_event *event = &loop->ready[loop->ready_at];
        struct loop_watch *watch = event->data.ptr;
        if (watch != NULL)
            watch->on_ready(watch, event->events);
    }
    loop->ready_at = loop->ready_count = 0;
}

// ---- the loop ----

static int wait_ms(const struct loop *loop)
{
    if (loop->deferred.first != NULL)
        return 0;
    if (loop->heap_count == 0)
        return WAIT_MAX_MS;
    int64_t wait = loop->heap[0]->due_ms - loop->now_ms;
    if (wait <= 0)
        return 0;
    return wait < WAIT_MAX_MS ? (int)wait : WAIT_MAX_MS;
}

static void turn(struct loop *loop)
{
    int count = epoll_wait(loop->epoll, loop->ready, EVENTS_MAX, wait_ms(loop));
    read_clocks(loop);
    if (count > 0)
        run_watches(loop, count);
    run_timers(loop);
    run_inbox(loop);
    list_run(&loop->deferred);
}

// Runs all tasks, also those that these bring up.
static void run_tasks(struct loop *loop)
{
    while (has_tasks(loop)) {
        run_inbox(loop);
        list_run(&loop->deferred);
    }
}

void loop_run(struct loop *loop)
{
    read_clocks(loop);
    while (!atomic_load_explicit(&loop->is_stopping, memory_order_acquire))
        turn(loop);
    run_tasks(loop);
}

void loop_stop(struct loop *loop)
{
    atomic_store_explicit(&loop->is_stopping, true, memory_order_release);
    wake(loop);
}

enum err loop_create(struct loop **out_loop)
{
    struct loop *loop = calloc(1, sizeof *loop);
    if (loop == NULL)
        return ERR_MEMORY;
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    loop->waker = (struct loop_watch){eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), EPOLLIN, on_wake};
    read_clocks(loop);
    (void)pthread_mutex_init(&loop->lock, NULL); // cannot fail with default attributes
    if (loop->epoll < 0 || loop->waker.fd < 0 || loop_add(loop, &loop->waker) != ERR_OK) {
        loop_destroy(loop);
        return ERR_IO;
    }
    *out_loop = loop;
    return ERR_OK;
}

void loop_destroy(struct loop *loop)
{
    if (loop == NULL)
        return;
    run_tasks(loop); // what still waits to run frees something
    if (loop->epoll >= 0)
        (void)close(loop->epoll); // nothing is lost by it
    if (loop->waker.fd >= 0)
        (void)close(loop->waker.fd);          // nothing is lost by it
    (void)pthread_mutex_destroy(&loop->lock); // nobody holds it
    free(loop->heap);
    free(loop);
}
