// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "page_live.h"

#include "event_stream.h"
#include "page.h"
#include "page_handlers.h"
#include "stream.h"

enum {
    LIVE_LATEST = 20, // messages on a page that was asked for without a place to start
    RELOAD_S = 1,     // after an end
    // After a break; longer, because some browsers take the first, others the shortest.
    BROKEN_RELOAD_S = 4
};

// ---- what goes onto the page ----

void page_live_item(const struct message *m, struct buf *out)
{
    char date[MESSAGE_DATE_TEXT], when[PAGE_DATE_TEXT];
    message_format_date(m->date_ms, date);
    page_format_date(m->date_ms, when);
    struct span name = m->name.len > 0 ? m->name : m->from;
    buf_printf(out, "<li id=\"m%lld\" class=\"hue%u\" data-initial=\"", (long long)m->id,
               page_hue(m->from));
    html_escape(page_initial(name), out);
    buf_add_text(out, "\"><p class=\"by\"><b title=\"");
    html_escape(m->from, out);
    buf_add_text(out, "\"><bdi>");
    html_escape(name, out);
    buf_printf(out, "</bdi></b> <time datetime=\"%s\">%s</time></p>\n", date, when);
    buf_add_text(out, "<p class=\"text\" dir=\"auto\">");
    if (span_is_utf8(m->payload))
        page_write_lines(m->payload, out);
    else
        buf_printf(out, "%zu bytes of data", m->payload.len);
    buf_add_text(out, "</p></li>\n");
}

void page_live_gap(struct buf *out)
{
    buf_add_text(out, "<li class=\"gap\"><p>Older messages are missing here.</p></li>\n");
}

void page_live_end(struct span room, const char *epoch, int64_t id, struct buf *out)
{
    buf_printf(out,
               "</ol>\n<meta http-equiv=\"refresh\" "
               "content=\"%d; url=/rooms/%.*s/live?after=%s-%lld\">",
               RELOAD_S, (int)room.len, room.ptr, epoch, (long long)id);
}

// ---- opening ----

// Where a page that broke off is opened again: at its own beginning, since nobody knows how much of
// it arrived.
static void add_refresh(struct exchange *x, struct span room, const char *epoch, int64_t after)
{
    struct buf value;
    buf_init(&value, 256);
    buf_printf(&value, "%d; url=/rooms/%.*s/live", BROKEN_RELOAD_S, (int)room.len, room.ptr);
    if (after >= 0) // else the reader knows another log
        buf_printf(&value, "?after=%s-%lld", epoch, (long long)after);
    exchange_add_field(x, "Refresh", buf_span(&value));
    buf_finish(&value);
}

// Where to begin: behind "<epoch>-<id>", or an id of whatever log there is. False if it is neither.
static bool read_start(struct exchange *x, const char *epoch, struct stream_start *out_start)
{
    struct span text;
    unsigned long long id;
    *out_start = (struct stream_start){.after = -1, .latest = LIVE_LATEST};
    enum err err = exchange_query(x, "after", &text);
    if (err != ERR_OK)
        return err == ERR_NOT_FOUND;
    if (span_to_uint(text, UINT64_C(1) << 53, &id)) {
        out_start->after = (int64_t)id;
        return true;
    }
    enum event_stream_start start = event_stream_position(text, epoch, &out_start->after);
    out_start->is_other_epoch = start == EVENT_STREAM_OTHER_EPOCH;
    return out_start->is_other_epoch || start == EVENT_STREAM_AFTER;
}

// Behind which id the newest messages are: the page begins there, also when it is opened again.
static enum err find_latest(struct store *store, struct span room, int64_t *out_id)
{
    enum err err = store_room_last_id(store, room, out_id);
    return err == ERR_OK ? stream_id_before_latest(store, room, LIVE_LATEST, out_id) : err;
}

static void open_page(struct page *page, struct span room)
{
    struct exchange *x = page->x;
    struct store *store = worker_store(exchange_worker(x));
    struct stream_start start;
    struct html_source source = {.context = page, .value = page_value, .count = page_count};
    struct buf first;
    if (store == NULL) {
        page_refuse(page, 503, ERR_AGAIN, NULL, span_of(""));
        return;
    }
    const char *epoch = store_epoch(store);
    if (!read_start(x, epoch, &start)) {
        page_refuse(page, 400, ERR_INVALID, "after has to be a message id, or <epoch>-<id>",
                    span_of(""));
        return;
    }
    page_set(page, "title", room);
    buf_init(&first, 65536);
    enum err err = html_render("live.html", &source, &first);
    if (err == ERR_OK && start.after < 0 && !start.is_other_epoch)
        err = find_latest(store, room, &start.after);
    if (err == ERR_OK) {
        exchange_add_field(x, "Cache-Control", span_of("no-store"));
        exchange_add_field(x, "X-Accel-Buffering", span_of("no"));
        add_refresh(x, room, epoch, start.after);
        err = stream_open(x, &page->caller, room, HUB_ITEMS, &start, "text/html; charset=utf-8",
                          buf_span(&first));
    }
    if (err != ERR_OK)
        page_refuse(page, 503, err, NULL, span_of(""));
    buf_finish(&first);
}

void page_live(struct exchange *x)
{
    struct page page;
    if (!page_init_readable(&page, x))
        return;
    open_page(&page, exchange_part(x));
    page_finish(&page);
}
