// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The log behind the rooms: one SQLite database in WAL mode, one writer, any number of readers.
// No other file of the project includes sqlite3.h. A handle belongs to one thread.
#ifndef ROOMWIRE_CORE_STORE_H
#define ROOMWIRE_CORE_STORE_H

#include "log.h"
#include "message.h"
#include "meter.h"

struct store;

enum store_mode { STORE_WRITE, STORE_READ };

// Opens the database at `path`. STORE_WRITE creates it and migrates an older one (schema/*.sql in
// order, each in a transaction); synchronous=FULL.
// Errors: ERR_NOT_FOUND (STORE_READ, no file or no schema yet), ERR_VERSION (a newer schema),
// ERR_OLDER (STORE_READ, an older schema), ERR_CORRUPT, ERR_FULL, ERR_DATABASE, ERR_MEMORY.
MUST_USE enum err store_open(const char *path, enum store_mode mode, const struct log *log,
                             struct store **out_store);
void store_close(struct store *store); // NULL is fine

// Names this incarnation of the log, as of store_open or store_refresh; borrowed for the life of
// the handle.
const char *store_epoch(const struct store *store);
// For readers: reads the epoch anew. Worth doing whenever watermark_generation changes.
// Errors: ERR_NOT_FOUND (another file was put in place: close and open again), else as store_open.
MUST_USE enum err store_refresh(struct store *store);
// The largest id stored, 0 for none.
MUST_USE enum err store_last_id(struct store *store, int64_t *out_id);

// ---- writing; everything between begin and commit becomes durable together ----

MUST_USE enum err store_begin(struct store *store);
// After an error (ERR_FULL when the disk is full): store_rollback, and nothing is stored.
MUST_USE enum err store_commit(struct store *store);
// Also after any other error since store_begin. Fine where nothing was begun.
void store_rollback(struct store *store);

// Kept messages, in one statement where they are STORE_PUTS_MAX, which costs least. A key may be
// empty. A room is made on its first message. `*out_count`, valid also after an error, says how
// many are stored; the error is that of the next one, without which the transaction may go on if it
// is ERR_INVALID (its id is stored already) or ERR_TOO_LARGE (the room's name).
enum { STORE_PUTS_MAX = 16 };
struct store_put {
    struct message message;
    struct span key;
    struct span origin; // JSON (origin.h), may be empty
};
MUST_USE enum err store_put_messages(struct store *store, const struct store_put *puts,
                                     size_t count, size_t *out_count);
MUST_USE enum err store_put_message(struct store *store, const struct message *m, struct span key);
// Adds to one traffic counter.
MUST_USE enum err store_add_traffic(struct store *store, const struct meter_key *key,
                                    const struct meter_count *count);
// How far a numbered source is stored, 0 for not at all; sources are the spool and each tally, by
// name.
MUST_USE enum err store_source(struct store *store, const char *name, uint64_t *out_number);
MUST_USE enum err store_set_source(struct store *store, const char *name, uint64_t number);
// Gives the log a new epoch (an older copy of the database was put in place).
MUST_USE enum err store_renew_epoch(struct store *store);
// Removes about `limit` each of what is older than the dates: messages, idempotency keys, origins
// (also those of messages that go), and traffic, whole hours of it. What is dated after `now_ms`
// (the clock was wrong) stays and is passed over.
struct store_ages {
    int64_t messages_ms, keys_ms, origins_ms, traffic_ms; // since 1970; 0: none go
    int64_t now_ms;
};
// Where the next call goes on, by ids: all zero at first, and again where nothing more is too old.
struct store_place {
    int64_t message_id, origin_id;
};
MUST_USE enum err store_trim(struct store *store, const struct store_ages *before, int limit,
                             struct store_place *place, int *out_removed);

// ---- reading ----

// From now on a read by this handle fails with ERR_AGAIN once `is_over` gives anything but 0; it is
// asked every millisecond or so while the read lasts.
typedef int store_is_over_fn(void *context);
void store_break_off_when(struct store *store, store_is_over_fn *is_over, void *context);

// Reads between these two see one state of the database, whatever is committed meanwhile.
MUST_USE enum err store_begin_read(struct store *store);
void store_end_read(struct store *store);

// Return false from a callback to stop early. Spans are borrowed during the call. A callback must
// not read pages by the same handle.
typedef bool store_message_fn(void *context, const struct message *m);

enum { STORE_PAGE_MAX = 1000 };

// What a reader asks of a room's history. With `after` >= 0 the oldest messages with a larger id,
// else the newest with an id below `before` (0: no bound). At most `limit` (1..STORE_PAGE_MAX).
struct store_page {
    struct span room;
    int64_t before;
    int64_t after; // -1: not given
    int limit;
};

// Calls `each` in rising id order; `*out_more` says that the asked direction holds further ones.
// A room that does not exist has no messages.
MUST_USE enum err store_read_page(struct store *store, const struct store_page *page,
                                  store_message_fn *each, void *context, bool *out_more);
// The same with at most `max_bytes` of messages, or one that is longer: of their payloads, and
// STORE_ROW_BYTES each for the rest. What is too much is not read either.
enum { STORE_ROW_BYTES = 256 };
MUST_USE enum err store_read_page_within(struct store *store, const struct store_page *page,
                                         int64_t max_bytes, store_message_fn *each, void *context,
                                         bool *out_more);

struct store_room {
    struct span room;
    int64_t last_id;
    int64_t messages; // ever kept
};
typedef bool store_room_fn(void *context, const struct store_room *room);
// All rooms, the one with the newest message first.
MUST_USE enum err store_read_rooms(struct store *store, store_room_fn *each, void *context);
// How many rooms there are.
MUST_USE enum err store_count_rooms(struct store *store, int64_t *out_rooms);
// ERR_NOT_FOUND if the room has no message. The message is passed to `each`.
MUST_USE enum err store_read_last(struct store *store, struct span room, store_message_fn *each,
                                  void *context);
// Appends the origin of the message with that id to `out`. Errors: ERR_NOT_FOUND (it has none); the
// buffer's status.
MUST_USE enum err store_read_origin(struct store *store, int64_t id, struct buf *out);

// The newest id that the room ever had in this log, whether its message is still there or was
// trimmed; 0 for none.
MUST_USE enum err store_room_last_id(struct store *store, struct span room, int64_t *out_id);
// The id behind which the room's newest `latest` messages follow; `*id` stays where there are none.
MUST_USE enum err store_id_before_latest(struct store *store, struct span room, int latest,
                                         int64_t *id);

// Idempotency keys not older than `since_ms`, for the plugin's memory.
typedef bool store_key_fn(void *context, struct span room, struct span from, struct span key,
                          int64_t id, int64_t date_ms);
MUST_USE enum err store_read_keys(struct store *store, int64_t since_ms, store_key_fn *each,
                                  void *context);

// Traffic between two hours (since 1970; `until_hour` excluded), summed by what is asked, most
// blocks first. STORE_TOTAL gives nothing where nothing was counted.
enum store_group { STORE_BY_ROOM, STORE_BY_SUBJECT, STORE_BY_FACE, STORE_TOTAL };
struct store_traffic {
    struct span name; // of the room, subject or face; empty for STORE_TOTAL
    struct meter_count in, out;
};
typedef bool store_traffic_fn(void *context, const struct store_traffic *traffic);
MUST_USE enum err store_read_traffic(struct store *store, enum store_group group,
                                     int64_t since_hour, int64_t until_hour, store_traffic_fn *each,
                                     void *context);

#endif
