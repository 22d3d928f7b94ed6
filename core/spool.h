// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// A ring of records in a memory-mapped file: what is appended survives kill -9 of the process at
// once, without a system call (the page cache keeps it). One thread appends, one thread takes.
// Not power-safe by itself: that comes with the database commit that follows.
#ifndef ROOMWIRE_CORE_SPOOL_H
#define ROOMWIRE_CORE_SPOOL_H

#include <stdint.h>

#include "buf.h"

struct spool;

// Opens or creates the ring at `path` with `size` bytes (rounded up to whole pages), allocated on
// disk in advance so that a full disk can never strike an append. An existing ring keeps its size
// until it is empty. Records after the last released one are there to be taken again; a torn last
// record is dropped. The file is locked against a second process.
// Before the first append, resume_log (resume.h) brings ring and database together.
// Errors: ERR_IO, ERR_FULL (no disk space), ERR_CORRUPT, ERR_VERSION, ERR_AGAIN (locked),
// ERR_MEMORY.
MUST_USE enum err spool_open(const char *path, size_t size, struct spool **out_spool);
void spool_close(struct spool *spool); // NULL is fine; no other thread may use it any more

// Names this file among all rings that ever fed one database: 16 hex digits, made at creation.
const char *spool_name(const struct spool *spool);
// Records that had been accepted may be missing: the machine went down while the ring was in use,
// the file is a copy, or a record in it is damaged, which ends the ring before it. True until
// spool_resume.
bool spool_has_lost(const struct spool *spool);
// After opening, before any other thread starts: the database has every record up to `number`.
// Releases those, and gives no number up to it again, even where the ring itself is older.
// `mark` is as in spool_release.
void spool_resume(struct spool *spool, uint64_t number, uint64_t mark);

// ---- the thread that appends ----

// Appends one record made of `count` parts and gives its number (rising by one from 1, for the
// life of the file). Errors: ERR_FULL, ERR_TOO_LARGE (never fits), with nothing appended.
MUST_USE enum err spool_append(struct spool *spool, const struct span *parts, size_t count,
                               uint64_t *out_number);
// The longest record in bytes that always fits once everything is released.
size_t spool_record_max(const struct spool *spool);

// ---- the thread that takes ----

// The next record after number `after`, borrowed until it is released. False when there is none.
// Records already released cannot be had again: a lower `after` gives the oldest one there is.
bool spool_next(struct spool *spool, uint64_t after, struct span *out_record, uint64_t *out_number);
// Frees the room of all records up to and including `number`, which spool_next gave before.
// `mark` is kept in the file together with that (the last message id, so that none is ever given
// twice even beside an older database); it never falls.
void spool_release(struct spool *spool, uint64_t number, uint64_t mark);

// ---- any thread ----

// The number of the last record released, and of the last appended; 0 for none yet.
uint64_t spool_released(const struct spool *spool);
uint64_t spool_last(const struct spool *spool);
// The highest mark ever given to spool_release or spool_resume.
uint64_t spool_mark(const struct spool *spool);
// Bytes in use and in all, for metrics.
size_t spool_used(const struct spool *spool);
size_t spool_size(const struct spool *spool);

#endif
