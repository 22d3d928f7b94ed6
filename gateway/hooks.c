// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "hooks.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/thread.h"
#include "hook_sign.h"
#include "hooks_parts.h"
#include "input.h"

enum {
    LOOK_MS = 20,           // between two looks at the mark, which is in memory
    LOOK_CLIENTS_MS = 3000, // and at the events of clients, which are in the database
    KEPT_CONNECTIONS = 64
};

void hooks_warn(struct hooks *hooks, enum log_level level, const char *format, ...)
{
    char line[LOG_LINE_MAX];
    va_list arguments;
    const struct log *log = &hooks->gateway->log;
    if (!log_cap_admit(&hooks->warnings, log, loop_date_ms(hooks->loop)))
        return;
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof line, format, arguments); // cut where it is too long
    va_end(arguments);
    log_line(log, level, "%s", line);
}

// ---- the configuration ----

// One list of URLs, and which of a URL's flags it sets.
struct list {
    const char *option;
    size_t text; // where the option is in struct config,
    size_t flag; // and the flag in struct hook_url
};

static const struct list lists[] = {
    {"webhook_connect", offsetof(struct config, webhook_connect),
     offsetof(struct hook_url, wants_connects)},
    {"webhook_disconnect", offsetof(struct config, webhook_disconnect),
     offsetof(struct hook_url, wants_disconnects)},
    {"webhook_message", offsetof(struct config, webhook_message),
     offsetof(struct hook_url, wants_messages)},
};
enum { LIST_COUNT = sizeof lists / sizeof lists[0] };

static struct span list_text(const struct config *config, const struct list *list)
{
    const char *const *text = (const void *)((const char *)config + list->text);
    return span_trim(span_of(*text));
}

static struct hook_url *find_url(struct hook_url *urls, size_t count, struct span url)
{
    for (size_t i = 0; i < count; i++)
        if (span_is(url, urls[i].url))
            return &urls[i];
    return NULL;
}

static enum err add_url(struct hook_url *urls, size_t *count, struct span text, const char *option,
                        struct buf *why)
{
    struct buf name;
    if (*count == HOOKS_URLS_MAX) {
        buf_printf(why, "%s: more than %d URLs of webhooks", option, HOOKS_URLS_MAX);
        return ERR_INVALID;
    }
    struct hook_url *url = &urls[*count];
    *url = (struct hook_url){.url = span_dup(text)};
    if (url->url == NULL)
        return ERR_MEMORY;
    (*count)++;
    buf_init(&name, LOG_VALUE_MAX);
    bool is_good = http_client_is_url(url->url, &name);
    url->name = is_good ? span_dup(buf_span(&name)) : NULL;
    buf_finish(&name);
    if (is_good)
        return url->name != NULL ? ERR_OK : ERR_MEMORY;
    // Not the URL itself: there may be a password in it.
    buf_printf(why, "%s: expected URLs with http:// or https:// and a short host and path", option);
    return ERR_INVALID;
}

static void free_urls(struct hook_url *urls, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(urls[i].url);
        free(urls[i].name);
    }
}

static enum err read_list(const struct config *config, const struct list *list,
                          struct hook_url *urls, size_t *count, struct buf *why)
{
    struct span rest = list_text(config, list), text;
    while (span_word(&rest, &text)) {
        struct hook_url *url = find_url(urls, *count, text);
        if (url == NULL) {
            enum err err = add_url(urls, count, text, list->option, why);
            if (err != ERR_OK)
                return err;
            url = &urls[*count - 1];
        }
        *(bool *)((char *)url + list->flag) = true;
    }
    return ERR_OK;
}

// Reads all lists into `urls`, which has room for HOOKS_URLS_MAX; they are the caller's to free
// also on an error.
static enum err read_urls(const struct config *config, struct hook_url *urls, size_t *out_count,
                          struct buf *why)
{
    enum err err = ERR_OK;
    *out_count = 0;
    for (size_t i = 0; err == ERR_OK && i < LIST_COUNT; i++)
        err = read_list(config, &lists[i], urls, out_count, why);
    return err;
}

