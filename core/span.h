// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Borrowed bytes: a pointer and a length, owned by somebody else.
// Not a string: no NUL is promised behind the last byte, and NULs may be inside.
#ifndef ROOMWIRE_CORE_SPAN_H
#define ROOMWIRE_CORE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct span {
    const char *ptr; // may be NULL where len is 0
    size_t len;      // bytes
};

// The bytes of the C string `text` (NULL counts as empty).
static inline struct span span_of(const char *text)
{
    return (struct span){text, text ? strlen(text) : 0};
}

static inline struct span span_make(const void *ptr, size_t len)
{
    return (struct span){ptr, len};
}

static inline bool span_equal(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool span_is(struct span a, const char *text)
{
    return span_equal(a, span_of(text));
}

static inline bool span_starts_with(struct span a, struct span prefix)
{
    return a.len >= prefix.len && (prefix.len == 0 || memcmp(a.ptr, prefix.ptr, prefix.len) == 0);
}

// ASCII case-insensitive comparison, for HTTP field names and tokens (RFC 9110 §5.1).
bool span_equal_nocase(struct span a, struct span b);

// `a` without the first `n` bytes; `n` must not exceed its length.
static inline struct span span_skip(struct span a, size_t n)
{
    return (struct span){a.ptr + n, a.len - n};
}

// `a` without spaces and tabs at both ends.
struct span span_trim(struct span a);

// Cuts the part before the first `separator` off the front of `*rest` into `*out_part`.
// Without a separator the whole rest is the part. False when nothing is left.
bool span_split(struct span *rest, char separator, struct span *out_part);
// The same for the next word of a list; between them stand one space or more.
bool span_word(struct span *rest, struct span *out_word);

// True if `a` is well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms).
bool span_is_utf8(struct span a);

// True if `a` is UTF-8 without control characters and non-characters: what MQTT 5 §1.5.4 lets into
// a string, and what can be shown without faking a line of a log or a screen.
bool span_is_clean(struct span a);

// At most `max` bytes of `a`, which is UTF-8, cut between two characters.
struct span span_cut(struct span a, size_t max);

// Strict decimal: only digits, at least one, no sign, the value within 0..`max`.
bool span_to_uint(struct span a, unsigned long long max, unsigned long long *out_value);

// What a hexadecimal digit of either case stands for, or -1.
static inline int span_hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// A copy with a NUL behind it, from malloc, owned by the caller; NULL when out of memory.
char *span_dup(struct span a);

#endif
