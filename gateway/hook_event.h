// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The JSON that webhooks get (docs/webhooks.md), and what of a lifecycle event goes into it.
// Not who gets it, nor when: hooks.h.
#ifndef ROOMWIRE_GATEWAY_HOOK_EVENT_H
#define ROOMWIRE_GATEWAY_HOOK_EVENT_H

#include "core/message.h"
#include "core/origin.h"
#include "core/store_hooks.h"

// Where the event comes from; what is empty is null in JSON.
struct hook_context {
    struct origin origin;
    struct span request_id;
    struct span principal; // the subject of the token
};

// A client that came or went.
struct hook_client {
    enum store_hook_kind kind;
    struct hook_context context;
    struct span client_id;
    int64_t date_ms;
    struct span reason; // of a disconnect, where it is known
    bool is_relayed;    // it came by our own WebSocket
    int64_t version;    // of the connection: rises from one to the next, 1 or more
};

// "connect" or "disconnect".
const char *hook_kind_name(enum store_hook_kind kind);

void hook_event_write_message(const struct message *m, const char *epoch,
                              const struct hook_context *context, struct buf *out);
void hook_event_write_client(const struct hook_client *client, struct buf *out);

// Reads a lifecycle event of the plugin's (docs/protocol.md); its spans borrow from `json`.
// Errors: ERR_INVALID (none about a connection that begins or ends).
MUST_USE enum err hook_event_read_presence(const struct json *json, struct hook_client *out_client);

#endif