static enum err check_rest(const struct config *config, struct buf *why)
{
    if (!input_is_clean(span_of(config->webhook_subject), TOKEN_SUBJECT_MAX)) {
        buf_printf(why, "webhook_subject: expected 1 to %d bytes of text", TOKEN_SUBJECT_MAX);
        return ERR_INVALID;
    }
    if (*config->webhook_secret_file == '\0') {
        buf_add_text(why, "webhook_secret_file: webhooks need a secret to be signed with");
        return ERR_INVALID;
    }
    if (!config->lifecycle_events &&
        (*config->webhook_connect != '\0' || *config->webhook_disconnect != '\0')) {
        buf_add_text(why, "lifecycle_events: has to be yes for webhook_connect and "
                          "webhook_disconnect");
        return ERR_INVALID;
    }
    return ERR_OK;
}

enum err hooks_check(const struct config *config, struct buf *why)
{
    struct hook_url urls[HOOKS_URLS_MAX];
    struct secret secret;
    size_t count;
    enum err err = read_urls(config, urls, &count, why);
    free_urls(urls, count);
    if (err != ERR_OK || count == 0)
        return err;
    err = check_rest(config, why);
    if (err != ERR_OK)
        return err;
    err = hook_secret_load(config->webhook_secret_file, &secret, why);
    if (err == ERR_OK)
        secret_finish(&secret);
    return err;
}

// ---- looking for what is new ----

// A URL that is new is told of what comes from now on. Where the log cannot be read yet, that is
// decided by the first look at it.
static int64_t begin_id(struct hooks *hooks)
{
    int64_t last_id = 0;
    struct store *store = log_reader_get(&hooks->log);
    if (store == NULL)
        return hooks->log.err == ERR_NOT_FOUND ? 0 : INT64_MAX;
    return store_last_id(store, &last_id) == ERR_OK ? last_id : INT64_MAX;
}

static enum err enter_urls(struct hooks *hooks)
{
    int64_t ids[HOOKS_URLS_MAX], since_id = begin_id(hooks);
    enum err err = ERR_OK;
    for (size_t i = 0; err == ERR_OK && i < hooks->url_count; i++) {
        struct hook_url *url = &hooks->urls[i];
        err = store_hooks_enter(hooks->store, span_of(url->url),
                                url->wants_messages ? since_id : -1, &url->hook_id);
        ids[i] = url->hook_id;
    }
    return err == ERR_OK ? store_hooks_keep_only(hooks->store, ids, hooks->url_count) : err;
}

// After a start, and where an older copy of the log was put in place, nothing can have been
// delivered beyond what it holds.
static enum err follow_epoch(struct hooks *hooks, struct store *store)
{
    int64_t last_id;
    if (hooks->has_looked && strcmp(store_epoch(store), store_hooks_epoch(hooks->store)) == 0)
        return ERR_OK;
    enum err err = store_last_id(store, &last_id);
    if (err == ERR_OK)
        err = store_hooks_begin_epoch(hooks->store, store_epoch(store), last_id);
    if (err != ERR_OK)
        return err;
    hooks_lanes_cap(hooks, last_id);
    hooks->seen_id = 0;
    return ERR_OK;
}

struct scan {
    struct hooks *hooks;
    int64_t newest; // of all rooms
    enum err err;
};

static enum err look_at_room(struct hooks *hooks, const struct store_room *room)
{
    for (size_t i = 0; i < hooks->url_count; i++) {
        struct hook_url *url = &hooks->urls[i];
        if (!url->wants_messages || hooks_lane_find(hooks, url, true, room->room) != NULL)
            continue;
        int64_t position;
        enum err err = store_hooks_position(hooks->store, url->hook_id, room->room, &position);
        if (err != ERR_OK)
            return err;
        if (room->last_id > position)
            hooks_lane_stir(hooks, url, true, room->room, position);
    }
    return ERR_OK;
}

