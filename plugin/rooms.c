// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "rooms.h"

#include <assert.h>
#include <stdlib.h>

#include "core/hash.h"

// Rooms live in blocks, so that 100,000 of them are not 100,000 allocations and never move.
enum { BLOCK_ROOMS = 256 };

struct block {
    struct block *next;
    size_t used;
    struct room rooms[BLOCK_ROOMS];
};

struct rooms {
    struct hash_seed seed;
    struct table by_name;
    struct block *blocks; // the first one has space left, if any has
    size_t max;
};

enum err rooms_create(size_t max, struct rooms **out_rooms)
{
    struct rooms *rooms = calloc(1, sizeof *rooms);
    if (rooms == NULL)
        return ERR_MEMORY;
    rooms->max = max;
    table_init(&rooms->by_name);
    if (!hash_seed_init(&rooms->seed)) {
        rooms_destroy(rooms);
        return ERR_IO;
    }
    *out_rooms = rooms;
    return ERR_OK;
}

void rooms_destroy(struct rooms *rooms)
{
    if (rooms == NULL)
        return;
    while (rooms->blocks != NULL) {
        struct block *next = rooms->blocks->next;
        free(rooms->blocks);
        rooms->blocks = next;
    }
    table_finish(&rooms->by_name);
    free(rooms);
}

static bool has_name(const void *item, const void *key)
{
    return span_equal(room_name(item), *(const struct span *)key);
}

struct room *rooms_find(const struct rooms *rooms, struct span name)
{
    return table_find(&rooms->by_name, hash_bytes(&rooms->seed, name), has_name, &name);
}

static struct room *take_free(struct rooms *rooms)
{
    if (rooms->blocks == NULL || rooms->blocks->used == BLOCK_ROOMS) {
        struct block *block = malloc(sizeof *block);
        if (block == NULL)
            return NULL;
        block->used = 0;
        block->next = rooms->blocks;
        rooms->blocks = block;
    }
    return &rooms->blocks->rooms[rooms->blocks->used];
}

static enum err add(struct rooms *rooms, uint64_t hash, struct span name, struct room **out_room)
{
    struct room *room = take_free(rooms);
    if (room == NULL)
        return ERR_MEMORY;
    *room = (struct room){.len = name.len};
    memcpy(room->name, name.ptr, name.len);
    enum err err = table_add(&rooms->by_name, hash, room);
    if (err != ERR_OK)
        return err;
    rooms->blocks->used++;
    *out_room = room;
    return ERR_OK;
}

static enum err get(struct rooms *rooms, struct span name, size_t max, struct room **out_room)
{
    assert(name.len > 0 && name.len <= TOPIC_ROOM_MAX);
    uint64_t hash = hash_bytes(&rooms->seed, name);
    struct room *room = table_find(&rooms->by_name, hash, has_name, &name);
    if (room == NULL)
        return rooms->by_name.count >= max ? ERR_TOO_MANY : add(rooms, hash, name, out_room);
    *out_room = room;
    return ERR_OK;
}

enum err rooms_get(struct rooms *rooms, struct span name, struct room **out_room)
{
    return get(rooms, name, rooms->max, out_room);
}

enum err rooms_restore(struct rooms *rooms, struct span name, int64_t last_id)
{
    struct room *room;
    enum err err = get(rooms, name, SIZE_MAX, &room);
    if (err == ERR_OK && last_id > room->last_id)
        room->last_id = last_id;
    return err;
}

size_t rooms_count(const struct rooms *rooms)
{
    return rooms->by_name.count;
}
