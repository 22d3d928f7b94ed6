// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "feed.h"

#include <assert.h>
#include <stdlib.h>

#include "core/hash.h"
#include "core/table.h"
#include "core/topic.h"

enum { INBOX_TURN = 256 }; // news that a worker takes in one turn of its loop

// What the broker knows of a room's subscription.
enum subscription { SUBSCRIPTION_NONE, SUBSCRIPTION_ASKED, SUBSCRIPTION_LIVE };

struct feed_room {
    uint64_t listeners; // one bit a worker
    enum subscription subscription;
    bool is_queued; // in the list of changes
    struct feed_room *next_change;
    size_t len;
    char room[TOPIC_ROOM_MAX + 1];
};

// What lies in a worker's inbox: a message, or the news that a room is listened to.
struct news {
    struct news *next;
    struct feed_message *message; // NULL: `room` is listened to
    char room[TOPIC_ROOM_MAX + 1];
};

struct inbox {
    struct loop_task task;
    struct feed *feed;
    struct loop *loop; // NULL while the worker does not take part
    const struct feed_events *events;
    struct news *first, **last;
    size_t bytes;
    bool is_posted;
};

struct feed {
    pthread_mutex_t lock; // everything below; held for a few instructions only
    size_t max_rooms;
    size_t inbox_memory; // bytes of messages that a worker has not looked at yet
    struct hash_seed seed;
    struct table rooms; // struct feed_room by name
    struct feed_room *changes, **last_change;
    struct inbox inboxes[FEED_WORKERS_MAX];
};

enum err feed_create(size_t max_rooms, size_t inbox_memory, struct feed **out_feed)
{
    struct feed *feed = calloc(1, sizeof *feed);
    if (feed == NULL)
        return ERR_MEMORY;
    feed->max_rooms = max_rooms;
    feed->inbox_memory = inbox_memory;
    feed->last_change = &feed->changes;
    table_init(&feed->rooms);
    if (!hash_seed_init(&feed->seed)) {
        free(feed);
        return ERR_IO;
    }
    (void)pthread_mutex_init(&feed->lock, NULL); // cannot fail with default attributes
    *out_feed = feed;
    return ERR_OK;
}

void feed_message_release(struct feed_message *message)
{
    if (atomic_fetch_sub_explicit(&message->references, 1, memory_order_acq_rel) == 1)
        free(message);
}

static void free_news(struct news *news)
{
    while (news != NULL) {
        struct news *next = news->next;
        if (news->message != NULL)
            feed_message_release(news->message);
        free(news);
        news = next;
    }
}

void feed_destroy(struct feed *feed)
{
    if (feed == NULL)
        return;
    for (size_t i = 0; i < feed->rooms.capacity; i++)
        free(feed->rooms.slots[i].item);
    table_finish(&feed->rooms);
    for (size_t i = 0; i < FEED_WORKERS_MAX; i++)
        free_news(feed->inboxes[i].first);
    (void)pthread_mutex_destroy(&feed->lock); // nobody holds it
    free(feed);
}

// ---- rooms; the lock is held ----

static bool has_name(const void *item, const void *key)
{
    const struct feed_room *room = item;
    return span_equal(span_make(room->room, room->len), *(const struct span *)key);
}

static struct feed_room *find(const struct feed *feed, struct span name)
{
    return table_find(&feed->rooms, hash_bytes(&feed->seed, name), has_name, &name);
}

// Has the upstream look at the room. True if the upstream may be asleep.
static bool queue_change(struct feed *feed, struct feed_room *room)
{
    if (room->is_queued)
        return false;
    bool was_idle = feed->changes == NULL;
    room->is_queued = true;
    room->next_change = NULL;
    *feed->last_change = room;
    feed->last_change = &room->next_change;
    return was_idle;
}

static void tell(struct inbox *inbox, struct feed_message *message, struct span room);

static void remove_room(struct feed *feed, struct feed_room *room)
{
    table_remove(&feed->rooms, hash_bytes(&feed->seed, span_make(room->room, room->len)), room);
    free(room);
}

// While the broker is away nobody takes the changes.
static void remove_unread(struct feed *feed)
{
    struct feed_room **at = &feed->changes;
    while (*at != NULL) {
        struct feed_room *room = *at;
        if (room->listeners != 0 || room->subscription != SUBSCRIPTION_NONE) {
            at = &room->next_change;
            continue;
        }
        *at = room->next_change;
        remove_room(feed, room);
    }
    feed->last_change = at;
}

