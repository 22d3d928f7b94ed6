// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "origin.h"

struct span origin_ip(struct span address)
{
    size_t end = address.len;
    while (end > 0 && address.ptr[end - 1] != ':')
        end--;
    if (end == 0)
        return address;
    address.len = end - 1;
    if (address.len >= 2 && address.ptr[0] == '[')
        address = span_make(address.ptr + 1, address.len - 2);
    return address;
}

// The one list of the members and where they are kept.
struct member {
    const char *name;
    size_t at;
};

static const struct member members[] = {
    {"method", offsetof(struct origin, method)},
    {"path", offsetof(struct origin, path)},
    {"source_ip", offsetof(struct origin, source_ip)},
    {"user_agent", offsetof(struct origin, user_agent)},
};
enum { MEMBER_COUNT = sizeof members / sizeof members[0] };

void origin_write(const struct origin *origin, struct buf *out)
{
    struct json_writer w;
    bool is_begun = false;
    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        const struct span *text = (const void *)((const char *)origin + members[i].at);
        if (text->len == 0)
            continue;
        if (!is_begun) {
            json_writer_init(&w, out);
            json_begin_object(&w);
        }
        is_begun = true;
        json_field_text(&w, members[i].name, *text);
    }
    if (is_begun)
        json_end_object(&w);
    if (out->status != ERR_OK)
        buf_clear(out);
}

enum err origin_read(struct span json, struct json **out_root, struct origin *out_origin)
{
    struct origin origin = {0};
    enum err err = json_parse(json, out_root);
    if (err != ERR_OK)
        return err;
    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        struct span *text = (void *)((char *)&origin + members[i].at);
        *text = json_member_text(*out_root, members[i].name);
    }
    *out_origin = origin;
    return ERR_OK;
}
