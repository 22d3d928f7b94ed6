// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Who comes and goes, and who subscribes, told on $aws/events/... (docs/protocol.md, "Lifecycle
// events"), and kept up among the members of rooms (members.h).
// Not who may connect or subscribe: that is on_auth.c and on_acl.c.
#ifndef ROOMWIRE_PLUGIN_PRESENCE_H
#define ROOMWIRE_PLUGIN_PRESENCE_H

#include "broker_api.h"
#include "core/message.h"
#include "session.h"

struct plugin;

// Sessions whose CONNECT was authorized, and whose arrival brokers of 2.0 do not tell of.
struct presence {
    uint64_t version_base; // what the numbers of connections are added to
    struct presence_entry {
        const void *client;
        uint64_t connection;
    } * entries;
    size_t count, capacity;
};

enum { PRESENCE_CLIENT_ID_MAX = 1024 }; // bytes; of longer ones nothing is told

// A version number is to be higher than all before the broker's start: `now_ms` sees to that.
void presence_init(struct presence *presence, int64_t now_ms);
void presence_finish(struct presence *presence);

// False if nothing can be told of a client of that id, which is part of the topics.
bool presence_can_tell_of(struct span client_id);

// A CONNECT was authorized: the session arrives with presence_arrive, or at the end of the turn.
void presence_expect(struct plugin *p, struct session *session);
// Whoever was expected and is still there has arrived: for brokers of 2.0.
void presence_arrive_all(struct plugin *p);
// The connection stands. Nothing happens the second time.
void presence_arrive(struct plugin *p, struct session *session);
// The connection ended; `reason` is what the broker says of it. To be called before
// sessions_disconnect.
void presence_depart(struct plugin *p, struct session *session, int reason);
// The session subscribed, or no longer wants what it had subscribed to.
void presence_subscribe(struct plugin *p, struct session *session, const char *filter);
void presence_unsubscribe(struct plugin *p, struct session *session, const char *filter);
// A restored session is delivered what is published on `topic`, of a room.
void presence_learn(struct plugin *p, struct session *session, const char *topic);

// True if the connection's begin is told and its end is not: the client is connected, for all who
// hear of it.
bool presence_is_told(const struct plugin *p, const struct session *session);
// Writes what `connected` says of the session, as of `date_ms`.
void presence_write_connected(const struct plugin *p, const struct session *session,
                              int64_t date_ms, struct json_writer *w);

// What names the connection beside its client id: rises from one to the next.
uint64_t presence_version(const struct plugin *p, const struct session *session);
// What its events call it, the sessionIdentifier.
enum { PRESENCE_NAME_MAX = MESSAGE_EPOCH_MAX + 1 + 16 };
void presence_name(const struct plugin *p, const struct session *session,
                   char out_name[PRESENCE_NAME_MAX + 1]);
// The address without port; empty for what is no network address.
struct span presence_ip(const struct session *session);

#endif
