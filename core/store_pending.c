// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// What many messages of one transaction would each change again (their room's row, one traffic
// counter) is summed up here and written once, before the commit. Two hash tables of fixed size
// with open addressing, at most half full; when one is, it is written and begun anew. A list beside
// each says which slots have something to write: most commits touch few, and are many.
#include <stdlib.h>

#include "hash.h"
#include "store_db.h"

enum { ROOM_SLOTS = 4096, TRAFFIC_SLOTS = 2048 }; // powers of two

struct pending_room {
    int64_t room_id; // 0: the slot is empty
    int64_t last_id;
    int64_t messages; // not yet written; 0: the row is as the database has it
    size_t len;
    char room[METER_ROOM_MAX];
};

struct pending_traffic {
    bool is_used;
    unsigned char face, direction, room_len, subject_len;
    int64_t hour;
    struct meter_count count;
    char room[METER_ROOM_MAX];
    char subject[METER_SUBJECT_MAX];
};

struct store_pending {
    size_t room_count;    // slots in use
    size_t changed_count; // of these, with messages to write
    size_t traffic_count;
    struct pending_room rooms[ROOM_SLOTS];
    struct pending_room *changed[ROOM_SLOTS / 2];
    struct pending_traffic traffic[TRAFFIC_SLOTS];
    struct pending_traffic *used[TRAFFIC_SLOTS / 2];
};

struct store_pending *store_pending_create(void)
{
    return calloc(1, sizeof(struct store_pending));
}

void store_pending_destroy(struct store_pending *pending)
{
    free(pending);
}

void store_pending_forget(struct store *store)
{
    if (store->pending != NULL)
        *store->pending = (struct store_pending){0};
}

// Who could choose names to make these tables slow could as well send more messages.
static size_t spread(uint32_t hash)
{
    return hash ^ hash >> 15;
}

// ---- rooms ----

static struct pending_room *room_slot(struct store_pending *p, struct span room)
{
    size_t at = spread(hash_fnv(room));
    for (;; at++) {
        struct pending_room *slot = &p->rooms[at % ROOM_SLOTS];
        if (slot->room_id == 0 || span_equal(span_make(slot->room, slot->len), room))
            return slot;
    }
}

static enum err write_room(struct store *store, struct pending_room *room)
{
    struct store_run run = store_start(store, STORE_SQL_UPDATE_ROOM);
    store_bind_int(&run, room->last_id);
    store_bind_int(&run, room->messages);
    store_bind_int(&run, room->room_id);
    return store_finish(&run);
}

static enum err write_rooms(struct store *store)
{
    struct store_pending *p = store->pending;
    while (p->changed_count > 0) {
        struct pending_room *room = p->changed[p->changed_count - 1];
        enum err err = write_room(store, room);
        if (err != ERR_OK)
            return err;
        room->messages = 0;
        p->changed_count--;
    }
    return ERR_OK;
}

// The room's row, made if need be.
static enum err find_row(struct store *store, struct span room, int64_t *out_room_id)
{
    struct store_run run = store_start(store, STORE_SQL_ROOM);
    store_bind_text(&run, room);
    int64_t room_id = store_step(&run) ? store_get_column_int(&run, "room_id") : 0;
    enum err err = store_end(&run);
    if (err == ERR_OK && room_id == 0) {
        run = store_start(store, STORE_SQL_MAKE_ROOM);
        store_bind_text(&run, room);
        err = store_finish(&run);
        room_id = sqlite3_last_insert_rowid(store->db);
    }
    if (err == ERR_OK)
        *out_room_id = room_id;
    return err;
}

enum err store_find_room(struct store *store, struct span room, int64_t *out_room_id)
{
    struct store_pending *p = store->pending;
    if (room.len > METER_ROOM_MAX)
        return ERR_TOO_LARGE;
    struct pending_room *slot = room_slot(p, room);
    if (slot->room_id == 0 && p->room_count == ROOM_SLOTS / 2) {
        enum err err = write_rooms(store);
        if (err != ERR_OK)
            return err;
        memset(p->rooms, 0, sizeof p->rooms);
        p->room_count = 0;
        slot = room_slot(p, room);
    }
    if (slot->room_id == 0) {
        struct pending_room fresh = {.len = room.len};
        enum err err = find_row(store, room, &fresh.room_id);
        if (err != ERR_OK)
            return err;
        memcpy(fresh.room, room.ptr, room.len);
        *slot = fresh;
        p->room_count++;
    }
    *out_room_id = slot->room_id;
    return ERR_OK;
}

