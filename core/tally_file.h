// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The tally's file and memory, shared by what adds (tally.c) and what takes (tally_batch.c).
//
// Every entry has two sets of counters that only rise: what was added and what was taken. The
// difference is pending, and each set has one writer, so nothing is locked and no store can be
// half done. An entry without anything pending is idle and may be given to another key; its
// counters go on. A batch is a list of rows "entry, taken before, taken after": it is complete in
// the file before its number is (two-phase), and settling it can be repeated any number of times.
//
// In memory only: the index from keys to entries, which belongs to the adding side; flags that say
// which entries to look at, and the queue of entries that were seen idle, from the taking side.
#ifndef ROOMWIRE_CORE_TALLY_FILE_H
#define ROOMWIRE_CORE_TALLY_FILE_H

#include <stdatomic.h>

#include "mapfile.h"
#include "tally.h"

enum {
    TALLY_HEAD_AT = 512,
    TALLY_ENTRIES_AT = MAPFILE_PAGE,
    TALLY_FIELDS = 3, // messages, blocks, bytes
    // Entries beyond the capacity for what fits nowhere, one for each face and direction.
    TALLY_RESERVED = METER_FACE_COUNT * 2,
    TALLY_GROUP = 64 // entries, so that looking for touched ones goes over few flags
};

struct tally_head {
    uint64_t capacity;
    uint64_t max_batch;
    _Atomic uint64_t taken_batch;   // greater than settled_batch while a batch is out
    _Atomic uint64_t settled_batch; // both rise by one
    _Atomic uint64_t row_count;     // of the batch taken
};

struct tally_entry {
    _Atomic int64_t added[TALLY_FIELDS];
    _Atomic int64_t taken[TALLY_FIELDS];
    int64_t hour;
    unsigned char face, direction, room_len, subject_len;
    uint32_t zero;
    char room[METER_ROOM_MAX];
    char subject[METER_SUBJECT_MAX];
};
_Static_assert(sizeof(struct tally_entry) == 256, "four cache lines, the counters in the first");

struct tally_row {
    uint64_t entry;
    int64_t before[TALLY_FIELDS];
    int64_t after[TALLY_FIELDS];
};

struct tally_slot {
    uint32_t hash;
    uint32_t entry; // index + 1; 0: empty
};

struct tally {
    struct mapfile file;
    struct tally_head *head;
    struct tally_entry *entries;
    struct tally_row *rows;
    uint32_t capacity;
    uint32_t max_batch;
    uint32_t seed;

    // The adding side.
    struct tally_slot *index; // open addressing, at most half full
    uint32_t index_mask;
    uint32_t *uses; // how often each entry was given to a key; 0: it is not in the index

    // Set by the adding side behind each addition, first the entry's flag, then its group's;
    // cleared by the taking side, in the other order, before it looks.
    _Atomic unsigned char *is_touched;
    _Atomic unsigned char *is_group_touched;

    // Entries seen idle: the taking side puts them in, the adding side takes them out and looks
    // again. Each is in the queue at most once.
    _Atomic unsigned char *is_queued;
    uint32_t *queue;
    _Atomic uint64_t queue_in, queue_out;

    uint32_t hand; // the taking side: the group in which the next batch begins to look
};

static inline bool tally_is_idle(const struct tally_entry *entry)
{
    for (int i = 0; i < TALLY_FIELDS; i++)
        if (atomic_load_explicit(&entry->added[i], memory_order_acquire) !=
            atomic_load_explicit(&entry->taken[i], memory_order_acquire))
            return false;
    return true;
}

static inline bool tally_has_batch(const struct tally *t)
{
    return atomic_load_explicit(&t->head->taken_batch, memory_order_acquire) !=
           atomic_load_explicit(&t->head->settled_batch, memory_order_acquire);
}

static inline uint32_t tally_total(const struct tally *t)
{
    return t->capacity + TALLY_RESERVED;
}

static inline uint32_t tally_groups(const struct tally *t)
{
    return (tally_total(t) + TALLY_GROUP - 1) / TALLY_GROUP;
}

// Offers entry `i` to the adding side if it is idle. Only by the taking side.
void tally_offer(struct tally *t, uint32_t i);

#endif
