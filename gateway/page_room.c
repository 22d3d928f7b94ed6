// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// GET /rooms/<room>: the latest messages, or an older page of them, and the form.
#include "page_room.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "core/message.h"
#include "page_chart.h"
#include "page_handlers.h"
#include "page_message.h"
#include "readers.h"

enum {
    ROOM_PAGE_MESSAGES = 50,
    ROOM_PAGE_BYTES = 1 << 20, // of messages shown in full on one page, as HTML
    ROOM_TOGETHER_MS = 300000, // messages of one sender within this time stand together
    ROOM_DAY_MS = 86400000,
    ROOM_ID_MAX_BITS = 53
};

// ---- opening ----

// Answers and gives false unless the caller may do something here.
static bool check_rights(struct page_room *view, enum err token_err, struct span unsent)
{
    struct page *page = &view->page;
    if (!page->caller.has_token) {
        page_ask_sign_in(page, token_err, unsent);
        return false;
    }
    const struct rights *rights = page->caller.token.rights;
    view->may_read = rights_allow_room(rights, &view->pattern, RIGHTS_SUBSCRIBE, view->room);
    view->may_write = rights_allow_room(rights, &view->pattern, RIGHTS_PUBLISH, view->room);
    if (view->may_read || view->may_write)
        return true;
    page_refuse(page, 403, ERR_DENIED, "Your token gives you no rights to this room.", unsent);
    return false;
}

static bool find_room(struct page_room *view, enum err token_err, struct span unsent)
{
    struct exchange *x = view->page.x;
    const struct config *config = &exchange_worker(x)->gateway->config;
    view->room = exchange_part(x);
    enum err err = topic_rooms_init(&view->pattern, span_of(config->room_topic));
    if (!err && topic_is_room(view->room))
        return check_rights(view, token_err, unsent);
    page_refuse(&view->page, err ? 500 : 404, err ? err : ERR_NOT_FOUND,
                err ? NULL : "No room can be called that.", unsent);
    return false;
}

struct page_room *page_room_open(struct exchange *x, struct span unsent)
{
    struct page_room *view = calloc(1, sizeof *view);
    enum err token_err;
    enum err err = view ? page_init(&view->page, x, &token_err) : ERR_MEMORY;
    if (err) {
        free(view);
        exchange_refuse(x, 500, err, NULL);
        return NULL;
    }
    const struct config *config = &exchange_worker(x)->gateway->config;
    buf_init(&view->typed, (size_t)config->max_payload + 1);
    if (find_room(view, token_err, unsent))
        return view;
    page_room_close(view);
    return NULL;
}

void page_room_close(struct page_room *view)
{
    if (!view)
        return;
    buf_finish(&view->typed);
    page_finish(&view->page);
    free(view);
}

// ---- messages ----

struct reading {
    const struct page_room *view;
    struct page_rows rows;
    struct page_chart chart;
    struct meter_count count;
    int64_t first_id, last_id;
    int64_t last_date_ms;
    int64_t group_date_ms; // of the first one of those that stand together
    char last_from[TOKEN_SUBJECT_MAX + 1];
};

static void put_group(struct reading *r, const struct message *m)
{
    bool continues = span_is(m->from, r->last_from) &&
                     m->date_ms - r->group_date_ms < ROOM_TOGETHER_MS &&
                     m->date_ms / ROOM_DAY_MS == r->last_date_ms / ROOM_DAY_MS;
    bool is_mine = span_is(m->from, r->view->page.caller.token.subject);
    page_rows_put(&r->rows, "continues", span_of(continues ? "1" : ""));
    page_rows_put(&r->rows, "mine", span_of(is_mine ? "1" : ""));
    snprintf(r->last_from, sizeof r->last_from, "%.*s", (int)m->from.len, m->from.ptr);
    r->last_date_ms = m->date_ms;
    if (!continues)
        r->group_date_ms = m->date_ms;
}

