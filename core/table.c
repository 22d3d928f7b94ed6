// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "table.h"

#include <stdlib.h>

enum { FIRST_CAPACITY = 8 };

void table_init(struct table *table)
{
    *table = (struct table){0};
}

void table_finish(struct table *table)
{
    free(table->slots);
    table_init(table);
}

void *table_find(const struct table *table, uint64_t hash, table_is_fn *is, const void *key)
{
    if (table->capacity == 0)
        return NULL;
    size_t mask = table->capacity - 1;
    for (size_t i = hash & mask; table->slots[i].item != NULL; i = (i + 1) & mask)
        if (table->slots[i].hash == hash && is(table->slots[i].item, key))
            return table->slots[i].item;
    return NULL;
}

static void put(struct table *table, uint64_t hash, void *item)
{
    size_t mask = table->capacity - 1;
    size_t i = hash & mask;
    while (table->slots[i].item != NULL)
        i = (i + 1) & mask;
    table->slots[i] = (struct table_slot){hash, item};
}

static bool has_room(size_t capacity, size_t count)
{
    return count * 4 <= capacity * 3;
}

enum err table_reserve(struct table *table, size_t count)
{
    struct table bigger = {.capacity = table->capacity ? table->capacity : FIRST_CAPACITY,
                           .count = table->count};
    if (has_room(table->capacity, count))
        return ERR_OK;
    while (!has_room(bigger.capacity, count))
        bigger.capacity *= 2;
    bigger.slots = calloc(bigger.capacity, sizeof *bigger.slots);
    if (bigger.slots == NULL)
        return ERR_MEMORY;
    for (size_t i = 0; i < table->capacity; i++)
        if (table->slots[i].item != NULL)
            put(&bigger, table->slots[i].hash, table->slots[i].item);
    free(table->slots);
    *table = bigger;
    return ERR_OK;
}

enum err table_add(struct table *table, uint64_t hash, void *item)
{
    enum err err = table_reserve(table, table->count + 1);
    if (err != ERR_OK)
        return err;
    put(table, hash, item);
    table->count++;
    return ERR_OK;
}

// Closes the gap at `hole`: an item behind it moves in if its own slot is not after the hole.
static void close_gap(struct table *table, size_t hole)
{
    size_t mask = table->capacity - 1;
    for (size_t i = (hole + 1) & mask; table->slots[i].item != NULL; i = (i + 1) & mask) {
        size_t home = table->slots[i].hash & mask;
        if (((i - home) & mask) < ((i - hole) & mask))
            continue;
        table->slots[hole] = table->slots[i];
        hole = i;
    }
    table->slots[hole] = (struct table_slot){0};
}

void table_remove(struct table *table, uint64_t hash, const void *item)
{
    if (table->capacity == 0)
        return;
    size_t mask = table->capacity - 1;
    for (size_t i = hash & mask; table->slots[i].item != NULL; i = (i + 1) & mask) {
        if (table->slots[i].item != item)
            continue;
        close_gap(table, i);
        table->count--;
        return;
    }
}
