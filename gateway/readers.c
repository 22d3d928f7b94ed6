// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "readers.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/container.h"
#include "core/hash.h"
#include "core/list.h"
#include "core/table.h"

struct reader {
    struct readers_room *room;
    uint64_t hash;
    enum meter_face face;
    size_t open;      // requests that are being answered
    int64_t until_ms; // lingers so long; 0: does not
    int64_t since_ms;
    int64_t expires_ms; // the last token of this reader's; 0: never
    struct list_node of_room;
    struct list_node of_lingering;
    char subject[TOKEN_SUBJECT_MAX + 1];
    char name[TOKEN_NAME_MAX + 1];
};

// Lives as long as it has readers.
struct readers_room {
    struct list readers; // the earliest first
    size_t len;
    char name[TOPIC_ROOM_MAX + 1];
};

struct readers {
    pthread_mutex_t lock; // everything below
    size_t max_lingering, lingering_count;
    int64_t linger_ms;
    struct hash_seed seed;
    struct table rooms;    // struct readers_room by name
    struct table by_who;   // struct reader by room, subject and face
    struct list lingering; // struct reader, the first to go first
};

enum err readers_create(size_t max_lingering, int64_t linger_ms, struct readers **out_readers)
{
    struct readers *readers = calloc(1, sizeof *readers);
    if (readers == NULL)
        return ERR_MEMORY;
    readers->max_lingering = max_lingering;
    readers->linger_ms = linger_ms;
    table_init(&readers->rooms);
    table_init(&readers->by_who);
    if (!hash_seed_init(&readers->seed)) {
        free(readers);
        return ERR_IO;
    }
    (void)pthread_mutex_init(&readers->lock, NULL); // cannot fail with default attributes
    *out_readers = readers;
    return ERR_OK;
}

void readers_destroy(struct readers *readers)
{
    if (readers == NULL)
        return;
    for (size_t i = 0; i < readers->by_who.capacity; i++)
        free(readers->by_who.slots[i].item);
    for (size_t i = 0; i < readers->rooms.capacity; i++)
        free(readers->rooms.slots[i].item);
    table_finish(&readers->by_who);
    table_finish(&readers->rooms);
    (void)pthread_mutex_destroy(&readers->lock); // nobody holds it
    free(readers);
}

// ---- rooms; the lock is held, here and below ----

static struct span room_name(const struct readers_room *room)
{
    return span_make(room->name, room->len);
}

static bool has_name(const void *item, const void *key)
{
    return span_equal(room_name(item), *(const struct span *)key);
}

static struct readers_room *find_room(const struct readers *readers, struct span name)
{
    return table_find(&readers->rooms, hash_bytes(&readers->seed, name), has_name, &name);
}

static struct readers_room *get_room(struct readers *readers, struct span name)
{
    struct readers_room *room = find_room(readers, name);
    if (room != NULL)
        return room;
    room = calloc(1, sizeof *room);
    if (room == NULL)
        return NULL;
    memcpy(room->name, name.ptr, name.len);
    room->len = name.len;
    if (table_add(&readers->rooms, hash_bytes(&readers->seed, name), room) == ERR_OK)
        return room;
    free(room);
    return NULL;
}

static void drop_room_if_empty(struct readers *readers, struct readers_room *room)
{
    if (room->readers.first != NULL)
        return;
    table_remove(&readers->rooms, hash_bytes(&readers->seed, room_name(room)), room);
    free(room);
}

// ---- readers ----

struct who {
    struct span room, subject;
    enum meter_face face;
};

static bool is_who(const void *item, const void *key)
{
    const struct reader *reader = item;
    const struct who *who = key;
    return reader->face == who->face && span_is(who->subject, reader->subject) &&
           span_equal(room_name(reader->room), who->room);
}

static uint64_t hash_who(const struct readers *readers, const struct who *who)
{
    char face = (char)who->face;
    uint64_t hash = hash_bytes(&readers->seed, who->room);
    hash = hash_more(&readers->seed, hash, who->subject);
    return hash_more(&readers->seed, hash, span_make(&face, 1));
}

