// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "plugin.h"

// The pattern of the rooms is built into what is stored, so it is not for a SIGHUP to change.
static bool has_same_rooms(const struct plugin *p, const struct access *fresh, struct buf *why)
{
    if (strcmp(fresh->config.room_topic, p->config.room_topic) == 0)
        return true;
    buf_add_text(why, "room_topic takes a restart");
    return false;
}

int on_reload(int event, void *data, void *userdata)
{
    (void)event;
    (void)data; // in no version are there options in it
    struct plugin *p = userdata;
    struct access *fresh = NULL;
    struct buf why;
    buf_init(&why, LOG_LINE_MAX);
    enum err err = access_load(p->config_path, &fresh, &why);
    if (err == ERR_OK && has_same_rooms(p, fresh, &why)) {
        access_destroy(p->access);
        p->access = fresh;
        log_line(&p->log, LOG_LEVEL_INFO, "reloaded keys and token options");
    } else {
        access_destroy(fresh);
        log_line(&p->log, LOG_LEVEL_ERROR, "not reloaded: %.*s", (int)why.len,
                 why.ptr ? why.ptr : err_text(err));
    }
    buf_finish(&why);
    p->is_reloading = true;
    return MOSQ_ERR_SUCCESS;
}