static enum err add_room(struct feed *feed, struct span name, struct feed_room **out_room)
{
    if (feed->rooms.count >= feed->max_rooms)
        remove_unread(feed);
    if (feed->rooms.count >= feed->max_rooms)
        return ERR_FULL;
    struct feed_room *room = calloc(1, sizeof *room);
    if (room == NULL)
        return ERR_MEMORY;
    assert(name.len > 0 && name.len <= TOPIC_ROOM_MAX);
    memcpy(room->room, name.ptr, name.len);
    room->len = name.len;
    enum err err = table_add(&feed->rooms, hash_bytes(&feed->seed, name), room);
    if (err != ERR_OK) {
        free(room);
        return err;
    }
    *out_room = room;
    return ERR_OK;
}

enum err feed_listen(struct feed *feed, int worker, struct span name, bool *out_wake)
{
    enum err err = ERR_OK;
    *out_wake = false;
    (void)pthread_mutex_lock(&feed->lock); // neither recursive nor robust: cannot fail
    struct feed_room *room = find(feed, name);
    if (room == NULL)
        err = add_room(feed, name, &room);
    if (err == ERR_OK) {
        room->listeners |= UINT64_C(1) << worker;
        if (room->subscription == SUBSCRIPTION_LIVE)
            tell(&feed->inboxes[worker], NULL, name);
        else if (room->subscription == SUBSCRIPTION_NONE)
            *out_wake = queue_change(feed, room);
    }
    (void)pthread_mutex_unlock(&feed->lock);
    return err;
}

void feed_ignore(struct feed *feed, int worker, struct span room, bool *out_wake)
{
    *out_wake = false;
    (void)pthread_mutex_lock(&feed->lock);
    struct feed_room *found = find(feed, room);
    if (found != NULL) {
        found->listeners &= ~(UINT64_C(1) << worker);
        if (found->listeners == 0)
            *out_wake = queue_change(feed, found);
    }
    (void)pthread_mutex_unlock(&feed->lock);
}

void feed_disconnected(struct feed *feed)
{
    (void)pthread_mutex_lock(&feed->lock);
    for (size_t i = 0; i < feed->rooms.capacity; i++) {
        struct feed_room *room = feed->rooms.slots[i].item;
        if (room == NULL)
            continue;
        room->subscription = SUBSCRIPTION_NONE;
        (void)queue_change(feed, room); // the caller is awake
    }
    (void)pthread_mutex_unlock(&feed->lock);
}

bool feed_next_change(struct feed *feed, char out_room[TOPIC_ROOM_MAX + 1], bool *out_subscribe)
{
    bool has_change = false;
    (void)pthread_mutex_lock(&feed->lock);
    while (!has_change && feed->changes != NULL) {
        struct feed_room *room = feed->changes;
        feed->changes = room->next_change;
        if (feed->changes == NULL)
            feed->last_change = &feed->changes;
        room->is_queued = false;
        bool is_wanted = room->listeners != 0;
        has_change = is_wanted == (room->subscription == SUBSCRIPTION_NONE);
        memcpy(out_room, room->room, sizeof room->room);
        *out_subscribe = is_wanted;
        if (is_wanted && has_change)
            room->subscription = SUBSCRIPTION_ASKED;
        if (!is_wanted)
            remove_room(feed, room);
    }
    (void)pthread_mutex_unlock(&feed->lock);
    return has_change;
}

// ---- what workers are told ----

static size_t bytes_of(const struct feed_message *message)
{
    return message != NULL ? sizeof(struct news) + message->size : 0;
}

// Takes what a worker looks at in one turn of its loop out of its inbox; the lock is held.
static struct news *take_some(struct inbox *inbox)
{
    struct news *taken = inbox->first, **end = &inbox->first;
    for (int n = 0; n < INBOX_TURN && *end != NULL; n++) {
        inbox->bytes -= bytes_of((*end)->message);
        end = &(*end)->next;
    }
    struct news *rest = *end;
    *end = NULL;
    inbox->first = rest;
    if (rest == NULL)
        inbox->last = &inbox->first;
    return taken;
}

