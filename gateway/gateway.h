// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// What the whole gateway shares, and what one worker thread has for itself.
#ifndef ROOMWIRE_GATEWAY_GATEWAY_H
#define ROOMWIRE_GATEWAY_GATEWAY_H

#include <pthread.h>
#include <stdatomic.h>

#include "conn.h"
#include "core/access.h"
#include "core/config.h"
#include "core/log.h"
#include "core/tally.h"
#include "core/watermark.h"
#include "log_reader.h"

struct bills;
struct exchange;
struct feed;
struct handover;
struct history;
struct hooks;
struct token_cache;
struct hub;
struct readers;
struct relay_list;
struct server;
struct server_watch;
struct upstream;

enum { GATEWAY_WORKERS_MAX = 64 };

// One reading of the configuration and the files that it names. Replaced as a whole on SIGHUP; who
// uses it holds it by a reference.
struct credentials {
    atomic_int references;
    struct access *access;
};

// Made once by `roomwire serve`, then only read, but for what says otherwise.
struct gateway {
    struct config config;
    struct log log;
    const char *config_path;
    char boot_secret[32];      // for CSRF tokens; derived from the service secret at the start
    struct upstream *upstream; // the service connection, a thread of its own
    struct feed *feed;         // what it hears, on its way to the workers; locks by itself
    struct hooks *hooks;       // webhooks, a thread of its own; NULL without any
    struct readers *readers;   // who reads over HTTP; locks by itself
    struct bills *bills;       // the bill, on a thread of its own; locks by itself
    // NULL until the plugin has run once; the upstream opens it when it first reaches the broker.
    struct watermark *_Atomic mark;

    pthread_mutex_t tally_lock; // workers take turns to add
    struct tally *tally;
    int tally_index; // which of the files (tallies.h)

    pthread_mutex_t credentials_lock;
    struct credentials *_Atomic credentials;

    struct tls *tls;             // NULL without a certificate
    struct admission *admission; // who may connect; locks by itself
    struct server *server;       // the listening sockets
    struct handover *handover;   // where they are given away; the main thread's
    int predecessor;             // the link to the gateway whose place we take; -1: none
    atomic_llong body_bytes;     // of request bodies that are being received
    atomic_bool is_draining;
    atomic_uint reloads; // of keys, by SIGHUP

    struct worker *workers[GATEWAY_WORKERS_MAX];
    int worker_count;
};

enum { COUNTERS_CLASSES = 5 };

// What one worker has done, for GET /metrics. Its own thread writes them, any may read them.
struct counters {
    atomic_llong answers[COUNTERS_CLASSES]; // HTTP answers begun: 1xx, 2xx, ...
    atomic_int streams;                     // event streams and live pages that are open
    atomic_int relays;                      // so WebSockets
};

// One event loop and what belongs to it. Only its own thread touches it.
struct worker {
    struct gateway *gateway;
    struct loop *loop;
    struct log_reader log; // for worker_store
    struct token_cache *tokens;
    struct history *history;   // waits and the page cache; history_start makes it
    struct hub *hub;           // rooms with live readers; hub_start makes it
    struct relay_list *relays; // WebSocket connections; relay_start makes it
    int index;

    // The rest is for worker.c, server.c and exchange*.c.
    struct conn_list conns;
    struct counters counters;
    atomic_int load;              // connections, read by other workers to find the idlest
    struct server_watch *listens; // NULL when it accepts nothing
    struct exchange *spares;
    int spare_count;
    int64_t date_s; // what `date` says
    size_t date_len;
    char date[48];           // the field Date, with its line end
    struct log_cap refusals; // of HTTP requests
    struct loop_task drain_task, break_task;
    int64_t drain_over_ms;
    bool is_broken; // connections are closed as they come
    pthread_t thread;
};

// The worker's database handle, opened on demand; NULL (and one log line) if it cannot be had.
struct store *worker_store(struct worker *worker);
// Counts an HTTP answer with that status, from the worker's thread.
void worker_count_answer(struct worker *worker, int status);
// The credentials in force; release with credentials_release.
struct credentials *gateway_credentials(struct gateway *gateway);
void credentials_release(struct credentials *credentials);

// ---- for `roomwire serve` ----

// Makes all that `config` (taken over, also on an error) asks for; nothing is accepted yet. What
// SIGHUP reads anew is read from `config_path`, which is borrowed for the gateway's life.
// On an error `why` gets one line. Errors: those of the parts.
MUST_USE enum err gateway_create(const char *config_path, struct config *config,
                                 const struct log *log, struct gateway **out_gateway,
                                 struct buf *why);
// Serves until SIGTERM or SIGINT, which must be blocked in the calling thread like SIGHUP, or until
// another process has taken over. Reloads keys, secrets, token options and certificates on SIGHUP.
// Errors: those of the parts, if serving could not begin.
MUST_USE enum err gateway_run(struct gateway *gateway, struct buf *why);
void gateway_destroy(struct gateway *gateway); // NULL and half-built ones are fine

#endif
