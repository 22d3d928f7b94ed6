// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The pages for people (P7): they work with scripts off. Each is a handler of the router; programs
// that ask for JSON get their refusals as JSON here too.
// Not the API: that is for programs.
#ifndef ROOMWIRE_GATEWAY_PAGE_HANDLERS_H
#define ROOMWIRE_GATEWAY_PAGE_HANDLERS_H

#include "exchange.h"

// GET /: the rooms that the caller may read, and signing in. With "?room=" it leads on to a room.
void page_lobby(struct exchange *x);
// GET /rooms/*: the room with its latest messages, or those "?before=" or "?after=" an id.
void page_room_get(struct exchange *x);
// GET /rooms/*/live: the newest messages on a page that never ends, for a frame.
void page_live(struct exchange *x);
// GET /rooms/*/members: who is in the room, for those who ask for HTML.
void page_members(struct exchange *x);
// POST /rooms/*: publishes the form's "text" and leads back to the room.
void page_room_post(struct exchange *x);
// GET /bill: what was metered and what it costs, for holders of the claim "bill".
void page_bill(struct exchange *x);

// What the page of an error tells; texts may be NULL.
struct page_error {
    int status;
    const char *detail;
    bool has_sign_in, has_guests; // with the form for signing in, and that for guests in it
};
// Appends that page. Errors: those of html_render.
MUST_USE enum err page_write_error(const struct page_error *error, struct buf *out);

#endif
