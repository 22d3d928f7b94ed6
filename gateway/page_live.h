// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// GET /rooms/<room>/live: an HTML page that never ends, to which every new message is appended as
// it comes; for an <iframe> in the room's page where no script runs.
#ifndef ROOMWIRE_GATEWAY_PAGE_LIVE_H
#define ROOMWIRE_GATEWAY_PAGE_LIVE_H

#include "core/buf.h"
#include "core/message.h"

// What goes onto the page: one message as a list item, the note that something is missing, and an
// end that has the browser go on after message `id` of the log `epoch`.
void page_live_item(const struct message *m, struct buf *out);
void page_live_gap(struct buf *out);
void page_live_end(struct span room, const char *epoch, int64_t id, struct buf *out);

#endif
