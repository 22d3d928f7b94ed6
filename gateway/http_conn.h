// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The HTTP/1.1 side of one connection: which state it is in, what it reads and writes next, and how
// long it may take. The inside of exchange.h: only exchange*.c, http_conn*.c and worker.c include
// it. Handlers see exchange.h alone.
#ifndef ROOMWIRE_GATEWAY_HTTP_CONN_H
#define ROOMWIRE_GATEWAY_HTTP_CONN_H

#include "chunked.h"
#include "conn.h"
#include "exchange.h"
#include "form.h"
#include "router.h"

// One connection. It is small, since most are idle at any time: what a request needs is in an
// exchange, which exists from a request's first byte to its answer's last.
struct http_conn {
    struct conn *conn;
    struct worker *worker;
    struct exchange *exchange; // NULL between requests
    struct loop_timer timer;
    int64_t deadline_ms;   // the timer may go off before it, and is then set anew
    struct loop_task task; // goes on with the next request, or frees the storage
    bool is_running;       // http_conn_run is on the stack
    bool is_task_queued;
    bool has_answered; // a request, so that the client knows connections to end
    bool is_gone;      // the connection is closed or somebody else's
};

enum exchange_state {
    EXCHANGE_HEAD,     // reading the head
    EXCHANGE_BODY,     // reading the body
    EXCHANGE_HANDLING, // the handler has it
    EXCHANGE_WRITING,  // the answer waits for the socket
    EXCHANGE_DONE      // answered and written
};

struct exchange {
    struct http_conn *http; // NULL while it is spare
    struct exchange *next_spare;
    enum exchange_state state;

    struct buf in;     // what was read: the head, and what came with it
    bool has_unparsed; // bytes that the parser has not seen
    bool is_timed;     // the deadline for the head runs
    size_t head_len;   // of `in`; from here on nothing moves `in` until the answer
    // Of `in`: head and body as far as it is there. The rest is the next request.
    size_t request_len;
    struct http_head head;

    const struct route *route;
    struct buf part; // what the route's "*" stands for, decoded
    struct form query;
    bool has_query; // `query` is parsed

    struct buf body_buf; // a body that did not come with the head
    struct span body;
    struct chunked chunked;
    int64_t reserved; // bytes of the gateway's budget for bodies

    struct buf fields; // added by the handler
    struct buf out;    // the answer's head, and what the socket did not take
    size_t out_sent;
    struct span out_rest; // of a static body, behind `out`
    bool closes;          // the connection ends with this answer

    void (*on_cancel)(void *context);
    void *cancel_context;
    void (*on_drain)(void *context);
    void *drain_context;
};

enum {
    EXCHANGE_SPARE_MAX = 64,             // kept by each worker
    EXCHANGE_KEEP_MAX = 32768,           // bytes of a spare exchange's buffers, each
    EXCHANGE_BODY_ROOM = 4096,           // behind a head whose body is chunked
    EXCHANGE_FIELDS_MAX = 16384,         // bytes of the fields that a handler adds
    EXCHANGE_OUT_MAX = 256 * 1024 * 1024 // bytes of one answer
};

// Serves HTTP on `conn` until it ends. Closes it on an error. Errors: ERR_MEMORY.
MUST_USE enum err http_conn_open(struct worker *worker, struct conn *conn);

// ---- for exchange*.c ----

// Takes as many steps as can be taken now.
void http_conn_run(struct http_conn *http);
// To be called when the state of the exchange was changed by its handler.
void http_conn_advance(struct http_conn *http);
// Ends the connection, and the exchange with it.
void http_conn_close(struct http_conn *http);
// Gives the connection away. `http` and its exchange are gone.
struct conn *http_conn_release(struct http_conn *http);
// Ends the connection unless the state moves on within `timeout_ms`.
void http_conn_set_deadline(struct http_conn *http, int64_t timeout_ms);

// A fresh exchange; NULL without memory.
struct exchange *exchange_take(struct worker *worker);
void exchange_give_back(struct exchange *x);
// Makes it ready for the next request, whose first bytes may be there already.
void exchange_reset(struct exchange *x);
// Frees the spare ones of a worker.
void exchange_free_spares(struct worker *worker);

// The request's head is complete: finds the handler, and the body as far as it is there.
void exchange_begin(struct exchange *x);
// More of the body came into body_buf or, for a chunked one, behind `in`'s first `old_len` bytes.
void exchange_feed(struct exchange *x, size_t old_len);
// Answers what cannot be read any further, and closes.
void exchange_refuse_bad(struct exchange *x, int status, const char *reason);
const char *exchange_status_text(int status);
// Writes what is left of the answer.
enum conn_result exchange_flush(struct exchange *x);

#endif
