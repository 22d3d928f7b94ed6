// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The inside of the webhooks, shared by hooks*.c and nobody else. All of it is the hooks' thread's,
// but for what says otherwise.
//
//     hooks.c          the configuration, the thread, and a look at the log for what is new
//     hooks_lane.c     what is delivered in order: a room's messages, a client's coming and going
//     hooks_send.c     one request, and what its answer means
//     hooks_carry.c    publishing what an answer says
//     hooks_presence.c lifecycle events on their way into the database
//     hooks_roll.c     who came and went while no events were heard
//     hooks_ask.c      CONNECT packets that wait for an answer
#ifndef ROOMWIRE_GATEWAY_HOOKS_PARTS_H
#define ROOMWIRE_GATEWAY_HOOKS_PARTS_H

#include "core/hash.h"
#include "core/table.h"
#include "core/topic.h"
#include "hook_answer.h"
#include "hooks.h"
#include "http_client.h"
#include "log_reader.h"

enum { HOOKS_NAME_MAX = 96 }; // bytes of a webhook-id

// One URL, and what it is told of. Requests to different URLs never wait for each other.
struct hook_url {
    char *url;
    char *name; // for the log: without what may be secret
    int64_t hook_id;
    bool wants_connects, wants_disconnects, wants_messages;
    int64_t active; // requests under way for lanes
    struct hook_lane *first_ready, **last_ready;
};

struct hooks {
    struct gateway *gateway;
    struct loop *loop;
    struct http_client *client;
    struct secret secret;
    struct topic_rooms rooms;
    pthread_t thread;
    bool is_running; // the thread; the starting and stopping one's own

    struct hook_url urls[HOOKS_URLS_MAX];
    size_t url_count;

    struct store_hooks *store; // NULL before the start
    struct log_reader log;
    struct loop_timer look;         // for what is new in the log
    struct loop_timer look_clients; // for events that nobody here has heard of
    bool has_looked;
    int64_t seen_id;          // all rooms were looked at up to this message
    int64_t seen_committed;   // and this is what the mark said then
    uint64_t seen_generation; // of the log
    unsigned logs;            // how often an older one was put in place

    struct hash_seed seed;
    struct table lanes;
    atomic_llong events; // connects and disconnects in the database; read by workers
    struct log_cap warnings;
    struct log_cap late;    // the upstream's own
    atomic_llong heard;     // lifecycle events on their way here; added to by the upstream
    atomic_bool is_ending;  // no request begins any more
    atomic_bool is_retired; // nor any delivery: another gateway sees to them

    struct hook_roll {
        struct loop_task task;
        atomic_bool is_called; // the task is on its way; set by the upstream
        bool is_due;           // not at the end yet
        bool has_warned;       // that it is late, since it began
        uint64_t number;       // upstream's, of the question under way; 0 for none
        int64_t after;         // up to this versionNumber all is told
    } roll;

    struct hook_carry *carries;
    struct hook_ask *first_ask, **last_ask; // that wait for one to end
    struct hook_ask *running_asks;
    int64_t asks_running;
};

static inline const struct config *hooks_config(const struct hooks *hooks)
{
    return &hooks->gateway->config;
}

// A line that receivers can provoke.
__attribute__((format(printf, 3, 4))) void hooks_warn(struct hooks *hooks, enum log_level level,
                                                      const char *format, ...);

// ---- hooks_lane.c ----

enum lane_state {
    LANE_READY,   // in the line for a request
    LANE_BUSY,    // a request is under way, or its answer is carried out
    LANE_WAITING, // for the next attempt
};

// What one URL is told in order, one request at a time. It lives while there is something to tell.
struct hook_lane {
    struct hooks *hooks;
    struct hook_url *url;
    enum lane_state state;
    struct hook_lane *next_ready;
    struct loop_timer timer;        // WAITING
    unsigned failures;              // since the last delivery
    int64_t position;               // of a room: its messages up to this one are dealt with
    bool is_noted;                  // that is in the database
    struct hook_delivery *delivery; // BUSY
    bool is_room;
    size_t key_len;
    char key[]; // room or client id
};

