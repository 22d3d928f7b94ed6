// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The two halves of `roomwire check`: the installation (cli_check.c), and one token
// (cli_check_token.c).
#ifndef ROOMWIRE_GATEWAY_CLI_CHECK_H
#define ROOMWIRE_GATEWAY_CLI_CHECK_H

#include "cli.h"

// Says why the token in `file` ("-": standard input) is refused, or what it grants; also in the
// rooms named in `rooms`.
int cli_check_token(const struct cli_command *self, const struct config *config, const char *file,
                    const struct cli_words *rooms);

#endif
