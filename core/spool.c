// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The file: one page with mapfile's head, two slots that say what is released and the number of the
// last record, then the ring of frames. A position counts the bytes ever written; modulo the ring's
// size it is a place in it. Where a record would run over the end, a frame without contents fills
// the rest.
#include "spool.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "crc32c.h"
#include "mapfile.h"

#define SPOOL_MAGIC "rwspool1"

enum {
    SPOOL_VERSION = 1,
    RING_AT = MAPFILE_PAGE,
    SLOT_AT = 512, // each slot in a sector of its own: a torn write spoils one
    SLOT_COUNT = 2,
    LAST_AT = SLOT_AT + SLOT_AT * SLOT_COUNT,
    ALIGNMENT = 16, // of frames, so that a frame's head never runs over the ring's end
    CACHE_LINE = 64
};
#define FILLER_LEN UINT32_MAX
#define COUNT_MAX (UINT64_C(1) << 62) // of everything that rises; never reached in a file of ours

struct frame {
    uint32_t crc;    // of everything behind it, begun with the file's seed
    uint32_t len;    // of the contents, or FILLER_LEN
    uint64_t number; // of this record, or of the one behind the filler
};
_Static_assert(sizeof(struct frame) == ALIGNMENT, "a frame's head is one unit");

// What is released. The valid slot with the higher turn holds; the other is written next.
struct slot {
    uint64_t turn;
    uint64_t number;   // of the last record released
    uint64_t position; // behind it
    uint64_t mark;
    uint64_t size; // of the ring
    uint32_t crc;
    uint32_t zero;
};

struct cursor {
    uint64_t number;
    uint64_t position; // behind the record with that number
};

struct spool {
    struct mapfile file;
    unsigned char *ring;
    uint64_t size;

    // Written by the thread that appends.
    _Alignas(CACHE_LINE) _Atomic uint64_t head; // where the next frame goes
    _Atomic uint64_t last;
    uint64_t known_tail; // as last looked up, so that most appends touch no foreign cache line

    // Written by the thread that takes.
    _Alignas(CACHE_LINE) _Atomic uint64_t tail; // where the oldest frame is
    _Atomic uint64_t released;
    _Atomic uint64_t mark;
    struct slot slot;     // the one that holds
    struct cursor cursor; // behind the record given last
};

static uint32_t slot_crc(const struct slot *slot)
{
    return crc32c(0, slot, offsetof(struct slot, crc));
}

static struct slot *slot_at(const struct spool *s, uint64_t turn)
{
    return (struct slot *)(void *)(s->file.base + SLOT_AT + SLOT_AT * (turn % SLOT_COUNT));
}

// The last record that was appended, in the file: a record that is not there any more though its
// number is, was damaged, not torn. Older files have 0.
static _Atomic uint64_t *last_at(const struct spool *s)
{
    return (_Atomic uint64_t *)(void *)(s->file.base + LAST_AT);
}

static uint32_t frame_crc(const struct spool *s, const struct frame *frame, size_t len)
{
    const unsigned char *from = (const unsigned char *)frame + offsetof(struct frame, len);
    size_t count = sizeof *frame - offsetof(struct frame, len) + len;
    return crc32c(mapfile_head(&s->file)->seed, from, count);
}

static struct frame *frame_at(const struct spool *s, uint64_t position)
{
    return (struct frame *)(void *)(s->ring + position % s->size);
}

static uint64_t bytes_to_end(const struct spool *s, uint64_t position)
{
    return s->size - position % s->size;
}

