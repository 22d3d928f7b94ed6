// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "store_hooks.h"

#include <stdlib.h>

#include "store_db.h"

extern const struct embedded_file hook_schema_files[]; // from schema/hooks/, by cmake/embed.cmake

enum { TEXTS_MAX = 16 * 1024 }; // of one connection: client ids have 1024 bytes at most

struct store_hooks {
    struct store *db;
    struct buf texts; // of the connection read last
};

// A commit is not synced: what a power cut takes is delivered again, under its old name.
static const char settings[] = "PRAGMA synchronous = NORMAL;";

static enum err read_epoch(struct store_hooks *hooks)
{
    struct store_run run = store_start(hooks->db, STORE_SQL_EPOCH);
    struct span epoch = store_step(&run) ? store_get_column_text(&run, "epoch") : span_of("");
    char *name = hooks->db->epoch;
    bool is_good = epoch.len < sizeof hooks->db->epoch;
    if (is_good && epoch.len > 0)
        memcpy(name, epoch.ptr, epoch.len);
    if (is_good)
        name[epoch.len] = '\0';
    enum err err = store_end(&run);
    return err == ERR_OK && !is_good ? ERR_CORRUPT : err;
}

enum err store_hooks_open(const char *path, const struct log *log, struct store_hooks **out_hooks)
{
    static const struct store_kind kind = {0x526D686B /* "Rmhk" */, hook_schema_files};
    struct store_hooks *hooks = calloc(1, sizeof *hooks);
    if (hooks == NULL)
        return ERR_MEMORY;
    buf_init(&hooks->texts, TEXTS_MAX);
    enum err err = store_open_kind(path, STORE_WRITE, &kind, log, &hooks->db);
    if (err == ERR_OK)
        err = store_exec(hooks->db, settings);
    if (err == ERR_OK)
        err = read_epoch(hooks);
    if (err != ERR_OK) {
        store_hooks_close(hooks);
        return err;
    }
    *out_hooks = hooks;
    return ERR_OK;
}

void store_hooks_close(struct store_hooks *hooks)
{
    if (hooks == NULL)
        return;
    store_close(hooks->db);
    buf_finish(&hooks->texts);
    free(hooks);
}

const char *store_hooks_epoch(const struct store_hooks *hooks)
{
    return hooks->db->epoch;
}

// Runs a statement whose only value is a number.
static enum err run_with(struct store_hooks *hooks, enum store_sql sql, int64_t value)
{
    struct store_run run = store_start(hooks->db, sql);
    store_bind_int(&run, value);
    return store_finish(&run);
}

// Ends a transaction that went as `err` says.
static enum err end_transaction(struct store_hooks *hooks, enum err err)
{
    if (err == ERR_OK)
        err = store_commit(hooks->db);
    if (err != ERR_OK)
        store_rollback(hooks->db);
    return err;
}

// ---- the log's incarnation ----

static enum err set_epoch(struct store_hooks *hooks, const char *epoch)
{
    struct store_run run = store_start(hooks->db, STORE_SQL_HOOK_SET_EPOCH);
    store_bind_text(&run, span_of(epoch));
    return store_finish(&run);
}

enum err store_hooks_begin_epoch(struct store_hooks *hooks, const char *epoch, int64_t last_id)
{
    enum err err = store_begin(hooks->db);
    if (err != ERR_OK)
        return err;
    err = set_epoch(hooks, epoch);
    if (err == ERR_OK)
        err = run_with(hooks, STORE_SQL_HOOK_CAP_SINCE, last_id);
    if (err == ERR_OK)
        err = run_with(hooks, STORE_SQL_HOOK_CAP_POSITIONS, last_id);
    err = end_transaction(hooks, err);
    return err == ERR_OK ? read_epoch(hooks) : err;
}

// ---- URLs ----

static enum err find_hook(struct store_hooks *hooks, struct span url, int64_t *out_hook_id)
{
    struct store_run run = store_start(hooks->db, STORE_SQL_HOOK_FIND);
    store_bind_text(&run, url);
    bool is_found = store_step(&run);
    if (is_found)
        *out_hook_id = store_get_column_int(&run, "hook_id");
    enum err err = store_end(&run);
    return err == ERR_OK && !is_found ? ERR_DATABASE : err; // it was put there just before
}