static void run_inbox(struct loop_task *task)
{
    struct inbox *inbox = CONTAINER_OF(task, struct inbox, task);
    struct feed *feed = inbox->feed;
    (void)pthread_mutex_lock(&feed->lock);
    struct news *news = take_some(inbox);
    const struct feed_events *events = inbox->events;
    inbox->is_posted = inbox->first != NULL && inbox->loop != NULL;
    if (inbox->is_posted)
        loop_post(inbox->loop, task);
    (void)pthread_mutex_unlock(&feed->lock);
    while (news != NULL && events != NULL) {
        struct news *next = news->next;
        if (news->message != NULL)
            events->on_message(events->context, news->message);
        else
            events->on_listening(events->context, span_of(news->room));
        free(news);
        news = next;
    }
    free_news(news);
}

// Puts news into an inbox; the lock is held. A message that finds no memory, or the inbox of a
// worker that has fallen behind full, is left out: the next one's `prev`, or the hub's look at the
// watermark, brings that to light, and the database has it.
static void tell(struct inbox *inbox, struct feed_message *message, struct span room)
{
    size_t bytes = bytes_of(message);
    if (inbox->loop == NULL || (bytes > 0 && inbox->bytes + bytes > inbox->feed->inbox_memory))
        return;
    struct news *news = calloc(1, sizeof *news);
    if (news == NULL)
        return;
    if (message != NULL) {
        atomic_fetch_add_explicit(&message->references, 1, memory_order_relaxed);
        news->message = message;
    } else if (room.len > 0) {
        memcpy(news->room, room.ptr, room.len);
    }
    *inbox->last = news;
    inbox->last = &news->next;
    inbox->bytes += bytes;
    if (!inbox->is_posted) {
        inbox->is_posted = true;
        loop_post(inbox->loop, &inbox->task);
    }
}

enum err feed_join(struct feed *feed, int worker, struct loop *loop,
                   const struct feed_events *events)
{
    if (worker < 0 || worker >= FEED_WORKERS_MAX)
        return ERR_FULL;
    (void)pthread_mutex_lock(&feed->lock);
    struct inbox *inbox = &feed->inboxes[worker];
    *inbox = (struct inbox){.task.run = run_inbox, .feed = feed, .loop = loop, .events = events};
    inbox->last = &inbox->first;
    (void)pthread_mutex_unlock(&feed->lock);
    return ERR_OK;
}

void feed_leave(struct feed *feed, int worker)
{
    (void)pthread_mutex_lock(&feed->lock);
    struct inbox *inbox = &feed->inboxes[worker];
    inbox->loop = NULL;
    inbox->events = NULL;
    (void)pthread_mutex_unlock(&feed->lock);
}

void feed_subscribed(struct feed *feed, const char *room)
{
    (void)pthread_mutex_lock(&feed->lock);
    struct feed_room *found = find(feed, span_of(room));
    if (found != NULL && found->subscription == SUBSCRIPTION_ASKED) {
        found->subscription = SUBSCRIPTION_LIVE;
        for (int i = 0; i < FEED_WORKERS_MAX; i++)
            if (found->listeners >> i & 1)
                tell(&feed->inboxes[i], NULL, span_of(room));
    }
    (void)pthread_mutex_unlock(&feed->lock);
}

// ---- messages ----

static struct span copy_span(char **at, struct span from)
{
    struct span copy = span_make(*at, from.len);
    if (from.len > 0)
        memcpy(*at, from.ptr, from.len);
    *at += from.len;
    return copy;
}

static struct feed_message *copy_message(const struct message *m)
{
    size_t len = m->room.len + m->from.len + m->name.len + m->type.len + m->payload.len;
    struct feed_message *copy = malloc(sizeof *copy + len);
    if (copy == NULL)
        return NULL;
    copy->size = sizeof *copy + len;
    char *at = (char *)(copy + 1);
    atomic_init(&copy->references, 1);
    copy->message = *m;
    copy->message.room = copy_span(&at, m->room);
    copy->message.from = copy_span(&at, m->from);
    copy->message.name = copy_span(&at, m->name);
    copy->message.type = copy_span(&at, m->type);
    copy->message.payload = copy_span(&at, m->payload);
    return copy;
}

enum err feed_deliver(struct feed *feed, const struct message *m)
{
    struct feed_message *copy = copy_message(m);
    if (copy == NULL)
        return ERR_MEMORY;
    (void)pthread_mutex_lock(&feed->lock);
    const struct feed_room *room = find(feed, m->room);
    for (int i = 0; room != NULL && i < FEED_WORKERS_MAX; i++)
        if (room->listeners >> i & 1)
            tell(&feed->inboxes[i], copy, m->room);
    (void)pthread_mutex_unlock(&feed->lock);
    feed_message_release(copy);
    return ERR_OK;
}