// There may be something to tell: of a room (where a new lane begins after `position`), or of a
// client. Nothing is sent before hooks_lanes_run.
void hooks_lane_stir(struct hooks *hooks, struct hook_url *url, bool is_room, struct span key,
                     int64_t position);
struct hook_lane *hooks_lane_find(const struct hooks *hooks, const struct hook_url *url,
                                  bool is_room, struct span key);
// Begins what requests there may be.
void hooks_lanes_run(struct hooks *hooks);
// The request is over; the lane is put into the line again, now or after a while.
void hooks_lane_go_on(struct hook_lane *lane);
void hooks_lane_retry(struct hook_lane *lane);
// The log was put back to `last_id`.
void hooks_lanes_cap(struct hooks *hooks, int64_t last_id);
void hooks_lanes_destroy(struct hooks *hooks);
// How long to wait after so many failures in a row: doubled each time up to `max_ms`, of which up
// to a half is left off by chance (`random`), so that many lanes do not come at once.
int64_t hooks_lane_delay_ms(unsigned failures, int64_t max_ms, uint64_t random);

static inline struct span hooks_lane_key(const struct hook_lane *lane)
{
    return span_make(lane->key, lane->key_len);
}

// ---- hooks_send.c ----

// What a request is about, and by which name the receiver knows it in every attempt.
struct hook_subject {
    char name[HOOKS_NAME_MAX + 1];
    struct span room;      // empty for clients
    struct span principal; // whom a reply is for
};

// Begins the lane's next delivery. ERR_OK: the lane is busy. ERR_NOT_FOUND: there is nothing to
// tell. Other errors: not now.
MUST_USE enum err hooks_send_next(struct hook_lane *lane);
void hooks_delivery_destroy(struct hook_delivery *delivery); // NULL is fine
// Sends `body`, signed. Errors: ERR_MEMORY.
MUST_USE enum err hooks_send(struct hooks *hooks, const struct hook_url *url, const char *name,
                             struct span body, http_answer_fn *on_answer, void *context,
                             struct http_call **out_call);
void hooks_name_of_client(const struct hook_client *client, char out_name[HOOKS_NAME_MAX + 1]);

// ---- hooks_carry.c ----

// The connection that is to end. Its client id alone would not do: somebody else may have it by the
// time of the answer.
struct hook_refused {
    struct span client_id; // empty: none is to end
    struct span session;   // what the broker calls the connection
};

// Publishes what `answer` (taken over) says about `subject` (copied), one after the other, and
// disconnects `refused`, which is borrowed until then. `on_done` runs once, perhaps before this
// returns, and may be NULL: ERR_AGAIN if it has to be done again, which doubles no publish but
// perhaps a reply, else ERR_OK.
typedef void hooks_carried_fn(void *context, enum err err);
void hooks_carry(struct hooks *hooks, const struct hook_url *url,
                 const struct hook_subject *subject, struct hook_answer *answer,
                 struct hook_refused refused, hooks_carried_fn *on_done, void *context);
void hooks_carries_destroy(struct hooks *hooks);

// ---- hooks_presence.c ----

// Has a client's connect or disconnect told to whom it concerns, and notes that. Before a connect,
// the end of the client's older connections is told; one that is noted is not told again. What is
// too much for webhook_max_queue is dropped, and counts as told. Errors: those of store_hooks.h and
// ERR_MEMORY; then it may be told again.
MUST_USE enum err hooks_tell_connect(struct hooks *hooks, const struct hook_client *client);
MUST_USE enum err hooks_tell_disconnect(struct hooks *hooks, const struct hook_client *client);
// A noted connection ended, nobody knows when and why.
MUST_USE enum err hooks_tell_gone(struct hooks *hooks,
                                  const struct store_hook_connection *connection);

// ---- hooks_roll.c ----

// Something that happened was not noted: compares all once more, before long.
void hooks_roll_again(struct hooks *hooks);
// Asks on where it is due and nothing is under way; to be called now and then.
void hooks_roll_go_on(struct hooks *hooks);
// The task that hooks_connected posts.
void hooks_roll_on_call(struct loop_task *task);

// ---- hooks_ask.c ----

// Sends home what waits; to be called when the thread has ended.
void hooks_asks_end(struct hooks *hooks);

#endif
