// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "mark.h"

#include <stdlib.h>
#include <sys/stat.h>

struct mark_retired {
    struct watermark *watermark;
    struct mark_retired *next;
};

// Keeps `old` until the end. Without memory for that it is leaked, which is all the same then.
static void retire(struct mark *mark, struct watermark *old)
{
    struct mark_retired *retired = malloc(sizeof *retired);
    if (old == NULL || retired == NULL) {
        free(retired);
        return;
    }
    *retired = (struct mark_retired){old, mark->retired};
    mark->retired = retired;
}

static enum err open_at(struct mark *mark, struct gateway *gateway, const char *path)
{
    struct stat file;
    if (stat(path, &file) != 0)
        return ERR_NOT_FOUND;
    if (gateway->mark != NULL && file.st_dev == mark->device && file.st_ino == mark->inode)
        return ERR_OK;
    struct watermark *fresh = NULL;
    enum err err = watermark_open(path, &fresh);
    if (err != ERR_OK)
        return err;
    retire(mark, gateway->mark);
    gateway->mark = fresh;
    mark->device = file.st_dev;
    mark->inode = file.st_ino;
    return ERR_OK;
}

void mark_follow(struct mark *mark, struct gateway *gateway)
{
    char *path = config_companion(&gateway->config, "-mark");
    enum err err = path != NULL ? open_at(mark, gateway, path) : ERR_MEMORY;
    if (err != ERR_OK)
        log_line(&gateway->log, LOG_LEVEL_WARNING, "event=mark_unreadable path=\"%s\" why=\"%s\"",
                 path != NULL ? path : "", err_text(err));
    free(path);
}

void mark_finish(struct mark *mark)
{
    while (mark->retired != NULL) {
        struct mark_retired *retired = mark->retired;
        mark->retired = retired->next;
        watermark_close(retired->watermark);
        free(retired);
    }
}
