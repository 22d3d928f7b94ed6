// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "page.h"

#include <stdio.h>

#include "core/message.h"
#include "core/topic.h"
#include "page_handlers.h"

enum { PAGE_BYTES_MAX = 128 << 20 };

// ---- a page ----

static void set_who(struct page *page)
{
    const struct caller *caller = &page->caller;
    if (!caller->has_token)
        return;
    struct span subject = span_of(caller->token.subject);
    struct span name = span_of(caller->token.name);
    page_set(page, "who", name.len ? name : subject);
    page_set(page, "who_subject", subject);
    page_set_flag(page, "by_cookie", caller->is_by_cookie);
    auth_csrf_token(page->x, page->csrf);
    page_set(page, "csrf", span_of(page->csrf));
}

enum err page_init(struct page *page, struct exchange *x, enum err *out_token_err)
{
    *page = (struct page){.x = x};
    *out_token_err = ERR_TOKEN_MISSING;
    enum err err = auth_identify(x, &page->caller);
    if (err >= ERR_TOKEN_MISSING) {
        page->caller = (struct caller){.has_token = false};
        *out_token_err = err;
        return ERR_OK;
    }
    if (err)
        return err;
    if (page->caller.has_token)
        *out_token_err = ERR_OK;
    set_who(page);
    return ERR_OK;
}

bool page_init_readable(struct page *page, struct exchange *x)
{
    enum err token_err;
    struct span room = exchange_part(x);
    enum err err = page_init(page, x, &token_err);
    if (err) {
        exchange_refuse(x, 500, err, NULL);
        return false;
    }
    err = auth_check_room(exchange_worker(x), &page->caller, RIGHTS_SUBSCRIBE, room);
    if (!err && topic_is_room(room))
        return true;
    if (!topic_is_room(room))
        page_refuse(page, 404, ERR_NOT_FOUND, "No room can be called that.", span_of(""));
    else if (err == ERR_TOKEN_MISSING)
        page_ask_sign_in(page, token_err, span_of(""));
    else
        page_refuse(page, 403, err, "Your token does not let you read this room.", span_of(""));
    page_finish(page);
    return false;
}

void page_finish(struct page *page)
{
    for (size_t i = 0; i < page->value_count; i++)
        free(page->values[i].owned);
    caller_finish(&page->caller);
}

static void answer(struct page *page, int status, const char *file, struct buf *body)
{
    if (body->status != ERR_OK) {
        log_line(&exchange_worker(page->x)->gateway->log, LOG_LEVEL_ERROR,
                 "event=page_failed template=%s error=\"%s\"", file, err_text(body->status));
        exchange_refuse(page->x, 500, body->status, NULL);
    } else {
        // Pages hold what one caller may read, and his CSRF token. A refusal has said so already.
        // Lynx keeps what is not to be stored, and fetches it again only for a last "no-cache".
        if (status < 400)
            exchange_add_field(page->x, "Cache-Control", span_of("no-store, no-cache"));
        exchange_answer(page->x, status, "text/html; charset=utf-8", buf_span(body));
    }
    buf_finish(body);
}

void page_send_source(struct page *page, int status, const char *file,
                      const struct html_source *source)
{
    struct buf body;
    buf_init(&body, PAGE_BYTES_MAX);
    page_render_source(page, file, source, &body);
    answer(page, status, file, &body);
}

void page_send(struct page *page, int status, const char *file)
{
    struct html_source source = {.context = page, .value = page_value, .count = page_count};
    page_send_source(page, status, file, &source);
}

// ---- refusals ----

int page_status(enum err err)
{
    static const struct {
        enum err err;
        int status;
    } statuses[] = {
        {ERR_INVALID, 400},     {ERR_DENIED, 403}, {ERR_NOT_FOUND, 404}, {ERR_TOO_LARGE, 413},
        {ERR_UNSUPPORTED, 415}, {ERR_AGAIN, 503},  {ERR_FULL, 507},      {ERR_TOO_MANY, 507},
    };
    if (err >= ERR_TOKEN_MISSING)
        return 401;
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        if (statuses[i].err == err)
            return statuses[i].status;
    }
    return 500;
}

void page_refuse(struct page *page, int status, enum err err, const char *detail,
                 struct span unsent)
{
    if (exchange_prefers_json(page->x)) {
        exchange_refuse(page->x, status, err, detail);
        return;
    }
    page_set_int(page, "status", status);
    page_set(page, "title", span_of(page_status_title(status)));
    page_set(page, "detail", span_of(detail));
    page_set(page, "unsent", unsent);
    exchange_note_refusal(page->x, status, err, detail);
    page_send(page, status, "error.html");
}

static void drop_cookie(struct page *page)
{
    struct buf cookie;
    buf_init(&cookie, 1024);
    auth_cookie(page->x, span_of(""), 0, &cookie);
    if (cookie.status == ERR_OK)
        exchange_add_field(page->x, "Set-Cookie", buf_span(&cookie));
    buf_finish(&cookie);
}

void page_ask_sign_in(struct page *page, enum err err, struct span unsent)
{
    if (exchange_prefers_json(page->x)) {
        exchange_refuse(page->x, 401, err, NULL);
        return;
    }
    // A good cookie stays: any page's link may say "?subject=", and would sign the caller out.
    bool is_other = err == ERR_TOKEN_OTHER;
    if (err != ERR_TOKEN_MISSING && !is_other)
        drop_cookie(page);
    const struct http_head *head = exchange_head(page->x);
    page_set(page, "title", span_of("Please sign in"));
    page_set(page, "lead", span_of("Who you are decides which rooms you may read and write."));
    page_set(page, "reason", span_of(err == ERR_TOKEN_MISSING ? "" : err_text(err)));
    page_set(page, "next", is_other ? head->path : head->target);
    page_set(page, "unsent", unsent);
    page_set_flag(page, "guests", exchange_worker(page->x)->gateway->config.guests);
    int status = exchange_sign_in_status(page->x);
    exchange_note_refusal(page->x, status, err, NULL);
    page_send(page, status, "sign_in_page.html");
}

void page_format_date(int64_t date_ms, char out[PAGE_DATE_TEXT])
{
    char date[MESSAGE_DATE_TEXT];
    message_format_date(date_ms, date);
    snprintf(out, PAGE_DATE_TEXT, "%.10s %.5s UTC", date, date + 11);
}