void store_count_message(struct store *store, const struct message *m)
{
    struct store_pending *p = store->pending;
    struct pending_room *slot = room_slot(p, m->room);
    if (slot->messages == 0)
        p->changed[p->changed_count++] = slot;
    slot->last_id = m->id;
    slot->messages++;
}

int64_t store_pending_last_id(const struct store *store)
{
    const struct store_pending *p = store->pending;
    int64_t last = 0;
    for (size_t i = 0; p != NULL && i < p->changed_count; i++)
        if (p->changed[i]->last_id > last)
            last = p->changed[i]->last_id;
    return last;
}

// ---- traffic ----

static bool has_key(const struct pending_traffic *slot, const struct meter_key *key)
{
    return slot->hour == key->hour && slot->face == (unsigned)key->face &&
           slot->direction == (unsigned)key->direction &&
           span_equal(span_make(slot->room, slot->room_len), key->room) &&
           span_equal(span_make(slot->subject, slot->subject_len), key->subject);
}

static struct pending_traffic *traffic_slot(struct store_pending *p, const struct meter_key *key)
{
    uint32_t which = (uint32_t)key->hour << 4 ^ (uint32_t)key->face << 1 ^ (uint32_t)key->direction;
    size_t at = spread(hash_fnv_more(hash_fnv(key->room) ^ which, key->subject));
    for (;; at++) {
        struct pending_traffic *slot = &p->traffic[at % TRAFFIC_SLOTS];
        if (!slot->is_used || has_key(slot, key))
            return slot;
    }
}

static enum err write_count(struct store *store, const struct pending_traffic *slot)
{
    struct store_run run = store_start(store, STORE_SQL_ADD_TRAFFIC);
    store_bind_int(&run, slot->hour);
    store_bind_text(&run, span_make(slot->room, slot->room_len));
    store_bind_text(&run, span_make(slot->subject, slot->subject_len));
    store_bind_int(&run, slot->face);
    store_bind_int(&run, slot->direction);
    store_bind_int(&run, slot->count.messages);
    store_bind_int(&run, slot->count.blocks);
    store_bind_int(&run, slot->count.bytes);
    return store_finish(&run);
}

static enum err write_traffic(struct store *store)
{
    struct store_pending *p = store->pending;
    enum err err = ERR_OK;
    for (size_t i = 0; err == ERR_OK && i < p->traffic_count; i++)
        err = write_count(store, p->used[i]);
    if (err != ERR_OK)
        return err; // what was written is rolled back with the rest
    // All at once: a slot freed by itself would end the probing for those behind it.
    for (size_t i = 0; i < p->traffic_count; i++)
        p->used[i]->is_used = false;
    p->traffic_count = 0;
    return ERR_OK;
}

enum err store_note_traffic(struct store *store, const struct meter_key *key,
                            const struct meter_count *count)
{
    struct store_pending *p = store->pending;
    if (key->room.len > METER_ROOM_MAX || key->subject.len > METER_SUBJECT_MAX)
        return ERR_TOO_LARGE;
    if (p->traffic_count == TRAFFIC_SLOTS / 2) {
        enum err err = write_traffic(store);
        if (err != ERR_OK)
            return err;
    }
    struct pending_traffic *slot = traffic_slot(p, key);
    if (!slot->is_used) {
        *slot = (struct pending_traffic){.is_used = true,
                                         .face = (unsigned char)key->face,
                                         .direction = (unsigned char)key->direction,
                                         .room_len = (unsigned char)key->room.len,
                                         .subject_len = (unsigned char)key->subject.len,
                                         .hour = key->hour};
        memcpy(slot->room, key->room.len ? key->room.ptr : "", key->room.len);
        memcpy(slot->subject, key->subject.len ? key->subject.ptr : "", key->subject.len);
        p->used[p->traffic_count++] = slot;
    }
    slot->count.messages += count->messages;
    slot->count.blocks += count->blocks;
    slot->count.bytes += count->bytes;
    return ERR_OK;
}

enum err store_write_pending(struct store *store)
{
    enum err err = write_rooms(store);
    return err == ERR_OK ? write_traffic(store) : err;
}

enum err store_settle_pending(struct store *store)
{
    return sqlite3_get_autocommit(store->db) ? store_write_pending(store) : ERR_OK;
}
