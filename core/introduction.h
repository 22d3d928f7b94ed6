// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The user name by which the gateway's relay introduces a client to the plugin (docs/protocol.md,
// CONNECT): who is really there, vouched for with the service secret.
// Not the client's identity, which is its token's (token.h).
#ifndef ROOMWIRE_CORE_INTRODUCTION_H
#define ROOMWIRE_CORE_INTRODUCTION_H

#include "buf.h"

enum {
    INTRODUCTION_FACE_MAX = 8,
    INTRODUCTION_ADDRESS_MAX = 64,
    INTRODUCTION_AGENT_MAX = 384,
    // Bytes that an introduction puts before the client's own user name, at most.
    INTRODUCTION_OVERHEAD_MAX =
        4 + INTRODUCTION_FACE_MAX + 1 + INTRODUCTION_ADDRESS_MAX + 1 + INTRODUCTION_AGENT_MAX + 34
};

#define INTRODUCTION_NO_AGENT "-"

struct introduction {
    struct span face;    // "ws"; 1..INTRODUCTION_FACE_MAX of a-z
    struct span address; // "ip:port"; 1..INTRODUCTION_ADDRESS_MAX visible ASCII characters
    // Its User-Agent in base64url, or INTRODUCTION_NO_AGENT; 1..INTRODUCTION_AGENT_MAX characters
    // as before.
    struct span agent;
    struct span username; // the client's own, may be empty
};

// Appends the user name that introduces the client `client_id` (may be empty) as `who`.
// Errors: ERR_INVALID (face, address or agent), ERR_MEMORY, the buffer's status.
MUST_USE enum err introduction_write(const struct introduction *who, struct span client_id,
                                     struct span service_secret, struct buf *out);

// True if `username` is meant as an introduction, good or not: it starts with "rw1 ".
bool introduction_is_meant(struct span username);

// Takes apart and checks what introduction_write made; the spans borrow from `username`.
// Errors: ERR_NOT_FOUND (not meant as an introduction), ERR_INVALID (malformed), ERR_DENIED (made
// without the secret, or for another client), ERR_MEMORY.
MUST_USE enum err introduction_read(struct span username, struct span client_id,
                                    struct span service_secret,
                                    struct introduction *out_introduction);

#endif
