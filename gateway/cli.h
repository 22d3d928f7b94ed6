// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// What the commands of `roomwire` share: arguments, the configuration, and how they fail.
// Not what a command does: that is cli_<command>.c.
#ifndef ROOMWIRE_GATEWAY_CLI_H
#define ROOMWIRE_GATEWAY_CLI_H

#include "core/config.h"

// Exit codes.
enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

enum { CLI_WORDS_MAX = 256, CLI_CLAIMS_MAX = 64 };

// An option that a command takes. One of the last three is not NULL.
struct cli_option {
    const char *name;      // without "--"
    const char **text;     // takes a value; given twice is an error
    bool *flag;            // takes none
    struct cli_list *list; // takes a value, may be given often
};

struct cli_list {
    const char *values[CLI_CLAIMS_MAX];
    size_t count;
};

struct cli_command {
    const char *name;
    const char *summary; // one line
    const char *usage;   // all of --help
    int (*run)(const struct cli_command *self, int argc, char **argv);
};

// The words of a command line that are no options.
struct cli_words {
    const char *values[CLI_WORDS_MAX];
    size_t count;
};

// Reads the arguments behind the command's name: "--name value", "--name=value", "--name", and
// "--" after which all are words. `options` ends with a NULL name; --help and --config are known
// anyway. False: `*out_status` is what to exit with, and everything was said (the help on standard
// output, a mistake on standard error).
bool cli_parse(const struct cli_command *command, int argc, char **argv,
               const struct cli_option *options, struct cli_words *out_words,
               const char **out_config_path, int *out_status);

// Says on standard error what is wrong with the command line; returns CLI_USAGE.
int cli_misused(const struct cli_command *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
// Says on standard error what went wrong; returns CLI_FAILED.
int cli_failed(const struct cli_command *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// Where the configuration is: `path` (from --config) if not NULL, else $ROOMWIRE_CONFIG, else
// ./roomwire.conf, else /etc/roomwire/roomwire.conf.
const char *cli_config_path(const char *path);
// Loads it from there. False: it was said why not.
bool cli_load_config(const struct cli_command *command, const char *path,
                     struct config *out_config);

// Writes `out` to standard output and finishes it. CLI_OK, or CLI_FAILED if that did not work
// (a full disk, a closed pipe, the buffer's own status).
int cli_print(const struct cli_command *command, struct buf *out);

// `text` with what a terminal would act upon made visible.
void cli_add_visible(struct span text, struct buf *out);

extern const struct cli_command cli_serve, cli_token, cli_history, cli_bill, cli_check;

#endif
