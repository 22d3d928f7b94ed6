// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Who may connect: the keys, what tokens must say, and the service secret. Loaded at start and
// again on SIGHUP, as a whole or not at all.
// Not what a connected client may do: that is in its token's rights.
#ifndef ROOMWIRE_PLUGIN_ACCESS_H
#define ROOMWIRE_PLUGIN_ACCESS_H

#include "core/config.h"
#include "core/keyset.h"
#include "core/secret.h"
#include "core/token.h"

struct access {
    struct config config; // what the policy borrows from
    struct keyset *keys;
    struct token_policy policy;
    struct secret service_secret;
};

enum { ACCESS_SECRET_MIN = 16 }; // bytes of the service secret

// Reads the configuration file and every file that it names.
// On an error `why` gets one line. Errors: those of config_load, keyset_load, secret_load.
MUST_USE enum err access_load(const char *path, struct access **out_access, struct buf *why);
void access_destroy(struct access *access); // NULL is fine

#endif
