// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "http_conn.h"

#include <stdlib.h>

enum { HEAD_ROOM = 2048, BODY_READ = 65536 };

// ---- the end ----

static void on_task(struct loop_task *task)
{
    struct http_conn *http = CONTAINER_OF(task, struct http_conn, task);
    http->is_task_queued = false;
    if (http->is_gone)
        free(http);
    else
        http_conn_run(http);
}

static void queue_task(struct http_conn *http)
{
    if (http->is_task_queued)
        return;
    http->is_task_queued = true;
    http->task.run = on_task;
    loop_defer(http->worker->loop, &http->task);
}

struct conn *http_conn_release(struct http_conn *http)
{
    struct conn *conn = http->conn;
    if (http->exchange != NULL)
        exchange_give_back(http->exchange);
    http->exchange = NULL;
    http->is_gone = true;
    loop_timer_stop(http->worker->loop, &http->timer);
    conn_set_owner(conn, NULL, NULL);
    queue_task(http); // callers up the stack still look at is_gone
    return conn;
}

static void cancel(struct http_conn *http)
{
    struct exchange *x = http->exchange;
    if (x != NULL && x->state == EXCHANGE_HANDLING && x->on_cancel != NULL) {
        void (*on_cancel)(void *context) = x->on_cancel;
        x->on_cancel = NULL;
        on_cancel(x->cancel_context);
    }
}

void http_conn_close(struct http_conn *http)
{
    cancel(http);
    conn_close(http_conn_release(http));
}

// ---- time ----

static void drop_reader(struct http_conn *http)
{
    log_line(&http->worker->gateway->log, LOG_LEVEL_INFO,
             "drop address=%s reason=\"it takes nothing of the answer\"", conn_address(http->conn));
    conn_abort(http_conn_release(http));
}

static void on_time(struct loop_timer *timer)
{
    struct http_conn *http = CONTAINER_OF(timer, struct http_conn, timer);
    struct exchange *x = http->exchange;
    int64_t left_ms = http->deadline_ms - loop_now_ms(http->worker->loop);
    if (left_ms > 0) {
        http_conn_set_deadline(http, left_ms);
        return;
    }
    if (x == NULL || (x->state == EXCHANGE_HEAD && x->in.len == 0))
        http_conn_close(http); // nothing was begun
    else if (x->state == EXCHANGE_WRITING)
        drop_reader(http);
    else if (x->state == EXCHANGE_HEAD || x->state == EXCHANGE_BODY)
        exchange_refuse_bad(x, 408, "the request did not come in time");
}

// Each request sets several deadlines and meets nearly all; so a later one is only noted, and the
// timer, when it goes off too early, is set again.
void http_conn_set_deadline(struct http_conn *http, int64_t timeout_ms)
{
    struct loop *loop = http->worker->loop;
    http->deadline_ms = loop_now_ms(loop) + timeout_ms;
    if (http->timer.place != 0 && http->timer.due_ms <= http->deadline_ms)
        return;
    if (loop_timer_start(loop, &http->timer, timeout_ms) != ERR_OK)
        http_conn_close(http); // without a timer it could stay for ever
}

// ---- reading ----

// Reads once, so that one busy connection does not hold up the others.
static enum conn_result read_head(struct http_conn *http, struct exchange *x)
{
    size_t max_head = (size_t)http->worker->gateway->config.max_head;
    size_t room = x->in.cap - x->in.len;
    if (room == 0)
        room = x->in.len < HEAD_ROOM ? HEAD_ROOM : x->in.len;
    if (room > max_head - x->in.len)
        room = max_head - x->in.len;
    char *at = buf_reserve(&x->in, room);
    size_t len;
    if (at == NULL)
        return CONN_FAILED;
    enum conn_result result = conn_read(http->conn, at, room, &len);
    if (result == CONN_OK) {
        // A line that goes on tells nothing new: parsing again for each byte would take a time
        // that grows with the square of the head.
        bool is_first = x->in.len == 0, is_full = x->in.len + len >= max_head;
        x->has_unparsed = is_first || is_full || memchr(at, '\n', len) != NULL;
        buf_grow(&x->in, len);
    }
    return result;
}

static enum conn_result read_body(struct http_conn *http, struct exchange *x)
{
    struct buf *into = x->head.is_chunked ? &x->in : &x->body_buf;
    size_t room = into->cap - into->len;
    if (!x->head.is_chunked) {
        room = into->max - into->len;
        if (room > BODY_READ)
            room = BODY_READ;
    }
    char *at = buf_reserve(into, room);
    size_t len, old_len = into->len;
    if (at == NULL)
        return CONN_FAILED;
    enum conn_result result = conn_read(http->conn, at, room, &len);
    if (result == CONN_OK) {
        buf_grow(into, len);
        exchange_feed(x, old_len);
    }
    return result;
}

static void read_more(struct http_conn *http)
{
    if (http->exchange == NULL) {
        http->exchange = exchange_take(http->worker);
        if (http->exchange == NULL) {
            http_conn_close(http);
            return;
        }
        http->exchange->http = http;
    }
    struct exchange *x = http->exchange;
    enum conn_result result = x->state == EXCHANGE_HEAD ? read_head(http, x) : read_body(http, x);
    if (result == CONN_CLOSED || result == CONN_FAILED) {
        http_conn_close(http);
    } else if (result == CONN_AGAIN && x->state == EXCHANGE_HEAD && x->in.len == 0) {
        exchange_give_back(x); // still idle
        http->exchange = NULL;
    }
}