// Bytes that a record of `len` bytes takes.
static uint64_t frame_size(uint64_t len)
{
    return (sizeof(struct frame) + len + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

// Puts what is released into the file, in one step that holds wholly or not at all.
static void write_slot(struct spool *s, struct cursor released, uint64_t mark)
{
    struct slot next = {.turn = s->slot.turn + 1,
                        .number = released.number,
                        .position = released.position,
                        .mark = mark > s->slot.mark ? mark : s->slot.mark,
                        .size = s->size};
    next.crc = slot_crc(&next);
    *slot_at(s, next.turn) = next;
    s->slot = next;
    atomic_store_explicit(&s->mark, next.mark, memory_order_relaxed);
    atomic_store_explicit(&s->released, next.number, memory_order_relaxed);
    // Only now may the other thread write over what was released.
    atomic_store_explicit(&s->tail, next.position, memory_order_release);
}

// ---- opening ----

static bool slot_is_valid(const struct spool *s, const struct slot *slot)
{
    return slot->crc == slot_crc(slot) && slot->turn > 0 && slot->turn < COUNT_MAX &&
           slot->number < COUNT_MAX && slot->position < COUNT_MAX &&
           slot->position % ALIGNMENT == 0 && slot->size >= MAPFILE_PAGE &&
           slot->size % MAPFILE_PAGE == 0 && slot->size <= s->file.size - RING_AT;
}

static enum err read_slots(struct spool *s)
{
    for (uint64_t i = 0; i < SLOT_COUNT; i++) {
        struct slot slot = *slot_at(s, i);
        if (slot_is_valid(s, &slot) && slot.turn > s->slot.turn)
            s->slot = slot;
    }
    if (s->slot.turn == 0)
        return ERR_CORRUPT;
    s->size = s->slot.size;
    atomic_init(&s->tail, s->slot.position);
    atomic_init(&s->released, s->slot.number);
    atomic_init(&s->mark, s->slot.mark);
    return ERR_OK;
}

// The frame at `at->position` if it is whole and the one that has to follow; moves `at` behind it.
static bool walk(const struct spool *s, struct cursor *at, uint64_t limit)
{
    const struct frame *frame = frame_at(s, at->position);
    uint64_t to_end = bytes_to_end(s, at->position);
    bool is_filler = frame->len == FILLER_LEN;
    uint64_t need = is_filler ? to_end : frame_size(frame->len);
    if (frame->number != at->number + 1 || need > to_end || need > limit - at->position ||
        frame->crc != frame_crc(s, frame, is_filler ? 0 : frame->len))
        return false;
    at->position += need;
    if (!is_filler)
        at->number++;
    return true;
}

// Bytes left by others' records must not be taken for frames that follow the last one. After a
// kill they cannot be: numbers only rise, and the seed is secret. But after a power loss frames of
// the lost end may be there, with numbers that will be given again.
static void erase_free(struct spool *s, uint64_t head)
{
    uint64_t tail = s->slot.position;
    while (head < tail + s->size) {
        uint64_t len = bytes_to_end(s, head);
        if (len > tail + s->size - head)
            len = tail + s->size - head;
        memset(s->ring + head % s->size, 0, len);
        head += len;
    }
}

// Finds the end of the records that are there.
static void replay(struct spool *s)
{
    s->cursor = (struct cursor){s->slot.number, s->slot.position};
    uint64_t limit = s->slot.position + s->size;
    struct cursor at = s->cursor, end = at;
    while (at.position < limit && walk(s, &at, limit))
        if (at.number > end.number) // a filler alone may be the last thing before a kill
            end = at;
    if (atomic_load_explicit(last_at(s), memory_order_relaxed) > end.number)
        s->file.has_lost = true;
    if (s->file.has_lost)
        erase_free(s, end.position);
    atomic_init(&s->head, end.position);
    atomic_init(&s->last, end.number);
    s->known_tail = s->slot.position;
}

// Gives an empty ring the size that is asked for.
static enum err change_size(struct spool *s, uint64_t size)
{
    if (size == s->size || atomic_load(&s->head) != atomic_load(&s->tail))
        return ERR_OK;
    if (size > s->size) {
        enum err err = mapfile_resize(&s->file, RING_AT + size);
        if (err == ERR_FULL)
            return ERR_OK; // the old size will do
        if (err != ERR_OK)
            return err;
    }
    s->ring = s->file.base + RING_AT;
    s->size = size;
    // Nothing that lies in the ring by now may look like a record.
    s->slot.size = size;
    erase_free(s, s->slot.position);
    write_slot(s, (struct cursor){s->slot.number, s->slot.position}, 0);
    if (RING_AT + size >= s->file.size)
        return ERR_OK;
    enum err err = mapfile_resize(&s->file, RING_AT + size);
    s->ring = s->file.base + RING_AT;
    return err;
}

static enum err open_ring(struct spool *s, uint64_t size)
{
    s->ring = s->file.base + RING_AT;
    s->size = size;
    if (s->file.is_new)
        write_slot(s, (struct cursor){0, 0}, 0);
    enum err err = read_slots(s);
    if (err != ERR_OK)
        return err;
    replay(s);
    // What is missing must stay known until spool_resume has seen to it.
    if (!s->file.has_lost) {
        // A kill may have come between a record and its number.
        atomic_store_explicit(last_at(s), atomic_load(&s->last), memory_order_relaxed);
        mapfile_adopt(&s->file);
    }
    return change_size(s, size);
}

enum err spool_open(const char *path, size_t size, struct spool **out_spool)
{
    if (size > SIZE_MAX / 4)
        return ERR_TOO_LARGE;
    size = (size + MAPFILE_PAGE - 1) / MAPFILE_PAGE * MAPFILE_PAGE;
    if (size == 0)
        size = MAPFILE_PAGE;
    struct spool *s = aligned_alloc(CACHE_LINE, sizeof *s);
    if (s == NULL)
        return ERR_MEMORY;
    memset(s, 0, sizeof *s);
    enum err err = mapfile_open(path, SPOOL_MAGIC, SPOOL_VERSION, RING_AT + size, &s->file);
    if (err != ERR_OK) {
        free(s);
        return err;
    }
    err = open_ring(s, size);
    if (err != ERR_OK) {
        mapfile_abandon(&s->file);
        free(s);
        return err;
    }
    *out_spool = s;
    return ERR_OK;
}

void spool_close(struct spool *spool)
{
    if (spool == NULL)
        return;
    mapfile_close(&spool->file);
    free(spool);
}

const char *spool_name(const struct spool *spool)
{
    return mapfile_head(&spool->file)->name;
}

bool spool_has_lost(const struct spool *spool)
{
    return spool->file.has_lost;
}

// Where record `number` ends, or the last one before it that is there.
static struct cursor find(const struct spool *s, uint64_t number)
{
    struct cursor at = {s->slot.number, s->slot.position};
    if (number >= s->cursor.number)
        at = s->cursor;
    uint64_t head = atomic_load_explicit(&s->head, memory_order_acquire);
    while (at.number < number && at.position < head) {
        bool is_whole = walk(s, &at, head);
        assert(is_whole); // it was when it was appended or replayed
        if (!is_whole)
            break;
    }
    return at;
}

void spool_resume(struct spool *spool, uint64_t number, uint64_t mark)
{
    struct cursor at = find(spool, number);
    if (number > atomic_load(&spool->last)) {
        // The database is ahead of the ring: numbers go on behind it.
        at.number = number;
        erase_free(spool, spool->slot.position);
        atomic_store(&spool->last, number);
    }
    if (at.number > spool->slot.number || mark > spool->slot.mark)
        write_slot(spool, at, mark);
    spool->cursor = (struct cursor){spool->slot.number, spool->slot.position};
    atomic_store_explicit(last_at(spool), atomic_load(&spool->last), memory_order_relaxed);
    mapfile_adopt(&spool->file);
}

// ---- appending ----

static void write_frame(struct spool *s, uint64_t position, const struct span *parts, size_t count,
                        uint32_t len)
{
    struct frame *frame = frame_at(s, position);
    unsigned char *at = (unsigned char *)(frame + 1);
    frame->len = len;
    frame->number = atomic_load_explicit(&s->last, memory_order_relaxed) + 1;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len > 0)
            memcpy(at, parts[i].ptr, parts[i].len);
        at += parts[i].len;
    }
    frame->crc = frame_crc(s, frame, (size_t)(at - (unsigned char *)(frame + 1)));
}

