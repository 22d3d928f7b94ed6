// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "exchange.h"

#include <assert.h>
#include <stdlib.h>

#include "accept.h"
#include "http_conn.h"
#include "input.h"

// ---- storage ----

struct exchange *exchange_take(struct worker *worker)
{
    struct exchange *x = worker->spares;
    if (x != NULL) {
        worker->spares = x->next_spare;
        worker->spare_count--;
        return x;
    }
    x = calloc(1, sizeof *x);
    if (x == NULL)
        return NULL;
    buf_init(&x->in, (size_t)worker->gateway->config.max_head + EXCHANGE_BODY_ROOM);
    buf_init(&x->part, (size_t)worker->gateway->config.max_head);
    buf_init(&x->body_buf, 0);
    buf_init(&x->fields, EXCHANGE_FIELDS_MAX);
    buf_init(&x->out, EXCHANGE_OUT_MAX);
    return x;
}

// Buffers that one large request made are not kept for the many small ones.
static void empty(struct buf *buf)
{
    if (buf->cap > EXCHANGE_KEEP_MAX)
        buf_finish(buf);
    buf_clear(buf);
}

static void drop_body(struct exchange *x)
{
    empty(&x->body_buf);
    atomic_fetch_sub(&x->http->worker->gateway->body_bytes, x->reserved);
    x->reserved = 0;
    x->body = span_of("");
}

void exchange_reset(struct exchange *x)
{
    drop_body(x);
    buf_consume(&x->in, x->request_len);
    x->state = EXCHANGE_HEAD;
    x->has_unparsed = x->in.len > 0;
    x->is_timed = false;
    x->head_len = x->request_len = 0;
    x->head.field_count = 0;
    x->route = NULL;
    empty(&x->part);
    if (x->has_query)
        form_finish(&x->query);
    x->has_query = false;
    empty(&x->fields);
    empty(&x->out);
    x->out_sent = 0;
    x->out_rest = span_of("");
    x->closes = false;
    x->on_cancel = NULL;
    x->on_drain = NULL;
}

static void exchange_destroy(struct exchange *x)
{
    buf_finish(&x->in);
    buf_finish(&x->part);
    buf_finish(&x->body_buf);
    buf_finish(&x->fields);
    buf_finish(&x->out);
    free(x);
}

void exchange_give_back(struct exchange *x)
{
    struct worker *worker = x->http->worker;
    x->request_len = x->in.len; // a following request is not answered any more
    exchange_reset(x);
    empty(&x->in);
    x->http = NULL;
    if (worker->spare_count >= EXCHANGE_SPARE_MAX) {
        exchange_destroy(x);
        return;
    }
    x->next_spare = worker->spares;
    worker->spares = x;
    worker->spare_count++;
}

void exchange_free_spares(struct worker *worker)
{
    while (worker->spares != NULL) {
        struct exchange *x = worker->spares;
        worker->spares = x->next_spare;
        exchange_destroy(x);
    }
    worker->spare_count = 0;
}

// ---- what the request says ----

const struct http_head *exchange_head(const struct exchange *x)
{
    return &x->head;
}

struct worker *exchange_worker(const struct exchange *x)
{
    return x->http->worker;
}

struct span exchange_body(const struct exchange *x)
{
    return x->body;
}

struct span exchange_part(const struct exchange *x)
{
    return buf_span(&x->part);
}

enum err exchange_query(struct exchange *x, const char *name, struct span *out_value)
{
    if (!x->has_query) {
        x->has_query = true;
        // Half a query would be worse than none.
        if (form_parse(x->head.query, &x->query) != ERR_OK)
            form_finish(&x->query);
    }
    if (form_find(&x->query, name, out_value))
        return ERR_OK;
    *out_value = (struct span){0};
    return input_has_parameter(x->head.query, name) ? ERR_INVALID : ERR_NOT_FOUND;
}

const char *exchange_address(const struct exchange *x)
{
    return conn_address(x->http->conn);
}

void exchange_write_origin(const struct exchange *x, struct buf *out)
{
    struct origin origin = {.method = x->head.method,
                            .path = x->head.path, // without the query, where a token may be
                            .source_ip = origin_ip(span_of(exchange_address(x)))};
    if (*exchange_worker(x)->gateway->config.webhook_message == '\0')
        return;
    struct span agent;
    if (http_head_field(&x->head, "User-Agent", &agent))
        origin.user_agent = input_user_agent(agent);
    origin_write(&origin, out);
}

bool exchange_is_tls(const struct exchange *x)
{
    return conn_is_tls(x->http->conn);
}