enum err store_hooks_enter(struct store_hooks *hooks, struct span url, int64_t since_id,
                           int64_t *out_hook_id)
{
    int64_t hook_id = 0;
    struct store_run run = store_start(hooks->db, STORE_SQL_HOOK_ENTER);
    store_bind_text(&run, url);
    store_bind_int(&run, since_id);
    enum err err = store_finish(&run);
    if (err == ERR_OK)
        err = find_hook(hooks, url, &hook_id);
    if (err == ERR_OK && since_id < 0)
        err = run_with(hooks, STORE_SQL_HOOK_REMOVE_POSITIONS, hook_id);
    if (err == ERR_OK)
        *out_hook_id = hook_id;
    return err;
}

static bool is_among(const int64_t *ids, size_t count, int64_t id)
{
    for (size_t i = 0; i < count; i++)
        if (ids[i] == id)
            return true;
    return false;
}

// The first URL that is not among `kept`, 0 if there is none.
static enum err find_other(struct store_hooks *hooks, const int64_t *kept, size_t count,
                           int64_t *out_hook_id)
{
    struct store_run run = store_start(hooks->db, STORE_SQL_HOOKS);
    *out_hook_id = 0;
    while (*out_hook_id == 0 && store_step(&run)) {
        int64_t id = store_get_column_int(&run, "hook_id");
        if (!is_among(kept, count, id))
            *out_hook_id = id;
    }
    return store_end(&run);
}

static enum err remove_hook(struct store_hooks *hooks, int64_t hook_id)
{
    enum err err = run_with(hooks, STORE_SQL_HOOK_REMOVE_EVENTS, hook_id);
    if (err == ERR_OK)
        err = run_with(hooks, STORE_SQL_HOOK_REMOVE_POSITIONS, hook_id);
    return err == ERR_OK ? run_with(hooks, STORE_SQL_HOOK_REMOVE, hook_id) : err;
}

enum err store_hooks_keep_only(struct store_hooks *hooks, const int64_t *kept, size_t count)
{
    int64_t other = 0;
    enum err err = store_begin(hooks->db);
    if (err != ERR_OK)
        return err;
    do {
        err = find_other(hooks, kept, count, &other);
        if (err == ERR_OK && other != 0)
            err = remove_hook(hooks, other);
    } while (err == ERR_OK && other != 0);
    return end_transaction(hooks, err);
}

// ---- how far rooms are ----

enum err store_hooks_position(struct store_hooks *hooks, int64_t hook_id, struct span room,
                              int64_t *out_id)
{
    struct store_run run = store_start(hooks->db, STORE_SQL_HOOK_POSITION);
    store_bind_int(&run, hook_id);
    store_bind_text(&run, room);
    int64_t id = store_step(&run) ? store_get_column_int(&run, "id") : 0;
    enum err err = store_end(&run);
    if (err == ERR_OK)
        *out_id = id;
    return err;
}

enum err store_hooks_set_position(struct store_hooks *hooks, int64_t hook_id, struct span room,
                                  int64_t id)
{
    struct store_run run = store_start(hooks->db, STORE_SQL_HOOK_SET_POSITION);
    store_bind_int(&run, hook_id);
    store_bind_text(&run, room);
    store_bind_int(&run, id);
    return store_finish(&run);
}

// ---- connects and disconnects ----

enum err store_hooks_put_event(struct store_hooks *hooks, int64_t hook_id, struct span client,
                               const struct store_hook_event *event)
{
    struct store_run run = store_start(hooks->db, STORE_SQL_HOOK_PUT_EVENT);
    store_bind_int(&run, hook_id);
    store_bind_text(&run, client);
    store_bind_int(&run, (int64_t)event->kind);
    store_bind_text(&run, event->name);
    store_bind_int(&run, event->date_ms);
    store_bind_text(&run, event->json);
    return store_finish(&run);
}

enum err store_hooks_first_event(struct store_hooks *hooks, int64_t hook_id, struct span client,
                                 store_hook_event_fn *each, void *context)
{
    struct store_run run = store_start(hooks->db, STORE_SQL_HOOK_FIRST_EVENT);
    store_bind_int(&run, hook_id);
    store_bind_text(&run, client);
    bool is_found = store_step(&run);
    if (is_found) {
        struct store_hook_event event = {.event_id = store_get_column_int(&run, "event_id"),
                                         .kind = store_get_column_int(&run, "kind") == 0
                                                     ? STORE_HOOK_CONNECT
                                                     : STORE_HOOK_DISCONNECT,
                                         .name = store_get_column_text(&run, "name"),
                                         .date_ms = store_get_column_int(&run, "date_ms"),
                                         .json = store_get_column_text(&run, "json")};
        each(context, &event);
    }
    enum err err = store_end(&run);
    return err == ERR_OK && !is_found ? ERR_NOT_FOUND : err;
}

