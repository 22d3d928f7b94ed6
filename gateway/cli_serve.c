// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// roomwire serve: the gateway itself, until a signal ends it.
#include <signal.h>

#include "cli.h"
#include "gateway.h"

// Blocked before the first thread starts, since threads inherit it: the signals are read from a
// descriptor, and a peer that left shows as an error of the write (OpenSSL's own writes, too).
static bool block_signals(void)
{
    sigset_t blocked;
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    return sigemptyset(&blocked) == 0 && sigaddset(&blocked, SIGTERM) == 0 &&
           sigaddset(&blocked, SIGINT) == 0 && sigaddset(&blocked, SIGHUP) == 0 &&
           pthread_sigmask(SIG_BLOCK, &blocked, NULL) == 0 &&
           sigaction(SIGPIPE, &ignore, NULL) == 0;
}

// Takes over the configuration.
static enum err serve(const char *path, struct config *config, struct buf *why)
{
    struct log log = {.write = log_to_stderr, .level = config->log_level};
    struct gateway *gateway = NULL;
    enum err err = gateway_create(path, config, &log, &gateway, why);
    if (err != ERR_OK)
        return err;
    err = gateway_run(gateway, why);
    gateway_destroy(gateway);
    return err;
}

static int run(const struct cli_command *self, int argc, char **argv)
{
    const struct cli_option options[] = {{.name = NULL}};
    struct cli_words words;
    const char *path;
    int status;
    if (!cli_parse(self, argc, argv, options, &words, &path, &status))
        return status;
    if (words.count > 0)
        return cli_misused(self, "\"%s\": no argument was expected", words.values[0]);
    struct config config;
    if (!cli_load_config(self, path, &config))
        return CLI_FAILED;
    if (!block_signals()) {
        config_finish(&config);
        return cli_failed(self, "signals cannot be set up");
    }
    struct buf why;
    buf_init(&why, 4096);
    enum err err = serve(cli_config_path(path), &config, &why);
    if (err != ERR_OK)
        status = cli_failed(self, "%.*s", (int)why.len, why.len > 0 ? why.ptr : "");
    buf_finish(&why);
    return status;
}

const struct cli_command cli_serve = {
    .name = "serve",
    .summary = "serve pages, API and MQTT over WebSocket",
    .usage = "usage: roomwire serve [OPTION]...\n"
             "\n"
             "Serves until SIGTERM or SIGINT; open requests are finished then. SIGHUP reads keys,\n"
             "secrets, token options and certificates anew. Logs to standard error.\n"
             "\n"
             "  --config FILE  the configuration; roomwire check says what is wrong with it\n",
    .run = run,
};
