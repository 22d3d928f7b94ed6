// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The plugin's one state, which every callback gets, and the callbacks themselves: one file each.
//
//     plugin.c        the exported functions, the table of callbacks, start and stop
//     on_auth.c       CONNECT: a token, the relay's introduction, or the service connection
//     on_acl.c        may this client subscribe, publish, receive
//     on_message.c    a publish that was allowed: stamp it and keep it, or meter it
//     on_control.c    what the gateway tells and asks on the control topic
//     on_connect.c    a connection stands (Mosquitto 2.1)
//     on_disconnect.c a connection ended
//     on_out.c        a delivery left (Mosquitto 2.1)
//     on_tick.c       arrivals (Mosquitto 2.0), wills, expiry, log lines of the writer
//     on_reload.c     SIGHUP
//     start.c, stopping.c    opening and closing everything; whether the broker is going down
//     keep.c, stamp.c, will.c, service.c, deliver.c    what they have in common
//     topics.c, properties.c, refuse.c                 what a publish says, and why one is refused
//     session.c, subjects.c, deadlines.c               the memory of clients
//     members.c, presence.c, waiting.c                 what they subscribed to, and what is queued
//     rooms.c, keys.c                                  the memory of messages
//     control_*.c                                      the commands of the control topic
//     writer.c, batch.c, log_queue.c                   the thread that writes the database
//     broker_api.c                                     what differs between the brokers
#ifndef ROOMWIRE_PLUGIN_PLUGIN_H
#define ROOMWIRE_PLUGIN_PLUGIN_H

#include "broker_api.h"
#include "core/access.h"
#include "keys.h"
#include "log_queue.h"
#include "presence.h"
#include "refuse.h"
#include "session.h"
#include "topics.h"
#include "will.h"
#include "writer.h"

struct plugin {
    mosquitto_plugin_id_t *id;
    struct broker_api api;
    struct config config; // of the start; what SIGHUP may change is in `access`
    char *config_path;
    struct log log; // the broker's; its own thread only
    struct log_queue *log_queue;
    struct log log_queue_log; // for other threads
    struct access *access;

    struct store *store; // the writer's, once it runs
    struct spool *spool;
    struct tally *tally;
    struct watermark *watermark;
    struct resume resume;
    struct writer *writer;
    char epoch[MESSAGE_EPOCH_MAX + 1];

    struct sessions *sessions;
    struct members *members;
    struct presence presence;
    struct rooms *rooms;
    struct keys *keys;
    struct topics topics;
    struct log_cap refusals;
    struct wills wills;
    int64_t last_id; // the highest given
    bool is_full;    // the last message was refused for want of room, and that was logged

    int64_t now_ms; // of the last tick or publish: good enough for hours and deadlines
    // Rises with every step that may hand on a message, so that checks of one and the same message
    // can be told from those of the next.
    uint64_t serial;

    // A client that is about to be taken over: the broker asks about its will before it says so.
    // Holds from the new client's BASIC_AUTH to the next callback.
    struct session *taken_over;
    // A client that came back to its session: before its CONNACK, 2.0 asks again about each message
    // that the session has. Holds from BASIC_AUTH to the next callback that is not about these, nor
    // about the end of the older client.
    // PUBREL has no callback: what another client releases (QoS 2) in the same turn of the loop,
    // right behind that CONNECT, looks like one of these, if this client is the first one to get
    // it, and is not counted.
    struct session *resuming;
    struct waiting_limit waiting; // of all sessions
    // Between RELOAD and the next tick the broker authenticates everybody again. In 2.0 that is the
    // same turn of its loop; in 2.1 others may connect before the tick (broker_may_know).
    bool is_reloading;
    bool is_kicking; // the broker asks whether subscriptions of the kicked may stay
    bool is_leaving; // it was told to stop, as of the last tick (is_will)
};

typedef int plugin_callback(int event, void *data, void *userdata);

plugin_callback on_acl, on_auth, on_client_offline, on_connect, on_control, on_disconnect,
    on_message, on_out, on_reload, on_tick;

#define PLUGIN_CONTROL_TOPIC "$CONTROL/roomwire/v1"

#endif