enum err store_hooks_remove_event(struct store_hooks *hooks, int64_t event_id)
{
    return run_with(hooks, STORE_SQL_HOOK_REMOVE_EVENT, event_id);
}

enum err store_hooks_count_events(struct store_hooks *hooks, int64_t *out_count)
{
    struct store_run run = store_start(hooks->db, STORE_SQL_HOOK_COUNT_EVENTS);
    int64_t count = store_step(&run) ? store_get_column_int(&run, "count") : 0;
    enum err err = store_end(&run);
    if (err == ERR_OK)
        *out_count = count;
    return err;
}

enum err store_hooks_read_clients(struct store_hooks *hooks, store_hook_client_fn *each,
                                  void *context)
{
    struct store_run run = store_start(hooks->db, STORE_SQL_HOOK_CLIENTS);
    while (store_step(&run))
        each(context, store_get_column_int(&run, "hook_id"), store_get_column_text(&run, "client"));
    return store_end(&run);
}

// ---- connections whose end is yet to be told ----

enum err store_hooks_put_connection(struct store_hooks *hooks,
                                    const struct store_hook_connection *connection)
{
    struct store_run run = store_start(hooks->db, STORE_SQL_HOOK_PUT_CONNECTION);
    store_bind_int(&run, connection->version);
    store_bind_text(&run, connection->client);
    store_bind_text(&run, connection->session);
    store_bind_text(&run, connection->principal);
    store_bind_text(&run, connection->source_ip);
    return store_finish(&run);
}

enum err store_hooks_remove_connection(struct store_hooks *hooks, int64_t version)
{
    return run_with(hooks, STORE_SQL_HOOK_REMOVE_CONNECTION, version);
}

// Copies the row's texts, so that they outlive the statement.
static enum err copy_connection(struct store_hooks *hooks, const struct store_run *run,
                                struct store_hook_connection *out)
{
    static const char *const columns[] = {"client", "session", "principal", "source_ip"};
    struct span *const texts[] = {&out->client, &out->session, &out->principal, &out->source_ip};
    buf_clear(&hooks->texts);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        *texts[i] = store_get_column_text(run, columns[i]);
        buf_add_span(&hooks->texts, *texts[i]);
    }
    // Only now: the buffer moves while it grows.
    struct span rest = buf_span(&hooks->texts);
    for (size_t i = 0; hooks->texts.status == ERR_OK && i < sizeof texts / sizeof texts[0]; i++) {
        texts[i]->ptr = rest.ptr;
        rest = span_skip(rest, texts[i]->len);
    }
    return hooks->texts.status;
}

static enum err take_connection(struct store_hooks *hooks, struct store_run *run,
                                struct store_hook_connection *out)
{
    struct store_hook_connection row = {0};
    enum err copied = ERR_NOT_FOUND;
    if (store_step(run)) {
        row.version = store_get_column_int(run, "version");
        copied = copy_connection(hooks, run, &row);
    }
    enum err err = store_end(run);
    if (err == ERR_OK)
        err = copied;
    if (err == ERR_OK)
        *out = row;
    return err;
}

enum err store_hooks_next_connection(struct store_hooks *hooks, int64_t after, int64_t last,
                                     struct store_hook_connection *out)
{
    struct store_run run = store_start(hooks->db, STORE_SQL_HOOK_NEXT_CONNECTION);
    store_bind_int(&run, after);
    store_bind_int(&run, last);
    return take_connection(hooks, &run, out);
}

enum err store_hooks_older_connection(struct store_hooks *hooks, struct span client, int64_t before,
                                      struct store_hook_connection *out)
{
    struct store_run run = store_start(hooks->db, STORE_SQL_HOOK_OLDER_CONNECTION);
    store_bind_text(&run, client);
    store_bind_int(&run, before);
    return take_connection(hooks, &run, out);
}
