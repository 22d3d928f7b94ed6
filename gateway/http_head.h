// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// A strict parser for the head of an HTTP/1.1 request (RFC 9112 §2-§6): no I/O, no allocation, and
// no guessing: whatever two parsers might read differently is refused (request smuggling).
// Not the body, which is read by the length that is found here, and not the meaning of any field.
#ifndef ROOMWIRE_GATEWAY_HTTP_HEAD_H
#define ROOMWIRE_GATEWAY_HTTP_HEAD_H

#include <stdint.h>

#include "core/span.h"

enum { HTTP_FIELDS_MAX = 64 };

struct http_field {
    struct span name;  // as sent
    struct span value; // without white space around it
};

// Everything borrows from the bytes that were parsed.
struct http_head {
    struct span method;
    struct span target; // path and query, starts with "/"; or "*" with OPTIONS
    struct span path;   // of the target, still percent-encoded
    struct span query;  // behind "?", may be empty
    int minor_version;  // HTTP/1.0 or HTTP/1.1
    struct http_field fields[HTTP_FIELDS_MAX];
    size_t field_count;
    struct span host;
    int64_t content_length; // -1: not given
    bool is_chunked;
    bool is_keep_alive;
    bool is_upgrade; // Connection: upgrade was given
    bool expects_continue;
};

enum http_parse {
    HTTP_PARSE_MORE, // not all there yet; ask again with more bytes behind the same ones
    HTTP_PARSE_DONE,
    HTTP_PARSE_BAD // answer `status` and close
};

// Parses `bytes` from their start. HTTP_PARSE_DONE: `*out_consumed` is the head's length with the
// empty line. HTTP_PARSE_BAD: `*out_status` is 400, 414, 417, 431, 501 or 505, and
// `*out_reason` a static English phrase. Heads over `max_head` bytes are 431.
enum http_parse http_head_parse(struct span bytes, size_t max_head, struct http_head *out_head,
                                size_t *out_consumed, int *out_status, const char **out_reason);

// The value of the only field `name` (ASCII case ignored); false if there is none or several. A
// field that may come once and comes twice makes the head bad already (Host, Content-Length,
// Authorization, Cookie, Origin, Sec-WebSocket-Key, ...).
bool http_head_field(const struct http_head *head, const char *name, struct span *out_value);
// True if the comma-separated list field `name` holds `token` (ASCII case ignored).
bool http_head_lists(const struct http_head *head, const char *name, const char *token);
// The value of the cookie `name` (RFC 6265 §4.2); false if absent or given twice.
bool http_head_cookie(const struct http_head *head, const char *name, struct span *out_value);

#endif
