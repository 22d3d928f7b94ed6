// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "tape.h"

#include <assert.h>
#include <stdlib.h>

// Where one message ends, and which it is.
struct mark {
    int64_t id;
    int64_t prev;
    uint64_t end;           // offset behind its last byte
    struct meter_count sum; // of all payloads up to and with its own
};

// The bytes of [begin, end) lie at offset % capacity; the marks of the messages in that stretch are
// marks[first_mark .. first_mark + mark_count), by number % mark_capacity. Both grow by doubling
// until the limits, so that a quiet room costs little.
struct tape {
    struct tape_budget *budget;
    char *bytes;
    size_t capacity, max_bytes;
    uint64_t begin, end;
    struct meter_count sum_before; // of the messages that were dropped
    struct mark *marks;
    size_t mark_capacity, max_messages;
    uint64_t first_mark;
    size_t mark_count;
};

enum { FIRST_BYTES = 4096, FIRST_MARKS = 16 };

enum err tape_create(struct tape_budget *budget, size_t max_bytes, size_t max_messages,
                     struct tape **out_tape)
{
    assert(max_bytes > 0 && max_messages > 0);
    struct tape *tape = calloc(1, sizeof *tape);
    if (tape == NULL)
        return ERR_MEMORY;
    tape->budget = budget;
    tape->max_bytes = max_bytes;
    tape->max_messages = max_messages;
    *out_tape = tape;
    return ERR_OK;
}

void tape_destroy(struct tape *tape)
{
    if (tape == NULL)
        return;
    tape->budget->used -= tape->capacity;
    free(tape->bytes);
    free(tape->marks);
    free(tape);
}

// The mark of the `n`th message still here.
static struct mark *mark_at(const struct tape *tape, size_t n)
{
    return &tape->marks[(tape->first_mark + n) % tape->mark_capacity];
}

static void drop_oldest(struct tape *tape)
{
    tape->begin = mark_at(tape, 0)->end;
    tape->sum_before = mark_at(tape, 0)->sum;
    tape->first_mark++;
    tape->mark_count--;
}

void tape_clear(struct tape *tape)
{
    while (tape->mark_count > 0)
        drop_oldest(tape);
    // Who has read to the end is off the tape, too: what comes next need not follow.
    tape->begin = ++tape->end;
}

int64_t tape_last_id(const struct tape *tape)
{
    return tape->mark_count > 0 ? mark_at(tape, tape->mark_count - 1)->id : 0;
}

static size_t grown(size_t now, size_t first, size_t need, size_t max)
{
    size_t size = now ? now : first;
    while (size < need && size < max)
        size = size > max / 2 ? max : size * 2;
    return size < max ? size : max;
}

// Copies bytes of the ring at `offset` out, or in: the two halves around its seam.
static void copy_out(const struct tape *tape, uint64_t offset, char *to, size_t len)
{
    size_t at = (size_t)(offset % tape->capacity);
    size_t head = len < tape->capacity - at ? len : tape->capacity - at;
    memcpy(to, tape->bytes + at, head);
    memcpy(to + head, tape->bytes, len - head);
}

static void copy_in(struct tape *tape, uint64_t offset, const char *from, size_t len)
{
    size_t at = (size_t)(offset % tape->capacity);
    size_t head = len < tape->capacity - at ? len : tape->capacity - at;
    memcpy(tape->bytes + at, from, head);
    memcpy(tape->bytes, from + head, len - head);
}

// The size that the ring can have where `need` bytes are wanted.
static size_t size_for(const struct tape *tape, size_t need)
{
    size_t size = grown(tape->capacity, FIRST_BYTES, need, tape->max_bytes);
    size_t left = tape->budget->max - tape->budget->used;
    return size - tape->capacity <= left ? size : tape->capacity;
}

static enum err resize(struct tape *tape, size_t size)
{
    if (size == tape->capacity)
        return ERR_OK;
    char *bytes = malloc(size);
    if (bytes == NULL)
        return ERR_MEMORY;
    struct tape old = *tape;
    tape->budget->used += size - tape->capacity;
    tape->bytes = bytes;
    tape->capacity = size;
    // Offsets stay, so every byte moves to its place modulo the new size.
    for (uint64_t at = old.begin; at < old.end;) {
        char piece[FIRST_BYTES];
        size_t len = old.end - at < sizeof piece ? (size_t)(old.end - at) : sizeof piece;
        copy_out(&old, at, piece, len);
        copy_in(tape, at, piece, len);
        at += len;
    }
    free(old.bytes);
    return ERR_OK;
}

