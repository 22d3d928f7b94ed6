// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "hub.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/clock.h"
#include "core/hash.h"
#include "core/table.h"
#include "feed.h"
#include "history.h"
#include "upstream.h"

enum {
    REST_MIN_MS = 1,    // between two times a room's readers are woken
    WAKE_MAX = 16,      // of a room's readers, in one turn of the loop
    CHECK_MS = 200,     // between two looks at the watermark
    CHECK_SLOTS = 4096, // of the table of rooms in one of them
    CHECK_REPAIRS = 64, // begun by one of them
    REPAIR_MAX = 1000   // messages; more than that readers fetch for themselves
};

struct hub_room {
    struct hub *hub;
    struct tape *tapes[HUB_FORM_COUNT]; // NULL until a reader wants the form
    struct hub_reader *readers;
    int64_t last_id;    // the tapes are complete up to here
    int64_t seen_id;    // the newest message that was heard of
    int64_t due_id;     // what the last check heard of: by the next one it should be here
    int64_t checked_id; // the watermark's word when the database was last read
    struct history_wait *wait;
    bool is_listening;             // the feed brings everything from here on
    bool is_looked_at;             // the database was read since then
    bool has_news;                 // all readers have to be woken, once more if that has begun
    struct hub_reader *next_woken; // NULL: the first one
    int64_t woken_ms;              // when that began
    int64_t rested_ms;             // when it may begin again
    struct loop_timer wake_timer;
    size_t len;
    char room[TOPIC_ROOM_MAX + 1];
};

struct hub {
    struct worker *worker;
    struct feed_events events;
    struct hash_seed seed;
    struct table rooms; // struct hub_room by name
    size_t next_check;  // the slot of `rooms` that the next check begins with
    struct tape_budget tape_budget;
    size_t tape_size; // bytes of one
    struct loop_timer check_timer;
    uint64_t generation; // of the watermark when the epoch was last looked at
    char epoch[MESSAGE_EPOCH_MAX + 1];
    struct buf scratch;
};

// ---- rooms ----

static struct span name_of(const struct hub_room *room)
{
    return span_make(room->room, room->len);
}

static bool has_name(const void *item, const void *key)
{
    return span_equal(name_of(item), *(const struct span *)key);
}

static struct hub_room *find(const struct hub *hub, struct span name)
{
    return table_find(&hub->rooms, hash_bytes(&hub->seed, name), has_name, &name);
}

// ---- tapes ----

static void wake_later(struct hub_room *room);

// Puts one message behind the others on every tape.
static void append(struct hub_room *room, const struct message *m)
{
    struct hub *hub = room->hub;
    for (int form = 0; form < HUB_FORM_COUNT; form++) {
        if (room->tapes[form] == NULL)
            continue;
        buf_clear(&hub->scratch);
        hub_write((enum hub_form)form, m, hub->epoch, &hub->scratch);
        // A message that the tape cannot take leaves it empty, and readers go to the database.
        if (hub->scratch.status != ERR_OK ||
            tape_append(room->tapes[form], m->id, m->prev, (int64_t)m->payload.len,
                        buf_span(&hub->scratch)) != ERR_OK)
            tape_clear(room->tapes[form]);
    }
    room->last_id = m->id;
    if (room->seen_id < m->id)
        room->seen_id = m->id;
    wake_later(room);
}

// ---- waking readers ----

// In the next turn of the loop, when all that came together has been taken in, or when the room's
// rest is over. Should that fail, check_rooms tries again.
static void wake_later(struct hub_room *room)
{
    struct loop *loop = room->hub->worker->loop;
    room->has_news = true;
    if (room->wake_timer.place == 0)
        (void)!loop_timer_start(loop, &room->wake_timer, room->rested_ms - loop_now_ms(loop));
}

