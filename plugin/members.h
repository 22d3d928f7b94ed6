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

#include "core/list.h"
#include "core/topic.h"

struct members;
struct membership; // one subscription
struct session;

// All that is known of one session's subscriptions, which owns it (session.h). All zero: nothing.
struct memberships {
    struct membership *joined;  // we saw the SUBSCRIBE
    struct membership *learned; // we saw a delivery: of what, is not known
    size_t wide;                // of those joined, how many reach every room
    struct members *hidden_in;  // while the session is hidden and has some
    struct list_node in_hidden;
};

// A client may have as many subscriptions as it likes, and the broker's loop waits for all of this:
// joining, learning and leaving take as long with many as with one. (To leave every room takes a
// step for each room that was learned, which is then forgotten.) What is done to all of a session
// takes a step for each.

// At most `max` subscriptions are remembered; at the limit, those of whoever is hidden longest make
// room, all of the session's: what is not known of it is learned when it is back. `rooms` is
// borrowed for the table's life. Errors: ERR_MEMORY, ERR_IO (no random seed).
MUST_USE enum err members_create(const struct topic_rooms *rooms, size_t max,
                                 struct members **out_members);
// Every session must have been forgotten before. NULL is fine.
void members_destroy(struct members *members);

// The session subscribed to `filter`; nothing changes if it reaches no room, or is known already.
// Errors: ERR_FULL, ERR_MEMORY; the session is then missing among the members.
MUST_USE enum err members_join(struct members *members, struct session *session, struct span filter,
                               int64_t now_ms);
// The broker delivered a message on `topic` to a session whose subscriptions we do not all know: it
// has one that reaches it. Nothing changes unless it is a room's kept topic. Errors: as above.
MUST_USE enum err members_learn(struct members *members, struct session *session, struct span topic,
                                int64_t now_ms);
// It unsubscribed; what was learned of the rooms that the filter reaches goes, too.
void members_leave(struct members *members, struct session *session, struct span filter);
// The connection ended: the session keeps its subscriptions, but is no member.
void members_hide(struct session *session);
// And it is one again, since `now_ms`, with those for which there is memory.
void members_show(struct session *session, int64_t now_ms);
void members_forget(struct session *session);

// All that a session has, hidden, on its way to the one that takes its place.
struct memberships members_take(struct session *session);
// `session` has none of its own yet, and the client id of the one that they were taken from.
void members_give(struct session *session, struct memberships memberships);
// Instead of giving them.
void members_drop(struct memberships memberships);

// Calls `each` for every subscription that reaches `room`, the oldest first, until it gives false.
// A session may come several times.
typedef bool members_each_fn(void *context, const struct session *session, int64_t since_ms);
void members_each(const struct members *members, struct span room, members_each_fn *each,
                  void *context);

#endif
