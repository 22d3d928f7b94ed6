// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "worker.h"
#include "core/thread.h"
#include "token_cache.h"

#include <assert.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "history.h"
#include "http_conn.h"
#include "hub.h"
#include "relay.h"
#include "server.h"

// ---- connections ----

void worker_count_answer(struct worker *worker, int status)
{
    int class = status / 100 - 1;
    assert(class >= 0 && class < COUNTERS_CLASSES);
    atomic_fetch_add_explicit(&worker->counters.answers[class], 1, memory_order_relaxed);
}

// A socket on its way from the worker that accepted it to the one that serves it.
struct arrival {
    struct loop_task task;
    struct worker *to;
    struct admission_peer *peer;
    int fd;
    bool is_tls;
    struct sockaddr_storage address;
};

static void serve_conn(struct worker *worker, int fd, const struct sockaddr *address, bool is_tls,
                       struct admission_peer *peer)
{
    struct conn *conn;
    struct tls *tls = is_tls ? worker->gateway->tls : NULL;
    if (conn_open(&worker->conns, fd, address, tls, peer, &conn) != ERR_OK ||
        http_conn_open(worker, conn) != ERR_OK)
        log_line(&worker->gateway->log, LOG_LEVEL_WARNING,
                 "refuse connections=1 reason=\"no memory\"");
}

static void on_arrival(struct loop_task *task)
{
    struct arrival *arrival = CONTAINER_OF(task, struct arrival, task);
    if (arrival->to->is_broken) { // it has closed its connections already
        admission_leave(arrival->to->conns.admission, arrival->peer);
        atomic_fetch_sub(&arrival->to->load, 1);
        (void)close(arrival->fd); // nothing was written yet
    } else {
        serve_conn(arrival->to, arrival->fd, (const struct sockaddr *)&arrival->address,
                   arrival->is_tls, arrival->peer);
    }
    free(arrival);
}

void worker_adopt(struct worker *worker, struct worker *from, int fd,
                  const struct sockaddr *address, bool is_tls, struct admission_peer *peer)
{
    struct arrival *arrival = worker != from ? calloc(1, sizeof *arrival) : NULL;
    if (arrival == NULL) { // our own, or no memory to give it away
        atomic_fetch_add(&from->load, 1);
        serve_conn(from, fd, address, is_tls, peer);
        return;
    }
    // Counted before it arrives: the next caller shall see it.
    atomic_fetch_add(&worker->load, 1);
    arrival->task.run = on_arrival;
    arrival->to = worker;
    arrival->peer = peer;
    arrival->fd = fd;
    arrival->is_tls = is_tls;
    memcpy(&arrival->address, address,
           address->sa_family == AF_INET ? sizeof(struct sockaddr_in)
                                         : sizeof(struct sockaddr_in6));
    loop_post(worker->loop, &arrival->task);
}

// ---- the database ----

struct store *worker_store(struct worker *worker)
{
    return log_reader_get(&worker->log);
}

// ---- the thread ----

static void on_drain(struct loop_task *task)
{
    struct worker *worker = CONTAINER_OF(task, struct worker, drain_task);
    if (worker->listens != NULL)
        server_sweep(worker->listens);
    server_unwatch(worker->listens);
    worker->listens = NULL;
    conn_list_drain(&worker->conns, worker->drain_over_ms);
}

static void on_break(struct loop_task *task)
{
    struct worker *worker = CONTAINER_OF(task, struct worker, break_task);
    worker->is_broken = true;
    conn_list_break(&worker->conns);
}

static void *run(void *context)
{
    struct worker *worker = context;
    loop_run(worker->loop);
    return NULL;
}

enum err worker_create(struct gateway *gateway, int index, struct worker **out_worker)
{
    struct worker *worker = calloc(1, sizeof *worker);
    if (worker == NULL)
        return ERR_MEMORY;
    worker->gateway = gateway;
    worker->index = index;
    worker->date_s = -1;
    enum err err = loop_create(&worker->loop);
    if (err == ERR_OK) {
        log_reader_init(&worker->log, gateway, worker->loop, "worker");
        worker->conns = (struct conn_list){
            .loop = worker->loop, .admission = gateway->admission, .load = &worker->load};
        err = history_start(worker);
    }
    if (err == ERR_OK)
        err = token_cache_create(&worker->tokens);
    if (err == ERR_OK)
        err = hub_start(worker);
    if (err == ERR_OK)
        err = relay_start(worker);
    if (err != ERR_OK) {
        worker_destroy(worker);
        return err;
    }
    *out_worker = worker;
    return ERR_OK;
}

void worker_destroy(struct worker *worker)
{
    if (worker == NULL)
        return;
    server_unwatch(worker->listens);
    worker->listens = NULL;
    if (worker->relays != NULL)
        relay_stop(worker);
    hub_stop(worker);
    if (worker->history != NULL)
        history_stop(worker);
    loop_destroy(worker->loop);
    token_cache_destroy(worker->tokens);
    exchange_free_spares(worker);
    log_reader_finish(&worker->log);
    free(worker);
}

enum err worker_start(struct worker *worker)
{
    enum err err = server_watch(worker->gateway->server, worker, &worker->listens);
    if (err != ERR_OK)
        return err;
    return thread_start(&worker->thread, run, worker);
}

void worker_drain(struct worker *worker, int64_t over_ms)
{
    worker->drain_over_ms = over_ms; // read by the task alone
    worker->drain_task.run = on_drain;
    loop_post(worker->loop, &worker->drain_task);
}

void worker_stop(struct worker *worker)
{
    worker->break_task.run = on_break;
    loop_post(worker->loop, &worker->break_task);
    loop_stop(worker->loop);
    (void)pthread_join(worker->thread, NULL); // fails for programmer mistakes only
}
