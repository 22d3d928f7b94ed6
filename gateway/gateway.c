// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "gateway.h"
#include "feed.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "bills.h"
#include "core/clock.h"
#include "core/descriptors.h"
#include "handover.h"
#include "hooks.h"
#include "readers.h"
#include "server.h"
#include "tallies.h"
#include "upstream.h"
#include "worker.h"

enum {
    DRAIN_LOOK_MS = 20,      // between two looks at what is still open
    EVENT_LOOK_MS = 1000,    // at a handover that was begun
    DESCRIPTORS_SPARE = 128, // for everything that is not a connection
    SPREAD_PERCENT = 60 // of drain_ms: clients that have a successor to go to do not go all at once
};

// ---- credentials ----

static void credentials_destroy(struct credentials *credentials)
{
    access_destroy(credentials->access);
    free(credentials);
}

void credentials_release(struct credentials *credentials)
{
    if (atomic_fetch_sub(&credentials->references, 1) == 1)
        credentials_destroy(credentials);
}

struct credentials *gateway_credentials(struct gateway *gateway)
{
    (void)pthread_mutex_lock(&gateway->credentials_lock);
    struct credentials *credentials = gateway->credentials;
    atomic_fetch_add(&credentials->references, 1);
    (void)pthread_mutex_unlock(&gateway->credentials_lock);
    return credentials;
}

static enum err load_credentials(struct gateway *gateway, struct buf *why)
{
    struct credentials *fresh = calloc(1, sizeof *fresh);
    if (fresh == NULL)
        return ERR_MEMORY;
    atomic_init(&fresh->references, 1);
    enum err err =
        access_load(gateway->config_path, gateway->config.room_topic, &fresh->access, why);
    if (err != ERR_OK) {
        credentials_destroy(fresh);
        return err;
    }
    (void)pthread_mutex_lock(&gateway->credentials_lock);
    struct credentials *old = gateway->credentials;
    gateway->credentials = fresh;
    (void)pthread_mutex_unlock(&gateway->credentials_lock);
    if (old != NULL) {
        credentials_release(old);
        atomic_fetch_add(&gateway->reloads, 1);
    }
    return ERR_OK;
}

static void log_reload(const struct gateway *gateway, const char *what, enum err err,
                       const struct buf *why)
{
    if (err == ERR_OK)
        log_line(&gateway->log, LOG_LEVEL_INFO, "reload %s", what);
    else
        log_line(&gateway->log, LOG_LEVEL_ERROR, "reload failed, the old %s stay: %.*s", what,
                 (int)why->len, why->len > 0 ? why->ptr : "");
}

// What was good before stays in force where the new files are not.
static void reload(struct gateway *gateway)
{
    struct buf why;
    buf_init(&why, 1024);
    enum err err = load_credentials(gateway, &why);
    log_reload(gateway, "keys", err, &why);
    buf_clear(&why);
    if (gateway->tls != NULL) {
        err = tls_reload(gateway->tls, &why);
        log_reload(gateway, "certificates", err, &why);
    }
    buf_finish(&why);
}

// ---- making ----

// Each connection needs a descriptor, and each WebSocket one more to the broker.
static void raise_descriptors(const struct gateway *gateway)
{
    struct rlimit limit;
    rlim_t wanted = 2 * (rlim_t)gateway->config.max_connections + DESCRIPTORS_SPARE;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    bool is_raised = setrlimit(RLIMIT_NOFILE, &limit) == 0;
    descriptors_reserve(wanted);
    if (is_raised && limit.rlim_cur >= wanted)
        return;
    log_line(&gateway->log, LOG_LEVEL_WARNING,
             "descriptors limit=%llu wanted=%llu: fewer than max_connections can be served",
             (unsigned long long)limit.rlim_cur, (unsigned long long)wanted);
}

