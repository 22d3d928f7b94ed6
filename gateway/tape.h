// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The newest messages of one room as the bytes that readers get, in one bounded ring. A reader is
// an offset into it: it writes what lies between its offset and the end straight from here, many
// messages in one call, and nothing is queued or copied for it.
// Not the past: a reader that falls off the old end reads on from the database.
#ifndef ROOMWIRE_GATEWAY_TAPE_H
#define ROOMWIRE_GATEWAY_TAPE_H

#include <stdint.h>
#include <sys/uio.h>

#include "core/err.h"
#include "core/meter.h"

struct tape;

// Bytes that many tapes share. A tape that would need more of them keeps the size that it has.
struct tape_budget {
    size_t used, max;
};

// A tape of at most `max_bytes` bytes and `max_messages` messages. Borrows `budget` for its life.
MUST_USE enum err tape_create(struct tape_budget *budget, size_t max_bytes, size_t max_messages,
                              struct tape **out_tape);
void tape_destroy(struct tape *tape); // NULL is fine

// Appends message `id`, whose predecessor in the room is `prev` and whose payload is
// `payload_bytes` long, as `bytes`; the oldest messages give way. A tape is unbroken: with a `prev`
// that is not the last id here, the older messages are dropped first.
// Errors: ERR_TOO_LARGE (longer than the whole tape, or than the budget allows: it is empty then),
// ERR_INVALID (id not above the last one; nothing is done), ERR_MEMORY.
MUST_USE enum err tape_append(struct tape *tape, int64_t id, int64_t prev, int64_t payload_bytes,
                              struct span bytes);
void tape_clear(struct tape *tape);

// A place between two messages. The difference of two sums is what lies between them.
struct tape_position {
    uint64_t offset;        // bytes since the tape was made
    int64_t id;             // the message before it
    struct meter_count sum; // of all payloads before it
};

// The place behind message `id`; false if something after it is not on the tape, or if `id` itself
// is yet to come.
bool tape_seek(const struct tape *tape, int64_t id, struct tape_position *out_position);
// The newest message; 0 for an empty tape.
int64_t tape_last_id(const struct tape *tape);

// The bytes from `position` to the end, at most `max` of them, as one or two parts; their number, 0
// at the end. Borrowed until the next append. -1: the position has fallen off the tape.
int tape_read(const struct tape *tape, const struct tape_position *position, size_t max,
              struct iovec out_parts[2]);

// Moves `position` by `len` bytes (> 0, on the tape), on to the end of the message in which the
// last of them lies.
void tape_advance(const struct tape *tape, struct tape_position *position, size_t len);
// The sum of the messages that end at `offset`, which is on the tape, or before.
struct meter_count tape_sum_at(const struct tape *tape, uint64_t offset);

#endif
