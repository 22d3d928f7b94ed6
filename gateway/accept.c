// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "accept.h"

// "1", "0.5", "0.333" in thousandths; 1000 for anything else, which then counts as if not given.
static int parse_quality(struct span text)
{
    static const int weights[] = {1000, 0, 100, 10, 1};
    int quality = 0;
    if (text.len == 0 || text.len > sizeof weights / sizeof weights[0])
        return 1000;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (i == 1 ? c != '.' : c < '0' || c > '9')
            return 1000;
        if (i != 1)
            quality += (c - '0') * weights[i];
    }
    return quality <= 1000 ? quality : 1000;
}

enum { NAMES_IT = 3 };

// NAMES_IT: the entry is the value, 2: its type ("text/*"), 1: anything, 0: no match.
static int specificity(struct span entry, struct span value)
{
    if (span_equal_nocase(entry, value))
        return NAMES_IT;
    if (span_is(entry, "*") || span_is(entry, "*/*"))
        return 1;
    if (entry.len < 2 || entry.len > value.len || entry.ptr[entry.len - 1] != '*')
        return 0;
    entry.len--; // "text/"
    bool is_type = entry.ptr[entry.len - 1] == '/';
    return is_type && span_equal_nocase(entry, span_make(value.ptr, entry.len)) ? 2 : 0;
}

static void take_entry(struct span entry, struct span value, int *best, int *quality)
{
    struct span name, parameter;
    if (!span_split(&entry, ';', &name))
        return;
    int match = specificity(span_trim(name), value);
    if (match == 0 || match <= *best)
        return;
    *best = match;
    *quality = 1000;
    while (span_split(&entry, ';', &parameter)) {
        parameter = span_trim(parameter);
        if (parameter.len > 2 && (parameter.ptr[0] == 'q' || parameter.ptr[0] == 'Q') &&
            parameter.ptr[1] == '=')
            *quality = parse_quality(span_skip(parameter, 2));
    }
}

// `*out_match` is how specific the entry is that `*out_quality` comes from.
static void look_up(const struct http_head *head, const char *field, const char *value,
                    int *out_match, int *out_quality)
{
    *out_match = 0;
    *out_quality = -1;
    for (size_t i = 0; i < head->field_count; i++) {
        if (!span_equal_nocase(head->fields[i].name, span_of(field)))
            continue;
        struct span rest = head->fields[i].value, entry;
        while (span_split(&rest, ',', &entry))
            take_entry(span_trim(entry), span_of(value), out_match, out_quality);
    }
}

int accept_quality(const struct http_head *head, const char *field, const char *value)
{
    int match, quality;
    look_up(head, field, value, &match, &quality);
    return quality;
}

bool accept_names(const struct http_head *head, const char *type, const char *other)
{
    int match, quality;
    look_up(head, "Accept", type, &match, &quality);
    return match == NAMES_IT && quality > 0 && quality >= accept_quality(head, "Accept", other);
}

bool accept_knows(const struct http_head *head, struct span etag)
{
    for (size_t i = 0; i < head->field_count; i++) {
        if (!span_equal_nocase(head->fields[i].name, span_of("If-None-Match")))
            continue;
        struct span rest = head->fields[i].value, entry;
        while (span_split(&rest, ',', &entry)) {
            entry = span_trim(entry);
            if (span_starts_with(entry, span_of("W/")))
                entry = span_skip(entry, 2);
            if (span_equal(entry, etag) || span_is(entry, "*"))
                return true;
        }
    }
    return false;
}
