// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// A growable byte buffer with a maximum that is stated when it is made.
// Not a queue: bytes are added behind and read from the front by whoever owns it.
#ifndef ROOMWIRE_CORE_BUF_H
#define ROOMWIRE_CORE_BUF_H

#include "err.h"
#include "span.h"

// Adding is sticky: the first byte that does not fit (ERR_TOO_LARGE) or cannot be allocated
// (ERR_MEMORY) sets `status`, and everything added later is ignored, so a writer of many small
// pieces checks once at its end. Invariant: len <= cap <= max.
struct buf {
    char *ptr; // NULL while nothing was ever added
    size_t len;
    size_t cap;
    size_t max;      // bytes it may ever hold
    enum err status; // ERR_OK, ERR_TOO_LARGE or ERR_MEMORY
};

// An empty buffer that may grow to `max` bytes; allocates nothing.
void buf_init(struct buf *b, size_t max);
// Frees the bytes; the buffer is empty and usable again afterwards.
void buf_finish(struct buf *b);
// Forgets the bytes and the status but keeps the allocation.
void buf_clear(struct buf *b);

void buf_add(struct buf *b, const void *bytes, size_t len);
void buf_add_span(struct buf *b, struct span s);
void buf_add_text(struct buf *b, const char *text);
void buf_add_char(struct buf *b, char c);
void buf_add_int(struct buf *b, long long value);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Room for `len` more bytes behind the content, to be written and then taken in by buf_grow;
// NULL (and the sticky status) where they do not fit.
char *buf_reserve(struct buf *b, size_t len);
// Takes in `len` bytes that were written where buf_reserve pointed.
void buf_grow(struct buf *b, size_t len);
// Drops the first `len` bytes, which must be there.
void buf_consume(struct buf *b, size_t len);

// The content, borrowed until the buffer is next changed.
static inline struct span buf_span(const struct buf *b)
{
    return span_make(b->ptr, b->len);
}

#endif
