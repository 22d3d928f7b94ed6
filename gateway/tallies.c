// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "tallies.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LOOK_MS = 1000 };

static char *path_of(const struct config *config, int index)
{
    static const char *const suffixes[TALLIES_MAX] = {"-gateway-tally", "-gateway-tally-2",
                                                      "-gateway-tally-3"};
    return config_companion(config, suffixes[index]);
}

static enum err open_at(const struct config *config, const char *path, struct tally **out_tally)
{
    return tally_open(path, (size_t)config->max_tallies, TRAFFIC_BATCH_MAX, out_tally);
}

static const char *why_text(enum err err)
{
    if (err == ERR_AGAIN)
        return "in use by another gateway, as are those beside it";
    if (err == ERR_FULL)
        return "the disk is full";
    return err == ERR_IO ? strerror(errno) : err_text(err);
}

enum err tallies_open(const struct config *config, struct tally **out_tally, int *out_index,
                      struct buf *why)
{
    char *path = NULL;
    enum err err = ERR_AGAIN;
    for (int i = 0; err == ERR_AGAIN && i < TALLIES_MAX; i++) {
        free(path);
        path = path_of(config, i);
        err = path != NULL ? open_at(config, path, out_tally) : ERR_MEMORY;
        if (err == ERR_OK)
            *out_index = i;
    }
    if (err != ERR_OK)
        buf_printf(why, "%s: %s", path != NULL ? path : "", why_text(err));
    free(path);
    return err;
}

// ---- leftovers ----

void leftovers_init(struct leftovers *leftovers, const struct config *config, int own_index)
{
    *leftovers = (struct leftovers){.config = config};
    leftovers->is_done[own_index] = true;
}

static void close_open(struct leftovers *l)
{
    if (l->traffic.tally == NULL)
        return;
    struct tally *tally = l->traffic.tally;
    traffic_finish(&l->traffic);
    tally_close(tally);
    l->traffic = (struct traffic){0};
}

void leftovers_finish(struct leftovers *leftovers)
{
    close_open(leftovers);
}

// The first file that was not looked at, or TALLIES_MAX. The one that is open comes before those.
static int next_index(const struct leftovers *l)
{
    int i = 0;
    while (i < TALLIES_MAX && l->is_done[i])
        i++;
    return i;
}

int64_t leftovers_wait_ms(const struct leftovers *leftovers, int64_t now_ms)
{
    if (leftovers->traffic.tally != NULL)
        return traffic_wait_ms(&leftovers->traffic, now_ms);
    if (next_index(leftovers) == TALLIES_MAX)
        return -1;
    return leftovers->due_ms > now_ms ? leftovers->due_ms - now_ms : 0;
}

// Opens the next file. It is nobody's business any more once it could be opened or is not there.
static void open_next(struct leftovers *l, int64_t now_ms)
{
    struct tally *tally = NULL;
    int i = next_index(l);
    char *path = path_of(l->config, i);
    enum err err = path != NULL ? ERR_OK : ERR_MEMORY;
    if (err == ERR_OK && access(path, F_OK) != 0)
        err = ERR_NOT_FOUND;
    if (err == ERR_OK)
        err = open_at(l->config, path, &tally);
    free(path);
    if (err == ERR_OK)
        traffic_init(&l->traffic, tally, l->config->publish_timeout_ms);
    else if (err == ERR_AGAIN || err == ERR_MEMORY)
        l->due_ms = now_ms + LOOK_MS;
    else
        l->is_done[i] = true; // whoever opens a bad one for himself says so
}

enum err leftovers_next(struct leftovers *leftovers, int64_t now_ms, struct span *out_json)
{
    *out_json = (struct span){0};
    while (leftovers->traffic.tally == NULL && leftovers_wait_ms(leftovers, now_ms) == 0)
        open_next(leftovers, now_ms);
    if (leftovers->traffic.tally == NULL || traffic_wait_ms(&leftovers->traffic, now_ms) > 0)
        return ERR_OK;
    enum err err = traffic_next(&leftovers->traffic, now_ms, out_json);
    if (err == ERR_OK && leftovers->traffic.batch == 0) { // it has nothing, or no more
        leftovers->is_done[next_index(leftovers)] = true;
        close_open(leftovers);
    }
    return err;
}

enum err leftovers_answered(struct leftovers *leftovers, struct span json)
{
    if (leftovers->traffic.tally == NULL)
        return ERR_NOT_FOUND;
    enum err err = traffic_answered(&leftovers->traffic, json);
    if (err == ERR_OK)
        traffic_hurry(&leftovers->traffic);
    return err;
}
