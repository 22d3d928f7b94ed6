// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The rooms that have kept messages, in the broker's memory: the last id of each, from which the
// next stamp's `prev` is taken. Not their messages: those are in the log.
#ifndef ROOMWIRE_PLUGIN_ROOMS_H
#define ROOMWIRE_PLUGIN_ROOMS_H

#include "core/table.h"
#include "core/topic.h"

// Lives as long as the table: a room is never removed, so pointers to it may be kept.
struct room {
    int64_t last_id; // 0: none yet
    size_t len;
    char name[TOPIC_ROOM_MAX + 1];
};

static inline struct span room_name(const struct room *room)
{
    return span_make(room->name, room->len);
}

struct rooms;

// Errors: ERR_MEMORY, ERR_IO (no random seed).
MUST_USE enum err rooms_create(size_t max, struct rooms **out_rooms);
void rooms_destroy(struct rooms *rooms); // NULL is fine

// NULL if it has none.
struct room *rooms_find(const struct rooms *rooms, struct span name);
// The room, made if it is not there; `name` must be a valid room name.
// Errors: ERR_TOO_MANY (as many as `max`), ERR_MEMORY.
MUST_USE enum err rooms_get(struct rooms *rooms, struct span name, struct room **out_room);
// What the log says of a room at start; not subject to `max`. Errors: ERR_MEMORY.
MUST_USE enum err rooms_restore(struct rooms *rooms, struct span name, int64_t last_id);
size_t rooms_count(const struct rooms *rooms);

#endif
