// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max};
}

void buf_finish(struct buf *b)
{
    free(b->ptr);
    buf_init(b, b->max);
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->status = ERR_OK;
}

char *buf_reserve(struct buf *b, size_t len)
{
    if (b->status != ERR_OK)
        return NULL;
    if (len > b->max - b->len) {
        b->status = ERR_TOO_LARGE;
        return NULL;
    }
    if (len > b->cap - b->len || b->ptr == NULL) {
        size_t want = b->cap ? b->cap * 2 : 64;
        if (want < b->len + len)
            want = b->len + len;
        if (want > b->max)
            want = b->max;
        char *grown = realloc(b->ptr, want ? want : 1);
        if (grown == NULL) {
            b->status = ERR_MEMORY;
            return NULL;
        }
        b->ptr = grown;
        b->cap = want;
    }
    return b->ptr + b->len;
}

void buf_grow(struct buf *b, size_t len)
{
    assert(len <= b->cap - b->len);
    b->len += len;
}

void buf_add(struct buf *b, const void *bytes, size_t len)
{
    if (len == 0)
        return;
    char *at = buf_reserve(b, len);
    if (at == NULL)
        return;
    memcpy(at, bytes, len);
    b->len += len;
}

void buf_add_span(struct buf *b, struct span s)
{
    buf_add(b, s.ptr, s.len);
}

void buf_add_text(struct buf *b, const char *text)
{
    buf_add(b, text, strlen(text));
}

void buf_add_char(struct buf *b, char c)
{
    buf_add(b, &c, 1);
}

void buf_add_int(struct buf *b, long long value)
{
    char digits[24];
    char *at = digits + sizeof digits;
    unsigned long long rest = value < 0 ? 0 - (unsigned long long)value : (unsigned long long)value;
    do {
        *--at = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest != 0);
    if (value < 0)
        *--at = '-';
    buf_add(b, at, (size_t)(digits + sizeof digits - at));
}

void buf_printf(struct buf *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    assert(len >= 0);
    char *at = len > 0 ? buf_reserve(b, (size_t)len) : NULL;
    if (at == NULL)
        return;
    // vsnprintf writes a NUL behind the text, for which a full buffer has no room.
    bool has_room = b->cap - b->len > (size_t)len;
    char *text = has_room ? at : malloc((size_t)len + 1);
    if (text == NULL) {
        b->status = ERR_MEMORY;
        return;
    }
    va_start(args, format);
    (void)vsnprintf(text, (size_t)len + 1, format, args); // the length is known from above
    va_end(args);
    if (!has_room) {
        memcpy(at, text, (size_t)len);
        free(text);
    }
    b->len += (size_t)len;
}

void buf_consume(struct buf *b, size_t len)
{
    assert(len <= b->len);
    b->len -= len;
    if (b->len > 0)
        memmove(b->ptr, b->ptr + len, b->len);
}