// Rooms come with the newest message first.
static bool each_room(void *context, const struct store_room *room)
{
    struct scan *scan = context;
    if (room->last_id <= scan->hooks->seen_id)
        return false;
    if (room->last_id > scan->newest)
        scan->newest = room->last_id;
    scan->err = look_at_room(scan->hooks, room);
    return scan->err == ERR_OK;
}

static enum err look_at_rooms(struct hooks *hooks, struct store *store)
{
    struct scan scan = {.hooks = hooks, .newest = hooks->seen_id};
    enum err err = follow_epoch(hooks, store);
    if (err == ERR_OK)
        err = store_read_rooms(store, each_room, &scan);
    if (err == ERR_OK)
        err = scan.err;
    if (err == ERR_OK)
        hooks->seen_id = scan.newest;
    return err;
}

static void look(struct hooks *hooks)
{
    const struct watermark *mark = hooks->gateway->mark;
    int64_t committed = mark != NULL ? watermark_committed(mark) : 0;
    uint64_t generation = mark != NULL ? watermark_generation(mark) : 0;
    if (hooks->has_looked && committed == hooks->seen_committed &&
        generation == hooks->seen_generation)
        return;
    struct store *store = log_reader_get(&hooks->log);
    if (store == NULL)
        return;
    enum err err = look_at_rooms(hooks, store);
    if (err != ERR_OK)
        hooks_warn(hooks, LOG_LEVEL_WARNING, "event=webhooks_late why=\"%s\"", err_text(err));
    if (err == ERR_OK) {
        hooks->has_looked = true;
        hooks->seen_committed = committed;
        hooks->seen_generation = generation;
    }
    hooks_lanes_run(hooks);
}

static void on_look(struct loop_timer *timer)
{
    struct hooks *hooks = CONTAINER_OF(timer, struct hooks, look);
    look(hooks);
    (void)!loop_timer_start(hooks->loop, timer, LOOK_MS); // the heap has room: it was in there
}

static bool wants_messages(const struct hooks *hooks)
{
    for (size_t i = 0; i < hooks->url_count; i++)
        if (hooks->urls[i].wants_messages)
            return true;
    return false;
}

// ---- clients' events that wait ----

static void stir_client(void *context, int64_t hook_id, struct span client)
{
    struct hooks *hooks = context;
    for (size_t i = 0; i < hooks->url_count; i++)
        if (hooks->urls[i].hook_id == hook_id)
            hooks_lane_stir(hooks, &hooks->urls[i], false, client, 0);
}

static enum err read_clients(struct hooks *hooks)
{
    int64_t events;
    enum err err = store_hooks_count_events(hooks->store, &events);
    if (err != ERR_OK)
        return err;
    atomic_store(&hooks->events, events);
    return store_hooks_read_clients(hooks->store, stir_client, hooks);
}

// The gateway whose place this one took may have put some into the database after this one has
// read it, and have ended before they were delivered.
static void on_look_clients(struct loop_timer *timer)
{
    struct hooks *hooks = CONTAINER_OF(timer, struct hooks, look_clients);
    enum err err = read_clients(hooks);
    if (err != ERR_OK)
        hooks_warn(hooks, LOG_LEVEL_WARNING, "event=webhooks_late why=\"%s\"", err_text(err));
    hooks_roll_go_on(hooks);
    hooks_lanes_run(hooks);
    (void)!loop_timer_start(hooks->loop, timer, LOOK_CLIENTS_MS); // the heap has room, as above
}

// ---- making ----

