// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// GET /rooms/<room>/members as a page. Where scripts run, the room's own page has the same list.
#include <stdlib.h>

#include "members.h"
#include "page.h"
#include "page_handlers.h"

static const char *const member_columns[] = {"subject", "name", "initial", "hue",
                                             "ways",    "date", "when",    NULL};

struct members_page {
    struct page page;
    struct page_rows rows;
    struct members_query *query;
};

// webui/members.js has the same words.
static const char *const way_words[METER_FACE_COUNT] = {
    [METER_MQTT] = "MQTT",       [METER_WS] = "WebSocket", [METER_SSE] = "an event stream",
    [METER_POLL] = "long-polls", [METER_HTML] = "a page",
};

static void put_ways(struct page_rows *rows, const struct member *member)
{
    size_t start = rows->text.len;
    for (int face = 0; face < METER_FACE_COUNT; face++) {
        if (!member->has_face[face] || way_words[face] == NULL)
            continue;
        buf_add_text(&rows->text, rows->text.len > start ? " and " : "by ");
        buf_add_text(&rows->text, way_words[face]);
    }
    page_rows_put_since(rows, "ways", start);
}

static void put_member(struct page_rows *rows, const struct member *member)
{
    char date[MESSAGE_DATE_TEXT], when[PAGE_DATE_TEXT];
    struct span subject = span_of(member->subject);
    struct span name = member->name[0] != '\0' ? span_of(member->name) : subject;
    message_format_date(member->since_ms, date);
    page_format_date(member->since_ms, when);
    page_rows_add(rows);
    page_rows_put(rows, "subject", subject);
    page_rows_put(rows, "name", name);
    page_rows_put(rows, "initial", page_initial(name));
    page_rows_put_int(rows, "hue", page_hue(subject));
    page_rows_put(rows, "date", span_of(date));
    page_rows_put(rows, "when", span_of(when));
    put_ways(rows, member);
}

static void send_members(struct members_page *view, const struct member_list *list)
{
    struct page *page = &view->page;
    struct page_rows *rows = &view->rows;
    page_rows_init(rows, "members", member_columns);
    for (size_t i = 0; i < list->count; i++)
        put_member(rows, &list->members[i]);
    page->rows = rows;
    page_set(page, "title", exchange_part(page->x));
    page_set(page, "room", exchange_part(page->x));
    page_set_flag(page, "has_members", list->count > 0);
    page_set_flag(page, "more_members", list->has_more);
    page_send(page, 200, "members.html");
    page_rows_finish(rows);
}

static void close_page(struct members_page *view)
{
    page_finish(&view->page);
    free(view);
}

static void on_members(void *context, enum err err, const struct member_list *list)
{
    struct members_page *view = context;
    if (err != ERR_OK)
        page_refuse(&view->page, 503, err, "The broker cannot be asked right now.", span_of(""));
    else
        send_members(view, list);
    close_page(view);
}

static void on_cancel(void *context)
{
    struct members_page *view = context;
    members_forget(view->query);
    close_page(view);
}

void page_members(struct exchange *x)
{
    struct members_page *view = calloc(1, sizeof *view);
    if (view == NULL) {
        exchange_refuse(x, 500, ERR_MEMORY, NULL);
        return;
    }
    if (!page_init_readable(&view->page, x)) {
        free(view);
        return;
    }
    view->query = members_ask(exchange_worker(x), exchange_part(x), on_members, view);
    if (view->query != NULL) {
        exchange_on_cancel(x, on_cancel, view);
        return;
    }
    page_refuse(&view->page, 503, ERR_MEMORY, NULL, span_of(""));
    close_page(view);
}