// Derived, so that forms that were open before a restart can still be sent.
static enum err derive_boot_secret(struct gateway *gateway)
{
    unsigned char mac[SECRET_HMAC_SIZE];
    struct span secret = secret_span(&gateway->credentials->access->service_secret);
    enum err err = secret_hmac(secret, span_of("roomwire forms"), mac);
    if (err == ERR_OK)
        memcpy(gateway->boot_secret, mac, sizeof mac);
    return err;
}

static enum err load_tls(struct gateway *gateway, struct buf *why)
{
    const struct config *config = &gateway->config;
    if (*config->tls_certificate == '\0' && *config->tls_key == '\0')
        return ERR_OK;
    if (*config->tls_certificate == '\0' || *config->tls_key == '\0') {
        buf_add_text(why, "tls_certificate and tls_key: give both or none");
        return ERR_INVALID;
    }
    return tls_create(config->tls_certificate, config->tls_key, &gateway->tls, why);
}

static enum err create_workers(struct gateway *gateway)
{
    int count = (int)gateway->config.workers;
    if (count == 0)
        count = get_nprocs();
    if (count > GATEWAY_WORKERS_MAX)
        count = GATEWAY_WORKERS_MAX;
    for (int i = 0; i < count; i++) {
        enum err err = worker_create(gateway, i, &gateway->workers[i]);
        if (err != ERR_OK)
            return err;
        gateway->worker_count++;
    }
    return ERR_OK;
}

// Where a new gateway asks for the place of the one that runs, to be freed; NULL when out of
// memory.
static char *handover_path(const struct gateway *gateway)
{
    const char *given = gateway->config.handover_socket;
    return *given != '\0' ? span_dup(span_of(given))
                          : config_companion(&gateway->config, "-handover");
}

static enum err ask_for_sockets(struct gateway *gateway, struct inherited *inherited)
{
    char *path = handover_path(gateway);
    if (path == NULL)
        return ERR_MEMORY;
    enum err err = handover_ask(path, inherited, &gateway->predecessor);
    free(path);
    return err;
}

// Listens, with the sockets of systemd or of a gateway that runs already where there are some.
static enum err open_server(struct gateway *gateway, struct buf *why)
{
    struct inherited inherited = {.count = 0};
    inherit_from_systemd(&inherited);
    enum err err = ask_for_sockets(gateway, &inherited);
    if (err == ERR_OK)
        log_line(&gateway->log, LOG_LEVEL_INFO, "handover sockets=%d", inherited.count);
    else if (err != ERR_NOT_FOUND && err != ERR_TOO_LARGE) // handover_open says that it is too long
        log_line(&gateway->log, LOG_LEVEL_WARNING, "handover impossible: why=\"%s\"",
                 err_text(err));
    err = server_open(gateway, &inherited, &gateway->server, why);
    int left = inherit_finish(&inherited);
    if (left > 0)
        log_line(&gateway->log, LOG_LEVEL_WARNING,
                 "listen sockets=%d were given to us, but listen does not name them", left);
    return err;
}

static enum err create_parts(struct gateway *gateway, struct buf *why)
{
    const struct config *config = &gateway->config;
    raise_descriptors(gateway);
    enum err err = load_credentials(gateway, why);
    if (err == ERR_OK)
        err = derive_boot_secret(gateway);
    if (err == ERR_OK)
        err = load_tls(gateway, why);
    if (err == ERR_OK)
        err = tallies_open(config, &gateway->tally, &gateway->tally_index, why);
    if (err == ERR_OK)
        err = admission_create(config->max_connections, config->max_connections_per_address,
                               &gateway->admission);
    if (err == ERR_OK)
        err = feed_create((size_t)config->max_live_rooms, (size_t)config->inbox_memory,
                          &gateway->feed);
    if (err == ERR_OK)
        err = readers_create((size_t)config->max_connections, config->member_linger_s * 1000,
                             &gateway->readers);
    if (err == ERR_OK)
        err = bills_create(gateway, &gateway->bills);
    if (err == ERR_OK)
        err = hooks_create(gateway, &gateway->hooks, why);
    if (err == ERR_OK)
        err = create_workers(gateway);
    if (err == ERR_OK)
        err = open_server(gateway, why);
    return err;
}

