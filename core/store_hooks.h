// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// What the gateway has yet to tell webhooks, in a SQLite file of its own: how far each room of the
// log is delivered to each URL, the connects and disconnects that wait, and the clients whose
// disconnect is yet to come. It survives kill -9; a power cut may bring back the last deliveries,
// which then happen again.
// Not the messages: they wait in the log (store.h). A handle belongs to one thread.
#ifndef ROOMWIRE_CORE_STORE_HOOKS_H
#define ROOMWIRE_CORE_STORE_HOOKS_H

#include "log.h"
#include "message.h"

struct store_hooks;

// Creates the file at `path`, or migrates an older one (schema/hooks/*.sql).
// Errors: ERR_VERSION (a newer schema), ERR_CORRUPT, ERR_FULL, ERR_DATABASE, ERR_MEMORY. All calls
// below may fail with the last three, too.
MUST_USE enum err store_hooks_open(const char *path, const struct log *log,
                                   struct store_hooks **out_hooks);
void store_hooks_close(struct store_hooks *hooks); // NULL is fine

// The incarnation of the log that the ids belong to; "" at first. Borrowed until it changes.
const char *store_hooks_epoch(const struct store_hooks *hooks);
// The log is now the one called `epoch`, whose newest message is `last_id`: what was delivered
// beyond that is not there any more.
MUST_USE enum err store_hooks_begin_epoch(struct store_hooks *hooks, const char *epoch,
                                          int64_t last_id);

// The number of a URL. If it has not been told of messages before it is told of those after
// `since_id`; -1: of none, and what was remembered of that is forgotten.
MUST_USE enum err store_hooks_enter(struct store_hooks *hooks, struct span url, int64_t since_id,
                                    int64_t *out_hook_id);
// Forgets every URL whose number is not among `kept`, and what waits for it.
MUST_USE enum err store_hooks_keep_only(struct store_hooks *hooks, const int64_t *kept,
                                        size_t count);

// Up to which message a room is delivered.
MUST_USE enum err store_hooks_position(struct store_hooks *hooks, int64_t hook_id, struct span room,
                                       int64_t *out_id);
MUST_USE enum err store_hooks_set_position(struct store_hooks *hooks, int64_t hook_id,
                                           struct span room, int64_t id);

// A connect or disconnect that waits.
enum store_hook_kind { STORE_HOOK_CONNECT, STORE_HOOK_DISCONNECT };
struct store_hook_event {
    int64_t event_id; // rising
    enum store_hook_kind kind;
    struct span name; // what the receiver knows it by
    int64_t date_ms;
    struct span json;
};
// Adds one behind the client's others; its event_id is not looked at.
MUST_USE enum err store_hooks_put_event(struct store_hooks *hooks, int64_t hook_id,
                                        struct span client, const struct store_hook_event *event);
// Passes the client's first one to `each`; its spans are borrowed during the call.
// Errors: ERR_NOT_FOUND.
typedef void store_hook_event_fn(void *context, const struct store_hook_event *event);
MUST_USE enum err store_hooks_first_event(struct store_hooks *hooks, int64_t hook_id,
                                          struct span client, store_hook_event_fn *each,
                                          void *context);
MUST_USE enum err store_hooks_remove_event(struct store_hooks *hooks, int64_t event_id);
MUST_USE enum err store_hooks_count_events(struct store_hooks *hooks, int64_t *out_count);
// For whom something waits, once for each URL and client. `each` must not call anything here.
typedef void store_hook_client_fn(void *context, int64_t hook_id, struct span client);
MUST_USE enum err store_hooks_read_clients(struct store_hooks *hooks, store_hook_client_fn *each,
                                           void *context);

// A connection whose begin was told, and whose end was not: what that will say.
struct store_hook_connection {
    int64_t version; // rises from one connection to the next
    struct span client;
    struct span session; // what the broker calls it
    struct span principal;
    struct span source_ip; // empty if there is none
};
// Nothing happens if one of that version is there.
MUST_USE enum err store_hooks_put_connection(struct store_hooks *hooks,
                                             const struct store_hook_connection *connection);
// Nothing happens if there is none.
MUST_USE enum err store_hooks_remove_connection(struct store_hooks *hooks, int64_t version);
// The first one with a version over `after` and up to `last`; and the first one of that client with
// a version below `before`. Its spans are borrowed until one of these two is called again.
// Errors: ERR_NOT_FOUND, ERR_TOO_LARGE.
MUST_USE enum err store_hooks_next_connection(struct store_hooks *hooks, int64_t after,
                                              int64_t last, struct store_hook_connection *out);
MUST_USE enum err store_hooks_older_connection(struct store_hooks *hooks, struct span client,
                                               int64_t before, struct store_hook_connection *out);

#endif