static void parse_head(struct http_conn *http, struct exchange *x)
{
    const struct config *config = &http->worker->gateway->config;
    int status;
    const char *reason;
    x->has_unparsed = false;
    enum http_parse result = http_head_parse(buf_span(&x->in), (size_t)config->max_head, &x->head,
                                             &x->head_len, &status, &reason);
    if (result == HTTP_PARSE_DONE && x->head.is_chunked &&
        x->in.cap - x->head_len < EXCHANGE_BODY_ROOM) {
        // The head borrows from the buffer, which therefore may not grow later.
        (void)buf_reserve(&x->in, EXCHANGE_BODY_ROOM); // looked at by its status
        result = http_head_parse(buf_span(&x->in), (size_t)config->max_head, &x->head, &x->head_len,
                                 &status, &reason);
    }
    if (x->in.status != ERR_OK)
        http_conn_close(http);
    else if (result == HTTP_PARSE_DONE)
        exchange_begin(x);
    else if (result == HTTP_PARSE_BAD)
        exchange_refuse_bad(x, status, reason);
    else if (!x->is_timed) {
        x->is_timed = true; // for the whole head, not for each byte
        http_conn_set_deadline(http, config->head_timeout_ms);
    }
}

// ---- the steps ----

static void write_more(struct http_conn *http, struct exchange *x)
{
    enum conn_result result = exchange_flush(x);
    if (http->is_gone)
        return;
    if (result == CONN_CLOSED || result == CONN_FAILED)
        http_conn_close(http);
    else if (x->state == EXCHANGE_WRITING)
        conn_want(http->conn, false, true);
}

// The answer is out. A request that came behind it waits for the next turn of the loop, so that one
// who sends many at once does not hold up the others.
static void finish(struct http_conn *http, struct exchange *x)
{
    if (x->closes || atomic_load(&http->worker->gateway->is_draining)) {
        http_conn_close(http);
        return;
    }
    http->has_answered = true;
    http_conn_set_deadline(http, http->worker->gateway->config.idle_timeout_ms);
    if (http->is_gone)
        return;
    exchange_reset(x);
    bool has_next = x->in.len > 0;
    if (has_next) {
        queue_task(http);
    } else {
        exchange_give_back(x);
        http->exchange = NULL;
    }
    conn_want(http->conn, !has_next, false);
}

// True if there is another step to take.
static bool step(struct http_conn *http)
{
    struct exchange *x = http->exchange;
    if (x == NULL) {
        conn_want(http->conn, true, false);
        return false;
    }
    switch (x->state) {
    case EXCHANGE_HEAD:
        if (x->has_unparsed) {
            parse_head(http, x);
            return true;
        }
        conn_want(http->conn, true, false);
        return false;
    case EXCHANGE_BODY:
        conn_want(http->conn, true, false);
        return false;
    case EXCHANGE_HANDLING:
        conn_want(http->conn, false, false);
        return false;
    case EXCHANGE_WRITING:
        write_more(http, x);
        return !http->is_gone && x->state == EXCHANGE_DONE;
    case EXCHANGE_DONE:
        finish(http, x);
        return false;
    }
    return false;
}

void http_conn_run(struct http_conn *http)
{
    http->is_running = true;
    while (!http->is_gone && step(http)) {
    }
    http->is_running = false;
}

void http_conn_advance(struct http_conn *http)
{
    // A handler that answers late is deep in somebody else's callbacks; the next request's handler
    // must not run inside of them.
    if (!http->is_running && !http->is_gone)
        queue_task(http);
}

static void on_ready(void *owner, bool readable, bool writable)
{
    struct http_conn *http = owner;
    bool is_broken = readable && writable; // never are both wanted here
    struct exchange *x = http->exchange;
    http->is_running = true;
    if (x != NULL && is_broken && (x->state == EXCHANGE_HANDLING || x->state == EXCHANGE_DONE))
        http_conn_close(http);
    else if (readable && (x == NULL || x->state == EXCHANGE_HEAD || x->state == EXCHANGE_BODY))
        read_more(http);
    http_conn_run(http);
}

// Every answer is the connection's last one from now on.
static void on_drain(void *owner)
{
    struct http_conn *http = owner;
    struct exchange *x = http->exchange;
    if (x != NULL && x->state == EXCHANGE_HANDLING && x->on_drain != NULL) {
        void (*hurry)(void *context) = x->on_drain;
        x->on_drain = NULL;
        hurry(x->drain_context);
        return;
    }
    // A request that has arrived is still answered.
    if (x == NULL)
        on_ready(http, true, false);
    // The first request of a new connection may be on its way; later ones are repeated by clients,
    // who have to expect the end of an idle connection (RFC 9112 §9.3.1).
    if (!http->is_gone && http->exchange == NULL && http->has_answered)
        http_conn_close(http);
}

enum err http_conn_open(struct worker *worker, struct conn *conn)
{
    struct http_conn *http = calloc(1, sizeof *http);
    if (http == NULL) {
        conn_close(conn);
        return ERR_MEMORY;
    }
    http->conn = conn;
    http->worker = worker;
    http->timer.on_time = on_time;
    conn_set_owner(conn, http, on_ready);
    conn_on_drain(conn, on_drain);
    http_conn_set_deadline(http, worker->gateway->config.head_timeout_ms);
    return http->is_gone ? ERR_MEMORY : ERR_OK;
}
