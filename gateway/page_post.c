// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// POST /rooms/<room>: publishes what was typed into the form, and leads back to the room (303), so
// that reloading does not post again.
#include <inttypes.h>
#include <stdio.h>

#include "core/hash.h"
#include "core/message.h"
#include "core/origin.h"
#include "form.h"
#include "input.h"
#include "page_handlers.h"
#include "page_room.h"
#include "upstream.h"

// Browsers send every line end of a form as CR LF (HTML §4.10.21.7); typed was a line feed.
static void take_typed(struct page_room *view, struct span text)
{
    while (text.len) {
        const char *end = memmem(text.ptr, text.len, "\r\n", 2);
        size_t len = end ? (size_t)(end - text.ptr) : text.len;
        buf_add(&view->typed, text.ptr, len);
        if (end)
            buf_add_char(&view->typed, '\n');
        text = span_skip(text, len + (end ? 2 : 0));
    }
}

// Takes the form's own key if it is one that a page of ours made.
static void take_key(struct page_room *view, struct span key)
{
    bool is_hex = key.len > 0 && key.len < PAGE_KEY_TEXT;
    for (size_t i = 0; is_hex && i < key.len; i++)
        is_hex = strchr("0123456789abcdef", key.ptr[i]) != NULL && key.ptr[i] != '\0';
    snprintf(view->key, sizeof view->key, "%.*s", is_hex ? (int)key.len : 0, is_hex ? key.ptr : "");
}

// Shows the room again with what was typed and what is wrong with it.
static void refuse(struct page_room *view, int status, enum err err, const char *alert)
{
    struct exchange *x = view->page.x;
    if (exchange_prefers_json(x)) {
        exchange_refuse(x, status, err, alert);
        page_room_close(view);
        return;
    }
    exchange_note_refusal(x, status, err, alert);
    view->status = status;
    view->alert = alert;
    page_room_show(view);
}

static const char *publish_alert(enum err err)
{
    static const struct {
        enum err err;
        const char *alert;
    } alerts[] = {
        {ERR_AGAIN, "It is not sure that your message was kept: the broker did not answer. "
                    "Send it again; it will not appear twice."},
        {ERR_FULL, "There is no space left to keep your message. Please try again later."},
        {ERR_TOO_MANY, "There are as many rooms as there may be: this one cannot begin."},
        {ERR_DENIED, "You may not write in this room."},
        {ERR_TOO_LARGE, "Your message is too long."},
    };
    for (size_t i = 0; i < sizeof alerts / sizeof *alerts; i++) {
        if (alerts[i].err == err)
            return alerts[i].alert;
    }
    return "Your message was not accepted.";
}

static void lead_back(void *context, bool is_complete)
{
    (void)is_complete; // the page waits by itself, and says so if it is in vain
    struct page_room *view = context;
    char location[sizeof "/rooms/?live=1#m" + TOPIC_ROOM_MAX + MESSAGE_ID_TEXT];
    int len = snprintf(location, sizeof location, "/rooms/%.*s%s#m%" PRId64, (int)view->room.len,
                       view->room.ptr, view->follows ? "?live=1" : "", view->posted_id);
    exchange_redirect(view->page.x, span_make(location, (size_t)len));
    page_room_close(view);
}

static void on_cancel_wait(void *context)
{
    struct page_room *view = context;
    history_forget(view->wait);
    page_room_close(view);
}

static void on_answer(void *context, const struct upstream_answer *answer)
{
    struct page_room *view = context;
    view->publish = 0;
    struct exchange *x = view->page.x;
    if (answer->err) {
        refuse(view, page_status(answer->err), answer->err, publish_alert(answer->err));
        return;
    }
    view->posted_id = answer->id;
    struct history_wait *wait =
        history_await(exchange_worker(x), view->room, answer->id, lead_back, view);
    if (!wait)
        return;
    view->wait = wait;
    exchange_on_cancel(x, on_cancel_wait, view);
}