// Readers are not woken again before half as much time has passed as it took to wake them: under
// load there is then more to write to each at a time, and the loop has time for other things.
static void start_rest(struct hub_room *room)
{
    int64_t now_ms = clock_monotonic_ms(); // the loop's stands still for a whole turn
    int64_t rest_ms = (now_ms - room->woken_ms) / 2;
    room->rested_ms = now_ms + (rest_ms > REST_MIN_MS ? rest_ms : REST_MIN_MS);
    if (room->has_news)
        wake_later(room);
}

// Wakes some readers, and leaves the others to the next turns. What comes meanwhile, those take
// along.
static void on_wake_time(struct loop_timer *timer)
{
    struct hub_room *room = CONTAINER_OF(timer, struct hub_room, wake_timer);
    struct loop *loop = room->hub->worker->loop;
    if (room->next_woken == NULL) {
        room->next_woken = room->readers;
        room->has_news = false;
        room->woken_ms = clock_monotonic_ms();
    }
    bool is_last = false;
    for (int count = 0; count < WAKE_MAX && !is_last; count++) {
        struct hub_reader *reader = room->next_woken;
        room->next_woken = reader->behind;
        is_last = reader->behind == NULL;
        if (is_last)
            start_rest(room); // now, since the room may go with its last reader
        reader->on_news(reader);
    }
    if (!is_last)
        (void)!loop_timer_start(loop, &room->wake_timer, 0);
}

// ---- repairing ----

static bool take_row(void *context, const struct message *m)
{
    append(context, m);
    return true;
}

// The tapes start anew behind message `id`, and readers fetch the rest for themselves.
static void start_anew(struct hub_room *room, int64_t id)
{
    for (int form = 0; form < HUB_FORM_COUNT; form++)
        if (room->tapes[form] != NULL)
            tape_clear(room->tapes[form]);
    room->last_id = id;
    wake_later(room);
}

// Notices that the log is another one: an older copy of the database was put in place.
static void follow_epoch(struct hub *hub)
{
    const struct watermark *mark = hub->worker->gateway->mark;
    uint64_t generation = mark != NULL ? watermark_generation(mark) : 0;
    struct store *store = worker_store(hub->worker);
    if (store == NULL || (generation == hub->generation && hub->epoch[0] != '\0'))
        return;
    hub->generation = generation;
    if (strcmp(hub->epoch, store_epoch(store)) == 0)
        return;
    (void)snprintf(hub->epoch, sizeof hub->epoch, "%s", store_epoch(store)); // fits: see message.h
    for (size_t i = 0; i < hub->rooms.capacity; i++) {
        struct hub_room *room = hub->rooms.slots[i].item;
        if (room == NULL)
            continue;
        int64_t newest =
            0; // where that cannot be read, the next message or check leads to a repair
        (void)!store_room_last_id(store, name_of(room), &newest);
        room->seen_id = 0;
        start_anew(room, newest);
    }
}

static void repair(struct hub_room *room);

static void on_committed(void *context, bool is_complete)
{
    (void)is_complete; // of what was accepted when the wait began
    struct hub_room *room = context;
    const struct watermark *mark = room->hub->worker->gateway->mark;
    room->wait = NULL;
    struct store *store = worker_store(room->hub->worker);
    if (store == NULL)
        return; // the next check tries again
    follow_epoch(room->hub);
    int64_t before = room->last_id;
    struct store_page page = {name_of(room), 0, before, REPAIR_MAX};
    bool has_more = false;
    int64_t newest = 0;
    int64_t accepted = mark != NULL ? watermark_accepted(mark, name_of(room)) : 0;
    bool has_all = mark != NULL && watermark_committed(mark) >= accepted;
    enum err err = store_room_last_id(store, name_of(room), &newest); // before the page is read
    if (err == ERR_OK)
        err = store_read_page_within(store, &page, (int64_t)room->hub->tape_size, take_row, room,
                                     &has_more);
    if (err == ERR_OK && (has_more || room->last_id < newest))
        start_anew(room, newest); // too much for a tape, or trimmed before it was read
    if (err == ERR_OK && has_all)
        room->checked_id = accepted;
    if (!room->is_looked_at)
        wake_later(room); // readers that wait for the first look learn that it was taken
    room->is_looked_at = true;
    if (room->last_id > before && room->seen_id > room->last_id)
        repair(room); // for what was heard of meanwhile
}