static enum err create_parts(struct hooks *hooks, struct buf *why)
{
    const struct config *config = hooks_config(hooks);
    enum err err = check_rest(config, why);
    if (err == ERR_OK)
        err = hook_secret_load(config->webhook_secret_file, &hooks->secret, why);
    if (err == ERR_OK)
        err = topic_rooms_init(&hooks->rooms, span_of(config->room_topic));
    if (err == ERR_OK && !hash_seed_init(&hooks->seed))
        err = ERR_IO;
    if (err == ERR_OK)
        err = loop_create(&hooks->loop);
    if (err == ERR_OK)
        err = http_client_create(hooks->loop, KEPT_CONNECTIONS, &hooks->client);
    if (err != ERR_OK)
        return err;
    log_reader_init(&hooks->log, hooks->gateway, hooks->loop, "hooks");
    if (hooks_want_presence(hooks))
        err = loop_timer_start(hooks->loop, &hooks->look_clients, LOOK_CLIENTS_MS);
    if (err == ERR_OK && wants_messages(hooks))
        err = loop_timer_start(hooks->loop, &hooks->look, 0);
    return err;
}

static void init(struct hooks *hooks, struct gateway *gateway)
{
    hooks->gateway = gateway;
    hooks->look.on_time = on_look;
    hooks->look_clients.on_time = on_look_clients;
    hooks->roll.task.run = hooks_roll_on_call;
    hooks->last_ask = &hooks->first_ask;
    table_init(&hooks->lanes);
}

enum err hooks_create(struct gateway *gateway, struct hooks **out_hooks, struct buf *why)
{
    struct hooks *hooks = calloc(1, sizeof *hooks);
    if (hooks == NULL)
        return ERR_MEMORY;
    init(hooks, gateway);
    enum err err = read_urls(&gateway->config, hooks->urls, &hooks->url_count, why);
    for (size_t i = 0; i < hooks->url_count; i++)
        hooks->urls[i].last_ready = &hooks->urls[i].first_ready;
    bool is_wanted = err == ERR_OK && hooks->url_count > 0;
    if (is_wanted)
        err = create_parts(hooks, why);
    if (err == ERR_OK && is_wanted) {
        *out_hooks = hooks;
        return ERR_OK;
    }
    hooks_destroy(hooks);
    *out_hooks = NULL;
    return err;
}

void hooks_destroy(struct hooks *hooks)
{
    if (hooks == NULL)
        return;
    atomic_store(&hooks->is_ending, true);
    http_client_destroy(hooks->client);
    loop_destroy(hooks->loop); // runs what was posted: the last disconnects are kept for later
    hooks_asks_end(hooks);
    hooks_carries_destroy(hooks);
    hooks_lanes_destroy(hooks);
    log_reader_finish(&hooks->log);
    store_hooks_close(hooks->store);
    secret_finish(&hooks->secret);
    free_urls(hooks->urls, hooks->url_count);
    free(hooks);
}

// ---- the thread ----

// Not before: the database is that of the gateway that runs, until this one takes its place.
static enum err open_store(struct hooks *hooks, struct buf *why)
{
    char *path = config_companion(hooks_config(hooks), "-hooks");
    if (path == NULL)
        return ERR_MEMORY;
    enum err err = store_hooks_open(path, &hooks->gateway->log, &hooks->store);
    if (err == ERR_OK)
        err = enter_urls(hooks);
    if (err == ERR_OK)
        err = read_clients(hooks);
    if (err != ERR_OK)
        buf_printf(why, "%s: %s", path, err_text(err));
    free(path);
    return err;
}

static void *run(void *context)
{
    struct hooks *hooks = context;
    hooks_lanes_run(hooks);
    loop_run(hooks->loop);
    return NULL;
}

enum err hooks_start(struct hooks *hooks, struct buf *why)
{
    if (hooks == NULL)
        return ERR_OK;
    enum err err = open_store(hooks, why);
    if (err == ERR_OK)
        err = thread_start(&hooks->thread, run, hooks);
    hooks->is_running = err == ERR_OK;
    return err;
}

void hooks_retire(struct hooks *hooks)
{
    if (hooks != NULL)
        atomic_store(&hooks->is_retired, true);
}

void hooks_stop(struct hooks *hooks)
{
    if (hooks == NULL || !hooks->is_running)
        return;
    atomic_store(&hooks->is_ending, true);
    loop_stop(hooks->loop);
    (void)pthread_join(hooks->thread, NULL); // fails for programmer mistakes only
    hooks->is_running = false;
}
