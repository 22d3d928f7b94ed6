// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Traffic counters in a memory-mapped file: an increment survives kill -9 at once, without a system
// call. They are handed on in numbered batches, so that each is stored exactly once whatever dies
// when: the batch is remembered in the file until it is settled, and is offered again under the
// same number after a restart.
// Not the bill: sums over all time are in the database.
#ifndef ROOMWIRE_CORE_TALLY_H
#define ROOMWIRE_CORE_TALLY_H

#include "err.h"
#include "meter.h"

struct tally;

// Opens or creates the file with room for `capacity` counters (at least 1), allocated on disk in
// advance; locked against a second process. At most `max_batch` counters go into one batch. An
// existing file keeps its capacity and its batch size until all its counts are settled.
// After a power loss nobody can tell which counts were stored, so the file starts anew: what was
// counted since the last batch is lost, nothing is counted twice.
// Errors: ERR_IO, ERR_FULL (no disk space), ERR_CORRUPT, ERR_VERSION, ERR_AGAIN (locked),
// ERR_MEMORY.
MUST_USE enum err tally_open(const char *path, size_t capacity, size_t max_batch,
                             struct tally **out_tally);
void tally_close(struct tally *tally); // NULL is fine; no other thread may use it any more

// Names this file among all that feed one database: 16 hex digits, made at creation.
const char *tally_name(const struct tally *tally);

// ---- one thread, or callers that take turns ----

// Adds `count` under `key`. Never waits and never fails: when all counters are in use, the subject
// becomes "(other)" and then the room too, so that the sums stay exact.
// Texts longer than METER_ROOM_MAX and METER_SUBJECT_MAX are cut.
void tally_add(struct tally *tally, const struct meter_key *key, const struct meter_count *count);

// Where a key's counter was found last; {0} for nowhere yet. Worthless after tally_close.
struct tally_ref {
    uint32_t entry; // 0: none, else index + 1
    uint32_t use;   // the entry's contents when it was found
};
// The same, without the search where `ref` still holds. A ref belongs to one room, subject, face
// and direction; its hour may go on.
void tally_add_at(struct tally *tally, struct tally_ref *ref, const struct meter_key *key,
                  const struct meter_count *count);

// ---- another thread may do this meanwhile ----

typedef void tally_count_fn(void *context, const struct meter_key *key,
                            const struct meter_count *count);

// Takes a batch of what was counted, calling `each` for every counter in it (keys borrowed during
// the call), and gives its number, which rises by one. An unsettled batch is offered again
// unchanged. False when there is nothing to take.
bool tally_take(struct tally *tally, uint64_t *out_batch, tally_count_fn *each, void *context);
// True if the batch that was taken last is as large as one may be: then there is most likely more.
bool tally_is_batch_full(const struct tally *tally);
// The batch is stored: forget its counts. A number other than that of the batch taken is ignored.
void tally_settle(struct tally *tally, uint64_t batch);

#endif
