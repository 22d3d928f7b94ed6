// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The page of one room while it is asked for: page_room.c reads and shows it, page_post.c posts to
// it and shows it again when that was refused.
#ifndef ROOMWIRE_GATEWAY_PAGE_ROOM_H
#define ROOMWIRE_GATEWAY_PAGE_ROOM_H

#include "core/topic.h"
#include "history.h"
#include "page.h"

enum { PAGE_KEY_TEXT = 65 }; // a form's idempotency key and a NUL

struct page_room {
    struct page page;
    struct span room; // borrowed from the request
    struct topic_rooms pattern;
    bool may_read, may_write;
    bool follows; // "?live=1": new messages appear in a frame, without a script
    bool repeats; // "?repeat=1": the page is loaded again and again, for browsers without frames

    // What the form holds when a post was refused, so that nothing is lost and trying again does
    // not post twice.
    struct buf typed;
    char key[PAGE_KEY_TEXT];
    int status;
    const char *alert;

    // What is waited for, at most one of them.
    struct history_wait *wait;
    uint64_t publish; // upstream's number
    int64_t posted_id;
};

// Finds the room and the caller's rights to it. NULL if there is nothing to show: the exchange was
// answered then. `unsent` is what had been typed.
struct page_room *page_room_open(struct exchange *x, struct span unsent);
void page_room_close(struct page_room *view);
// Answers with the room's messages (all that were accepted when this was called), and closes.
void page_room_show(struct page_room *view);

#endif
