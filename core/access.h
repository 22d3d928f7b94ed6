// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Who may connect: the keys, what tokens must say, and the service secret. Both programs load it at
// start and again on SIGHUP, as a whole or not at all, so that they judge by the same.
// Not what a connected client may do: that is in its token's rights.
#ifndef ROOMWIRE_CORE_ACCESS_H
#define ROOMWIRE_CORE_ACCESS_H

#include "config.h"
#include "keyset.h"
#include "secret.h"
#include "token.h"

struct access {
    struct config config; // what the policy borrows from
    struct keyset *keys;
    struct token_policy policy;
    struct secret service_secret;
};

enum { ACCESS_SECRET_MIN = 16 }; // bytes of the service secret, docs/protocol.md

// Reads the configuration file and every file that it names. Its room_topic has to be `room_topic`,
// since that is built into what is stored.
// On an error `why` gets one line. Errors: those of config_load, keyset_load, secret_load,
// ERR_INVALID (room_topic).
MUST_USE enum err access_load(const char *path, const char *room_topic, struct access **out_access,
                              struct buf *why);
void access_destroy(struct access *access); // NULL is fine

#endif
