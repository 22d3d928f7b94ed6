// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "tally.h"

#include <stdlib.h>
#include <unistd.h>

#include "tally_file.h"

#define TALLY_MAGIC "rwtally1"

enum { TALLY_VERSION = 1, CAPACITY_MAX = 1 << 24, BATCH_MAX = 1 << 20 };

static const struct span other = {"(other)", 7};

// ---- keys ----

static uint64_t mix(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t hash_bytes(uint64_t hash, struct span bytes)
{
    const uint64_t odd = 0x9E3779B97F4A7C15u;
    uint64_t word;
    size_t i = 0;
    for (; i + sizeof word <= bytes.len; i += sizeof word) {
        memcpy(&word, bytes.ptr + i, sizeof word);
        hash = mix(hash ^ word, odd);
    }
    for (word = bytes.len; i < bytes.len; i++)
        word = word << 8 | (unsigned char)bytes.ptr[i];
    return mix(hash ^ word, odd);
}

// Seeded, so that nobody can choose names that all fall into one place.
static uint32_t hash_key(const struct tally *t, const struct meter_key *key)
{
    uint64_t hash = (uint64_t)t->seed << 32 ^ (uint64_t)key->hour << 8 ^ (uint64_t)key->face << 1 ^
                    (uint64_t)key->direction;
    hash = hash_bytes(hash_bytes(hash, key->room), key->subject);
    return (uint32_t)(hash ^ hash >> 32);
}

static struct meter_key key_of(const struct tally_entry *entry)
{
    return (struct meter_key){.hour = entry->hour,
                              .room = span_make(entry->room, entry->room_len),
                              .subject = span_make(entry->subject, entry->subject_len),
                              .face = (enum meter_face)entry->face,
                              .direction = (enum meter_direction)entry->direction};
}

static bool has_key(const struct tally_entry *entry, const struct meter_key *key)
{
    return entry->hour == key->hour && entry->face == (unsigned)key->face &&
           entry->direction == (unsigned)key->direction &&
           span_equal(span_make(entry->room, entry->room_len), key->room) &&
           span_equal(span_make(entry->subject, entry->subject_len), key->subject);
}

static void set_key(struct tally_entry *entry, const struct meter_key *key)
{
    entry->hour = key->hour;
    entry->face = (unsigned char)key->face;
    entry->direction = (unsigned char)key->direction;
    entry->room_len = (unsigned char)key->room.len;
    entry->subject_len = (unsigned char)key->subject.len;
    if (key->room.len > 0)
        memcpy(entry->room, key->room.ptr, key->room.len);
    if (key->subject.len > 0)
        memcpy(entry->subject, key->subject.ptr, key->subject.len);
}

// ---- the index ----

static void index_add(struct tally *t, uint32_t hash, uint32_t i)
{
    uint32_t at = hash & t->index_mask;
    while (t->index[at].entry != 0)
        at = (at + 1) & t->index_mask;
    t->index[at] = (struct tally_slot){hash, i + 1};
    t->uses[i]++;
}

static void index_remove(struct tally *t, uint32_t i)
{
    struct meter_key key = key_of(&t->entries[i]);
    uint32_t at = hash_key(t, &key) & t->index_mask;
    while (t->index[at].entry != i + 1)
        at = (at + 1) & t->index_mask;
    // Slots behind the hole move into it, unless they would get in front of their own place.
    for (uint32_t next = (at + 1) & t->index_mask; t->index[next].entry != 0;
         next = (next + 1) & t->index_mask) {
        uint32_t home = t->index[next].hash & t->index_mask;
        if (((next - home) & t->index_mask) >= ((next - at) & t->index_mask)) {
            t->index[at] = t->index[next];
            at = next;
        }
    }
    t->index[at] = (struct tally_slot){0, 0};
}

// An idle entry, out of the index; capacity if there is none.
static uint32_t take_idle(struct tally *t)
{
    uint64_t out = atomic_load_explicit(&t->queue_out, memory_order_relaxed);
    while (out != atomic_load_explicit(&t->queue_in, memory_order_acquire)) {
        uint32_t i = t->queue[out % t->capacity];
        atomic_store_explicit(&t->queue_out, ++out, memory_order_relaxed);
        (void)atomic_exchange_explicit(&t->is_queued[i], 0, memory_order_acq_rel);
        if (!tally_is_idle(&t->entries[i]))
            continue; // it comes again once it is settled
        if (t->uses[i] > 0)
            index_remove(t, i);
        return i;
    }
    return t->capacity;
}

// The entry of `key`, given to it if need be; capacity if all are in use.
static uint32_t find(struct tally *t, const struct meter_key *key)
{
    uint32_t hash = hash_key(t, key);
    for (uint32_t at = hash & t->index_mask; t->index[at].entry != 0;
         at = (at + 1) & t->index_mask) {
        uint32_t i = t->index[at].entry - 1;
        if (t->index[at].hash == hash && has_key(&t->entries[i], key))
            return i;
    }
    uint32_t i = take_idle(t);
    if (i == t->capacity)
        return i;
    set_key(&t->entries[i], key);
    index_add(t, hash, i);
    return i;
}

// ---- adding ----

static void bump_field(_Atomic int64_t *field, int64_t by)
{
    // One writer, so no locked instruction is needed.
    int64_t value = atomic_load_explicit(field, memory_order_relaxed);
    atomic_store_explicit(field, value + by, memory_order_release);
}

static void bump(struct tally *t, uint32_t i, const struct meter_count *count)
{
    struct tally_entry *entry = &t->entries[i];
    bump_field(&entry->added[0], count->messages);
    bump_field(&entry->added[1], count->blocks);
    bump_field(&entry->added[2], count->bytes);
    // Behind the counters: who clears the flag and looks then finds them, or finds the flag again.
    atomic_store_explicit(&t->is_touched[i], 1, memory_order_release);
    atomic_store_explicit(&t->is_group_touched[i / TALLY_GROUP], 1, memory_order_release);
}

// Where everything ends up that fits nowhere else. The hour is that of the first count in it, or
// sums would have to wait.
static uint32_t reserved(struct tally *t, const struct meter_key *key)
{
    uint32_t i = t->capacity + (uint32_t)key->face * 2 + (uint32_t)key->direction;
    struct meter_key rest = {key->hour, other, other, key->face, key->direction};
    if (tally_is_idle(&t->entries[i]))
        set_key(&t->entries[i], &rest);
    return i;
}

// `key` with what fits into an entry.
static struct meter_key cut(const struct meter_key *key)
{
    struct meter_key fitting = *key;
    if (fitting.room.len > METER_ROOM_MAX)
        fitting.room.len = METER_ROOM_MAX;
    if (fitting.subject.len > METER_SUBJECT_MAX)
        fitting.subject.len = METER_SUBJECT_MAX;
    return fitting;
}

void tally_add_at(struct tally *tally, struct tally_ref *ref, const struct meter_key *key,
                  const struct meter_count *count)
{
    if (ref->entry != 0 && tally->uses[ref->entry - 1] == ref->use &&
        tally->entries[ref->entry - 1].hour == key->hour) {
        bump(tally, ref->entry - 1, count);
        return;
    }
    struct meter_key fitting = cut(key);
    uint32_t i = find(tally, &fitting);
    *ref = (struct tally_ref){0, 0};
    if (i != tally->capacity) {
        *ref = (struct tally_ref){i + 1, tally->uses[i]};
    } else {
        fitting.subject = other;
        i = find(tally, &fitting);
        if (i == tally->capacity)
            i = reserved(tally, &fitting);
    }
    bump(tally, i, count);
}

void tally_add(struct tally *tally, const struct meter_key *key, const struct meter_count *count)
{
    struct tally_ref ref = {0, 0};
    tally_add_at(tally, &ref, key, count);
}

// ---- opening ----

static size_t rows_at(uint64_t capacity)
{
    return TALLY_ENTRIES_AT + (size_t)(capacity + TALLY_RESERVED) * sizeof(struct tally_entry);
}

static size_t file_size(uint64_t capacity, uint64_t max_batch)
{
    size_t size = rows_at(capacity) + (size_t)max_batch * sizeof(struct tally_row);
    return (size + MAPFILE_PAGE - 1) / MAPFILE_PAGE * MAPFILE_PAGE;
}

static enum err allocate(struct tally *t)
{
    uint32_t slots = 4;
    while (slots < 2 * t->capacity)
        slots *= 2;
    t->index_mask = slots - 1;
    t->index = calloc(slots, sizeof *t->index);
    t->uses = calloc(t->capacity, sizeof *t->uses);
    t->is_touched = calloc(tally_total(t), sizeof *t->is_touched);
    t->is_group_touched = calloc(tally_groups(t), sizeof *t->is_group_touched);
    t->is_queued = calloc(t->capacity, sizeof *t->is_queued);
    t->queue = calloc(t->capacity, sizeof *t->queue);
    return t->index && t->uses && t->is_touched && t->is_group_touched && t->is_queued && t->queue
               ? ERR_OK
               : ERR_MEMORY;
}

static bool head_is_valid(const struct tally *t)
{
    const struct tally_head *head = t->head;
    uint64_t taken = atomic_load(&head->taken_batch), settled = atomic_load(&head->settled_batch);
    return head->capacity >= 1 && head->capacity <= CAPACITY_MAX && head->max_batch >= 1 &&
           head->max_batch <= BATCH_MAX &&
           file_size(head->capacity, head->max_batch) == t->file.size &&
           (taken == settled || taken == settled + 1) &&
           atomic_load(&head->row_count) <= head->max_batch;
}

static bool entry_is_valid(const struct tally_entry *entry)
{
    for (int k = 0; k < TALLY_FIELDS; k++)
        if (atomic_load(&entry->added[k]) < atomic_load(&entry->taken[k]) ||
            atomic_load(&entry->taken[k]) < 0)
            return false;
    // The key of an idle entry may be anything: it is written anew before it is used.
    return tally_is_idle(entry) ||
           (entry->room_len <= METER_ROOM_MAX && entry->subject_len <= METER_SUBJECT_MAX &&
            entry->face < METER_FACE_COUNT && entry->direction <= METER_OUT && entry->hour >= 0);
}

static bool row_is_valid(const struct tally *t, const struct tally_row *row)
{
    if (row->entry >= tally_total(t))
        return false;
    const struct tally_entry *entry = &t->entries[row->entry];
    for (int k = 0; k < TALLY_FIELDS; k++)
        if (row->before[k] < 0 || row->after[k] < row->before[k] ||
            row->after[k] > atomic_load(&entry->added[k]))
            return false;
    return entry->room_len <= METER_ROOM_MAX && entry->subject_len <= METER_SUBJECT_MAX &&
           entry->face < METER_FACE_COUNT && entry->direction <= METER_OUT;
}

// Entries of a batch that is out keep their keys until it is settled, even where they are idle
// because settling was cut short.
static enum err check_batch(struct tally *t)
{
    if (!tally_has_batch(t))
        return ERR_OK;
    uint64_t count = atomic_load(&t->head->row_count);
    for (uint64_t i = 0; i < count; i++) {
        if (!row_is_valid(t, &t->rows[i]))
            return ERR_CORRUPT;
        if (t->rows[i].entry < t->capacity)
            atomic_store(&t->is_queued[t->rows[i].entry], 1);
    }
    return ERR_OK;
}

// Finds out what every entry is.
static enum err read_entries(struct tally *t)
{
    for (uint32_t i = 0; i < tally_total(t); i++) {
        if (!entry_is_valid(&t->entries[i]))
            return ERR_CORRUPT;
        bool is_idle = tally_is_idle(&t->entries[i]);
        atomic_store(&t->is_touched[i], !is_idle);
        if (!is_idle)
            atomic_store(&t->is_group_touched[i / TALLY_GROUP], 1);
        if (i >= t->capacity)
            continue;
        struct meter_key key = key_of(&t->entries[i]);
        if (!is_idle)
            index_add(t, hash_key(t, &key), i);
        tally_offer(t, i);
    }
    // What check_batch held back is offered by tally_settle.
    uint64_t count = tally_has_batch(t) ? atomic_load(&t->head->row_count) : 0;
    for (uint64_t i = 0; i < count; i++)
        if (t->rows[i].entry < t->capacity)
            atomic_store(&t->is_queued[t->rows[i].entry], 0);
    return ERR_OK;
}

static enum err load(struct tally *t, size_t capacity, size_t max_batch)
{
    t->head = (struct tally_head *)(void *)(t->file.base + TALLY_HEAD_AT);
    if (t->file.is_new) {
        t->head->capacity = capacity;
        t->head->max_batch = max_batch;
    }
    if (!head_is_valid(t))
        return ERR_CORRUPT;
    t->capacity = (uint32_t)t->head->capacity;
    t->max_batch = (uint32_t)t->head->max_batch;
    t->seed = mapfile_head(&t->file)->seed;
    t->entries = (struct tally_entry *)(void *)(t->file.base + TALLY_ENTRIES_AT);
    t->rows = (struct tally_row *)(void *)(t->file.base + rows_at(t->capacity));
    enum err err = allocate(t);
    if (err == ERR_OK)
        err = check_batch(t);
    return err == ERR_OK ? read_entries(t) : err;
}

// True if all that is in the file is settled.
static bool is_settled(const struct tally *t)
{
    for (uint32_t i = 0; i < tally_total(t); i++)
        if (!tally_is_idle(&t->entries[i]))
            return false;
    return !tally_has_batch(t);
}

static void release(struct tally *t)
{
    free(t->index);
    free(t->uses);
    free((void *)t->is_touched);
    free((void *)t->is_group_touched);
    free((void *)t->is_queued);
    free(t->queue);
    free(t);
}

// Opens the file as it is. `*out_is_stale` says that it had better be made anew; it is removed
// then.
static enum err open_once(const char *path, size_t capacity, size_t max_batch,
                          struct tally **out_tally, bool *out_is_stale)
{
    struct tally *t = calloc(1, sizeof *t);
    if (t == NULL)
        return ERR_MEMORY;
    enum err err =
        mapfile_open(path, TALLY_MAGIC, TALLY_VERSION, file_size(capacity, max_batch), &t->file);
    if (err != ERR_OK) {
        free(t);
        return err;
    }
    bool is_lost = t->file.has_lost;
    if (!is_lost)
        err = load(t, capacity, max_batch);
    *out_is_stale = is_lost || (err == ERR_OK && is_settled(t) &&
                                (t->capacity != capacity || t->max_batch != max_batch));
    // While it is locked: behind that it may be somebody else's, who counts in it.
    if (err == ERR_OK && *out_is_stale && unlink(path) != 0)
        err = ERR_IO;
    if (err != ERR_OK || *out_is_stale) {
        mapfile_abandon(&t->file);
        release(t);
        return err;
    }
    mapfile_adopt(&t->file);
    *out_tally = t;
    return ERR_OK;
}

enum err tally_open(const char *path, size_t capacity, size_t max_batch, struct tally **out_tally)
{
    if (capacity < 1 || capacity > CAPACITY_MAX || max_batch < 1 || max_batch > BATCH_MAX)
        return ERR_TOO_LARGE;
    bool is_stale = false;
    enum err err = open_once(path, capacity, max_batch, out_tally, &is_stale);
    if (err != ERR_OK || !is_stale)
        return err;
    // Nothing in it could be told from what is stored, or nothing was in it at all.
    err = open_once(path, capacity, max_batch, out_tally, &is_stale);
    return err == ERR_OK && is_stale ? ERR_IO : err;
}

void tally_close(struct tally *tally)
{
    if (tally == NULL)
        return;
    mapfile_close(&tally->file);
    release(tally);
}

const char *tally_name(const struct tally *tally)
{
    return mapfile_head(&tally->file)->name;
}
