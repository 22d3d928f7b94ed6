// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// While no lifecycle events are heard - the gateway is down, or the broker, or the connection
// between them - clients come and go all the same. Afterwards the plugin is asked who is connected,
// page by page in the order of the versionNumbers, and each page is compared with those who were
// told of as connected in the same range: who is on one side alone is told of.
// Events and answers come here in the order in which the plugin sent them, so a page is as true as
// the events before it, and what happens after it is heard.
#include <stdlib.h>

#include "hooks_parts.h"
#include "upstream.h"

enum { PAGE = 200 }; // connections asked for, and noted ones looked at, at once

// Who is connected, in the range from roll.after, without it, up to `last`.
struct roll_page {
    int64_t last;
    size_t count;
    struct hook_client clients[PAGE]; // by version, rising; they borrow from the answer
};

// ---- reading a page ----

static enum err add(struct roll_page *page, int64_t after, const struct json *json)
{
    struct hook_client client;
    if (page->count == PAGE || hook_event_read_presence(json, &client) != ERR_OK ||
        client.kind != STORE_HOOK_CONNECT || client.version <= after)
        return ERR_INVALID;
    page->clients[page->count++] = client;
    return ERR_OK;
}

static enum err read_page(const struct json *data, int64_t after, struct roll_page *page)
{
    bool has_more;
    int64_t last = after;
    const struct json *e = json_first(json_member(data, "connections"));
    for (; e != NULL; e = json_next(e)) {
        if (add(page, last, e) != ERR_OK)
            return ERR_INVALID;
        last = page->clients[page->count - 1].version;
    }
    if (!json_get_bool(json_member(data, "more"), &has_more) || (has_more && page->count == 0))
        return ERR_INVALID;
    page->last = has_more ? last : INT64_MAX;
    return ERR_OK;
}

// ---- comparing it ----

// Unlike what is heard, this can wait until there is room for it.
static bool has_room(const struct hooks *hooks)
{
    int64_t most = 2 * (int64_t)hooks->url_count; // a connect, and the end of the one before it
    return hooks->events == 0 || hooks->events + most <= hooks_config(hooks)->webhook_max_queue;
}

// Who is noted and not on the page is gone. Where too many are noted, the page ends with the last
// one that was looked at.
static enum err tell_gone(struct hooks *hooks, struct roll_page *page)
{
    struct store_hook_connection noted = {.version = hooks->roll.after};
    const struct hook_client *at = page->clients, *end = page->clients + page->count;
    for (int looks = 0; looks < PAGE; looks++) {
        enum err err = store_hooks_next_connection(hooks->store, noted.version, page->last, &noted);
        if (err != ERR_OK)
            return err == ERR_NOT_FOUND ? ERR_OK : err;
        while (at < end && at->version < noted.version)
            at++;
        if (at < end && at->version == noted.version)
            continue;
        err = has_room(hooks) ? hooks_tell_gone(hooks, &noted) : ERR_FULL;
        if (err != ERR_OK)
            return err;
    }
    page->last = noted.version;
    return ERR_OK;
}

static enum err tell_come(struct hooks *hooks, const struct roll_page *page)
{
    for (size_t i = 0; i < page->count && page->clients[i].version <= page->last; i++) {
        enum err err = has_room(hooks) ? hooks_tell_connect(hooks, &page->clients[i]) : ERR_FULL;
        if (err != ERR_OK)
            return err;
    }
    return ERR_OK;
}

static enum err compare(struct hooks *hooks, const struct json *data)
{
    struct hook_roll *roll = &hooks->roll;
    struct roll_page *page = calloc(1, sizeof *page);
    if (page == NULL)
        return ERR_MEMORY;
    enum err err = read_page(data, roll->after, page);
    if (err == ERR_OK)
        err = tell_gone(hooks, page);
    if (err == ERR_OK)
        err = tell_come(hooks, page);
    if (err == ERR_OK) {
        roll->after = page->last;
        roll->is_due = page->last != INT64_MAX;
    }
    free(page);
    return err;
}

// ---- asking ----

static void warn(struct hooks *hooks, enum err err)
{
    // Of a lost connection enough is said elsewhere.
    if (hooks->roll.has_warned || !upstream_is_connected(hooks->gateway->upstream))
        return;
    hooks->roll.has_warned = true;
    hooks_warn(hooks, LOG_LEVEL_WARNING, "event=webhooks_late why=\"who is connected: %s\"",
               err_text(err));
}

static void on_answer(void *context, const struct upstream_answer *answer)
{
    struct hooks *hooks = context;
    hooks->roll.number = 0;
    if (atomic_load(&hooks->is_retired))
        return;
    enum err err = answer->err == ERR_OK ? compare(hooks, answer->data) : answer->err;
    hooks_lanes_run(hooks);
    if (err == ERR_OK)
        hooks_roll_go_on(hooks);
    else
        warn(hooks, err); // the timer asks again
}

static uint64_t ask(struct hooks *hooks)
{
    struct upstream_command command;
    upstream_command_begin(&command, "listConnections", 256);
    json_field_int(&command.w, "after", hooks->roll.after);
    json_field_int(&command.w, "limit", PAGE);
    return upstream_ask(hooks->gateway->upstream, hooks->loop, &command, on_answer, hooks);
}

void hooks_roll_go_on(struct hooks *hooks)
{
    struct hook_roll *roll = &hooks->roll;
    if (!roll->is_due || roll->number != 0 || atomic_load(&hooks->is_ending) ||
        atomic_load(&hooks->is_retired) || !upstream_is_connected(hooks->gateway->upstream))
        return;
    roll->number = ask(hooks);
}

void hooks_roll_again(struct hooks *hooks)
{
    struct hook_roll *roll = &hooks->roll;
    if (atomic_load(&hooks->is_ending))
        return; // the next run asks
    // The answer under way may be an earlier connection's, and is not about this range.
    if (roll->number != 0)
        upstream_forget(hooks->gateway->upstream, roll->number);
    roll->number = 0;
    roll->after = 0;
    roll->is_due = true;
    roll->has_warned = false;
}

void hooks_roll_on_call(struct loop_task *task)
{
    struct hooks *hooks = CONTAINER_OF(task, struct hooks, roll.task);
    atomic_store(&hooks->roll.is_called, false);
    hooks_roll_again(hooks);
    hooks_roll_go_on(hooks);
}
