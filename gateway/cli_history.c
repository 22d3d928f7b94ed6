// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// roomwire history: a room's messages, straight from the database.
#include <stdio.h>
#include <time.h>

#include "cli.h"
#include "core/watermark.h"
#include "input.h"
#include "page_json.h"

enum { LINES_MAX = 64 * 1024 * 1024, POLL_NS = 2000000 };

struct request {
    struct store_page page;
    bool is_json;
};

// ---- text ----

static void add_payload(const struct message *m, struct buf *out)
{
    if (span_is_utf8(m->payload))
        cli_add_visible(m->payload, out);
    else
        buf_printf(out, "(%zu bytes)", m->payload.len);
}

static bool add_line(void *context, const struct message *m)
{
    struct buf *out = context;
    char date[MESSAGE_DATE_TEXT];
    message_format_date(m->date_ms, date);
    buf_printf(out, "%s %lld ", date, (long long)m->id);
    cli_add_visible(m->from, out);
    if (m->name.len > 0) {
        buf_add_text(out, " (");
        cli_add_visible(m->name, out);
        buf_add_char(out, ')');
    }
    buf_add_text(out, ": ");
    add_payload(m, out);
    buf_add_char(out, '\n');
    return out->status == ERR_OK;
}

// ---- reading ----

// What was just accepted is in the database a moment later; a reader waits for it on every face.
static void await_commit(const struct config *config, struct span room)
{
    char *path = config_companion(config, "-mark");
    struct watermark *mark = NULL;
    enum err err = path != NULL ? watermark_open(path, &mark) : ERR_MEMORY;
    free(path);
    if (err != ERR_OK)
        return; // no writer ever ran: there is nothing to wait for
    int64_t target = watermark_accepted(mark, room);
    const struct timespec pause = {.tv_nsec = POLL_NS};
    for (int64_t waited_ns = 0; waited_ns < config->read_wait_ms * 1000000; waited_ns += POLL_NS) {
        if (watermark_committed(mark) >= target)
            break;
        (void)nanosleep(&pause, NULL); // woken early, it only looks again sooner
    }
    watermark_close(mark);
}

static enum err write_page(struct store *store, const struct request *r, struct buf *out)
{
    struct history_facts facts;
    bool has_more;
    if (!r->is_json)
        return store_read_page(store, &r->page, add_line, out, &has_more);
    enum err err = page_json_write(store, &r->page, PAGE_JSON_WHOLE, out, &facts);
    buf_add_char(out, '\n');
    return err;
}

static int show(const struct cli_command *self, const struct request *r,
                const struct config *config)
{
    const struct log log = {.write = log_to_stderr, .level = LOG_LEVEL_WARNING};
    struct store *store = NULL;
    enum err err = store_open(config->database, STORE_READ, &log, &store);
    if (err != ERR_OK)
        return cli_failed(self, "%s: %s", config->database, err_text(err));
    await_commit(config, r->page.room);
    struct buf out;
    buf_init(&out, LINES_MAX);
    err = write_page(store, r, &out);
    store_close(store);
    if (err == ERR_OK)
        return cli_print(self, &out);
    buf_finish(&out);
    return cli_failed(self, "%s: %s", config->database, err_text(err));
}

static int run(const struct cli_command *self, int argc, char **argv)
{
    struct request r = {.is_json = false};
    const char *config_path, *before = NULL, *after = NULL, *limit = NULL, *why = "";
    const struct cli_option options[] = {{.name = "before", .text = &before},
                                         {.name = "after", .text = &after},
                                         {.name = "limit", .text = &limit},
                                         {.name = "json", .flag = &r.is_json},
                                         {.name = NULL}};
    struct cli_words words;
    int status;
    if (!cli_parse(self, argc, argv, options, &words, &config_path, &status))
        return status;
    if (words.count != 1)
        return cli_misused(self, "one room has to be named");
    if (!topic_is_room(span_of(words.values[0])))
        return cli_misused(self, "\"%s\" is no name of a room", words.values[0]);
    if (input_page(span_of(before), span_of(after), span_of(limit), &r.page, &why) != ERR_OK)
        return cli_misused(self, "%s", why);
    r.page.room = span_of(words.values[0]);
    struct config config;
    if (!cli_load_config(self, config_path, &config))
        return CLI_FAILED;
    status = show(self, &r, &config);
    config_finish(&config);
    return status;
}

const struct cli_command cli_history = {
    .name = "history",
    .summary = "show a room's messages",
    .usage = "usage: roomwire history ROOM [OPTION]...\n"
             "\n"
             "Prints the room's latest messages, the oldest first, one a line.\n"
             "\n"
             "  --limit N      how many: 1 to 1000, default 50\n"
             "  --before ID    the latest of those before the message ID\n"
             "  --after ID     the first of those after the message ID; 0 begins at the start\n"
             "  --json         as JSON, like GET /rooms/ROOM/messages\n"
             "  --config FILE  the configuration\n",
    .run = run,
};
