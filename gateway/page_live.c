// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "page_live.h"

#include "event_stream.h"
#include "page.h"
#include "page_handlers.h"
#include "page_message.h"
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
    struct page page = {.rows = NULL};
    struct page_rows rows;
    page_rows_init(&rows, PAGE_MESSAGE_SECTION, page_message_columns);
    page_message_add(&rows, m, true);
    page_set(&page, "room", m->room);
    page.rows = &rows;
    page_render(&page, "live_item.html", out);
    page_rows_finish(&rows);
}

void page_live_gap(struct buf *out)
{
    struct page page = {.rows = NULL};
    page_render(&page, "live_gap.html", out);
}

void page_live_end(struct span room, const char *epoch, int64_t id, struct buf *out)
{
    struct page page = {.rows = NULL};
    page_set_int(&page, "seconds", RELOAD_S);
    page_set(&page, "room", room);
    page_set(&page, "epoch", span_of(epoch));
    page_set_int(&page, "id", id);
    page_render(&page, "live_end.html", out);
    page_finish(&page);
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
    return err == ERR_OK ? store_id_before_latest(store, room, LIVE_LATEST, out_id) : err;
}

static void open_page(struct page *page, struct span room)
{
    struct exchange *x = page->x;
    struct store *store = worker_store(exchange_worker(x));
    struct stream_start start;
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
    page_render(page, "live.html", &first);
    enum err err = first.status;
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
