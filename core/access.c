// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "access.h"

#include <stdlib.h>
#include <string.h>

static enum err load_parts(struct access *access, struct buf *why)
{
    enum err err = keyset_load(&access->config, &access->keys, why);
    if (err == ERR_OK)
        err = secret_load(access->config.service_secret_file, ACCESS_SECRET_MIN,
                          &access->service_secret, why);
    if (err == ERR_OK)
        err = token_policy_init(&access->policy, &access->config, why);
    return err;
}

enum err access_load(const char *path, const char *room_topic, struct access **out_access,
                     struct buf *why)
{
    struct access *access = calloc(1, sizeof *access);
    if (access == NULL)
        return ERR_MEMORY;
    enum err err = config_load(path, &access->config, why);
    if (err == ERR_OK && strcmp(access->config.room_topic, room_topic) != 0) {
        buf_add_text(why, "room_topic takes a restart");
        err = ERR_INVALID;
    }
    if (err == ERR_OK)
        err = load_parts(access, why);
    if (err != ERR_OK) {
        access_destroy(access);
        return err;
    }
    *out_access = access;
    return ERR_OK;
}

void access_destroy(struct access *access)
{
    if (access == NULL)
        return;
    token_policy_finish(&access->policy);
    secret_finish(&access->service_secret);
    keyset_destroy(access->keys);
    config_finish(&access->config);
    free(access);
}
