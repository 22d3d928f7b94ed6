// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Answers to what is not done: problem+json (RFC 9457) for programs, a page for people, and one
// line in the log, which never shows a query, a field or a body, since tokens may be in them.
#include "core/json.h"
#include "http_conn.h"
#include "page_handlers.h"

enum { ANSWER_MAX = 65536 };

static const char *challenge_error(enum err err)
{
    return err == ERR_DENIED ? "insufficient_scope" : "invalid_token";
}

// RFC 6750 §3: how to do better. Where no token would do, there is no such way.
static void add_challenge(struct exchange *x, int status, enum err err)
{
    char text[256];
    int len;
    if (err == ERR_REFUSED)
        return;
    if (err == ERR_TOKEN_MISSING)
        len = snprintf(text, sizeof text, "Bearer realm=\"roomwire\"");
    else
        len = snprintf(text, sizeof text,
                       "Bearer realm=\"roomwire\", error=\"%s\", error_description=\"%s\"",
                       challenge_error(err), err_text(err));
    if ((status == 401 || status == 403) && len > 0 && (size_t)len < sizeof text)
        exchange_add_field(x, "WWW-Authenticate", span_make(text, (size_t)len));
}

static void log_refusal(const struct exchange *x, int status, enum err err, const char *detail)
{
    struct log_value method, path;
    struct worker *worker = x->http->worker;
    if (!log_cap_admit(&worker->refusals, &worker->gateway->log, loop_date_ms(worker->loop)))
        return;
    bool has_head = x->state != EXCHANGE_HEAD; // else its spans may be of half a head
    log_line(&worker->gateway->log, status >= 500 ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO,
             "refuse status=%d address=%s method=%s path=%s error=\"%s\" detail=\"%s\"", status,
             exchange_address(x), has_head ? log_value(x->head.method, &method) : "-",
             has_head ? log_value(x->head.path, &path) : "-", err_text(err), detail ? detail : "");
}

static void write_problem(int status, enum err err, const char *detail, struct buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_begin_object(&w);
    json_field_text(&w, "title", span_of(exchange_status_text(status)));
    json_field_int(&w, "status", status);
    json_field_text(&w, "error", span_of(err_text(err)));
    if (detail != NULL)
        json_field_text(&w, "detail", span_of(detail));
    json_end_object(&w);
    buf_add_char(out, '\n');
}

int exchange_sign_in_status(const struct exchange *x)
{
    struct span agent;
    bool is_lynx = http_head_field(&x->head, "User-Agent", &agent) &&
                   span_starts_with(agent, span_of("Lynx/")) && !exchange_prefers_json(x);
    return is_lynx ? 403 : 401;
}

void exchange_note_refusal(struct exchange *x, int status, enum err err, const char *detail)
{
    log_refusal(x, status, err, detail);
    add_challenge(x, status, err);
    if (status == 503 || status == 429)
        exchange_add_field(x, "Retry-After", span_of("2"));
    exchange_add_field(x, "Cache-Control", span_of("no-store"));
    exchange_add_field(x, "Vary", span_of("Accept"));
}

void exchange_refuse(struct exchange *x, int status, enum err err, const char *detail)
{
    struct buf body;
    buf_init(&body, ANSWER_MAX);
    bool is_json = exchange_prefers_json(x);
    bool has_sign_in = status == 401;
    if (has_sign_in)
        status = exchange_sign_in_status(x);
    exchange_note_refusal(x, status, err, detail);
    struct page_error error = {.status = status,
                               .detail = detail != NULL ? detail : err_text(err),
                               .has_sign_in = has_sign_in,
                               .has_guests = x->http->worker->gateway->config.guests};
    if (is_json)
        write_problem(status, err, detail, &body);
    else if (page_write_error(&error, &body) != ERR_OK)
        buf_clear(&body); // the status has to do
    if (body.status != ERR_OK)
        buf_clear(&body); // as above
    exchange_answer(x, status, is_json ? "application/problem+json" : "text/html; charset=utf-8",
                    buf_span(&body));
    buf_finish(&body);
}

void exchange_refuse_bad(struct exchange *x, int status, const char *reason)
{
    if (x->state == EXCHANGE_HEAD) {
        // Half a head is not to be believed in anything.
        x->head.field_count = 0;
        x->head.minor_version = 1;
        x->head.method = x->head.host = span_of("");
    }
    x->closes = true;
    exchange_refuse(x, status, status == 431 || status == 414 ? ERR_TOO_LARGE : ERR_INVALID,
                    reason);
}