enum err spool_append(struct spool *spool, const struct span *parts, size_t count,
                      uint64_t *out_number)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len > spool_record_max(spool) - len)
            return ERR_TOO_LARGE;
        len += parts[i].len;
    }
    uint64_t head = atomic_load_explicit(&spool->head, memory_order_relaxed);
    uint64_t need = frame_size(len);
    uint64_t to_end = bytes_to_end(spool, head);
    uint64_t filler = need > to_end ? to_end : 0;
    if (head + filler + need - spool->known_tail > spool->size) {
        spool->known_tail = atomic_load_explicit(&spool->tail, memory_order_acquire);
        if (head + filler + need - spool->known_tail > spool->size)
            return ERR_FULL;
    }
    if (filler > 0)
        write_frame(spool, head, NULL, 0, FILLER_LEN);
    write_frame(spool, head + filler, parts, count, (uint32_t)len);
    uint64_t number = atomic_load_explicit(&spool->last, memory_order_relaxed) + 1;
    atomic_store_explicit(&spool->last, number, memory_order_relaxed);
    atomic_store_explicit(&spool->head, head + filler + need, memory_order_release);
    // After the record, so that a kill between the two looks like no loss.
    atomic_store_explicit(last_at(spool), number, memory_order_release);
    *out_number = number;
    return ERR_OK;
}

size_t spool_record_max(const struct spool *spool)
{
    // Half the ring: what does not fit before the end then fits behind the start.
    size_t max = spool->size / 2 - sizeof(struct frame);
    return max < FILLER_LEN - 1 ? max : FILLER_LEN - 1;
}

// ---- taking ----

bool spool_next(struct spool *spool, uint64_t after, struct span *out_record, uint64_t *out_number)
{
    struct cursor at = after == spool->cursor.number ? spool->cursor : find(spool, after);
    uint64_t head = atomic_load_explicit(&spool->head, memory_order_acquire);
    if (at.position == head)
        return false;
    if (frame_at(spool, at.position)->len == FILLER_LEN)
        at.position += bytes_to_end(spool, at.position);
    const struct frame *frame = frame_at(spool, at.position);
    *out_record = span_make(frame + 1, frame->len);
    *out_number = frame->number;
    spool->cursor = (struct cursor){frame->number, at.position + frame_size(frame->len)};
    return true;
}

void spool_release(struct spool *spool, uint64_t number, uint64_t mark)
{
    if (number <= spool->slot.number && mark <= spool->slot.mark)
        return;
    struct cursor at = find(spool, number);
    assert(at.number >= number); // it was given by spool_next
    write_slot(spool, at, mark);
    if (spool->cursor.number < at.number)
        spool->cursor = at;
}

uint64_t spool_released(const struct spool *spool)
{
    return atomic_load_explicit(&spool->released, memory_order_relaxed);
}

uint64_t spool_last(const struct spool *spool)
{
    return atomic_load_explicit(&spool->last, memory_order_relaxed);
}

uint64_t spool_mark(const struct spool *spool)
{
    return atomic_load_explicit(&spool->mark, memory_order_relaxed);
}

size_t spool_used(const struct spool *spool)
{
    uint64_t tail = atomic_load_explicit(&spool->tail, memory_order_relaxed);
    return atomic_load_explicit(&spool->head, memory_order_relaxed) - tail;
}

size_t spool_size(const struct spool *spool)
{
    return spool->size;
}
