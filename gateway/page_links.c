// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "page_links.h"

#include "html.h"

static bool is_word(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c >= 0x80;
}

// What ends an address beyond ASCII, of two or three bytes of UTF-8: white space (U+00A0, U+2000 to
// U+200A, U+2028, U+2029, U+3000), and what turns the direction of text or cannot be seen (U+200B
// to U+200F, U+202A to U+202E, U+2066 to U+2069), which would make an address look like another
// one.
static bool is_wide_end(struct span text)
{
    const unsigned char *c = (const unsigned char *)text.ptr;
    if (text.len >= 2 && c[0] == 0xC2 && c[1] == 0xA0)
        return true;
    if (text.len < 3)
        return false;
    if (c[0] == 0xE2 && c[1] == 0x80)
        return c[2] <= 0x8F || (c[2] >= 0xA8 && c[2] <= 0xAE);
    if (c[0] == 0xE2 && c[1] == 0x81)
        return c[2] >= 0xA6 && c[2] <= 0xA9;
    return c[0] == 0xE3 && c[1] == 0x80 && c[2] == 0x80;
}

static bool ends_address(struct span text)
{
    unsigned char c = (unsigned char)text.ptr[0];
    return c <= ' ' || c == 0x7F || c == '<' || c == '>' || c == '"' || c == '`' ||
           is_wide_end(text);
}

// The length of "http://" or "https://" at the beginning of `text`; 0 for neither.
static size_t scheme_len(struct span text)
{
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        struct span scheme = span_of(schemes[i]);
        if (text.len >= scheme.len && span_equal_nocase(span_make(text.ptr, scheme.len), scheme))
            return scheme.len;
    }
    return 0;
}

// Without the punctuation at its end.
static size_t trimmed(struct span text)
{
    long open = 0; // parentheses that are not closed
    for (size_t i = 0; i < text.len; i++)
        open += (text.ptr[i] == '(') - (text.ptr[i] == ')');
    while (text.len > 0) {
        char last = text.ptr[text.len - 1];
        bool is_stray = last == ')' && open < 0;
        if (!is_stray && (last == '\0' || strchr(".,;:!?'*_~]}", last) == NULL))
            break;
        open += is_stray;
        text.len--;
    }
    return text.len;
}

// The length of the address at the beginning of `text`; 0 if there is none.
static size_t address_len(struct span text)
{
    size_t begin = scheme_len(text), end = begin;
    if (begin == 0)
        return 0;
    while (end < text.len && !ends_address(span_skip(text, end)))
        end++;
    size_t rest = trimmed(span_make(text.ptr + begin, end - begin));
    return rest > 0 ? begin + rest : 0;
}

bool page_links_find(struct span text, size_t *out_at, size_t *out_len)
{
    for (size_t at = 0; at < text.len; at++) {
        bool may_begin = text.ptr[at] == 'h' || text.ptr[at] == 'H';
        if (!may_begin || (at > 0 && is_word((unsigned char)text.ptr[at - 1])))
            continue;
        size_t len = address_len(span_skip(text, at));
        if (len == 0)
            continue;
        *out_at = at;
        *out_len = len;
        return true;
    }
    return false;
}

void page_links_write(struct span text, struct buf *out)
{
    size_t at, len;
    while (page_links_find(text, &at, &len)) {
        struct span address = span_make(text.ptr + at, len);
        html_escape(span_make(text.ptr, at), out);
        buf_add_text(out, "<a href=\"");
        html_escape(address, out);
        buf_add_text(out, "\" target=\"_blank\" rel=\"noopener noreferrer nofollow\">");
        html_escape(address, out);
        buf_add_text(out, "</a>");
        text = span_skip(text, at + len);
    }
    html_escape(text, out);
}