static struct reader *add(struct readers *readers, const struct who *who, uint64_t hash,
                          const struct token *token, int64_t now_ms)
{
    struct reader *reader = calloc(1, sizeof *reader);
    struct readers_room *room = reader != NULL ? get_room(readers, who->room) : NULL;
    if (room == NULL || table_add(&readers->by_who, hash, reader) != ERR_OK) {
        if (room != NULL)
            drop_room_if_empty(readers, room);
        free(reader);
        return NULL;
    }
    reader->hash = hash;
    reader->face = who->face;
    reader->since_ms = now_ms;
    memcpy(reader->subject, who->subject.ptr, who->subject.len);
    (void)snprintf(reader->name, sizeof reader->name, "%s", token->name); // fits
    reader->room = room;
    list_append(&room->readers, &reader->of_room);
    return reader;
}

static struct reader *get(struct readers *readers, struct span room, const struct token *token,
                          enum meter_face face, int64_t now_ms)
{
    const struct who who = {room, span_of(token->subject), face};
    uint64_t hash = hash_who(readers, &who);
    struct reader *reader = table_find(&readers->by_who, hash, is_who, &who);
    if (reader == NULL)
        reader = add(readers, &who, hash, token, now_ms);
    if (reader != NULL)
        reader->expires_ms = token->expires_s * 1000;
    return reader;
}

static void stop_lingering(struct readers *readers, struct reader *reader)
{
    if (reader->until_ms == 0)
        return;
    list_remove(&readers->lingering, &reader->of_lingering);
    reader->until_ms = 0;
    readers->lingering_count--;
}

static void linger(struct readers *readers, struct reader *reader, int64_t now_ms)
{
    stop_lingering(readers, reader);
    list_append(&readers->lingering, &reader->of_lingering);
    reader->until_ms = now_ms + readers->linger_ms;
    readers->lingering_count++;
}

static void remove_if_gone(struct readers *readers, struct reader *reader)
{
    if (reader->open > 0 || reader->until_ms != 0)
        return;
    struct readers_room *room = reader->room;
    list_remove(&room->readers, &reader->of_room);
    table_remove(&readers->by_who, reader->hash, reader);
    free(reader);
    drop_room_if_empty(readers, room);
}

static void let_go(struct readers *readers, int64_t now_ms)
{
    while (readers->lingering.first != NULL) {
        struct reader *next = CONTAINER_OF(readers->lingering.first, struct reader, of_lingering);
        if (next->until_ms > now_ms && readers->lingering_count <= readers->max_lingering)
            return;
        stop_lingering(readers, next);
        remove_if_gone(readers, next);
    }
}

// ---- for all threads ----

struct reader *readers_join(struct readers *readers, struct span room, const struct token *token,
                            enum meter_face face, int64_t now_ms)
{
    (void)pthread_mutex_lock(&readers->lock); // neither recursive nor robust: cannot fail
    let_go(readers, now_ms);
    struct reader *reader = get(readers, room, token, face, now_ms);
    if (reader != NULL)
        reader->open++;
    (void)pthread_mutex_unlock(&readers->lock);
    return reader;
}

void readers_leave(struct readers *readers, struct reader *reader, bool lingers, int64_t now_ms)
{
    if (reader == NULL)
        return;
    (void)pthread_mutex_lock(&readers->lock);
    reader->open--;
    if (lingers && readers->linger_ms > 0)
        linger(readers, reader, now_ms);
    remove_if_gone(readers, reader);
    let_go(readers, now_ms);
    (void)pthread_mutex_unlock(&readers->lock);
}

void readers_note(struct readers *readers, struct span room, const struct token *token,
                  enum meter_face face, int64_t now_ms)
{
    if (readers->linger_ms == 0)
        return;
    (void)pthread_mutex_lock(&readers->lock);
    let_go(readers, now_ms);
    struct reader *reader = get(readers, room, token, face, now_ms);
    if (reader != NULL)
        linger(readers, reader, now_ms);
    let_go(readers, now_ms);
    (void)pthread_mutex_unlock(&readers->lock);
}

void readers_each(struct readers *readers, struct span room, int64_t now_ms, readers_each_fn *each,
                  void *context)
{
    (void)pthread_mutex_lock(&readers->lock);
    let_go(readers, now_ms);
    const struct readers_room *found = find_room(readers, room);
    struct list_node *node = found != NULL ? found->readers.first : NULL;
    for (; node != NULL; node = node->behind) {
        const struct reader *reader = CONTAINER_OF(node, struct reader, of_room);
        const struct reader_facts facts = {reader->subject, reader->name, reader->face,
                                           reader->since_ms};
        bool is_expired = reader->expires_ms != 0 && reader->expires_ms <= now_ms;
        if (!is_expired && !each(context, &facts))
            break;
    }
    (void)pthread_mutex_unlock(&readers->lock);
}
