// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// roomwire bill: what was metered today and this month, and what it costs.
#include "cli.h"
#include "core/bill.h"
#include "core/clock.h"

enum { TEXT_MAX = 16 * 1024 * 1024 };

static void write_json(const struct bill *bill, struct buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    bill_write_json(bill, &w);
    buf_add_char(out, '\n');
}

typedef void write_fn(const struct bill *bill, struct buf *out);

static int show(const struct cli_command *self, const struct config *config, write_fn *write)
{
    const struct log log = {.write = log_to_stderr, .level = LOG_LEVEL_WARNING};
    struct store *store = NULL;
    struct bill bill;
    enum err err = store_open(config->database, STORE_READ, &log, &store);
    if (err == ERR_OK)
        err = bill_make(store, clock_real_ms(), &bill);
    store_close(store);
    if (err != ERR_OK)
        return cli_failed(self, "%s: %s", config->database, err_text(err));
    struct buf out;
    buf_init(&out, TEXT_MAX);
    write(&bill, &out);
    bill_finish(&bill);
    return cli_print(self, &out);
}

static int run(const struct cli_command *self, int argc, char **argv)
{
    bool is_json = false, is_csv = false;
    const char *config_path;
    const struct cli_option options[] = {
        {.name = "json", .flag = &is_json}, {.name = "csv", .flag = &is_csv}, {.name = NULL}};
    struct cli_words words;
    int status;
    if (!cli_parse(self, argc, argv, options, &words, &config_path, &status))
        return status;
    if (words.count > 0)
        return cli_misused(self, "\"%s\": no argument was expected", words.values[0]);
    if (is_json && is_csv)
        return cli_misused(self, "--json and --csv: one of them");
    struct config config;
    if (!cli_load_config(self, config_path, &config))
        return CLI_FAILED;
    status = show(self, &config, is_json ? write_json : is_csv ? bill_write_csv : bill_write_text);
    config_finish(&config);
    return status;
}

const struct cli_command cli_bill = {
    .name = "bill",
    .summary = "show what was metered today and this month",
    .usage = "usage: roomwire bill [OPTION]...\n"
             "\n"
             "Prints messages, bytes and 512-byte blocks in and out, by room, person and face,\n"
             "for today and this month (UTC), and what they cost at 5 USD per million blocks.\n"
             "\n"
             "  --json         as JSON, like GET /bill\n"
             "  --csv          as CSV, for spreadsheets\n"
             "  --config FILE  the configuration\n",
    .run = run,
};
