// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include <stdlib.h>

#include "store_db.h"

// The number in front of a migration's name: 1 for "0001_messages.sql".
static int64_t number_of(const struct embedded_file *file)
{
    return strtol(file->name, NULL, 10);
}

static int64_t latest(const struct embedded_file *files)
{
    int64_t version = 0;
    for (; files->name != NULL; files++)
        version = number_of(files);
    return version;
}

// The schema's version, 0 for an empty database; ERR_CORRUPT for one that is not ours.
static enum err read_version(struct store *store, int64_t *out_version)
{
    int64_t version, application, tables;
    enum err err = store_get_int(store, "PRAGMA user_version", &version);
    if (err == ERR_OK)
        err = store_get_int(store, "PRAGMA application_id", &application);
    if (err == ERR_OK)
        err = store_get_int(store, "SELECT count(*) FROM sqlite_schema", &tables);
    if (err != ERR_OK)
        return err;
    if (application != store->kind->application_id &&
        (application != 0 || tables != 0 || version != 0)) {
        log_line(store->log, LOG_LEVEL_ERROR,
                 "database refused: it is not the one of Roomwire that is expected");
        return ERR_CORRUPT;
    }
    *out_version = version;
    return ERR_OK;
}

// Each migration sets user_version itself, so its steps and the number hold together.
static enum err apply(struct store *store, const struct embedded_file *file)
{
    enum err err = store_exec(store, "BEGIN IMMEDIATE");
    if (err != ERR_OK)
        return err;
    int64_t version = 0;
    err = store_exec(store, (const char *)file->bytes);
    if (err == ERR_OK)
        err = store_get_int(store, "PRAGMA user_version", &version);
    if (err == ERR_OK && version != number_of(file)) {
        log_line(store->log, LOG_LEVEL_ERROR, "migration does not set its number: file=%s",
                 file->name);
        err = ERR_DATABASE;
    }
    if (err == ERR_OK)
        err = store_exec(store, "COMMIT");
    if (err != ERR_OK)
        store_rollback(store);
    return err;
}

enum err store_migrate(struct store *store, const struct embedded_file *files)
{
    int64_t version;
    enum err err = read_version(store, &version);
    if (err != ERR_OK)
        return err;
    if (version > latest(files)) {
        log_line(store->log, LOG_LEVEL_ERROR, "database refused: schema=%lld expected=%lld",
                 (long long)version, (long long)latest(files));
        return ERR_VERSION;
    }
    for (; err == ERR_OK && files->name != NULL; files++) {
        if (number_of(files) <= version)
            continue;
        err = apply(store, files);
        if (err == ERR_OK)
            log_line(store->log, LOG_LEVEL_INFO, "database migrated: file=%s", files->name);
    }
    return err;
}

enum err store_check_schema(struct store *store, const struct embedded_file *files)
{
    int64_t version;
    enum err err = read_version(store, &version);
    if (err != ERR_OK)
        return err;
    if (version == 0)
        return ERR_NOT_FOUND;
    if (version == latest(files))
        return ERR_OK;
    // Not logged here: a reader tries again and again, and says once why it waits.
    return version < latest(files) ? ERR_OLDER : ERR_VERSION;
}
