// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// What the files of the store share: its handle, its statements, and how SQLite is spoken to.
// Only store*.c and their tests include this.
#ifndef ROOMWIRE_CORE_STORE_DB_H
#define ROOMWIRE_CORE_STORE_DB_H

#include <sqlite3.h>

#include "embed.h"
#include "store.h"

// All SQL that runs more than once; the texts are in store_sql.c.
enum store_sql {
    STORE_SQL_BEGIN,
    STORE_SQL_BEGIN_READ,
    STORE_SQL_COMMIT,
    STORE_SQL_ROLLBACK,
    STORE_SQL_EPOCH,
    STORE_SQL_RENEW_EPOCH,
    STORE_SQL_LAST_ID,
    STORE_SQL_SOURCE,
    STORE_SQL_SET_SOURCE,
    STORE_SQL_ROOM,
    STORE_SQL_MAKE_ROOM,
    STORE_SQL_UPDATE_ROOM,
    STORE_SQL_PUT_MESSAGE,
    STORE_SQL_PUT_MESSAGES, // STORE_PUTS_MAX of them
    STORE_SQL_PUT_KEY,
    STORE_SQL_PUT_ORIGIN,
    STORE_SQL_LOOK_AT_MESSAGES,
    STORE_SQL_TRIM_MESSAGES,
    STORE_SQL_LOOK_AT_ORIGINS,
    STORE_SQL_TRIM_ORIGINS,
    STORE_SQL_TRIM_KEYS,
    STORE_SQL_TRIM_TRAFFIC,
    STORE_SQL_PAGE_BEFORE,
    STORE_SQL_PAGE_AFTER,
    STORE_SQL_ROOMS,
    STORE_SQL_COUNT_ROOMS,
    STORE_SQL_ROOM_LAST_ID,
    STORE_SQL_BEFORE_LATEST,
    STORE_SQL_KEYS,
    STORE_SQL_ORIGIN,
    STORE_SQL_ADD_TRAFFIC,
    STORE_SQL_TRAFFIC_BY_ROOM,
    STORE_SQL_TRAFFIC_BY_SUBJECT,
    STORE_SQL_TRAFFIC_BY_FACE,
    STORE_SQL_TRAFFIC_TOTAL,

    // Of the hooks' database (store_hooks.c).
    STORE_SQL_HOOK_SET_EPOCH,
    STORE_SQL_HOOK_CAP_SINCE,
    STORE_SQL_HOOK_CAP_POSITIONS,
    STORE_SQL_HOOK_ENTER,
    STORE_SQL_HOOK_FIND,
    STORE_SQL_HOOKS,
    STORE_SQL_HOOK_REMOVE,
    STORE_SQL_HOOK_REMOVE_POSITIONS,
    STORE_SQL_HOOK_REMOVE_EVENTS,
    STORE_SQL_HOOK_POSITION,
    STORE_SQL_HOOK_SET_POSITION,
    STORE_SQL_HOOK_PUT_EVENT,
    STORE_SQL_HOOK_FIRST_EVENT,
    STORE_SQL_HOOK_REMOVE_EVENT,
    STORE_SQL_HOOK_COUNT_EVENTS,
    STORE_SQL_HOOK_CLIENTS,
    STORE_SQL_HOOK_PUT_CONNECTION,
    STORE_SQL_HOOK_REMOVE_CONNECTION,
    STORE_SQL_HOOK_NEXT_CONNECTION,
    STORE_SQL_HOOK_OLDER_CONNECTION,
    STORE_SQL_COUNT
};
extern const char *const store_sql_texts[STORE_SQL_COUNT];

// What a database of ours is known by, and made of.
struct store_kind {
    int64_t application_id; // in the file's head; the first migration sets it
    const struct embedded_file *schema;
};

struct store {
    sqlite3 *db;
    const struct store_kind *kind;
    const struct log *log;
    char epoch[MESSAGE_EPOCH_MAX + 1];
    sqlite3_stmt *statements[STORE_SQL_COUNT]; // prepared when first used
    struct store_pending *pending;             // the writer's; NULL for readers
    struct store_rows *rows;                   // of a page that is read backwards
};

// Opens a database of that kind as store_open does the log. Errors: as there.
MUST_USE enum err store_open_kind(const char *path, enum store_mode mode,
                                  const struct store_kind *kind, const struct log *log,
                                  struct store **out_store);

// What SQLite's `code` means for us; logs what SQLite says about the ones nobody expects.
enum err store_error(const struct store *store, int code);

// Runs SQL that is part of the program and gives no rows.
MUST_USE enum err store_exec(struct store *store, const char *sql);
// The one number that `sql` gives.
MUST_USE enum err store_get_int(struct store *store, const char *sql, int64_t *out_value);

// Brings an older schema up to the last of `files`. Errors: as store_open.
MUST_USE enum err store_migrate(struct store *store, const struct embedded_file *files);
// The schema has to be that of the last of `files`. Errors: as store_open.
MUST_USE enum err store_check_schema(struct store *store, const struct embedded_file *files);

// One run of a statement: its values are bound from left to right, its rows are stepped through,
// and store_end resets it. The first thing that goes wrong is what store_end returns.
struct store_run {
    struct store *store;
    sqlite3_stmt *stmt; // NULL if it could not be prepared
    int bound;
    int code;
};
struct store_run store_start(struct store *store, enum store_sql sql);
void store_bind_int(struct store_run *run, int64_t value);
void store_bind_text(struct store_run *run, struct span text);
void store_bind_blob(struct store_run *run, struct span bytes);
bool store_step(struct store_run *run); // true if there is a row
MUST_USE enum err store_end(struct store_run *run);
// A statement without rows: steps once and ends.
MUST_USE enum err store_finish(struct store_run *run);

// What the transaction has yet to write (store_pending.c).
struct store_pending *store_pending_create(void); // NULL when out of memory
void store_pending_destroy(struct store_pending *pending);
// Nothing of it came true.
void store_pending_forget(struct store *store);
// The id of the room's row, which is made if need be.
MUST_USE enum err store_find_room(struct store *store, struct span room, int64_t *out_room_id);
// Counts a message that was put into a room found just before.
void store_count_message(struct store *store, const struct message *m);
MUST_USE enum err store_note_traffic(struct store *store, const struct meter_key *key,
                                     const struct meter_count *count);
int64_t store_pending_last_id(const struct store *store);
MUST_USE enum err store_write_pending(struct store *store);
// The same where there is no transaction whose commit would do it.
MUST_USE enum err store_settle_pending(struct store *store);

// Messages kept aside to be handed on in the other order (store_rows.c).
struct store_rows;
enum { STORE_ROWS_BYTES = 1024 * 1024 }; // of texts and payloads
// Empties `*rows`, which is created first if it is NULL. Errors: ERR_MEMORY.
MUST_USE enum err store_rows_start(struct store_rows **rows);
void store_rows_destroy(struct store_rows *rows);
// Errors: ERR_TOO_LARGE (more than STORE_ROWS_BYTES or STORE_PAGE_MAX), ERR_MEMORY.
MUST_USE enum err store_rows_add(struct store_rows *rows, const struct message *m);
// Hands them on, the last one first.
void store_rows_reverse(const struct store_rows *rows, struct span room, store_message_fn *each,
                        void *context);

// Columns of the present row: texts are borrowed until the next step.
int store_column(const struct store_run *run, const char *name);
int64_t store_get_column_int(const struct store_run *run, const char *name);
struct span store_get_column_text(const struct store_run *run, const char *name);
// The same by position, where many rows are read.
struct span store_text_at(const struct store_run *run, int column);

#endif
