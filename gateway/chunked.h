// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// A strict decoder of chunked bodies (RFC 9112 §7.1): no I/O, byte by byte, so that it does not
// matter where the network cuts. Chunk extensions and trailer fields are checked and thrown away.
#ifndef ROOMWIRE_GATEWAY_CHUNKED_H
#define ROOMWIRE_GATEWAY_CHUNKED_H

#include "core/buf.h"

// Zeroed before the first byte.
struct chunked {
    int state;
    unsigned digits;   // of the chunk size
    unsigned overhead; // bytes of extensions and trailers so far
    size_t left;       // of the current chunk
};

enum chunked_result {
    CHUNKED_MORE,
    CHUNKED_DONE,
    CHUNKED_TOO_LARGE, // the body is longer than `out` may grow
    CHUNKED_BAD,
    CHUNKED_MEMORY
};

// Decodes `bytes` and appends the body to `out`. `*out_consumed` is written with CHUNKED_DONE: what
// is behind it belongs to the next request.
enum chunked_result chunked_decode(struct chunked *c, struct span bytes, struct buf *out,
                                   size_t *out_consumed);

#endif
