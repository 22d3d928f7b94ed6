// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include <assert.h>
#include <errno.h>

#include "store_db.h"

// A full disk has a code of its own, but not a spent quota or a limit on the file's size. SQLite
// keeps the system's error for some statements, not for COMMIT; there it is still in errno.
static bool is_disk_full(const struct store *store)
{
    const int failed[2] = {errno, sqlite3_system_errno(store->db)};
    for (int i = 0; i < 2; i++)
        if (failed[i] == ENOSPC || failed[i] == EDQUOT || failed[i] == EFBIG)
            return true;
    return false;
}

enum err store_error(const struct store *store, int code)
{
    switch (code & 0xFF) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return ERR_OK;
    case SQLITE_FULL:
        return ERR_FULL;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return ERR_CORRUPT;
    case SQLITE_NOMEM:
        return ERR_MEMORY;
    case SQLITE_BUSY:
    case SQLITE_INTERRUPT: // store_break_off_when
        return ERR_AGAIN;
    case SQLITE_CONSTRAINT:
        return ERR_INVALID;
    case SQLITE_IOERR:
        if (is_disk_full(store))
            return ERR_FULL;
        break;
    default: // not an enum of ours: SQLite may add to it
        break;
    }
    struct log_value text;
    log_line(store->log, LOG_LEVEL_ERROR, "database failed: code=%d text=%s", code,
             log_value(span_of(sqlite3_errmsg(store->db)), &text));
    return ERR_DATABASE;
}

enum err store_exec(struct store *store, const char *sql)
{
    errno = 0; // see is_disk_full
    return store_error(store, sqlite3_exec(store->db, sql, NULL, NULL, NULL));
}

enum err store_get_int(struct store *store, const char *sql, int64_t *out_value)
{
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v2(store->db, sql, -1, &stmt, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(stmt);
    if (code == SQLITE_ROW)
        *out_value = sqlite3_column_int64(stmt, 0);
    enum err err = code == SQLITE_DONE ? ERR_DATABASE : store_error(store, code);
    (void)sqlite3_finalize(stmt); // repeats the code of the step
    return err;
}

struct store_run store_start(struct store *store, enum store_sql sql)
{
    struct store_run run = {.store = store, .code = SQLITE_OK};
    sqlite3_stmt **slot = &store->statements[sql];
    if (*slot == NULL)
        run.code = sqlite3_prepare_v3(store->db, store_sql_texts[sql], -1,
                                      SQLITE_PREPARE_PERSISTENT, slot, NULL);
    run.stmt = *slot;
    return run;
}

void store_bind_int(struct store_run *run, int64_t value)
{
    run->bound++;
    if (run->code == SQLITE_OK)
        run->code = sqlite3_bind_int64(run->stmt, run->bound, value);
}

void store_bind_text(struct store_run *run, struct span text)
{
    run->bound++;
    if (run->code == SQLITE_OK)
        run->code = sqlite3_bind_text64(run->stmt, run->bound, text.len ? text.ptr : "", text.len,
                                        SQLITE_STATIC, SQLITE_UTF8);
}

void store_bind_blob(struct store_run *run, struct span bytes)
{
    run->bound++;
    if (run->code == SQLITE_OK)
        run->code = sqlite3_bind_blob64(run->stmt, run->bound, bytes.len ? bytes.ptr : "",
                                        bytes.len, SQLITE_STATIC);
}

bool store_step(struct store_run *run)
{
    if (run->code != SQLITE_OK && run->code != SQLITE_ROW)
        return false;
    errno = 0; // see is_disk_full
    run->code = sqlite3_step(run->stmt);
    return run->code == SQLITE_ROW;
}

enum err store_end(struct store_run *run)
{
    enum err err = store_error(run->store, run->code);
    // Reset repeats the code of the step, but also ends the statement's read transaction.
    (void)sqlite3_reset(run->stmt);
    return err;
}

enum err store_finish(struct store_run *run)
{
    (void)store_step(run); // its code is what store_end returns
    return store_end(run);
}

int store_column(const struct store_run *run, const char *name)
{
    int count = sqlite3_column_count(run->stmt);
    for (int i = 0; i < count; i++)
        if (strcmp(sqlite3_column_name(run->stmt, i), name) == 0)
            return i;
    assert(0 && "no such column");
    return -1;
}

int64_t store_get_column_int(const struct store_run *run, const char *name)
{
    return sqlite3_column_int64(run->stmt, store_column(run, name));
}

struct span store_text_at(const struct store_run *run, int column)
{
    // The blob call spares the check for a NUL at the end, and gives the same bytes.
    const void *bytes = sqlite3_column_blob(run->stmt, column);
    return span_make(bytes, (size_t)sqlite3_column_bytes(run->stmt, column));
}

struct span store_get_column_text(const struct store_run *run, const char *name)
{
    return store_text_at(run, store_column(run, name));
}
