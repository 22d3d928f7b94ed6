// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// How a webhook's receiver knows that we sent it: the symmetric scheme of Standard Webhooks 1.0
// (standardwebhooks.com), which has libraries in many languages. Not what is sent: hook_event.h.
#ifndef ROOMWIRE_GATEWAY_HOOK_SIGN_H
#define ROOMWIRE_GATEWAY_HOOK_SIGN_H

#include <stdint.h>

#include "core/secret.h"

enum { HOOK_SECRET_MIN = 16 }; // bytes

// Reads the secret: the file's bytes, or in the scheme's own form "whsec_" and base64.
// On an error `why` gets one line. Errors: those of secret_load, ERR_INVALID (bad base64).
MUST_USE enum err hook_secret_load(const char *path, struct secret *out_secret, struct buf *why);

// Appends the header webhook-signature's value, "v1,<base64>": HMAC-SHA-256 over
// "<id>.<timestamp>.<body>". `timestamp_s` is seconds since 1970. Errors: ERR_MEMORY.
MUST_USE enum err hook_sign(struct span secret, struct span id, int64_t timestamp_s,
                            struct span body, struct buf *out);

#endif