bool exchange_prefers_json(const struct exchange *x)
{
    int json = accept_quality(&x->head, "Accept", "application/json");
    int problem = accept_quality(&x->head, "Accept", "application/problem+json");
    int html = accept_quality(&x->head, "Accept", "text/html");
    return (json > problem ? json : problem) >= html;
}

void exchange_on_cancel(struct exchange *x, void (*on_cancel)(void *context), void *context)
{
    x->on_cancel = on_cancel;
    x->cancel_context = context;
}

void exchange_on_drain(struct exchange *x, void (*on_drain)(void *context), void *context)
{
    x->on_drain = on_drain;
    x->drain_context = context;
}

// ---- from the head to the handler ----

static void refuse_path(struct exchange *x, const char *detail)
{
    exchange_refuse(x, 400, ERR_INVALID, detail);
}

// The "*" of a route, decoded; false if it was refused.
static bool decode_part(struct exchange *x, struct span encoded)
{
    if (form_decode(encoded, false, &x->part) != ERR_OK) {
        refuse_path(x, "The path is not well encoded.");
        return false;
    }
    struct span part = buf_span(&x->part);
    bool takes_slashes = strstr(x->route->pattern, "**") != NULL;
    if (!span_is_utf8(part) || memchr(part.ptr, '\0', part.len) != NULL) {
        refuse_path(x, "The path is not UTF-8 text.");
        return false;
    }
    if (!takes_slashes && memchr(part.ptr, '/', part.len) != NULL) {
        refuse_path(x, "An encoded slash cannot be part of a name here.");
        return false;
    }
    return true;
}

static void call_handler(struct exchange *x)
{
    x->state = EXCHANGE_HANDLING;
    x->route->handler(x); // x may be another request, or gone, when it returns
}

static void refuse_unrouted(struct exchange *x, enum err err, const struct buf *allow)
{
    if (err == ERR_NOT_FOUND) {
        exchange_refuse(x, 404, err, "There is no such page.");
        return;
    }
    exchange_add_field(x, "Allow", buf_span(allow));
    if (span_is(x->head.method, "OPTIONS"))
        exchange_answer(x, 204, NULL, span_of(""));
    else
        exchange_refuse(x, 405, err, "This cannot be done with this page.");
}

// False if the request was answered.
static bool find_route(struct exchange *x)
{
    char methods[64];
    struct buf allow = {.ptr = methods, .cap = sizeof methods, .max = sizeof methods};
    struct span part;
    enum err err;
    if (span_is(x->head.target, "*")) { // OPTIONS, RFC 9110 §9.3.7: the server as a whole
        buf_add_text(&allow, "GET, HEAD, POST, OPTIONS");
        err = ERR_UNSUPPORTED;
    } else {
        err = router_find(x->head.method, x->head.path, &x->route, &part, &allow);
    }
    if (err != ERR_OK) {
        refuse_unrouted(x, err, &allow);
        return false;
    }
    return decode_part(x, part);
}

