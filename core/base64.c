// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "base64.h"

#include <stdint.h>

static const char standard_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void encode(struct span bytes, const char *alphabet, bool is_padded, struct buf *out)
{
    if (bytes.len == 0)
        return;
    size_t left = bytes.len % 3, fill = is_padded ? 4 : left + 1;
    char *at = buf_reserve(out, bytes.len / 3 * 4 + (left ? fill : 0));
    if (at == NULL)
        return;
    const unsigned char *in = (const unsigned char *)bytes.ptr;
    size_t written = 0;
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t have = bytes.len - i < 3 ? bytes.len - i : 3;
        uint32_t bits = (uint32_t)in[i] << 16;
        if (have > 1)
            bits |= (uint32_t)in[i + 1] << 8;
        if (have > 2)
            bits |= in[i + 2];
        for (size_t k = 0; k <= have; k++)
            at[written++] = alphabet[bits >> (18 - 6 * k) & 63];
        for (size_t k = have; is_padded && k < 3; k++)
            at[written++] = '=';
    }
    buf_grow(out, written);
}

void base64_encode(struct span bytes, struct buf *out)
{
    encode(bytes, standard_alphabet, true, out);
}

void base64url_encode(struct span bytes, struct buf *out)
{
    encode(bytes, url_alphabet, false, out);
}

// The six bits that `c` stands for, or -1.
static int sextet(char c, const char *alphabet)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == alphabet[62])
        return 62;
    return c == alphabet[63] ? 63 : -1;
}

// Decodes text that has no padding (any more).
static enum err decode(struct span text, const char *alphabet, struct buf *out)
{
    if (text.len % 4 == 1)
        return ERR_INVALID;
    uint32_t bits = 0;
    unsigned count = 0;
    for (size_t i = 0; i < text.len; i++) {
        int value = sextet(text.ptr[i], alphabet);
        if (value < 0)
            return ERR_INVALID;
        bits = bits << 6 | (uint32_t)value;
        count += 6;
        if (count >= 8) {
            count -= 8;
            buf_add_char(out, (char)(unsigned char)(bits >> count));
            bits &= (1u << count) - 1;
        }
    }
    // The bits that fill up the last character are zero, or two texts would mean the same bytes.
    return bits == 0 ? out->status : ERR_INVALID;
}

enum err base64_decode(struct span text, struct buf *out)
{
    if (text.len % 4 != 0)
        return ERR_INVALID;
    if (text.len > 0 && text.ptr[text.len - 1] == '=')
        text.len -= text.ptr[text.len - 2] == '=' ? 2 : 1;
    return decode(text, standard_alphabet, out);
}

enum err base64url_decode(struct span text, struct buf *out)
{
    return decode(text, url_alphabet, out);
}
