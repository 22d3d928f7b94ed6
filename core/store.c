// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "store.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "store_db.h"

extern const struct embedded_file schema_files[]; // from schema/, by cmake/embed.cmake

// The write-ahead log is cut back to `journal_size_limit` once a checkpoint has emptied it; without
// a limit it would keep the size of the largest backlog ever. It outlives the writer (see
// open_database), so that readers who may not create files can read a database at rest.
static const char writer_settings[] = "PRAGMA journal_mode = WAL;"
                                      "PRAGMA synchronous = FULL;"
                                      "PRAGMA journal_size_limit = 67108864;"
                                      "PRAGMA wal_autocheckpoint = 2000;"
                                      "PRAGMA cache_size = -16384;";
static const char reader_settings[] = "PRAGMA query_only = ON;"
                                      "PRAGMA cache_size = -8192;"
                                      "PRAGMA mmap_size = 1073741824;";

enum { WRITER_WAIT_MS = 5000, READER_WAIT_MS = 1000 };

static enum err read_epoch(struct store *store)
{
    struct store_run run = store_start(store, STORE_SQL_EPOCH);
    bool is_good = false;
    if (store_step(&run)) {
        struct span epoch = store_get_column_text(&run, "epoch");
        is_good = epoch.len > 0 && epoch.len < sizeof store->epoch;
        if (is_good) {
            memcpy(store->epoch, epoch.ptr, epoch.len);
            store->epoch[epoch.len] = '\0';
        }
    }
    enum err err = store_end(&run);
    return err == ERR_OK && !is_good ? ERR_CORRUPT : err;
}

// SQLite would make the file for everybody to read; what it makes beside it follows this mode. An
// existing file is not touched: closing it would take away the locks of other handles.
static void create_private(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (fd >= 0)
        (void)close(fd); // that it cannot be made is found by opening it
}