enum err gateway_create(const char *config_path, struct config *config, const struct log *log,
                        struct gateway **out_gateway, struct buf *why)
{
    struct gateway *gateway = calloc(1, sizeof *gateway);
    if (gateway == NULL) {
        config_finish(config);
        return ERR_MEMORY;
    }
    gateway->config_path = config_path;
    gateway->config = *config;
    gateway->log = *log;
    gateway->predecessor = -1;
    // Neither can fail with default attributes.
    (void)pthread_mutex_init(&gateway->credentials_lock, NULL);
    (void)pthread_mutex_init(&gateway->tally_lock, NULL);
    enum err err = create_parts(gateway, why);
    if (err != ERR_OK) {
        if (why->len == 0)
            buf_add_text(why, err_text(err));
        gateway_destroy(gateway);
        return err;
    }
    *out_gateway = gateway;
    return ERR_OK;
}

void gateway_destroy(struct gateway *gateway)
{
    if (gateway == NULL)
        return;
    hooks_destroy(gateway->hooks);
    bills_destroy(gateway->bills);
    for (int i = 0; i < gateway->worker_count; i++)
        worker_destroy(gateway->workers[i]);
    feed_destroy(gateway->feed);
    readers_destroy(gateway->readers);
    handover_close(gateway->handover);
    handover_give_up(gateway->predecessor);
    server_close(gateway->server);
    admission_destroy(gateway->admission);
    watermark_close(gateway->mark);
    tally_close(gateway->tally);
    tls_destroy(gateway->tls);
    if (gateway->credentials != NULL)
        credentials_release(gateway->credentials);
    (void)pthread_mutex_destroy(&gateway->credentials_lock); // nobody holds it
    (void)pthread_mutex_destroy(&gateway->tally_lock);       // nobody holds it
    config_finish(&gateway->config);
    free(gateway);
}

// ---- running ----

enum event { EVENT_NONE, EVENT_RELOAD, EVENT_STOP, EVENT_REPLACED };

static enum event read_signal(int signals)
{
    struct signalfd_siginfo info;
    if (read(signals, &info, sizeof info) != (ssize_t)sizeof info)
        return EVENT_NONE;
    return info.ssi_signo == SIGHUP ? EVENT_RELOAD : EVENT_STOP;
}

// What happens next, or EVENT_NONE when `timeout_ms` has passed.
static enum event next_event(struct gateway *gateway, int signals, int timeout_ms)
{
    struct pollfd fds[1 + HANDOVER_FDS] = {{.fd = signals, .events = POLLIN}};
    handover_watch(gateway->handover, fds + 1);
    if (poll(fds, 1 + HANDOVER_FDS, timeout_ms) < 0)
        return EVENT_NONE;
    if (fds[0].revents != 0)
        return read_signal(signals);
    return handover_drive(gateway->handover, fds + 1) ? EVENT_REPLACED : EVENT_NONE;
}

// Lets open requests end, for drain_ms at most; a second signal ends the wait.
static void drain(struct gateway *gateway, int signals, bool has_successor)
{
    int64_t drain_ms = gateway->config.drain_ms, until_ms = clock_monotonic_ms() + drain_ms;
    log_line(&gateway->log, LOG_LEVEL_INFO, "stop connections=%lld%s",
             (long long)admission_total(gateway->admission),
             has_successor ? " another gateway serves" : "");
    bool is_shared = has_successor || handover_is_under_way(gateway->handover);
    handover_close(gateway->handover);
    gateway->handover = NULL;
    gateway->is_draining = true;
    if (!is_shared)
        server_shut(gateway->server);
    if (has_successor)
        hooks_retire(gateway->hooks);
    for (int i = 0; i < gateway->worker_count; i++)
        worker_drain(gateway->workers[i], has_successor ? drain_ms * SPREAD_PERCENT / 100 : 0);
    // Who comes in before the last worker has left the sockets is somebody to wait for, too.
    while ((server_is_watched(gateway->server) || admission_total(gateway->admission) > 0) &&
           clock_monotonic_ms() < until_ms)
        if (next_event(gateway, signals, DRAIN_LOOK_MS) == EVENT_STOP)
            return;
}

