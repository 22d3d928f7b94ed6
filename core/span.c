// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "span.h"

#include <stdint.h>
#include <stdlib.h>

static unsigned char lower(char c)
{
    unsigned char u = (unsigned char)c;
    return u >= 'A' && u <= 'Z' ? (unsigned char)(u + ('a' - 'A')) : u;
}

bool span_equal_nocase(struct span a, struct span b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.ptr[i]) != lower(b.ptr[i]))
            return false;
    return true;
}

struct span span_trim(struct span a)
{
    while (a.len > 0 && (a.ptr[0] == ' ' || a.ptr[0] == '\t'))
        a = span_skip(a, 1);
    while (a.len > 0 && (a.ptr[a.len - 1] == ' ' || a.ptr[a.len - 1] == '\t'))
        a.len--;
    return a;
}

bool span_split(struct span *rest, char separator, struct span *out_part)
{
    if (rest->ptr == NULL)
        return false;
    const char *cut = rest->len ? memchr(rest->ptr, separator, rest->len) : NULL;
    if (cut == NULL) {
        *out_part = *rest;
        *rest = (struct span){NULL, 0};
        return true;
    }
    *out_part = span_make(rest->ptr, (size_t)(cut - rest->ptr));
    *rest = span_skip(*rest, out_part->len + 1);
    return true;
}

bool span_word(struct span *rest, struct span *out_word)
{
    while (span_split(rest, ' ', out_word))
        if (out_word->len > 0)
            return true;
    return false;
}

// How many continuation bytes follow `lead`, and the bounds of the first of them
// (RFC 3629 §4); -1 for a byte that starts nothing.
static int continuation_count(unsigned char lead, unsigned char *out_low, unsigned char *out_high)
{
    *out_low = 0x80;
    *out_high = 0xBF;
    if (lead < 0x80)
        return 0;
    if (lead >= 0xC2 && lead <= 0xDF)
        return 1;
    if (lead >= 0xE0 && lead <= 0xEF) {
        if (lead == 0xE0)
            *out_low = 0xA0;
        if (lead == 0xED)
            *out_high = 0x9F;
        return 2;
    }
    if (lead >= 0xF0 && lead <= 0xF4) {
        if (lead == 0xF0)
            *out_low = 0x90;
        if (lead == 0xF4)
            *out_high = 0x8F;
        return 3;
    }
    return -1;
}

bool span_is_utf8(struct span a)
{
    size_t i = 0;
    while (i < a.len) {
        uint64_t word;
        if (a.len - i >= sizeof word) {
            memcpy(&word, a.ptr + i, sizeof word);
            if ((word & 0x8080808080808080u) == 0) {
                i += sizeof word;
                continue;
            }
        }
        unsigned char low, high;
        int count = continuation_count((unsigned char)a.ptr[i], &low, &high);
        if (count < 0 || (size_t)count > a.len - i - 1)
            return false;
        for (int k = 1; k <= count; k++) {
            unsigned char c = (unsigned char)a.ptr[i + (size_t)k];
            if (c < low || c > high)
                return false;
            low = 0x80;
            high = 0xBF;
        }
        i += 1 + (size_t)count;
    }
    return true;
}

// The code point at the start of `text`, which is well-formed UTF-8 and not empty.
static uint32_t first_code_point(struct span text, size_t *out_len)
{
    unsigned char lead = (unsigned char)text.ptr[0];
    size_t len = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    uint32_t code = len == 1 ? lead : lead & (0x7FU >> len);
    for (size_t i = 1; i < len; i++)
        code = code << 6 | ((unsigned char)text.ptr[i] & 0x3FU);
    *out_len = len;
    return code;
}

static bool is_shown(uint32_t code)
{
    bool is_control = code < 0x20 || (code >= 0x7F && code < 0xA0);
    bool is_non_character = (code >= 0xFDD0 && code <= 0xFDEF) || (code & 0xFFFE) == 0xFFFE;
    return !is_control && !is_non_character;
}

bool span_is_clean(struct span a)
{
    if (!span_is_utf8(a))
        return false;
    while (a.len > 0) {
        size_t len;
        if (!is_shown(first_code_point(a, &len)))
            return false;
        a = span_skip(a, len);
    }
    return true;
}

struct span span_cut(struct span a, size_t max)
{
    if (a.len <= max)
        return a;
    a.len = max;
    while (a.len > 0 && ((unsigned char)a.ptr[a.len] & 0xC0) == 0x80) // inside a character
        a.len--;
    return a;
}

bool span_to_uint(struct span a, unsigned long long max, unsigned long long *out_value)
{
    unsigned long long value = 0;
    if (a.len == 0)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        unsigned digit = (unsigned)((unsigned char)a.ptr[i]) - '0';
        if (digit > 9 || digit > max || value > (max - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out_value = value;
    return true;
}

char *span_dup(struct span a)
{
    char *copy = malloc(a.len + 1);
    if (copy == NULL)
        return NULL;
    if (a.len > 0)
        memcpy(copy, a.ptr, a.len);
    copy[a.len] = '\0';
    return copy;
}
