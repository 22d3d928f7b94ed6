// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// A small memory-mapped file in which the broker's side says how far it is: the newest id it has
// accepted in each group of rooms, and the newest id that the database has. With it a reader in
// another process knows, without asking, whether the database already holds everything that was
// accepted when the read began, and whether a page it made before is still true.
// Not the data itself, and nothing that must survive: it is set anew when the writer starts.
#ifndef ROOMWIRE_CORE_WATERMARK_H
#define ROOMWIRE_CORE_WATERMARK_H

#include <stdint.h>

#include "err.h"
#include "span.h"

struct watermark;

// The writer's end: creates the file, and sets every slot and the committed id to `last_id`.
// Errors: ERR_IO, ERR_FULL, ERR_MEMORY.
MUST_USE enum err watermark_create(const char *path, int64_t last_id, struct watermark **out);
// The reader's end. Errors: ERR_NOT_FOUND (no writer ever ran), ERR_IO, ERR_VERSION, ERR_MEMORY.
MUST_USE enum err watermark_open(const char *path, struct watermark **out);
void watermark_close(struct watermark *w);

// Writer. A message was accepted for `room`; to be called before anybody can hear of it.
void watermark_accept(struct watermark *w, struct span room, int64_t id);
// Writer. The database has every message up to `id`.
void watermark_commit(struct watermark *w, int64_t id);
// Writer. Pages made before are no longer true (messages were removed, or the log is another).
void watermark_invalidate(struct watermark *w);

// Reader. At least the id of the newest message accepted for `room` (rooms share slots).
int64_t watermark_accepted(const struct watermark *w, struct span room);
int64_t watermark_committed(const struct watermark *w);
// Reader. Changes whenever watermark_invalidate was called or the writer started anew.
uint64_t watermark_generation(const struct watermark *w);

#endif
