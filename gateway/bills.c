// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "bills.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "core/clock.h"
#include "core/container.h"
#include "core/thread.h"
#include "gateway.h"

enum { WAITING_MAX = 16 };

// Travels from its loop to the thread and back, where it is freed.
struct bill_query {
    struct loop_task task;
    struct bill_query *next;
    struct bills *bills;
    struct loop *home;
    bills_done_fn *done;
    void *context;
    atomic_bool is_forgotten; // set at home
    enum err err;
    struct bill bill;
};

struct bills {
    const struct gateway *gateway;
    pthread_t thread;
    atomic_bool is_ending;
    pthread_mutex_t lock; // over all below
    pthread_cond_t wake;
    bool has_thread;
    struct bill_query *first, **last; // that wait
    int waiting;
};

enum err bills_create(const struct gateway *gateway, struct bills **out_bills)
{
    struct bills *bills = calloc(1, sizeof *bills);
    if (bills == NULL)
        return ERR_MEMORY;
    bills->gateway = gateway;
    bills->last = &bills->first;
    // Neither can fail with default attributes.
    (void)pthread_mutex_init(&bills->lock, NULL);
    (void)pthread_cond_init(&bills->wake, NULL);
    *out_bills = bills;
    return ERR_OK;
}

// Takes the first one that waits; NULL if there is none. The lock is held.
static struct bill_query *take(struct bills *bills)
{
    struct bill_query *query = bills->first;
    if (query == NULL)
        return NULL;
    bills->first = query->next;
    if (bills->first == NULL)
        bills->last = &bills->first;
    bills->waiting--;
    return query;
}

static void query_free(struct bill_query *query)
{
    bill_finish(&query->bill);
    free(query);
}

// ---- the thread ----

static int is_over(void *context)
{
    const struct bill_query *query = context;
    return atomic_load(&query->is_forgotten) || atomic_load(&query->bills->is_ending);
}

// By a handle of its own each time: it is needed rarely, and never one of a database that somebody
// has put another one in the place of.
static void make(struct bill_query *query)
{
    const struct gateway *gateway = query->bills->gateway;
    struct store *store = NULL;
    query->err = ERR_AGAIN;
    if (store_open(gateway->config.database, STORE_READ, &gateway->log, &store) == ERR_OK) {
        store_break_off_when(store, is_over, query);
        query->err = bill_make(store, clock_real_ms(), &query->bill);
    }
    store_close(store);
}

static void on_home(struct loop_task *task)
{
    struct bill_query *query = CONTAINER_OF(task, struct bill_query, task);
    if (!atomic_load(&query->is_forgotten))
        query->done(query->context, query->err, &query->bill);
    query_free(query);
}

static void *run(void *context)
{
    struct bills *bills = context;
    (void)pthread_mutex_lock(&bills->lock);
    while (!atomic_load(&bills->is_ending)) {
        struct bill_query *query = take(bills);
        if (query == NULL) {
            (void)pthread_cond_wait(&bills->wake, &bills->lock); // cannot fail
            continue;
        }
        (void)pthread_mutex_unlock(&bills->lock);
        if (is_over(query) == 0)
            make(query);
        query->task.run = on_home;
        loop_post(query->home, &query->task);
        (void)pthread_mutex_lock(&bills->lock);
    }
    (void)pthread_mutex_unlock(&bills->lock);
    return NULL;
}

void bills_destroy(struct bills *bills)
{
    if (bills == NULL)
        return;
    (void)pthread_mutex_lock(&bills->lock);
    atomic_store(&bills->is_ending, true);
    (void)pthread_cond_signal(&bills->wake);
    (void)pthread_mutex_unlock(&bills->lock);
    if (bills->has_thread)
        (void)pthread_join(bills->thread, NULL); // fails for programmer mistakes only
    struct bill_query *query;
    while ((query = take(bills)) != NULL)
        query_free(query);
    (void)pthread_cond_destroy(&bills->wake);  // nobody waits
    (void)pthread_mutex_destroy(&bills->lock); // nobody holds it
    free(bills);
}

// ---- asking ----

// The lock is held.
static enum err enter(struct bills *bills, struct bill_query *query)
{
    if (bills->waiting == WAITING_MAX)
        return ERR_AGAIN;
    if (!bills->has_thread && thread_start(&bills->thread, run, bills) != ERR_OK)
        return ERR_MEMORY;
    bills->has_thread = true;
    *bills->last = query;
    bills->last = &query->next;
    bills->waiting++;
    (void)pthread_cond_signal(&bills->wake);
    return ERR_OK;
}

enum err bills_ask(struct bills *bills, struct loop *loop, bills_done_fn *done, void *context,
                   struct bill_query **out_query)
{
    struct bill_query *query = calloc(1, sizeof *query);
    if (query == NULL)
        return ERR_MEMORY;
    query->bills = bills;
    query->home = loop;
    query->done = done;
    query->context = context;
    (void)pthread_mutex_lock(&bills->lock);
    enum err err = enter(bills, query);
    (void)pthread_mutex_unlock(&bills->lock);
    if (err != ERR_OK) {
        query_free(query);
        return err;
    }
    *out_query = query;
    return ERR_OK;
}

void bills_forget(struct bill_query *query)
{
    atomic_store(&query->is_forgotten, true);
}
