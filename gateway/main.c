// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// roomwire: which command was meant. Each is in cli_<command>.c.
#include <stdio.h>
#include <string.h>

#include "cli.h"

static const struct cli_command *const commands[] = {&cli_serve, &cli_token, &cli_history,
                                                     &cli_bill, &cli_check};
enum { COMMAND_COUNT = sizeof commands / sizeof commands[0] };

static void print_help(FILE *out)
{
    (void)fputs("usage: roomwire COMMAND [ARGUMENT]...\n\n", out);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        (void)fprintf(out, "  %-8s %s\n", commands[i]->name, commands[i]->summary);
    (void)fputs("\nroomwire COMMAND --help says more.\n"
                "The configuration is taken from --config FILE, else from $ROOMWIRE_CONFIG,\n"
                "./roomwire.conf or /etc/roomwire/roomwire.conf.\n"
                "Exit status: 0 done, 1 failed or refused, 2 the command line is wrong.\n",
                out);
}

static const struct cli_command *find(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return CLI_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return CLI_OK;
    }
    if (strcmp(argv[1], "--version") == 0) {
        (void)puts("roomwire " ROOMWIRE_VERSION);
        return CLI_OK;
    }
    const struct cli_command *command = find(argv[1]);
    if (command == NULL) {
        (void)fprintf(stderr, "roomwire: there is no command \"%s\"\nSee: roomwire --help\n",
                      argv[1]);
        return CLI_USAGE;
    }
    return command->run(command, argc - 2, argv + 2);
}
