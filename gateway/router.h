// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Which handler answers which request: one table (router.c), one row for each method and path.
#ifndef ROOMWIRE_GATEWAY_ROUTER_H
#define ROOMWIRE_GATEWAY_ROUTER_H

#include "core/buf.h"
#include "core/config.h"

struct exchange;

// How much body a route takes.
enum route_body {
    ROUTE_BODY_NONE,
    ROUTE_BODY_FORM,   // a few fields, a token among them
    ROUTE_BODY_MESSAGE // one payload, however it is wrapped and escaped
};

struct route {
    const char *method; // GET serves HEAD, too
    // "*" stands for one part of the path without "/", "**" at the end for the whole rest.
    const char *pattern;
    void (*handler)(struct exchange *x);
    enum route_body body;
};

// The row for `method` and `path` (percent-encoded); `*out_part` is what the "*" stands for, still
// encoded. Errors: ERR_NOT_FOUND (no such path), ERR_UNSUPPORTED (not with this method); then
// `allow` gets the methods of the path ("GET, HEAD").
MUST_USE enum err router_find(struct span method, struct span path, const struct route **out_route,
                              struct span *out_part, struct buf *allow);

// Bytes of body that the route takes.
size_t router_body_limit(const struct route *route, const struct config *config);

#endif
