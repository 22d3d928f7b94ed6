// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include <stdlib.h>

#include "core/clock.h"
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

static enum err put(struct hooks *hooks, struct hook_url *url, const struct hook_client *client,
                    struct span json)
{
    char name[HOOKS_NAME_MAX + 1];
    struct log_value id;
    hooks_name_of_client(client, name);
    struct store_hook_event event = {.kind = client->kind,
                                     .name = span_of(name),
                                     // Since when it waits: that may be long after it happened.
                                     .date_ms = loop_date_ms(hooks->loop),
                                     .json = json};
    if (hooks->events >= hooks_config(hooks)->webhook_max_queue) {
        hooks_warn(hooks, LOG_LEVEL_WARNING,
                   "event=webhook_dropped url=%s client=%s id=%s why=\"%s\"", url->name,
                   log_value(client->client_id, &id), name, err_text(ERR_FULL));
        return ERR_OK;
    }
    enum err err = store_hooks_put_event(hooks->store, url->hook_id, client->client_id, &event);
    if (err == ERR_INVALID)
        return ERR_OK; // it is there: the gateway whose place we take has heard of it, too
    if (err != ERR_OK)
        return err;
    atomic_fetch_add(&hooks->events, 1);
    hooks_lane_stir(hooks, url, false, client->client_id, 0);
    return ERR_OK;
}

static enum err tell(struct hooks *hooks, const struct hook_client *client)
{
    struct buf json;
    buf_init(&json, EVENT_MAX);
    hook_event_write_client(client, &json);
    enum err err = json.status;
    for (size_t i = 0; err == ERR_OK && i < hooks->url_count; i++)
        if (wants(&hooks->urls[i], client->kind))
            err = put(hooks, &hooks->urls[i], client, buf_span(&json));
    buf_finish(&json);
    return err;
}

// In both directions the event goes first: after a crash between the two it is told again, under
// its old name.
static enum err note(struct hooks *hooks, const struct hook_client *client)
{
    const struct store_hook_connection connection = {.version = client->version,
                                                     .client = client->client_id,
                                                     .session = client->context.request_id,
                                                     .principal = client->context.principal,
                                                     .source_ip = client->context.origin.source_ip};
    return store_hooks_put_connection(hooks->store, &connection);
}

enum err hooks_tell_disconnect(struct hooks *hooks, const struct hook_client *client)
{
    enum err err = tell(hooks, client);
    return err == ERR_OK ? store_hooks_remove_connection(hooks->store, client->version) : err;
}

enum err hooks_tell_gone(struct hooks *hooks, const struct store_hook_connection *connection)
{
    const struct hook_client client = {
        .kind = STORE_HOOK_DISCONNECT,
        .context = {.origin = {.method = span_of("DISCONNECT"), .source_ip = connection->source_ip},
                    .request_id = connection->session,
                    .principal = connection->principal},
        .client_id = connection->client,
        .date_ms = loop_date_ms(hooks->loop),
        .version = connection->version};
    return hooks_tell_disconnect(hooks, &client);
}

static enum err tell_older_gone(struct hooks *hooks, const struct hook_client *client)
{
    struct store_hook_connection older;
    enum err err;
    do {
        err =
            store_hooks_older_connection(hooks->store, client->client_id, client->version, &older);
        if (err == ERR_OK)
            err = hooks_tell_gone(hooks, &older);
    } while (err == ERR_OK);
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

enum err hooks_tell_connect(struct hooks *hooks, const struct hook_client *client)
{
    struct store_hook_connection noted;
    enum err err =
        store_hooks_next_connection(hooks->store, client->version - 1, client->version, &noted);
    if (err != ERR_NOT_FOUND)
        return err;
    err = tell_older_gone(hooks, client);
    // The relay has asked about its own before it let them in.
    if (err == ERR_OK && !client->is_relayed)
        err = tell(hooks, client);
    return err == ERR_OK ? note(hooks, client) : err;
}

static void take(struct hooks *hooks, const struct hook_client *client)
{
    struct log_value id;
    enum err err = client->kind == STORE_HOOK_CONNECT ? hooks_tell_connect(hooks, client)
                                                      : hooks_tell_disconnect(hooks, client);
    if (err != ERR_OK) {
        hooks_warn(hooks, LOG_LEVEL_WARNING, "event=webhook_late client=%s why=\"%s\"",
                   log_value(client->client_id, &id), err_text(err));
        hooks_roll_again(hooks);
    }
    hooks_lanes_run(hooks);
}

static void read_event(struct hooks *hooks, struct span text)
{
    struct json *root = NULL;
    struct hook_client client;
    if (json_parse(text, &root) == ERR_OK && hook_event_read_presence(root, &client) == ERR_OK)
        take(hooks, &client);
    else
        hooks_warn(hooks, LOG_LEVEL_WARNING, "event=lifecycle_event_unreadable");
    json_destroy(root);
}

static void on_heard(struct loop_task *task)
{
    struct heard *heard = CONTAINER_OF(task, struct heard, task);
    struct hooks *hooks = heard->hooks;
    atomic_fetch_sub(&hooks->heard, 1);
    if (hooks->store != NULL) // else it did not start: the gateway that runs has heard of it, too
        read_event(hooks, span_make(heard->json, heard->len));
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
        if (log_cap_admit(&hooks->late, &hooks->gateway->log, clock_real_ms()))
            log_line(&hooks->gateway->log, LOG_LEVEL_WARNING,
                     "event=webhook_late why=\"lifecycle events come too fast\"");
        hooks_connected(hooks); // asks for what is left of it
        return;
    }
    atomic_fetch_add(&hooks->heard, 1);
    *heard = (struct heard){.task.run = on_heard, .hooks = hooks, .len = payload.len};
    if (payload.len > 0)
        memcpy(heard->json, payload.ptr, payload.len);
    loop_post(hooks->loop, &heard->task);
}

void hooks_connected(struct hooks *hooks)
{
    if (hooks_want_presence(hooks) && !atomic_exchange(&hooks->roll.is_called, true))
        loop_post(hooks->loop, &hooks->roll.task);
}
