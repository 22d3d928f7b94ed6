// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include <assert.h>
#include <stdint.h>
#include <time.h>

#include "http_conn.h"

// ---- the head ----

const char *exchange_status_text(int status)
{
    static const struct {
        int status;
        const char *text;
    } texts[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {303, "See Other"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {422, "Unprocessable Content"},
        {426, "Upgrade Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
        {507, "Insufficient Storage"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (texts[i].status == status)
            return texts[i].text;
    return "Status";
}

// IMF-fixdate (RFC 9110 §5.6.7), made once a second.
static void add_date(struct worker *worker, struct buf *out)
{
    int64_t now_s = loop_date_ms(worker->loop) / 1000;
    if (worker->date_s != now_s) {
        time_t seconds = (time_t)now_s;
        struct tm utc;
        worker->date_s = now_s;
        worker->date_len = 0;
        if (gmtime_r(&seconds, &utc) != NULL)
            worker->date_len = strftime(worker->date, sizeof worker->date,
                                        "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &utc);
    }
    buf_add(out, worker->date, worker->date_len);
}

// Nothing of ours runs inline, comes from elsewhere, or may be framed by others. Browsers before
// CSP 3 do not count ws: as 'self', so it is named.
static void add_page_policy(const struct exchange *x, struct buf *out)
{
    buf_add_text(out, "Content-Security-Policy: default-src 'none'; script-src 'self'; "
                      "style-src 'self'; img-src 'self'; font-src 'self'; manifest-src 'self'; "
                      "frame-src 'self'; connect-src 'self'");
    if (x->head.host.len > 0) {
        buf_add_text(out, exchange_is_tls(x) ? " wss://" : " ws://");
        buf_add_span(out, x->head.host);
    }
    buf_add_text(out, "; form-action 'self'; frame-ancestors 'self'; base-uri 'none'\r\n");
}

static void add_security(const struct exchange *x, bool is_page, struct buf *out)
{
    if (is_page)
        add_page_policy(x, out);
    else
        buf_add_text(out, "Content-Security-Policy: default-src 'none'; "
                          "style-src 'unsafe-inline'; frame-ancestors 'none'\r\n");
    buf_add_text(out, "X-Content-Type-Options: nosniff\r\n"
                      "Referrer-Policy: same-origin\r\n"
                      "Cross-Origin-Resource-Policy: same-origin\r\n");
    if (exchange_is_tls(x))
        buf_add_text(out, "Strict-Transport-Security: max-age=31536000\r\n");
}

static void add_connection(const struct exchange *x, struct buf *out)
{
    if (x->closes)
        buf_add_text(out, "Connection: close\r\n");
    else if (x->head.minor_version == 0)
        buf_add_text(out, "Connection: keep-alive\r\n");
}

// The length of a body that ends with the connection.
static const size_t unknown_len = SIZE_MAX;

static void add_head(struct exchange *x, int status, const char *content_type, size_t body_len)
{
    struct buf *out = &x->out;
    worker_count_answer(x->http->worker, status);
    buf_add_text(out, "HTTP/1.1 ");
    buf_add_int(out, status);
    buf_add_char(out, ' ');
    buf_add_text(out, exchange_status_text(status));
    buf_add_text(out, "\r\n");
    add_date(x->http->worker, out);
    if (status != 204 && status != 304) {
        if (content_type != NULL) {
            buf_add_text(out, "Content-Type: ");
            buf_add_text(out, content_type);
            buf_add_text(out, "\r\n");
        }
        if (body_len != unknown_len) {
            buf_add_text(out, "Content-Length: ");
            buf_add_int(out, (long long)body_len);
            buf_add_text(out, "\r\n");
        }
    }
    if (status != 304)
        add_security(x, content_type != NULL && strncmp(content_type, "text/html", 9) == 0, out);
    add_connection(x, out);
    buf_add_span(out, buf_span(&x->fields));
    buf_add_text(out, "\r\n");
}

void exchange_add_field(struct exchange *x, const char *name, struct span value)
{
    for (size_t i = 0; i < value.len; i++) {
        bool splits = value.ptr[i] == '\r' || value.ptr[i] == '\n' || value.ptr[i] == '\0';
        assert(!splits);
        if (splits)
            return;
    }
    buf_add_text(&x->fields, name);
    buf_add_text(&x->fields, ": ");
    buf_add_span(&x->fields, value);
    buf_add_text(&x->fields, "\r\n");
}

// ---- sending ----

enum conn_result exchange_flush(struct exchange *x)
{
    struct iovec parts[2] = {
        {x->out.ptr + x->out_sent, x->out.len - x->out_sent},
        {(void *)x->out_rest.ptr, x->out_rest.len},
    };
    struct http_conn *http = x->http;
    size_t sent = 0;
    enum conn_result result = conn_write(http->conn, parts, 2, &sent);
    if (result != CONN_OK)
        return result;
    size_t of_out = sent < parts[0].iov_len ? sent : parts[0].iov_len;
    x->out_sent += of_out;
    x->out_rest = span_skip(x->out_rest, sent - of_out);
    if (x->out_sent == x->out.len && x->out_rest.len == 0)
        x->state = EXCHANGE_DONE;
    else if (sent > 0) // the time is for a reader that takes nothing
        http_conn_set_deadline(http, http->worker->gateway->config.write_timeout_ms);
    return http->is_gone ? CONN_FAILED : CONN_OK; // the exchange went with it
}

// Sends head and body in one call where the socket takes them. What it does not take of a body that
// is somebody else's is copied.
static void send_answer(struct exchange *x, struct span body, bool is_static)
{
    struct http_conn *http = x->http;
    x->out_rest = body;
    x->state = EXCHANGE_WRITING;
    enum conn_result result = exchange_flush(x);
    if (http->is_gone)
        return;
    if (result == CONN_FAILED || result == CONN_CLOSED) {
        http_conn_close(http);
        return;
    }
    if (x->state == EXCHANGE_WRITING) {
        if (!is_static) {
            buf_add_span(&x->out, x->out_rest);
            x->out_rest = span_of("");
        }
        if (x->out.status != ERR_OK) {
            http_conn_close(http);
            return;
        }
        http_conn_set_deadline(http, http->worker->gateway->config.write_timeout_ms);
    }
    http_conn_advance(http);
}

static void answer(struct exchange *x, int status, const char *content_type, struct span body,
                   bool is_static)
{
    struct http_conn *http = x->http;
    bool has_body = status != 204 && status != 304 && !span_is(x->head.method, "HEAD");
    assert(x->state != EXCHANGE_WRITING && x->state != EXCHANGE_DONE);
    x->on_cancel = NULL;
    if (atomic_load(&http->worker->gateway->is_draining))
        x->closes = true;
    add_head(x, status, content_type, body.len);
    if (x->out.status != ERR_OK || x->fields.status != ERR_OK) {
        log_line(&http->worker->gateway->log, LOG_LEVEL_ERROR,
                 "answer status=%d address=%s error=\"the head is too long\"", status,
                 exchange_address(x));
        x->state = EXCHANGE_DONE;
        http_conn_close(http);
        return;
    }
    send_answer(x, has_body ? body : span_of(""), is_static);
}

void exchange_answer(struct exchange *x, int status, const char *content_type, struct span body)
{
    answer(x, status, content_type, body, false);
}

void exchange_answer_static(struct exchange *x, int status, const char *content_type,
                            struct span body)
{
    answer(x, status, content_type, body, true);
}

void exchange_redirect(struct exchange *x, struct span location)
{
    exchange_add_field(x, "Location", location);
    exchange_answer(x, 303, NULL, span_of(""));
}

struct conn *exchange_stream(struct exchange *x, const char *content_type)
{
    struct http_conn *http = x->http;
    size_t len = 0;
    bool is_head = span_is(x->head.method, "HEAD");
    assert(x->state == EXCHANGE_HANDLING);
    x->on_cancel = NULL;
    x->closes = true;
    add_head(x, 200, content_type, unknown_len);
    struct iovec part = {x->out.ptr, x->out.len};
    // A socket takes a head as a whole, unless answers before it, not read yet, have filled it.
    if (x->out.status != ERR_OK || x->fields.status != ERR_OK ||
        conn_write(http->conn, &part, 1, &len) != CONN_OK || len != part.iov_len || is_head) {
        http_conn_close(http);
        return NULL;
    }
    return http_conn_release(http);
}
