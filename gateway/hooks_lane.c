// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include <stdlib.h>

#include "hooks_parts.h"

enum { DELAY_FIRST_MS = 500, DOUBLINGS_MAX = 16 };

// ---- finding ----

struct lane_key {
    const struct hook_url *url;
    bool is_room;
    struct span key;
};

static bool is_lane(const void *item, const void *key)
{
    const struct hook_lane *lane = item;
    const struct lane_key *k = key;
    return lane->url == k->url && lane->is_room == k->is_room &&
           span_equal(hooks_lane_key(lane), k->key);
}

static uint64_t hash_of(const struct hooks *hooks, const struct hook_url *url, bool is_room,
                        struct span key)
{
    uint64_t about = (uint64_t)(url - hooks->urls) * 2 + is_room;
    return hash_more(&hooks->seed, about, key);
}

struct hook_lane *hooks_lane_find(const struct hooks *hooks, const struct hook_url *url,
                                  bool is_room, struct span key)
{
    struct lane_key k = {url, is_room, key};
    return table_find(&hooks->lanes, hash_of(hooks, url, is_room, key), is_lane, &k);
}

// ---- waiting ----

static void lane_free(struct hook_lane *lane)
{
    struct hooks *hooks = lane->hooks;
    table_remove(&hooks->lanes, hash_of(hooks, lane->url, lane->is_room, hooks_lane_key(lane)),
                 lane);
    hooks_delivery_destroy(lane->delivery);
    free(lane);
}

int64_t hooks_lane_delay_ms(unsigned failures, int64_t max_ms, uint64_t random)
{
    unsigned doublings = failures > 1 ? failures - 1 : 0;
    if (doublings > DOUBLINGS_MAX)
        doublings = DOUBLINGS_MAX;
    int64_t delay_ms = (int64_t)DELAY_FIRST_MS << doublings;
    if (delay_ms > max_ms)
        delay_ms = max_ms;
    return delay_ms - (int64_t)(random % (uint64_t)(delay_ms / 2 + 1));
}

// Puts the lane aside until its next attempt.
static void wait(struct hook_lane *lane)
{
    struct hooks *hooks = lane->hooks;
    lane->state = LANE_WAITING;
    lane->failures++;
    int64_t delay_ms = hooks_lane_delay_ms(
        lane->failures, hooks_config(hooks)->webhook_retry_max_ms, hash_random());
    if (loop_timer_start(hooks->loop, &lane->timer, delay_ms) != ERR_OK)
        lane_free(lane); // as in hooks_lane_stir
}

// ---- the line of those that are ready ----

static struct hook_lane *take_ready(struct hook_url *url)
{
    struct hook_lane *lane = url->first_ready;
    url->first_ready = lane->next_ready;
    if (url->first_ready == NULL)
        url->last_ready = &url->first_ready;
    return lane;
}

// Begins as many requests to the URL as there may be.
static void run_ready(struct hooks *hooks, struct hook_url *url)
{
    while (url->first_ready != NULL && url->active < hooks_config(hooks)->webhook_concurrency &&
           !atomic_load(&hooks->is_ending) && !atomic_load(&hooks->is_retired)) {
        struct hook_lane *lane = take_ready(url);
        enum err err = hooks_send_next(lane);
        if (err == ERR_OK) {
            lane->state = LANE_BUSY;
            url->active++;
        } else if (err == ERR_NOT_FOUND) {
            lane_free(lane);
        } else {
            wait(lane);
        }
    }
}

void hooks_lanes_run(struct hooks *hooks)
{
    for (size_t i = 0; i < hooks->url_count; i++)
        run_ready(hooks, &hooks->urls[i]);
}

static void make_ready(struct hook_lane *lane)
{
    struct hook_url *url = lane->url;
    lane->state = LANE_READY;
    lane->next_ready = NULL;
    *url->last_ready = lane;
    url->last_ready = &lane->next_ready;
}

static void on_time(struct loop_timer *timer)
{
    struct hook_lane *lane = CONTAINER_OF(timer, struct hook_lane, timer);
    make_ready(lane);
    run_ready(lane->hooks, lane->url);
}

// ---- what happens to a lane ----

static struct hook_lane *lane_create(struct hooks *hooks, struct hook_url *url, bool is_room,
                                     struct span key)
{
    struct hook_lane *lane = calloc(1, sizeof *lane + key.len);
    if (lane == NULL)
        return NULL;
    lane->hooks = hooks;
    lane->url = url;
    lane->is_room = is_room;
    lane->is_noted = true;
    lane->timer.on_time = on_time;
    lane->key_len = key.len;
    memcpy(lane->key, key.ptr, key.len);
    if (table_add(&hooks->lanes, hash_of(hooks, url, is_room, key), lane) == ERR_OK)
        return lane;
    free(lane);
    return NULL;
}

void hooks_lane_stir(struct hooks *hooks, struct hook_url *url, bool is_room, struct span key,
                     int64_t position)
{
    if (hooks_lane_find(hooks, url, is_room, key) != NULL)
        return; // it looks again before it ends
    struct hook_lane *lane = lane_create(hooks, url, is_room, key);
    if (lane == NULL) {
        hooks_warn(hooks, LOG_LEVEL_WARNING, "event=webhook_late url=%s why=\"no memory\"",
                   url->name);
        return; // the next one in this lane, or the next start, finds it
    }
    lane->position = position;
    make_ready(lane);
}

void hooks_lane_go_on(struct hook_lane *lane)
{
    lane->url->active -= lane->state == LANE_BUSY;
    lane->failures = 0;
    make_ready(lane); // behind all others
    run_ready(lane->hooks, lane->url);
}

void hooks_lane_retry(struct hook_lane *lane)
{
    struct hooks *hooks = lane->hooks;
    struct hook_url *url = lane->url;
    url->active -= lane->state == LANE_BUSY;
    wait(lane);
    run_ready(hooks, url);
}

// ---- all lanes ----

void hooks_lanes_cap(struct hooks *hooks, int64_t last_id)
{
    hooks->logs++; // what is under way tells of the one before
    for (size_t i = 0; i < hooks->lanes.capacity; i++) {
        struct hook_lane *lane = hooks->lanes.slots[i].item;
        if (lane != NULL && lane->position > last_id)
            lane->position = last_id;
    }
}

void hooks_lanes_destroy(struct hooks *hooks)
{
    for (size_t i = 0; i < hooks->lanes.capacity; i++) {
        struct hook_lane *lane = hooks->lanes.slots[i].item;
        if (lane != NULL)
            hooks_delivery_destroy(lane->delivery);
        free(lane);
    }
    table_finish(&hooks->lanes);
}