static enum err grow_marks(struct tape *tape, size_t need)
{
    size_t size = grown(tape->mark_capacity, FIRST_MARKS, need, tape->max_messages);
    if (size <= tape->mark_capacity)
        return ERR_OK;
    struct mark *marks = calloc(size, sizeof *marks);
    if (marks == NULL)
        return ERR_MEMORY;
    for (size_t i = 0; i < tape->mark_count; i++)
        marks[(tape->first_mark + i) % size] = *mark_at(tape, i);
    free(tape->marks);
    tape->marks = marks;
    tape->mark_capacity = size;
    return ERR_OK;
}

enum err tape_append(struct tape *tape, int64_t id, int64_t prev, int64_t payload_bytes,
                     struct span bytes)
{
    if (tape->mark_count > 0 && id <= tape_last_id(tape))
        return ERR_INVALID;
    if (tape->mark_count > 0 && prev != tape_last_id(tape))
        tape_clear(tape);
    size_t size = size_for(tape, (size_t)(tape->end - tape->begin) + bytes.len);
    if (bytes.len == 0 || bytes.len > size) {
        tape_clear(tape);
        return ERR_TOO_LARGE;
    }
    while (tape->mark_count == tape->max_messages || tape->end - tape->begin + bytes.len > size)
        drop_oldest(tape);
    enum err err = resize(tape, size);
    if (err == ERR_OK)
        err = grow_marks(tape, tape->mark_count + 1);
    if (err != ERR_OK)
        return err;
    copy_in(tape, tape->end, bytes.ptr, bytes.len);
    tape->end += bytes.len;
    struct meter_count sum =
        tape->mark_count > 0 ? mark_at(tape, tape->mark_count - 1)->sum : tape->sum_before;
    meter_count_message(&sum, payload_bytes);
    *mark_at(tape, tape->mark_count) = (struct mark){id, prev, tape->end, sum};
    tape->mark_count++;
    return ERR_OK;
}

// Binary search, since a tape may hold thousands.
static size_t count_ids_up_to(const struct tape *tape, int64_t id)
{
    size_t low = 0, high = tape->mark_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (mark_at(tape, middle)->id <= id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool tape_seek(const struct tape *tape, int64_t id, struct tape_position *out_position)
{
    // A reader of the database may be ahead of us: what he has is still to come here.
    if (tape->mark_count == 0 || id > tape_last_id(tape))
        return false;
    size_t before = count_ids_up_to(tape, id);
    if (before == 0) {
        if (mark_at(tape, 0)->prev > id)
            return false; // something between `id` and the tape is missing here
        *out_position = (struct tape_position){tape->begin, id, tape->sum_before};
        return true;
    }
    const struct mark *mark = mark_at(tape, before - 1);
    *out_position = (struct tape_position){mark->end, mark->id, mark->sum};
    return true;
}

int tape_read(const struct tape *tape, const struct tape_position *position, size_t max,
              struct iovec out_parts[2])
{
    uint64_t offset = position->offset;
    if (offset < tape->begin)
        return -1;
    assert(offset <= tape->end);
    size_t len = tape->end - offset < max ? (size_t)(tape->end - offset) : max;
    if (len == 0)
        return 0;
    size_t at = (size_t)(offset % tape->capacity);
    size_t head = len < tape->capacity - at ? len : tape->capacity - at;
    out_parts[0] = (struct iovec){tape->bytes + at, head};
    if (head == len)
        return 1;
    out_parts[1] = (struct iovec){tape->bytes, len - head};
    return 2;
}

// How many of the messages here end at `offset` or before.
static size_t count_ends_up_to(const struct tape *tape, uint64_t offset)
{
    size_t low = 0, high = tape->mark_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (mark_at(tape, middle)->end <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void tape_advance(const struct tape *tape, struct tape_position *position, size_t len)
{
    uint64_t last = position->offset + len - 1;
    assert(len > 0 && position->offset >= tape->begin && last < tape->end);
    const struct mark *mark = mark_at(tape, count_ends_up_to(tape, last));
    *position = (struct tape_position){mark->end, mark->id, mark->sum};
}

struct meter_count tape_sum_at(const struct tape *tape, uint64_t offset)
{
    size_t count = count_ends_up_to(tape, offset);
    assert(offset >= tape->begin && offset <= tape->end);
    return count > 0 ? mark_at(tape, count - 1)->sum : tape->sum_before;
}
