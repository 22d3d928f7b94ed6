// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// One worker's live rooms. A room that somebody reads has a tape for each form its readers want;
// readers are woken when it grows and pull from it at their own pace. The hub keeps the tapes
// unbroken: what did not come by the feed (the broker was away, an inbox was full) is read from the
// database before anything newer is put behind it.
// Not the readers' connections: stream.h.
#ifndef ROOMWIRE_GATEWAY_HUB_H
#define ROOMWIRE_GATEWAY_HUB_H

#include "core/store.h"
#include "gateway.h"
#include "tape.h"

struct hub;
struct hub_room;

// The form a message takes on a tape.
enum hub_form {
    HUB_EVENTS, // event stream
    HUB_ITEMS,  // HTML list items
    HUB_FORM_COUNT,
    HUB_NO_FORM = HUB_FORM_COUNT // of a reader that only wants to be woken
};

// Appends a message, or what a stream itself has to say, in that form (event_stream.h has the
// meanings; a form that has no word for it appends nothing).
void hub_write(enum hub_form form, const struct message *m, const char *epoch, struct buf *out);
void hub_write_open(enum hub_form form, struct span room, const char *epoch, int64_t after,
                    int64_t retry_ms, struct buf *out);
void hub_write_reset(enum hub_form form, struct span room, const char *epoch, int64_t after,
                     const char *reason, struct buf *out);
void hub_write_keepalive(enum hub_form form, struct buf *out);
void hub_write_end(enum hub_form form, struct span room, const char *epoch, int64_t id,
                   struct buf *out);

// Makes and ends the worker's hub (worker->hub). Readers must be gone when it ends.
MUST_USE enum err hub_start(struct worker *worker);
void hub_stop(struct worker *worker);

// A reader of one room, embedded in whatever owns it; the hub's own while it has joined.
struct hub_reader {
    struct hub_reader *before, *behind;
    struct hub_room *room;
    // The tape has grown, or the room's log is another now (see hub_epoch).
    // The reader may leave from there, but no other of the room.
    void (*on_news)(struct hub_reader *reader);
};
// Errors: ERR_FULL (max_live_rooms), ERR_AGAIN (no database), ERR_MEMORY.
MUST_USE enum err hub_join(struct worker *worker, struct span room, enum hub_form form,
                           struct hub_reader *reader);
void hub_leave(struct hub_reader *reader);

// The room's tape in the form that the reader joined with; valid while it has joined.
const struct tape *hub_tape(const struct hub_reader *reader, enum hub_form form);
// True if `id` is as far as the room is known to be, and the feed will bring what follows: a reader
// that has everything up to it has only to wait.
bool hub_is_current(const struct hub_reader *reader, int64_t id);
struct span hub_room_name(const struct hub_reader *reader);
// The room's log as the hub last read it: its epoch (borrowed until the next turn of the loop), and
// its newest message, which may have been trimmed.
const char *hub_epoch(const struct hub_reader *reader);
int64_t hub_last_id(const struct hub_reader *reader);

#endif
