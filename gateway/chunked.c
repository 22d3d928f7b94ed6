// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "chunked.h"

enum {
    DIGITS_MAX = 8,     // of a chunk size: chunks up to 4 GB
    OVERHEAD_MAX = 4096 // bytes of extensions and trailers in one body
};

enum {
    SIZE, // must be 0, where a decoder starts
    EXTENSION,
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    TRAILER_START,
    TRAILER_NAME,
    TRAILER_VALUE,
    TRAILER_LF,
    END_LF,
    DONE
};

static bool is_text(char c)
{
    return c == '\t' || ((unsigned char)c >= ' ' && c != 0x7F);
}

// Letters, digits and "-" are all that real trailer names are made of.
static bool is_name(char c)
{
    return span_hex_value(c) >= 0 || (c >= 'g' && c <= 'z') || (c >= 'G' && c <= 'Z') || c == '-';
}

// The state behind `c`, or -1.
static int after_size(struct chunked *c, char byte)
{
    int value = span_hex_value(byte);
    if (value >= 0) {
        c->left = c->left * 16 + (size_t)value;
        return ++c->digits <= DIGITS_MAX ? SIZE : -1;
    }
    if (c->digits == 0)
        return -1;
    if (byte == '\r')
        return SIZE_LF;
    return byte == ';' ? EXTENSION : -1;
}

static int after_trailer(struct chunked *c, char byte)
{
    if (++c->overhead > OVERHEAD_MAX)
        return -1;
    switch (c->state) {
    case TRAILER_START:
        if (byte == '\r')
            return END_LF;
        return is_name(byte) ? TRAILER_NAME : -1;
    case TRAILER_NAME:
        if (byte == ':')
            return TRAILER_VALUE;
        return is_name(byte) ? TRAILER_NAME : -1;
    case TRAILER_VALUE:
        if (byte == '\r')
            return TRAILER_LF;
        return is_text(byte) ? TRAILER_VALUE : -1;
    default: // TRAILER_LF
        return byte == '\n' ? TRAILER_START : -1;
    }
}

static int after(struct chunked *c, char byte)
{
    switch (c->state) {
    case SIZE:
        return after_size(c, byte);
    case EXTENSION:
        if (byte == '\r')
            return SIZE_LF;
        return is_text(byte) && ++c->overhead <= OVERHEAD_MAX ? EXTENSION : -1;
    case SIZE_LF:
        c->digits = 0;
        if (byte != '\n')
            return -1;
        return c->left > 0 ? DATA : TRAILER_START;
    case DATA_CR:
        return byte == '\r' ? DATA_LF : -1;
    case DATA_LF:
        return byte == '\n' ? SIZE : -1;
    case END_LF:
        return byte == '\n' ? DONE : -1;
    default:
        return after_trailer(c, byte);
    }
}

static enum chunked_result take_data(struct chunked *c, struct span rest, struct buf *out,
                                     size_t *out_taken)
{
    size_t len = rest.len < c->left ? rest.len : c->left;
    buf_add(out, rest.ptr, len);
    if (out->status != ERR_OK)
        return CHUNKED_MEMORY;
    c->left -= len;
    if (c->left == 0)
        c->state = DATA_CR;
    *out_taken = len;
    return CHUNKED_MORE;
}

enum chunked_result chunked_decode(struct chunked *c, struct span bytes, struct buf *out,
                                   size_t *out_consumed)
{
    for (size_t i = 0; i < bytes.len;) {
        if (c->state == DATA) {
            size_t taken = 0;
            enum chunked_result result = take_data(c, span_skip(bytes, i), out, &taken);
            if (result != CHUNKED_MORE)
                return result;
            i += taken;
            continue;
        }
        c->state = after(c, bytes.ptr[i++]);
        if (c->state < 0)
            return CHUNKED_BAD;
        if (c->state == DATA && c->left > out->max - out->len)
            return CHUNKED_TOO_LARGE; // said at once, not when it has all arrived
        if (c->state == DONE) {
            *out_consumed = i;
            return CHUNKED_DONE;
        }
    }
    return CHUNKED_MORE;
}
