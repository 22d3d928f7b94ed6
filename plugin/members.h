// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Who listens to which room by MQTT: the subscriptions that reach a room's kept topic, each with
// the session that it belongs to, found by room.
// Not the broker's subscriptions, of which there are more; nor the readers over HTTP, whom the
// gateway knows (docs/protocol.md, "Members").
#ifndef ROOMWIRE_PLUGIN_MEMBERS_H
#define ROOMWIRE_PLUGIN_MEMBERS_H

#include <stdint.h>

#include "core/topic.h"

struct members;
struct membership; // one subscription; owned by its session (session.h)
struct session;

// At most `max` subscriptions are remembered. `rooms` is borrowed for the table's life.
// Errors: ERR_MEMORY, ERR_IO (no random seed).
MUST_USE enum err members_create(const struct topic_rooms *rooms, size_t max,
                                 struct members **out_members);
// Every session must have been forgotten before. NULL is fine.
void members_destroy(struct members *members);

// The session subscribed to `filter`; nothing changes if it reaches no room, or is known already.
// Errors: ERR_FULL, ERR_MEMORY; the session is then missing among the members.
MUST_USE enum err members_join(struct members *members, struct session *session, struct span filter,
                               int64_t now_ms);
// The broker delivered a message on `topic` to a session whose subscriptions we do not all know: it
// has one that reaches it. Errors: as above.
MUST_USE enum err members_learn(struct members *members, struct session *session, struct span topic,
                                int64_t now_ms);
// It unsubscribed; what was learned of this subscription goes, too.
void members_leave(struct session *session, struct span filter);
// The connection ended: the session keeps its subscriptions, but is no member.
void members_hide(struct session *session);
// And it is one again, since `now_ms`, with those for which there is memory.
void members_show(struct session *session, int64_t now_ms);
void members_forget(struct session *session);

// All that a session has, hidden, on its way to the one that takes its place; NULL if it has none.
struct membership *members_take(struct session *session);
// `session` has none of its own yet.
void members_give(struct session *session, struct membership *memberships);
void members_drop(struct membership *memberships);

// Calls `each` for every subscription that reaches `room`, the oldest first, until it gives false.
// A session may come several times.
typedef bool members_each_fn(void *context, const struct session *session, int64_t since_ms);
void members_each(const struct members *members, struct span room, members_each_fn *each,
                  void *context);

#endif