static int open_signals(void)
{
    sigset_t wanted;
    if (sigemptyset(&wanted) != 0 || sigaddset(&wanted, SIGTERM) != 0 ||
        sigaddset(&wanted, SIGINT) != 0 || sigaddset(&wanted, SIGHUP) != 0)
        return -1;
    return signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
}

// True if another process has taken over.
static bool serve_until_event(struct gateway *gateway, int signals)
{
    for (;;) {
        switch (next_event(gateway, signals, EVENT_LOOK_MS)) {
        case EVENT_NONE:
            break;
        case EVENT_RELOAD:
            reload(gateway);
            break;
        case EVENT_STOP:
            return false;
        case EVENT_REPLACED:
            return true;
        }
    }
}

// Whoever runs already serves better than we do before we have the broker.
static void await_broker(struct gateway *gateway)
{
    int64_t until_ms = clock_monotonic_ms() + gateway->config.publish_timeout_ms;
    const struct timespec pause = {.tv_nsec = 10000000};
    while (gateway->predecessor >= 0 && !upstream_is_connected(gateway->upstream) &&
           clock_monotonic_ms() < until_ms)
        (void)nanosleep(&pause, NULL); // a shorter pause is as good
}

// From now on another process may take over from us, and the one before may end.
static void begin_handover(struct gateway *gateway)
{
    int fds[SERVER_LISTENS_MAX];
    int count = server_sockets(gateway->server, fds);
    char *path = handover_path(gateway);
    enum err err = path != NULL ? handover_open(path, fds, count, &gateway->log, &gateway->handover)
                                : ERR_MEMORY;
    free(path);
    if (err != ERR_OK)
        log_line(&gateway->log, LOG_LEVEL_WARNING,
                 "handover impossible: no other gateway can take over: why=\"%s\"",
                 err == ERR_IO ? strerror(errno) : err_text(err));
    handover_tell_ready(gateway->predecessor);
    gateway->predecessor = -1;
}

// Starts everything that runs on threads of its own; says how many workers those are.
static enum err start_threads(struct gateway *gateway, int *out_started, struct buf *why)
{
    *out_started = 0;
    enum err err = upstream_start(gateway, &gateway->upstream);
    if (err != ERR_OK)
        return err;
    await_broker(gateway);
    err = hooks_start(gateway->hooks, why);
    while (err == ERR_OK && *out_started < gateway->worker_count) {
        err = worker_start(gateway->workers[*out_started]);
        if (err == ERR_OK)
            (*out_started)++;
    }
    return err;
}

static void stop_threads(struct gateway *gateway, int started)
{
    gateway->is_draining = true;
    for (int i = 0; i < started; i++)
        worker_stop(gateway->workers[i]);
    hooks_stop(gateway->hooks);
    upstream_stop(gateway->upstream);
    gateway->upstream = NULL;
}

enum err gateway_run(struct gateway *gateway, struct buf *why)
{
    int started = 0;
    int signals = open_signals();
    enum err err = signals < 0 ? ERR_IO : start_threads(gateway, &started, why);
    if (err == ERR_OK) {
        begin_handover(gateway);
        log_line(&gateway->log, LOG_LEVEL_INFO, "ready workers=%d", gateway->worker_count);
        bool has_successor = serve_until_event(gateway, signals);
        drain(gateway, signals, has_successor);
    } else if (why->len == 0) {
        buf_printf(why, "cannot start: %s", err_text(err));
    }
    stop_threads(gateway, started);
    if (signals >= 0)
        (void)close(signals); // only read from
    log_line(&gateway->log, LOG_LEVEL_INFO, "stopped");
    return err;
}
