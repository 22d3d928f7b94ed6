// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "poll.h"

#include <stdlib.h>

#include "hub.h"
#include "readers.h"

struct poll {
    struct worker *worker;
    struct reader *member;
    struct hub_reader reader;
    struct loop_timer timer;
    int64_t after;
    char epoch[MESSAGE_EPOCH_MAX + 1];
    poll_ready_fn *go;
    void *context;
};

void poll_forget(struct poll *poll)
{
    struct worker *worker = poll->worker;
    readers_leave(worker->gateway->readers, poll->member, true, loop_date_ms(worker->loop));
    loop_timer_stop(worker->loop, &poll->timer);
    hub_leave(&poll->reader);
    free(poll);
}

static void end(struct poll *poll)
{
    poll_ready_fn *go = poll->go;
    void *context = poll->context;
    poll_forget(poll);
    go(context);
}

static void on_news(struct hub_reader *reader)
{
    struct poll *poll = CONTAINER_OF(reader, struct poll, reader);
    // In another log the ids start anew: the caller's look tells the client which one it is.
    if (hub_last_id(reader) > poll->after || strcmp(hub_epoch(reader), poll->epoch) != 0)
        end(poll);
}

static void on_time(struct loop_timer *timer)
{
    end(CONTAINER_OF(timer, struct poll, timer));
}

static bool note_row(void *context, const struct message *m)
{
    (void)m;
    *(bool *)context = true;
    return false;
}

// True if something is there to be read now. What was trimmed is not, and is not waited for.
static bool has_come(struct poll *poll, struct span room)
{
    struct store *store = worker_store(poll->worker);
    if (store == NULL || hub_last_id(&poll->reader) <= poll->after)
        return false;
    struct store_page page = {room, 0, poll->after, 1};
    bool has_row = false, has_more;
    int64_t last_id = poll->after;
    // Asked first: what is stored meanwhile is on the page.
    if (store_room_last_id(store, room, &last_id) != ERR_OK ||
        store_read_page(store, &page, note_row, &has_row, &has_more) != ERR_OK || has_row)
        return true; // the caller's own look says what is wrong
    if (last_id < hub_last_id(&poll->reader))
        return true; // it was announced, and is about to be stored: the caller waits for it
    if (last_id > poll->after)
        poll->after = last_id;
    return false;
}

enum err poll_start(struct worker *worker, const struct token *token, struct span room,
                    int64_t after, int64_t wait_ms, poll_ready_fn *go, void *context,
                    struct poll **out_poll)
{
    struct poll *poll = calloc(1, sizeof *poll);
    if (poll == NULL)
        return ERR_MEMORY;
    *poll = (struct poll){.worker = worker,
                          .reader.on_news = on_news,
                          .timer.on_time = on_time,
                          .after = after,
                          .go = go,
                          .context = context};
    enum err err = hub_join(worker, room, HUB_NO_FORM, &poll->reader);
    if (err != ERR_OK) {
        free(poll);
        return err;
    }
    const char *epoch = hub_epoch(&poll->reader);
    memcpy(poll->epoch, epoch, strlen(epoch) + 1);
    poll->member =
        readers_join(worker->gateway->readers, room, token, METER_POLL, loop_date_ms(worker->loop));
    // What came between the caller's look at the database and now is not announced any more.
    err = loop_timer_start(worker->loop, &poll->timer, has_come(poll, room) ? 0 : wait_ms);
    if (err != ERR_OK) {
        poll_forget(poll);
        return err;
    }
    *out_poll = poll;
    return ERR_OK;
}
