// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "keys.h"

#include <stdlib.h>

#include "core/hash.h"
#include "core/table.h"

enum { FORGET_MAX = 16 }; // at a time: the broker's loop waits for it

// Names are kept as 128 bits of keyed hash: nobody can aim at a collision, and by chance there is
// none among a million.
struct entry {
    struct entry *younger;
    uint64_t hash, check;
    struct keys_first first;
};

struct keys {
    struct hash_seed seed, check_seed;
    struct table by_hash;
    struct entry *oldest, *youngest;
    size_t count, max;
    int64_t lifetime_ms;
};

enum err keys_create(size_t max, int64_t lifetime_ms, struct keys **out_keys)
{
    struct keys *keys = calloc(1, sizeof *keys);
    if (keys == NULL)
        return ERR_MEMORY;
    keys->max = max;
    keys->lifetime_ms = lifetime_ms;
    table_init(&keys->by_hash);
    (void)!table_reserve(&keys->by_hash, max); // without memory for that it grows
    if (!hash_seed_init(&keys->seed) || !hash_seed_init(&keys->check_seed)) {
        keys_destroy(keys);
        return ERR_IO;
    }
    *out_keys = keys;
    return ERR_OK;
}

static void forget_oldest(struct keys *keys)
{
    struct entry *oldest = keys->oldest;
    table_remove(&keys->by_hash, oldest->hash, oldest);
    keys->oldest = oldest->younger;
    if (keys->oldest == NULL)
        keys->youngest = NULL;
    keys->count--;
    free(oldest);
}

void keys_destroy(struct keys *keys)
{
    if (keys == NULL)
        return;
    while (keys->oldest != NULL)
        forget_oldest(keys);
    table_finish(&keys->by_hash);
    free(keys);
}

static uint64_t hash_name(const struct hash_seed *seed, const struct keys_name *name)
{
    uint64_t hash = hash_bytes(seed, name->room);
    hash = hash_more(seed, hash, name->from);
    return hash_more(seed, hash, name->key);
}

static bool has_check(const void *item, const void *key)
{
    return ((const struct entry *)item)->check == *(const uint64_t *)key;
}

static struct entry *find(const struct keys *keys, const struct keys_name *name)
{
    uint64_t check = hash_name(&keys->check_seed, name);
    return table_find(&keys->by_hash, hash_name(&keys->seed, name), has_check, &check);
}

static bool is_over(const struct keys *keys, const struct entry *entry, int64_t now_ms)
{
    return entry->first.date_ms + keys->lifetime_ms <= now_ms;
}

bool keys_find(struct keys *keys, const struct keys_name *name, int64_t now_ms,
               struct keys_first *out_first)
{
    for (int i = 0; i < FORGET_MAX && keys->oldest != NULL; i++) {
        if (!is_over(keys, keys->oldest, now_ms))
            break;
        forget_oldest(keys);
    }
    // What is over may still be there: there were more, or the clock was set back.
    const struct entry *entry = find(keys, name);
    if (entry == NULL || is_over(keys, entry, now_ms))
        return false;
    *out_first = entry->first;
    return true;
}

static void append(struct keys *keys, struct entry *entry)
{
    if (keys->youngest == NULL)
        keys->oldest = entry;
    else
        keys->youngest->younger = entry;
    keys->youngest = entry;
    keys->count++;
}

enum err keys_add(struct keys *keys, const struct keys_name *name, const struct keys_first *first)
{
    if (keys->max == 0)
        return ERR_OK;
    // Its lifetime was over: it is not found any more, and is forgotten when its turn comes.
    struct entry *known = find(keys, name);
    if (known != NULL)
        table_remove(&keys->by_hash, known->hash, known);
    if (keys->count >= keys->max)
        forget_oldest(keys);
    struct entry *entry = malloc(sizeof *entry);
    if (entry == NULL)
        return ERR_MEMORY;
    *entry = (struct entry){.hash = hash_name(&keys->seed, name),
                            .check = hash_name(&keys->check_seed, name),
                            .first = *first};
    enum err err = table_add(&keys->by_hash, entry->hash, entry);
    if (err != ERR_OK) {
        free(entry);
        return err;
    }
    append(keys, entry);
    return ERR_OK;
}

size_t keys_count(const struct keys *keys)
{
    return keys->count;
}
