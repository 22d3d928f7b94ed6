// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The opening handshake of a WebSocket, the server's side (RFC 6455 §4.2). No I/O.
// Not who may open one: Origin and tokens are auth.h.
#ifndef ROOMWIRE_GATEWAY_WS_HANDSHAKE_H
#define ROOMWIRE_GATEWAY_WS_HANDSHAKE_H

#include "core/buf.h"
#include "http_head.h"

enum { WS_ACCEPT_TEXT = 29 };

struct ws_handshake {
    const char *protocol;        // the one of ours that the client names first
    char accept[WS_ACCEPT_TEXT]; // Sec-WebSocket-Accept
};

// Checks a request against RFC 6455 §4.2.1. `protocols` are the subprotocols that are spoken here,
// a NULL behind the last; one of them has to be offered, in this spelling.
// Returns 0, or the status to answer (400, 405, 426, 500) with `*out_reason`, a static English
// phrase. Into the answer 426 belong the fields "Connection: Upgrade", "Upgrade: websocket" and
// "Sec-WebSocket-Version: 13" (RFC 9110 §7.8, §15.5.22, RFC 6455 §4.4).
int ws_handshake_check(const struct http_head *head, const char *const *protocols,
                       struct ws_handshake *out_handshake, const char **out_reason);

// Appends the whole head of the answer 101.
void ws_handshake_answer(const struct ws_handshake *handshake, struct buf *out);

#endif
