// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Secret bytes from a file: loaded, compared and used without leaving traces in timing or memory.
// Not the public keys of tokens, nor how a token is signed: keyset.h.
#ifndef ROOMWIRE_CORE_SECRET_H
#define ROOMWIRE_CORE_SECRET_H

#include "buf.h"

enum { SECRET_FILE_MAX = 65536, SECRET_HMAC_SIZE = 32 };

// Owned bytes; empty after secret_finish. Immutable in between, so threads may share them.
struct secret {
    unsigned char *ptr;
    size_t len;
};

// Reads the whole file at `path`, without one line end (LF or CRLF) behind the last byte. What is
// left has to be `min_len` bytes or more; an empty secret is refused in any case.
// On an error `why` gets one line that names the file, never its content.
// Errors: ERR_IO, ERR_INVALID (too short), ERR_TOO_LARGE (over SECRET_FILE_MAX), ERR_MEMORY.
MUST_USE enum err secret_load(const char *path, size_t min_len, struct secret *out_secret,
                              struct buf *why);
// A copy of `bytes`. Errors: ERR_INVALID (empty), ERR_MEMORY.
MUST_USE enum err secret_copy(struct span bytes, struct secret *out_secret);
// Wipes and frees the bytes.
void secret_finish(struct secret *secret);

static inline struct span secret_span(const struct secret *secret)
{
    return span_make(secret->ptr, secret->len);
}

// True if both are the same bytes; takes as long wherever they differ (but tells the length).
bool secret_equal(struct span secret, struct span other);

// HMAC-SHA-256 (RFC 2104) of `text`. Errors: ERR_MEMORY.
MUST_USE enum err secret_hmac(struct span secret, struct span text,
                              unsigned char out_mac[SECRET_HMAC_SIZE]);

#endif
