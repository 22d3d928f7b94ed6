// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// A hash table of pointers, which owns neither keys nor items: the caller hashes, and says what is
// equal. It grows and never shrinks; how many items there may be is the caller's to limit.
#ifndef ROOMWIRE_CORE_TABLE_H
#define ROOMWIRE_CORE_TABLE_H

#include <stdint.h>

#include "err.h"
#include "span.h"

struct table_slot {
    uint64_t hash;
    void *item; // NULL: free
};

// Open addressing with linear probing. Invariant: count * 4 <= capacity * 3, and no free slot lies
// between an item and the slot that its hash names.
struct table {
    struct table_slot *slots;
    size_t capacity; // a power of two, or 0
    size_t count;
};

typedef bool table_is_fn(const void *item, const void *key);

void table_init(struct table *table);
void table_finish(struct table *table); // the items stay the caller's
// The item with this hash for which `is` holds; NULL if there is none.
void *table_find(const struct table *table, uint64_t hash, table_is_fn *is, const void *key);
// Makes room for `count` items in all, so that up to there none has to move: with hundreds of
// thousands that takes a tenth of a second. Errors: ERR_MEMORY.
MUST_USE enum err table_reserve(struct table *table, size_t count);
// Adds an item whose key is not in the table yet. Errors: ERR_MEMORY.
MUST_USE enum err table_add(struct table *table, uint64_t hash, void *item);
// Removes exactly this item; nothing happens if it is not there.
void table_remove(struct table *table, uint64_t hash, const void *item);

#endif
