// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "plugin.h"

int on_reload(int event, void *data, void *userdata)
{
    (void)event;
    (void)data; // in no version are there options in it
    struct plugin *p = userdata;
    struct access *fresh = NULL;
    struct buf why;
    buf_init(&why, LOG_LINE_MAX);
    enum err err = access_load(p->config_path, p->config.room_topic, &fresh, &why);
    if (err == ERR_OK) {
        access_destroy(p->access);
        p->access = fresh;
        log_line(&p->log, LOG_LEVEL_INFO, "reloaded keys and token options");
    } else {
        log_line(&p->log, LOG_LEVEL_ERROR, "not reloaded: %.*s", (int)why.len,
                 why.ptr ? why.ptr : err_text(err));
    }
    buf_finish(&why);
    p->is_reloading = true;
    return MOSQ_ERR_SUCCESS;
}
