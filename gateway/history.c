// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "history.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/container.h"
#include "core/list.h"
#include "page_cache.h"
#include "page_json.h"
#include "upstream.h"

enum {
    POLL_MS = 1, // between two looks at the mark while somebody waits
    SCRATCH_KEPT = 1024 * 1024
};

// A reader that waits; in exactly one of the two lists.
struct history_wait {
    struct list_node node;
    struct list *list;
    int64_t target; // committed when the database holds this id
    int64_t deadline_ms;
    bool is_complete;
    history_ready_fn *go;
    void *context;
};

struct history {
    struct worker *worker;
    struct page_cache *pages;
    struct buf scratch;  // the page last rendered
    struct list waiting; // struct history_wait
    struct list ready;   // their callbacks run now
    struct loop_timer timer;
};

// ---- waiting ----

static void put(struct list *list, struct history_wait *wait)
{
    wait->list = list;
    list_append(list, &wait->node);
}

static struct history_wait *wait_at(struct list_node *node)
{
    return CONTAINER_OF(node, struct history_wait, node);
}

// While the broker is away nothing is committed that a reader could wait for.
static bool is_waiting_useful(const struct worker *worker)
{
    return upstream_is_connected(worker->gateway->upstream);
}

static void sort_out_ready(struct history *h)
{
    const struct watermark *mark = h->worker->gateway->mark;
    int64_t committed = watermark_committed(mark);
    int64_t now_ms = loop_now_ms(h->worker->loop);
    bool is_useful = is_waiting_useful(h->worker);
    for (struct list_node *node = h->waiting.first, *next; node != NULL; node = next) {
        struct history_wait *wait = wait_at(node);
        next = node->behind;
        wait->is_complete = committed >= wait->target;
        if (wait->is_complete || !is_useful || now_ms >= wait->deadline_ms) {
            list_remove(&h->waiting, node);
            put(&h->ready, wait);
        }
    }
}

static void start_timer(struct history *h)
{
    if (h->timer.place == 0 && loop_timer_start(h->worker->loop, &h->timer, POLL_MS) != ERR_OK)
        log_line(&h->worker->gateway->log, LOG_LEVEL_ERROR, "event=timer_failed part=history");
}

static void on_time(struct loop_timer *timer)
{
    struct history *h = CONTAINER_OF(timer, struct history, timer);
    sort_out_ready(h);
    // A callback may forget waits that are ready and add others.
    struct list_node *node;
    while ((node = list_take_first(&h->ready)) != NULL) {
        struct history_wait *wait = wait_at(node);
        wait->go(wait->context, wait->is_complete);
        free(wait);
    }
    if (h->waiting.first != NULL)
        start_timer(h);
}

struct history_wait *history_await(struct worker *worker, struct span room, int64_t id,
                                   history_ready_fn *go, void *context)
{
    struct history *h = worker->history;
    const struct watermark *mark = worker->gateway->mark;
    int64_t target = id;
    if (mark != NULL && watermark_accepted(mark, room) > target)
        target = watermark_accepted(mark, room);
    bool is_complete = mark != NULL && watermark_committed(mark) >= target;
    int64_t patience_ms = worker->gateway->config.read_wait_ms;
    if (is_complete || mark == NULL || patience_ms == 0 || !is_waiting_useful(worker)) {
        go(context, is_complete);
        return NULL;
    }
    struct history_wait *wait = malloc(sizeof *wait);
    if (wait == NULL) {
        go(context, false);
        return NULL;
    }
    *wait = (struct history_wait){.target = target,
                                  .deadline_ms = loop_now_ms(worker->loop) + patience_ms,
                                  .go = go,
                                  .context = context};
    put(&h->waiting, wait);
    start_timer(h);
    return wait;
}

void history_forget(struct history_wait *wait)
{
    list_remove(wait->list, &wait->node);
    free(wait);
}

// ---- pages ----

static enum err read_page(struct history *h, const struct store_page *page,
                          enum page_json_form form, struct history_facts *out_facts)
{
    struct store *store = worker_store(h->worker);
    if (store == NULL)
        return ERR_AGAIN;
    if (h->scratch.cap > SCRATCH_KEPT)
        buf_finish(&h->scratch);
    return page_json_write(store, page, form, &h->scratch, out_facts);
}

enum err history_json(struct worker *worker, const struct store_page *page, struct span *out_json,
                      struct history_facts *out_facts)
{
    struct history *h = worker->history;
    const struct watermark *mark = worker->gateway->mark;
    struct page_state state = {0};
    bool is_settled = false;
    if (mark != NULL) {
        // Read before the page is, so that what comes meanwhile makes the page untrue.
        state.generation = watermark_generation(mark);
        state.accepted = watermark_accepted(mark, page->room);
        is_settled = watermark_committed(mark) >= state.accepted;
        if (page_cache_find(h->pages, page, &state, out_json, out_facts))
            return ERR_OK;
    }
    enum err err = read_page(h, page, PAGE_JSON_WHOLE, out_facts);
    if (err != ERR_OK)
        return err;
    *out_json = buf_span(&h->scratch);
    if (is_settled)
        page_cache_put(h->pages, page, &state, *out_json, out_facts);
    return ERR_OK;
}

enum err history_short_json(struct worker *worker, const struct store_page *page,
                            struct span *out_json, struct history_facts *out_facts)
{
    enum err err = read_page(worker->history, page, PAGE_JSON_SHORT, out_facts);
    if (err == ERR_OK)
        *out_json = buf_span(&worker->history->scratch);
    return err;
}

void history_etag(const struct history_facts *facts, char out[HISTORY_ETAG_TEXT])
{
    (void)snprintf(out, HISTORY_ETAG_TEXT, "\"%s-%lld-%lld-%lld%s\"", facts->epoch,
                   (long long)facts->first_id, (long long)facts->last_id,
                   (long long)facts->count.messages, facts->has_more ? "-more" : "");
}

void history_meter(struct worker *worker, struct span room, struct span subject,
                   enum meter_face face, const struct meter_count *count)
{
    if (count->messages == 0)
        return;
    struct gateway *g = worker->gateway;
    struct meter_key key = {.hour = meter_hour(loop_date_ms(worker->loop)),
                            .room = room,
                            .subject = subject,
                            .face = face,
                            .direction = METER_OUT};
    (void)pthread_mutex_lock(&g->tally_lock);
    tally_add(g->tally, &key, count);
    (void)pthread_mutex_unlock(&g->tally_lock);
}

// ---- the worker's part ----

enum err history_start(struct worker *worker)
{
    const struct config *config = &worker->gateway->config;
    struct history *h = calloc(1, sizeof *h);
    if (h == NULL)
        return ERR_MEMORY;
    enum err err = page_cache_create((size_t)config->page_cache, &h->pages);
    if (err != ERR_OK) {
        free(h);
        return err;
    }
    buf_init(&h->scratch, page_json_max((size_t)config->max_payload));
    h->worker = worker;
    h->timer.on_time = on_time;
    worker->history = h;
    return ERR_OK;
}

void history_stop(struct worker *worker)
{
    struct history *h = worker->history;
    if (h == NULL)
        return;
    loop_timer_stop(worker->loop, &h->timer);
    struct list_node *node;
    while ((node = list_take_first(&h->waiting)) != NULL)
        free(wait_at(node));
    page_cache_destroy(h->pages);
    buf_finish(&h->scratch);
    free(h);
    worker->history = NULL;
}
