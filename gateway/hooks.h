// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Webhooks (docs/webhooks.md): who is told of connects, disconnects and messages, in which order,
// how often, and what is done with the answers. All of it on one thread of its own, which reads the
// log, so that no message and no worker ever waits for a receiver; only a client's own CONNECT
// waits for a connect hook.
// Not the JSON (hook_event.h, hook_answer.h), nor HTTP (http_client.h).
#ifndef ROOMWIRE_GATEWAY_HOOKS_H
#define ROOMWIRE_GATEWAY_HOOKS_H

#include "gateway.h"
#include "hook_event.h"

struct hooks;
struct hook_ask;

enum { HOOKS_URLS_MAX = 16 }; // different ones, in all three lists

// Says what is wrong with the options of webhooks, which are right where there are none.
// Errors: ERR_INVALID with a line in `why`; those of hook_secret_load.
MUST_USE enum err hooks_check(const struct config *config, struct buf *why);

// Makes what the configuration asks for; NULL, and ERR_OK, if that is no webhook. To be called
// before any thread starts. Errors: those of hooks_check and http_client.h, with a line in `why`.
MUST_USE enum err hooks_create(struct gateway *gateway, struct hooks **out_hooks, struct buf *why);
// Frees it when upstream and workers run no more, and before the workers' loops are destroyed.
void hooks_destroy(struct hooks *hooks); // NULL is fine
// Opens the database, changes it to what the configuration asks for, and starts the thread; once
// gateway->upstream is there, and this gateway is about to take over. NULL is fine.
// Errors: ERR_MEMORY, those of store_hooks.h with a line in `why`.
MUST_USE enum err hooks_start(struct hooks *hooks, struct buf *why);
// Another gateway delivers from now on: what is under way is finished, and workers may still ask.
// Where both are at it for a moment, receivers know repetitions by their webhook-id. From any
// thread; NULL is fine.
void hooks_retire(struct hooks *hooks);
// Ends the thread, when no worker runs any more and before the upstream is stopped. What was under
// way is delivered again by the next run. NULL or one that never started is fine.
void hooks_stop(struct hooks *hooks);

// ---- for the upstream's thread ----

#define HOOKS_TOPIC_PREFIX "$aws/events/presence/"

// True if the lifecycle events below HOOKS_TOPIC_PREFIX are wanted. `hooks` may be NULL.
bool hooks_want_presence(const struct hooks *hooks);
// One of them came; the payload is copied.
void hooks_heard(struct hooks *hooks, struct span payload);
// The service connection stands, and the events are subscribed to: what was not heard before is
// found out. NULL is fine.
void hooks_connected(struct hooks *hooks);

// ---- for workers ----

// How many connects and disconnects wait to be delivered. `hooks` may be NULL.
int64_t hooks_events_waiting(const struct hooks *hooks);

enum hook_verdict { HOOK_ALLOWS, HOOK_REFUSES, HOOK_SILENT /* down, late or talking nonsense */ };

// True if a client's CONNECT has to wait for hooks_ask. `hooks` may be NULL.
bool hooks_ask_first(const struct hooks *hooks);

// Asks the connect hooks about a client whose token is good; `client` is copied. `on_verdict` runs
// once on `loop`, after webhook_timeout_ms for each of those before it at the latest, unless
// hooks_forget came first. `reason` may be empty and lives during the call.
// Errors: ERR_MEMORY.
typedef void hook_verdict_fn(void *context, enum hook_verdict verdict, struct span reason);
MUST_USE enum err hooks_ask(struct hooks *hooks, struct loop *loop,
                            const struct hook_client *client, hook_verdict_fn *on_verdict,
                            void *context, struct hook_ask **out_ask);
// From the thread of the loop that was given, before `on_verdict` has run. NULL is fine.
void hooks_forget(struct hook_ask *ask);

#endif