static enum err open_database(struct store *store, const char *path, enum store_mode mode)
{
    bool is_writer = mode == STORE_WRITE;
    if (!is_writer && access(path, F_OK) != 0)
        return ERR_NOT_FOUND;
    if (is_writer)
        create_private(path);
    int flags = is_writer ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
    int code = sqlite3_open_v2(path, &store->db, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (store->db == NULL)
        return ERR_MEMORY;
    int keep_wal = 1;
    if (code == SQLITE_OK)
        code = sqlite3_busy_timeout(store->db, is_writer ? WRITER_WAIT_MS : READER_WAIT_MS);
    if (code == SQLITE_OK && is_writer)
        code = sqlite3_file_control(store->db, "main", SQLITE_FCNTL_PERSIST_WAL, &keep_wal);
    return store_error(store, code);
}

static enum err prepare(struct store *store, enum store_mode mode)
{
    bool is_writer = mode == STORE_WRITE;
    enum err err = store_exec(store, is_writer ? writer_settings : reader_settings);
    if (err != ERR_OK)
        return err;
    return is_writer ? store_migrate(store, store->kind->schema)
                     : store_check_schema(store, store->kind->schema);
}

enum err store_open_kind(const char *path, enum store_mode mode, const struct store_kind *kind,
                         const struct log *log, struct store **out_store)
{
    struct store *store = calloc(1, sizeof *store);
    if (store == NULL)
        return ERR_MEMORY;
    store->kind = kind;
    store->log = log;
    if (mode == STORE_WRITE && (store->pending = store_pending_create()) == NULL) {
        store_close(store);
        return ERR_MEMORY;
    }
    enum err err = open_database(store, path, mode);
    if (err == ERR_OK)
        err = prepare(store, mode);
    if (err != ERR_OK) {
        store_close(store);
        return err;
    }
    *out_store = store;
    return ERR_OK;
}

enum err store_open(const char *path, enum store_mode mode, const struct log *log,
                    struct store **out_store)
{
    static const struct store_kind the_log = {0x526D7772 /* "Rmwr" */, schema_files};
    struct store *store = NULL;
    enum err err = store_open_kind(path, mode, &the_log, log, &store);
    if (err == ERR_OK)
        err = read_epoch(store);
    if (err != ERR_OK) {
        store_close(store);
        return err;
    }
    *out_store = store;
    return ERR_OK;
}

void store_close(struct store *store)
{
    if (store == NULL)
        return;
    for (int i = 0; i < STORE_SQL_COUNT; i++)
        (void)sqlite3_finalize(store->statements[i]); // repeats the code of its last step
    // Only unfinalized statements could make it fail. Whatever was not committed is rolled back.
    (void)sqlite3_close(store->db);
    store_pending_destroy(store->pending);
    store_rows_destroy(store->rows);
    free(store);
}

void store_break_off_when(struct store *store, store_is_over_fn *is_over, void *context)
{
    enum { STEPS = 10000 }; // of SQLite's machine
    sqlite3_progress_handler(store->db, STEPS, is_over, context);
}

const char *store_epoch(const struct store *store)
{
    return store->epoch;
}

enum err store_refresh(struct store *store)
{
    int is_moved = 0;
    int code = sqlite3_file_control(store->db, "main", SQLITE_FCNTL_HAS_MOVED, &is_moved);
    if (code != SQLITE_OK)
        return store_error(store, code);
    return is_moved ? ERR_NOT_FOUND : read_epoch(store);
}

enum err store_last_id(struct store *store, int64_t *out_id)
{
    struct store_run run = store_start(store, STORE_SQL_LAST_ID);
    int64_t id = store_step(&run) ? store_get_column_int(&run, "id") : 0;
    enum err err = store_end(&run);
    int64_t pending = store_pending_last_id(store);
    if (err == ERR_OK)
        *out_id = pending > id ? pending : id;
    return err;
}

enum err store_begin(struct store *store)
{
    struct store_run run = store_start(store, STORE_SQL_BEGIN);
    return store_finish(&run);
}

enum err store_commit(struct store *store)
{
    enum err err = store_write_pending(store);
    if (err != ERR_OK)
        return err;
    struct store_run run = store_start(store, STORE_SQL_COMMIT);
    return store_finish(&run);
}

enum err store_begin_read(struct store *store)
{
    struct store_run run = store_start(store, STORE_SQL_BEGIN_READ);
    return store_finish(&run);
}

void store_end_read(struct store *store)
{
    struct store_run run = store_start(store, STORE_SQL_ROLLBACK); // nothing was written
    if (store_finish(&run) != ERR_OK)
        log_line(store->log, LOG_LEVEL_ERROR, "reading does not end");
}

void store_rollback(struct store *store)
{
    store_pending_forget(store);
    // SQLite may have rolled back by itself, as it does on a full disk.
    if (sqlite3_get_autocommit(store->db))
        return;
    struct store_run run = store_start(store, STORE_SQL_ROLLBACK);
    enum err err = store_finish(&run);
    if (err == ERR_OK)
        err = read_epoch(store); // it may have been renewed
    if (err != ERR_OK)
        log_line(store->log, LOG_LEVEL_ERROR, "rollback failed: why=\"%s\"", err_text(err));
}

enum err store_renew_epoch(struct store *store)
{
    struct store_run run = store_start(store, STORE_SQL_RENEW_EPOCH);
    enum err err = store_finish(&run);
    return err == ERR_OK ? read_epoch(store) : err;
}

enum err store_source(struct store *store, const char *name, uint64_t *out_number)
{
    struct store_run run = store_start(store, STORE_SQL_SOURCE);
    store_bind_text(&run, span_of(name));
    uint64_t number = store_step(&run) ? (uint64_t)store_get_column_int(&run, "number") : 0;
    enum err err = store_end(&run);
    if (err == ERR_OK)
        *out_number = number;
    return err;
}

enum err store_set_source(struct store *store, const char *name, uint64_t number)
{
    struct store_run run = store_start(store, STORE_SQL_SET_SOURCE);
    store_bind_text(&run, span_of(name));
    store_bind_int(&run, (int64_t)number);
    return store_finish(&run);
}