// Asks for a body that the client holds back (RFC 9110 §10.1.1). The three words always fit into a
// socket that nothing is waiting in.
static bool send_continue(struct exchange *x)
{
    static char words[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct iovec part = {words, sizeof words - 1};
    size_t len;
    return conn_write(x->http->conn, &part, 1, &len) == CONN_OK && len == part.iov_len;
}

// Bodies are the largest thing that a stranger can make us keep, so all together have a limit.
static bool reserve_body(struct exchange *x, size_t bytes)
{
    struct gateway *gateway = x->http->worker->gateway;
    long long before = atomic_fetch_add(&gateway->body_bytes, (long long)bytes);
    x->reserved = (int64_t)bytes;
    return before + (long long)bytes <= gateway->config.max_bodies;
}

// Makes ready for a body that did not come with the head; false if the exchange was ended.
static bool begin_body(struct exchange *x, size_t limit, size_t arrived)
{
    struct http_conn *http = x->http;
    size_t most = x->head.is_chunked ? limit : (size_t)x->head.content_length;
    x->closes = true; // until the body is complete, an answer leaves part of it unread
    if (!reserve_body(x, most)) {
        exchange_refuse(x, 503, ERR_FULL, "Too many requests are being received.");
        return false;
    }
    x->state = EXCHANGE_BODY;
    x->body_buf.max = most;
    x->chunked = (struct chunked){0};
    http_conn_set_deadline(http, http->worker->gateway->config.body_timeout_ms);
    if (http->is_gone)
        return false;
    if (x->head.expects_continue && arrived == 0 && !send_continue(x)) {
        http_conn_close(http);
        return false;
    }
    return true;
}

static void take_body(struct exchange *x, size_t limit)
{
    size_t arrived = x->in.len - x->head_len;
    x->request_len = x->head_len;
    if (!x->head.is_chunked && x->head.content_length <= 0) {
        call_handler(x);
        return;
    }
    if (!x->head.is_chunked && (uint64_t)x->head.content_length <= arrived) {
        x->body = span_make(x->in.ptr + x->head_len, (size_t)x->head.content_length);
        x->request_len += x->body.len;
        call_handler(x);
        return;
    }
    if (!begin_body(x, limit, arrived))
        return;
    if (!x->head.is_chunked) {
        x->request_len = x->in.len;
        buf_add(&x->body_buf, x->in.ptr + x->head_len, arrived);
        if (x->body_buf.status != ERR_OK)
            http_conn_close(x->http);
    } else if (arrived > 0) {
        exchange_feed(x, x->head_len);
    }
}

// Bodies are taken as they are: what is encoded would become a message that nobody can read.
static bool has_encoding(const struct http_head *head)
{
    for (size_t i = 0; i < head->field_count; i++) {
        struct span rest = head->fields[i].value, coding;
        if (!span_equal_nocase(head->fields[i].name, span_of("Content-Encoding")))
            continue;
        while (span_split(&rest, ',', &coding)) {
            coding = span_trim(coding);
            if (coding.len > 0 && !span_equal_nocase(coding, span_of("identity")))
                return true;
        }
    }
    return false;
}

// False if the request was answered, before its body is read.
static bool check_body(struct exchange *x, size_t limit)
{
    if (x->head.content_length > 0 && (uint64_t)x->head.content_length > limit) {
        exchange_refuse(x, 413, ERR_TOO_LARGE, "The request's body is too long.");
        return false;
    }
    if (has_encoding(&x->head)) {
        exchange_add_field(x, "Accept-Encoding", span_of("identity")); // RFC 9110 §12.5.3
        exchange_refuse(x, 415, ERR_UNSUPPORTED, "send the body without a Content-Encoding");
        return false;
    }
    return true;
}

void exchange_begin(struct exchange *x)
{
    bool has_body = x->head.is_chunked || x->head.content_length > 0;
    x->state = EXCHANGE_HANDLING;
    x->closes = !x->head.is_keep_alive || has_body; // as long as the body is not read
    x->request_len = x->head_len;
    if (!find_route(x))
        return;
    size_t limit = router_body_limit(x->route, &x->http->worker->gateway->config);
    if (has_body && !check_body(x, limit))
        return;
    x->closes = !x->head.is_keep_alive;
    take_body(x, limit);
}

static void complete_body(struct exchange *x)
{
    x->closes = !x->head.is_keep_alive;
    x->body = buf_span(&x->body_buf);
    call_handler(x);
}

static void feed_chunks(struct exchange *x, size_t old_len)
{
    struct span fresh = span_make(x->in.ptr + old_len, x->in.len - old_len);
    size_t consumed;
    switch (chunked_decode(&x->chunked, fresh, &x->body_buf, &consumed)) {
    case CHUNKED_MORE:
        x->in.len = x->head_len; // decoded, so the room is free
        return;
    case CHUNKED_DONE:
        x->request_len = old_len + consumed;
        complete_body(x);
        return;
    case CHUNKED_TOO_LARGE:
        exchange_refuse(x, 413, ERR_TOO_LARGE, "The request's body is too long.");
        return;
    case CHUNKED_BAD:
        exchange_refuse_bad(x, 400, "malformed chunks");
        return;
    case CHUNKED_MEMORY:
        http_conn_close(x->http);
        return;
    }
}

void exchange_feed(struct exchange *x, size_t old_len)
{
    if (x->head.is_chunked)
        feed_chunks(x, old_len);
    else if (x->body_buf.len == (size_t)x->head.content_length)
        complete_body(x);
}

struct conn *exchange_upgrade(struct exchange *x, struct span head, struct buf *out_rest)
{
    struct http_conn *http = x->http;
    struct iovec part = {(void *)head.ptr, head.len};
    size_t len;
    assert(x->state == EXCHANGE_HANDLING);
    buf_add(out_rest, x->in.ptr + x->request_len, x->in.len - x->request_len);
    x->on_cancel = NULL;
    // A socket takes a head as a whole, unless answers before it, not read yet, have filled it.
    if (out_rest->status != ERR_OK || conn_write(http->conn, &part, 1, &len) != CONN_OK ||
        len != head.len) {
        http_conn_close(http);
        return NULL;
    }
    worker_count_answer(http->worker, 101);
    return http_conn_release(http);
}
