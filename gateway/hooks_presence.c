// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include <stdlib.h>

#include "hooks_parts.h"

enum { EVENT_MAX = 256 * 1024 };

// A lifecycle event on its way from the upstream's thread.
struct heard {
    struct loop_task task;
    struct hooks *hooks;
    size_t len;
    char json[];
};

static bool wants(const struct hook_url *url, enum store_hook_kind kind)
{
    return kind == STORE_HOOK_CONNECT ? url->wants_connects : url->wants_disconnects;
}

static void put(struct hooks *hooks, struct hook_url *url, const struct hook_client *client,
                struct span json)
{
    char name[HOOKS_NAME_MAX + 1];
    struct log_value id;
    hooks_name_of_client(client, name);
    struct store_hook_event event = {
        .kind = client->kind, .name = span_of(name), .date_ms = client->date_ms, .json = json};
    enum err err = ERR_FULL;
    if (hooks->events < hooks_config(hooks)->webhook_max_queue)
        err = store_hooks_put_event(hooks->store, url->hook_id, client->client_id, &event);
    if (err == ERR_INVALID)
        return; // it is there: the gateway whose place we take has heard of it, too
    if (err != ERR_OK) {
        hooks_warn(hooks, LOG_LEVEL_WARNING,
                   "event=webhook_dropped url=%s client=%s id=%s why=\"%s\"", url->name,
                   log_value(client->client_id, &id), name, err_text(err));
        return;
    }
    hooks->events++;
    hooks_lane_stir(hooks, url, false, client->client_id, 0);
}

static void take(struct hooks *hooks, const struct hook_client *client)
{
    // The relay has asked about these before it let them in.
    if (client->kind == STORE_HOOK_CONNECT && client->is_relayed)
        return;
    struct buf json;
    buf_init(&json, EVENT_MAX);
    hook_event_write_client(client, &json);
    for (size_t i = 0; json.status == ERR_OK && i < hooks->url_count; i++)
        if (wants(&hooks->urls[i], client->kind))
            put(hooks, &hooks->urls[i], client, buf_span(&json));
    buf_finish(&json);
    hooks_lanes_run(hooks);
}

static void on_heard(struct loop_task *task)
{
    struct heard *heard = (struct heard *)(void *)((char *)task - offsetof(struct heard, task));
    struct hooks *hooks = heard->hooks;
    struct json *root = NULL;
    struct hook_client client;
    atomic_fetch_sub(&hooks->heard, 1);
    if (json_parse(span_make(heard->json, heard->len), &root) == ERR_OK &&
        hook_event_read_presence(root, &client) == ERR_OK)
        take(hooks, &client);
    else
        hooks_warn(hooks, LOG_LEVEL_WARNING, "event=lifecycle_event_unreadable");
    json_destroy(root);
    free(heard);
}

bool hooks_want_presence(const struct hooks *hooks)
{
    for (size_t i = 0; hooks != NULL && i < hooks->url_count; i++)
        if (hooks->urls[i].wants_connects || hooks->urls[i].wants_disconnects)
            return true;
    return false;
}

void hooks_heard(struct hooks *hooks, struct span payload)
{
    struct heard *heard = NULL;
    if (atomic_load(&hooks->is_retired))
        return;
    if (atomic_load(&hooks->heard) < hooks_config(hooks)->webhook_max_queue)
        heard = malloc(sizeof *heard + payload.len);
    if (heard == NULL) {
        log_line(&hooks->gateway->log, LOG_LEVEL_WARNING,
                 "event=webhook_dropped why=\"lifecycle events come too fast\"");
        return;
    }
    atomic_fetch_add(&hooks->heard, 1);
    *heard = (struct heard){.task.run = on_heard, .hooks = hooks, .len = payload.len};
    if (payload.len > 0)
        memcpy(heard->json, payload.ptr, payload.len);
    loop_post(hooks->loop, &heard->task);
}
