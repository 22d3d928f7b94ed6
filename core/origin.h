// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Where a kept message came from, for the `context` of its webhook (docs/webhooks.md): one JSON
// object, made where the message is published and kept beside it, but no part of it: no reader of
// the room gets to see it.
#ifndef ROOMWIRE_CORE_ORIGIN_H
#define ROOMWIRE_CORE_ORIGIN_H

#include "json.h"

enum {
    ORIGIN_MAX = 2048,     // bytes of the JSON
    ORIGIN_AGENT_MAX = 256 // bytes of a User-Agent; the rest of a longer one is cut off
};

// UTF-8 without control characters; what is not known is empty.
struct origin {
    struct span method, path; // of the request
    struct span source_ip;    // without port
    struct span user_agent;   // RFC 9110 §10.1.5
};

// "1.2.3.4" of "1.2.3.4:5", "::1" of "[::1]:5"; borrowed.
struct span origin_ip(struct span address);

// Writes the object, without what is empty, into an empty buffer; which it leaves empty if there is
// nothing to say, and if it does not fit.
void origin_write(const struct origin *origin, struct buf *out);
// Reads what origin_write wrote; the spans borrow from `*out_root`, which is the caller's to
// destroy. Errors: those of json_parse.
MUST_USE enum err origin_read(struct span json, struct json **out_root, struct origin *out_origin);

#endif
