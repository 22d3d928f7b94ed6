// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "input.h"

enum { ID_MAX_BITS = 53, LOCAL_PATH_MAX = 1024 };

bool input_is_clean(struct span text, size_t max)
{
    return text.len >= 1 && text.len <= max && span_is_clean(text);
}

struct span input_user_agent(struct span field)
{
    field = span_cut(field, ORIGIN_AGENT_MAX);
    return input_is_clean(field, ORIGIN_AGENT_MAX) ? field : span_make(NULL, 0);
}

static bool is_printable_ascii(struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < ' ' || text.ptr[i] > '~')
            return false;
    return true;
}

bool input_is_content_type(struct span type)
{
    return type.len > 0 && type.len <= MESSAGE_TYPE_MAX && is_printable_ascii(type);
}

bool input_is_local_path(struct span path)
{
    if (path.len == 0 || path.len > LOCAL_PATH_MAX || path.ptr[0] != '/')
        return false;
    if (path.len > 1 && path.ptr[1] == '/')
        return false;
    return is_printable_ascii(path) && memchr(path.ptr, '\\', path.len) == NULL &&
           memchr(path.ptr, ' ', path.len) == NULL;
}

bool input_is_media_type(struct span field, const char *type)
{
    struct span essence;
    if (!span_split(&field, ';', &essence))
        return false;
    return span_equal_nocase(span_trim(essence), span_of(type));
}

struct span input_unquote(struct span value)
{
    if (value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"')
        return span_make(value.ptr + 1, value.len - 2);
    return value;
}

// Leaves `*number` as it is where nothing was given.
static bool read_number(struct span text, int64_t min, int64_t max, int64_t *number)
{
    if (text.len == 0)
        return true;
    unsigned long long value;
    if (!span_to_uint(text, (unsigned long long)max, &value) || (int64_t)value < min)
        return false;
    *number = (int64_t)value;
    return true;
}

enum err input_page(struct span before, struct span after, struct span limit,
                    struct store_page *out_page, const char **out_why)
{
    const int64_t id_max = ((int64_t)1 << ID_MAX_BITS) - 1;
    int64_t count = INPUT_PAGE_DEFAULT;
    struct store_page page = {.before = 0, .after = -1};
    if (before.len > 0 && after.len > 0)
        *out_why = "give before or after, not both";
    else if (!read_number(before, 1, id_max, &page.before))
        *out_why = "before has to be a message id, a whole number from 1";
    else if (!read_number(after, 0, id_max, &page.after))
        *out_why = "after has to be a message id or 0";
    else if (!read_number(limit, 1, STORE_PAGE_MAX, &count))
        *out_why = "limit has to be a whole number from 1 to 1000";
    else {
        page.limit = (int)count;
        *out_page = page;
        return ERR_OK;
    }
    return ERR_INVALID;
}

enum err input_flag(struct span value, bool *out_flag)
{
    bool is_true = span_is(value, "true") || span_is(value, "1");
    if (!is_true && value.len > 0 && !span_is(value, "false") && !span_is(value, "0"))
        return ERR_INVALID;
    *out_flag = is_true;
    return ERR_OK;
}

bool input_has_parameter(struct span query, const char *name)
{
    struct span one, key;
    while (span_split(&query, '&', &one))
        if (span_split(&one, '=', &key) && span_is(key, name))
            return true;
    return false;
}