// The first message of a day (UTC; the script makes it the reader's own) has the day above it.
static void put_day(struct reading *r, const struct message *m)
{
    char day[MESSAGE_DATE_TEXT];
    if (r->first_id && m->date_ms / ROOM_DAY_MS == r->last_date_ms / ROOM_DAY_MS)
        return;
    message_format_date(m->date_ms, day);
    page_rows_put(&r->rows, "day", span_make(day, strlen("2026-11-21")));
}

static bool put_message(void *context, const struct message *m)
{
    struct reading *r = context;
    meter_count_message(&r->count, (int64_t)m->payload.len);
    page_chart_add(&r->chart, m);
    page_message_add(&r->rows, m, r->rows.text.len <= ROOM_PAGE_BYTES);
    put_day(r, m);
    put_group(r, m);
    if (!r->first_id)
        r->first_id = m->id;
    r->last_id = m->id;
    return true;
}

static bool note_message(void *context, const struct message *m)
{
    (void)m;
    *(bool *)context = true;
    return false;
}

// Which part of the room is asked for, and what lies on both sides of it.
struct extent {
    struct store_page asked;
    bool is_latest;
    bool has_older, has_newer;
};

static bool read_id(struct exchange *x, const char *name, int64_t *out_id)
{
    struct span text;
    unsigned long long id;
    if (exchange_query(x, name, &text) != ERR_OK ||
        !span_to_uint(text, 1ULL << ROOM_ID_MAX_BITS, &id))
        return false;
    *out_id = (int64_t)id;
    return true;
}

static struct extent extent_of(const struct page_room *view)
{
    struct extent extent = {
        .asked = {.room = view->room, .after = -1, .limit = ROOM_PAGE_MESSAGES}};
    if (view->status) // a refused post is shown with the latest messages
        extent.is_latest = true;
    else if (!read_id(view->page.x, "before", &extent.asked.before) &&
             !read_id(view->page.x, "after", &extent.asked.after))
        extent.is_latest = true;
    return extent;
}

static enum err read_messages(struct store *store, struct extent *extent, struct reading *r)
{
    bool has_more;
    enum err err = store_read_page(store, &extent->asked, put_message, r, &has_more);
    if (!err)
        err = page_rows_status(&r->rows);
    if (err)
        return err;
    bool is_forward = extent->asked.after >= 0;
    *(is_forward ? &extent->has_newer : &extent->has_older) = has_more;
    if (extent->is_latest || !r->last_id)
        return ERR_OK;
    struct store_page beyond = {.room = extent->asked.room, .limit = 1, .after = -1};
    if (is_forward)
        beyond.before = r->first_id;
    else
        beyond.after = r->last_id;
    return store_read_page(store, &beyond, note_message,
                           is_forward ? &extent->has_older : &extent->has_newer, &has_more);
}

// ---- the page ----

