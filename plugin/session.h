// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// What the plugin knows about each client of the broker, by the broker's own pointer to it: the
// client id will not do, since a takeover has two clients with one id for a moment.
// Not what a client may do: that is in its token's rights.
#ifndef ROOMWIRE_PLUGIN_SESSION_H
#define ROOMWIRE_PLUGIN_SESSION_H

#include "core/introduction.h"
#include "core/meter.h"
#include "core/tally.h"
#include "core/token.h"
#include "members.h"
#include "rooms.h"
#include "waiting.h"

enum session_state {
    SESSION_CONNECTED,
    SESSION_OFFLINE, // the connection ended; the broker may still queue for it and send its will
    SESSION_ENDED    // to be forgotten at the next sessions_sweep
};

// Why the broker is told to disconnect it.
enum session_kick {
    SESSION_KICK_NONE,
    SESSION_KICK_EXPIRED, // its token
    SESSION_KICK_REFUSED, // its token stopped being good
    SESSION_KICK_ASKED    // somebody with the right to said so
};

// What one delivery needs to know about a room, so that the next one need not look it up.
struct session_room {
    const struct room *room;
    bool may_read;
    struct tally_ref out;
};

enum { SESSION_ROOMS = 4 };

struct session {
    const void *client; // the broker's pointer: a key, never followed here
    char *client_id;
    char *broker_username; // as the broker has it; "" if it has none
    char *own_username;    // as the client gave it; "" if it gave none
    char *user_agent;      // of the request that a WebSocket began with; NULL if unknown
    char address[INTRODUCTION_ADDRESS_MAX + 1];
    struct token token; // subject, name, rights; of no use for the service connection
    enum meter_face face;
    enum session_state state;
    bool is_service;
    enum session_kick kick; // anything but NONE: it may do nothing any more
    bool is_v5;
    // It came without "clean start" (MQTT 5) or "clean session" (MQTT 3): it has the subscriptions
    // and the queue of before. Only with MQTT 3 this says that it may come back to them, too.
    bool is_persistent;
    bool has_arrived;    // its CONNECT was accepted, so it counts as connected (presence.h)
    bool is_restored;    // the broker knows subscriptions of its that we never saw
    uint64_t connection; // rises with every session made
    int64_t connected_ms, active_ms; // dates, in milliseconds since 1970
    struct memberships memberships;  // members.h
    uint64_t id_hash;                // of the client id, with a seed of session.c's
    struct session_room rooms[SESSION_ROOMS];
    // The last delivery counted, to count a message once that overlapping subscriptions match.
    uint64_t counted_serial;
    const char *counted_topic;
    struct waiting waiting; // since it went offline, until the end of `resuming` (plugin.h)

    // For session.c alone.
    bool is_newest; // among the sessions of its client id
    int64_t deadline_s;
    size_t heap_at;           // 1-based; 0: never expires or is not connected
    struct list_node in_list; // that of its state

    // For subjects.c alone.
    struct session *subject_prev, *subject_next;
    bool is_under_subject;
};

struct sessions;

// At most `max_offline` offline sessions are remembered; beyond it the longest gone is forgotten.
// Errors: ERR_MEMORY, ERR_IO (no random seed).
MUST_USE enum err sessions_create(size_t max_offline, struct sessions **out_sessions);
void sessions_destroy(struct sessions *sessions); // NULL is fine

struct session *sessions_find(const struct sessions *sessions, const void *client);
// The newest session of a client id, in any state; NULL if there is none.
struct session *sessions_find_id(const struct sessions *sessions, const char *client_id);

// The sessions whose tokens name that subject, in any state: the first one, and the one behind
// `session`; NULL at the end.
struct session *sessions_first_of(const struct sessions *sessions, const char *subject);
struct session *sessions_next_of(const struct session *session);

// The connected sessions in the order of `connection`: the first one, and the one behind `session`;
// NULL at the end.
struct session *sessions_first_connected(const struct sessions *sessions);
struct session *sessions_next_connected(const struct session *session);

// What a new session is made of. Texts are copied, NULL counts as ""; the token moves in.
struct session_data {
    const void *client;
    const char *client_id, *broker_username, *own_username, *address, *user_agent;
    struct token *token; // NULL for the service connection
    enum meter_face face;
    bool is_v5, is_persistent;
    int64_t deadline_s; // since 1970; 0: never. The token's, as a rule
    int64_t now_ms;
};

// Adds a connected session. An older one of the same pointer is replaced (the broker freed that
// client without saying so); an older one of the same client id stays until it is disconnected.
// Errors: ERR_MEMORY; the token is then still the caller's.
MUST_USE enum err sessions_add(struct sessions *sessions, const struct session_data *data,
                               struct session **out_session);
// Gives a connected session another token, which moves in; what was cached is forgotten.
void sessions_renew(struct sessions *sessions, struct session *session, struct token *token,
                    int64_t deadline_s);
// The connection ended. It stays as SESSION_OFFLINE if `may_return` and it is still the newest of
// its client id, else it becomes SESSION_ENDED.
void sessions_disconnect(struct sessions *sessions, struct session *session, bool may_return);
// Forgets one at once.
void sessions_remove(struct sessions *sessions, struct session *session);
// Forgets those that have ended. To be called when the broker is out of every client's business.
void sessions_sweep(struct sessions *sessions);

// The connected session whose deadline is earliest, if that is not after `now_s`; else NULL.
struct session *sessions_due(const struct sessions *sessions, int64_t now_s);
// Lets a connected session be due at once.
void sessions_expire(struct sessions *sessions, struct session *session, enum session_kick kick);
// The session is dealt with: it will not be due again.
void sessions_undue(struct sessions *sessions, struct session *session);

size_t sessions_count(const struct sessions *sessions);
size_t sessions_offline(const struct sessions *sessions);

#endif