// Reads what is in the database behind the tapes' end.
static void repair(struct hub_room *room)
{
    if (room->wait != NULL)
        return;
    // on_committed may run before this returns, and begin another repair.
    struct history_wait *wait =
        history_await(room->hub->worker, name_of(room), room->seen_id, on_committed, room);
    if (wait != NULL)
        room->wait = wait;
}

static void on_message(void *context, struct feed_message *message)
{
    struct hub *hub = context;
    const struct message *m = &message->message;
    follow_epoch(hub);
    struct hub_room *room = find(hub, m->room);
    if (room != NULL && m->id > room->seen_id)
        room->seen_id = m->id;
    if (room != NULL && m->id > room->last_id) {
        if (m->prev <= room->last_id)
            append(room, m); // also during a repair, which then reads on from here
        else
            repair(room);
    }
    feed_message_release(message);
}

static void on_listening(void *context, struct span name)
{
    struct hub_room *room = find(context, name);
    if (room == NULL)
        return;
    room->is_listening = true;
    repair(room);
}

// True if something that the last check had heard of is still not here. What was heard of since is
// most likely on its way.
static bool is_overdue(struct hub_room *room, const struct watermark *mark)
{
    int64_t accepted = watermark_accepted(mark, name_of(room));
    bool is_late = room->due_id > room->last_id;
    room->due_id = accepted > room->seen_id ? accepted : room->seen_id;
    // The mark's word may be another room's; then the database was looked at in vain.
    return is_late && (room->seen_id > room->last_id || accepted != room->checked_id);
}

// The feed may lose what nothing follows: the broker drops messages of QoS 0 where they pile up.
static void check_rooms(struct hub *hub)
{
    const struct watermark *mark = hub->worker->gateway->mark;
    size_t slots = hub->rooms.capacity < CHECK_SLOTS ? hub->rooms.capacity : CHECK_SLOTS;
    for (size_t n = 0, repairs = 0; mark != NULL && n < slots && repairs < CHECK_REPAIRS; n++) {
        struct hub_room *room = hub->rooms.slots[hub->next_check++ % hub->rooms.capacity].item;
        if (room == NULL)
            continue;
        if (room->has_news)
            wake_later(room);
        if (!is_overdue(room, mark))
            continue;
        repair(room);
        repairs++;
    }
}

static void on_check_time(struct loop_timer *timer)
{
    struct hub *hub = CONTAINER_OF(timer, struct hub, check_timer);
    follow_epoch(hub);
    check_rooms(hub);
    if (loop_timer_start(hub->worker->loop, timer, CHECK_MS) != ERR_OK)
        log_line(&hub->worker->gateway->log, LOG_LEVEL_ERROR, "event=timer_failed part=hub");
}

// ---- joining and leaving ----

static void destroy_room(struct hub_room *room)
{
    struct hub *hub = room->hub;
    if (room->wait != NULL)
        history_forget(room->wait);
    loop_timer_stop(hub->worker->loop, &room->wake_timer);
    table_remove(&hub->rooms, hash_bytes(&hub->seed, name_of(room)), room);
    for (int form = 0; form < HUB_FORM_COUNT; form++)
        tape_destroy(room->tapes[form]);
    free(room);
}

static enum err create_room(struct hub *hub, struct span name, struct hub_room **out_room)
{
    struct store *store = worker_store(hub->worker);
    if (store == NULL)
        return ERR_AGAIN;
    struct hub_room *room = calloc(1, sizeof *room);
    if (room == NULL)
        return ERR_MEMORY;
    room->hub = hub;
    room->wake_timer.on_time = on_wake_time;
    room->len = name.len;
    memcpy(room->room, name.ptr, name.len);
    enum err err = store_room_last_id(store, name, &room->last_id);
    room->seen_id = room->last_id;
    if (err == ERR_OK)
        err = table_add(&hub->rooms, hash_bytes(&hub->seed, name), room);
    if (err == ERR_OK)
        err = upstream_listen(hub->worker->gateway->upstream, hub->worker->index, name);
    if (err != ERR_OK) {
        destroy_room(room);
        return err;
    }
    *out_room = room;
    return ERR_OK;
}