static void make_key(char key[PAGE_KEY_TEXT])
{
    unsigned char bytes[16];
    if (key[0] || getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
        return; // a form without a key posts all the same
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(key + 2 * i, 3, "%02x", bytes[i]);
}

static void set_topic(struct page *page, const struct page_room *view)
{
    struct buf topic;
    buf_init(&topic, TOPIC_LENGTH_MAX);
    buf_add_span(&topic, view->pattern.before);
    buf_add_span(&topic, view->room);
    buf_add_span(&topic, view->pattern.after);
    page_set_copy(page, "topic", buf_span(&topic));
    buf_finish(&topic);
}

static void set_chart(struct page *page, const struct page_chart *chart)
{
    struct buf html;
    buf_init(&html, PAGE_CHART_HTML_MAX);
    page_chart_write(chart, &html);
    if (html.status == ERR_OK)
        page_set_copy(page, "chart", buf_span(&html));
    buf_finish(&html);
}

// Until the token ends, since the reader's clock may be wrong. Nothing if it does not.
static void set_seconds_left(struct page *page)
{
    int64_t expires_s = page->caller.token.expires_s;
    if (expires_s > 0)
        page_set_int(page, "seconds_left",
                     expires_s - loop_date_ms(exchange_worker(page->x)->loop) / 1000);
}

static const char *nothing_text(const struct extent *extent)
{
    return extent->is_latest ? "Nothing has been said here yet." : "There are no messages here.";
}

static void send_room(struct page_room *view, const struct extent *extent, const struct reading *r,
                      const char *epoch)
{
    struct page *page = &view->page;
    const struct config *config = &exchange_worker(page->x)->gateway->config;
    make_key(view->key);
    set_topic(page, view);
    page_set_int(page, "first_id", r->first_id);
    page_set_int(page, "last_id", r->last_id);
    page_set_int(page, "max_payload", config->max_payload);
    page_set_int(page, "key_lifetime_s", config->key_lifetime_s);
    set_seconds_left(page);
    page->rows = &r->rows;
    set_chart(page, &r->chart);
    page_set(page, "title", view->room);
    page_set(page, "room", view->room);
    page_set(page, "epoch", span_of(epoch));
    page_set(page, "key", span_of(view->key));
    page_set(page, "typed", buf_span(&view->typed));
    page_set(page, "alert", span_of(view->alert));
    page_set(page, "nothing", span_of(nothing_text(extent)));
    page_set_flag(page, "live", extent->is_latest && view->may_read);
    page_set_flag(page, "follows", extent->is_latest && view->may_read && view->follows);
    page_set_flag(page, "repeats", extent->is_latest && view->may_read && view->repeats);
    page_set_flag(page, "has_older", extent->has_older);
    page_set_flag(page, "has_newer", extent->has_newer);
    page_set_flag(page, "not_latest", !extent->is_latest);
    page_set_flag(page, "may_read", view->may_read);
    page_set_flag(page, "may_write", view->may_write);
    page_send(page, view->status ? view->status : 200, "room.html");
}

static void meter(const struct page_room *view, const struct reading *r)
{
    struct exchange *x = view->page.x;
    if (r->count.messages && !span_is(exchange_head(x)->method, "HEAD"))
        history_meter(exchange_worker(x), view->room, span_of(view->page.caller.token.subject),
                      METER_HTML, &r->count);
}

// Who reads without a script asks again and again.
static void note_reader(const struct page_room *view)
{
    struct worker *worker = exchange_worker(view->page.x);
    if (view->may_read && !span_is(exchange_head(view->page.x)->method, "HEAD"))
        readers_note(worker->gateway->readers, view->room, &view->page.caller.token, METER_HTML,
                     loop_date_ms(worker->loop));
}

static void show_now(struct page_room *view, struct store *store)
{
    struct extent extent = extent_of(view);
    struct reading r = {.view = view};
    page_rows_init(&r.rows, PAGE_MESSAGE_SECTION, page_message_columns);
    enum err err = view->may_read ? read_messages(store, &extent, &r) : ERR_OK;
    if (err) {
        page_refuse(&view->page, page_status(err), err, NULL, buf_span(&view->typed));
    } else {
        meter(view, &r);
        send_room(view, &extent, &r, store_epoch(store));
    }
    page_rows_finish(&r.rows);
    page_room_close(view);
}

static void on_history(void *context, bool is_complete)
{
    struct page_room *view = context;
    struct store *store = worker_store(exchange_worker(view->page.x));
    if (!is_complete && !view->alert)
        view->alert = "The newest messages may still be missing here.";
    if (store) {
        show_now(view, store);
        return;
    }
    page_refuse(&view->page, 503, ERR_AGAIN, "The messages cannot be read right now.",
                buf_span(&view->typed));
    page_room_close(view);
}

static void on_cancel(void *context)
{
    struct page_room *view = context;
    history_forget(view->wait);
    page_room_close(view);
}

void page_room_show(struct page_room *view)
{
    struct exchange *x = view->page.x;
    note_reader(view);
    struct history_wait *wait = history_await(exchange_worker(x), view->room, 0, on_history, view);
    if (!wait) // shown already
        return;
    view->wait = wait;
    exchange_on_cancel(x, on_cancel, view);
}

void page_room_get(struct exchange *x)
{
    struct page_room *view = page_room_open(x, span_of(""));
    if (!view)
        return;
    struct span value;
    view->follows = exchange_query(x, "live", &value) == ERR_OK;
    view->repeats = exchange_query(x, "repeat", &value) == ERR_OK;
    page_room_show(view);
}