static void on_cancel_publish(void *context)
{
    struct page_room *view = context;
    upstream_forget(exchange_worker(view->page.x)->gateway->upstream, view->publish);
    page_room_close(view);
}

// The key that is published: that of the form and of its text, because somebody may go back in his
// browser to a page that was used already, and write something else there.
static struct span publish_key(const struct page_room *view, char *out, size_t size)
{
    if (!view->key[0])
        return span_of("");
    int len = snprintf(out, size, "%s-%08" PRIx32 "-%zu", view->key,
                       hash_fnv(buf_span(&view->typed)), view->typed.len);
    return span_make(out, (size_t)len);
}

static void publish(struct page_room *view)
{
    struct worker *worker = exchange_worker(view->page.x);
    const struct token *token = &view->page.caller.token;
    struct message m = {.room = view->room,
                        .from = span_of(token->subject),
                        .name = span_of(token->name),
                        .payload = buf_span(&view->typed)};
    char key[PAGE_KEY_TEXT + 32];
    struct buf origin;
    buf_init(&origin, ORIGIN_MAX);
    exchange_write_origin(view->page.x, &origin);
    const struct upstream_post post = {.message = &m,
                                       .face = METER_HTML,
                                       .key = publish_key(view, key, sizeof key),
                                       .origin = buf_span(&origin)};
    exchange_on_cancel(view->page.x, on_cancel_publish, view);
    view->publish =
        upstream_publish(worker->gateway->upstream, worker->loop, &post, on_answer, view);
    buf_finish(&origin);
    if (!view->publish)
        refuse(view, 503, ERR_MEMORY, "Your message was not accepted.");
}

static void post(struct page_room *view, const struct form *form)
{
    struct span csrf = span_of(""), text = span_of(""), key = span_of(""), live;
    (void)form_find(form, "csrf", &csrf); // what is absent stays empty
    (void)form_find(form, "key", &key);
    (void)form_find(form, "text", &text);
    view->follows = form_find(form, "live", &live);
    take_typed(view, text);
    take_key(view, key);
    const struct config *config = &exchange_worker(view->page.x)->gateway->config;
    if (view->page.caller.is_by_cookie && !auth_is_same_site(view->page.x, csrf)) {
        page_refuse(
            &view->page, 403, ERR_REFUSED,
            "This form did not come from this site's own page. Open the room and try again.", text);
        page_room_close(view);
    } else if (!view->may_write) {
        refuse(view, 403, ERR_DENIED, publish_alert(ERR_DENIED));
    } else if (view->typed.status == ERR_TOO_LARGE ||
               (int64_t)view->typed.len > config->max_payload) {
        refuse(view, 413, ERR_TOO_LARGE, publish_alert(ERR_TOO_LARGE));
    } else if (view->typed.len == 0 || view->typed.status) {
        refuse(view, 400, ERR_INVALID, "There was nothing to send.");
    } else {
        publish(view);
    }
}

static bool is_form(struct exchange *x)
{
    struct span type;
    return http_head_field(exchange_head(x), "Content-Type", &type) &&
           input_is_media_type(type, "application/x-www-form-urlencoded");
}

void page_room_post(struct exchange *x)
{
    struct form form;
    enum err err = is_form(x) ? form_parse(exchange_body(x), &form) : ERR_UNSUPPORTED;
    if (err) {
        exchange_refuse(x, page_status(err), err,
                        err == ERR_UNSUPPORTED ? "application/x-www-form-urlencoded was expected"
                                               : NULL);
        if (err != ERR_UNSUPPORTED)
            form_finish(&form);
        return;
    }
    struct span text = span_of("");
    (void)form_find(&form, "text", &text); // only to give it back where nobody is signed in
    struct page_room *view = page_room_open(x, text);
    if (view)
        post(view, &form);
    form_finish(&form);
}