static void leave_if_empty(struct hub_room *room)
{
    struct hub *hub = room->hub;
    if (room->readers != NULL)
        return;
    upstream_ignore(hub->worker->gateway->upstream, hub->worker->index, name_of(room));
    destroy_room(room);
}

enum err hub_join(struct worker *worker, struct span name, enum hub_form form,
                  struct hub_reader *reader)
{
    struct hub *hub = worker->hub;
    enum err err = ERR_OK;
    follow_epoch(hub);
    struct hub_room *room = find(hub, name);
    if (room == NULL)
        err = create_room(hub, name, &room);
    if (err != ERR_OK)
        return err;
    const struct config *config = &worker->gateway->config;
    if (form != HUB_NO_FORM && room->tapes[form] == NULL)
        err = tape_create(&hub->tape_budget, hub->tape_size, (size_t)config->tape_messages,
                          &room->tapes[form]);
    if (err != ERR_OK) {
        leave_if_empty(room);
        return err;
    }
    reader->room = room;
    reader->before = NULL;
    reader->behind = room->readers;
    if (room->readers != NULL)
        room->readers->before = reader;
    room->readers = reader;
    return ERR_OK;
}

void hub_leave(struct hub_reader *reader)
{
    struct hub_room *room = reader->room;
    if (room->next_woken == reader)
        room->next_woken = reader->behind;
    if (reader->before != NULL)
        reader->before->behind = reader->behind;
    else
        room->readers = reader->behind;
    if (reader->behind != NULL)
        reader->behind->before = reader->before;
    reader->room = NULL;
    leave_if_empty(room);
}

const struct tape *hub_tape(const struct hub_reader *reader, enum hub_form form)
{
    return reader->room->tapes[form];
}

bool hub_is_current(const struct hub_reader *reader, int64_t id)
{
    const struct hub_room *room = reader->room;
    return room->is_listening && room->wait == NULL && id >= room->last_id;
}

struct span hub_room_name(const struct hub_reader *reader)
{
    return name_of(reader->room);
}

const char *hub_epoch(const struct hub_reader *reader)
{
    return reader->room->hub->epoch;
}

int64_t hub_last_id(const struct hub_reader *reader)
{
    return reader->room->last_id;
}

// ---- the hub itself ----

enum err hub_start(struct worker *worker)
{
    struct hub *hub = calloc(1, sizeof *hub);
    if (hub == NULL)
        return ERR_MEMORY;
    hub->worker = worker;
    hub->tape_budget.max = (size_t)worker->gateway->config.tape_memory;
    hub->tape_size = (size_t)worker->gateway->config.tape_size;
    hub->events = (struct feed_events){hub, on_message, on_listening};
    hub->check_timer.on_time = on_check_time;
    buf_init(&hub->scratch, hub->tape_size);
    worker->hub = hub;
    table_init(&hub->rooms);
    enum err err = hash_seed_init(&hub->seed) ? ERR_OK : ERR_IO;
    if (err == ERR_OK)
        err = loop_timer_start(worker->loop, &hub->check_timer, CHECK_MS);
    if (err == ERR_OK)
        err = feed_join(worker->gateway->feed, worker->index, worker->loop, &hub->events);
    if (err != ERR_OK)
        hub_stop(worker);
    return err;
}

void hub_stop(struct worker *worker)
{
    struct hub *hub = worker->hub;
    if (hub == NULL)
        return;
    feed_leave(worker->gateway->feed, worker->index);
    loop_timer_stop(worker->loop, &hub->check_timer);
    buf_finish(&hub->scratch);
    table_finish(&hub->rooms);
    free(hub);
    worker->hub = NULL;
}
