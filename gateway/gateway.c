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
#include <time.h>
#include <unistd.h>

#include "hooks.h"
#include "readers.h"
#include "server.h"
#include "upstream.h"
#include "worker.h"

enum {
    SECRET_MIN = 16,        // bytes, docs/protocol.md
    TALLY_BATCH = 256,      // counters in one message to the plugin
    DRAIN_LOOK_MS = 20,     // between two looks at what is still open
    DESCRIPTORS_SPARE = 128 // for everything that is not a connection
};

// ---- credentials ----

static void credentials_destroy(struct credentials *credentials)
{
    keyset_destroy(credentials->keys);
    token_policy_finish(&credentials->policy);
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
    enum err err = token_policy_init(&fresh->policy, &gateway->config, why);
    if (err != ERR_OK) {
        free(fresh);
        return err;
    }
    err = keyset_load(&gateway->config, &fresh->keys, why);
    if (err != ERR_OK) {
        credentials_destroy(fresh);
        return err;
    }
    (void)pthread_mutex_lock(&gateway->credentials_lock);
    struct credentials *old = gateway->credentials;
    gateway->credentials = fresh;
    (void)pthread_mutex_unlock(&gateway->credentials_lock);
    if (old != NULL)
        credentials_release(old);
    return ERR_OK;
}

// What was good before stays in force where the new files are not.
static void reload(struct gateway *gateway)
{
    struct buf why;
    buf_init(&why, 1024);
    enum err err = load_credentials(gateway, &why);
    if (err == ERR_OK && gateway->tls != NULL)
        err = tls_reload(gateway->tls, &why);
    if (err == ERR_OK)
        log_line(&gateway->log, LOG_LEVEL_INFO, "reload keys and certificate");
    else
        log_line(&gateway->log, LOG_LEVEL_ERROR, "reload failed, the old ones stay: %.*s",
                 (int)why.len, why.len > 0 ? why.ptr : "");
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
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur >= wanted)
        return;
    log_line(&gateway->log, LOG_LEVEL_WARNING,
             "descriptors limit=%llu wanted=%llu: fewer than max_connections can be served",
             (unsigned long long)limit.rlim_cur, (unsigned long long)wanted);
}

static enum err load_secret(struct gateway *gateway, struct buf *why)
{
    unsigned char mac[SECRET_HMAC_SIZE];
    enum err err =
        secret_load(gateway->config.service_secret_file, SECRET_MIN, &gateway->secret_storage, why);
    if (err != ERR_OK)
        return err;
    gateway->service_secret = secret_span(&gateway->secret_storage);
    // Derived, so that forms that were open before a restart can still be sent.
    err = secret_hmac(gateway->service_secret, span_of("roomwire forms"), mac);
    memcpy(gateway->boot_secret, mac, sizeof mac);
    return err;
}

static enum err open_tally(struct gateway *gateway, struct buf *why)
{
    struct buf path;
    buf_init(&path, 4096);
    buf_printf(&path, "%s-gateway-tally", gateway->config.database);
    buf_add_char(&path, '\0');
    enum err err = path.status == ERR_OK ? tally_open(path.ptr, (size_t)gateway->config.max_tallies,
                                                      TALLY_BATCH, &gateway->tally)
                                         : path.status;
    const char *text = err_text(err);
    if (err == ERR_AGAIN)
        text = "in use by another gateway";
    else if (err == ERR_FULL)
        text = "the disk is full";
    else if (err == ERR_IO)
        text = strerror(errno);
    if (err != ERR_OK)
        buf_printf(why, "%s: %s", path.ptr ? path.ptr : "", text);
    buf_finish(&path);
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

static enum err create_parts(struct gateway *gateway, struct buf *why)
{
    const struct config *config = &gateway->config;
    raise_descriptors(gateway);
    enum err err = load_secret(gateway, why);
    if (err == ERR_OK)
        err = load_credentials(gateway, why);
    if (err == ERR_OK)
        err = load_tls(gateway, why);
    if (err == ERR_OK)
        err = open_tally(gateway, why);
    if (err == ERR_OK)
        err = admission_create(config->max_connections, config->max_connections_per_address,
                               &gateway->admission);
    if (err == ERR_OK)
        err = feed_create((size_t)config->max_live_rooms, &gateway->feed);
    if (err == ERR_OK)
        err = readers_create((size_t)config->max_connections, config->member_linger_s * 1000,
                             &gateway->readers);
    if (err == ERR_OK)
        err = hooks_create(gateway, &gateway->hooks, why);
    if (err == ERR_OK)
        err = create_workers(gateway);
    if (err == ERR_OK)
        err = server_open(gateway, &gateway->server, why);
    return err;
}

enum err gateway_create(struct config *config, const struct log *log, struct gateway **out_gateway,
                        struct buf *why)
{
    struct gateway *gateway = calloc(1, sizeof *gateway);
    if (gateway == NULL) {
        config_finish(config);
        return ERR_MEMORY;
    }
    gateway->config = *config;
    gateway->log = *log;
    if (pthread_mutex_init(&gateway->credentials_lock, NULL) != 0 ||
        pthread_mutex_init(&gateway->tally_lock, NULL) != 0)
        abort(); // only for lack of memory, which glibc's does not need
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
    for (int i = 0; i < gateway->worker_count; i++)
        worker_destroy(gateway->workers[i]);
    feed_destroy(gateway->feed);
    readers_destroy(gateway->readers);
    server_close(gateway->server);
    admission_destroy(gateway->admission);
    watermark_close(gateway->mark);
    tally_close(gateway->tally);
    tls_destroy(gateway->tls);
    if (gateway->credentials != NULL)
        credentials_release(gateway->credentials);
    secret_finish(&gateway->secret_storage);
    (void)pthread_mutex_destroy(&gateway->credentials_lock); // nobody holds it
    (void)pthread_mutex_destroy(&gateway->tally_lock);       // nobody holds it
    config_finish(&gateway->config);
    free(gateway);
}

// ---- running ----

static int64_t now_ms(void)
{
    struct timespec t;
    if (clock_gettime(CLOCK_MONOTONIC, &t) != 0)
        abort(); // cannot happen with this clock
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

// The next signal, or 0 when `timeout_ms` has passed (-1: none is set).
static int next_signal(int signals, int timeout_ms)
{
    struct signalfd_siginfo info;
    struct pollfd wait = {.fd = signals, .events = POLLIN};
    int ready = poll(&wait, 1, timeout_ms);
    if (ready <= 0 || read(signals, &info, sizeof info) != (ssize_t)sizeof info)
        return 0;
    return (int)info.ssi_signo;
}

// Lets open requests end, for drain_ms at most; a second signal ends the wait.
static void drain(struct gateway *gateway, int signals)
{
    int64_t until_ms = now_ms() + gateway->config.drain_ms;
    log_line(&gateway->log, LOG_LEVEL_INFO, "stop connections=%lld",
             (long long)admission_total(gateway->admission));
    gateway->is_draining = true;
    server_shut(gateway->server);
    for (int i = 0; i < gateway->worker_count; i++)
        worker_drain(gateway->workers[i]);
    while (admission_total(gateway->admission) > 0 && now_ms() < until_ms) {
        int signal = next_signal(signals, DRAIN_LOOK_MS);
        if (signal == SIGTERM || signal == SIGINT)
            return;
    }
}

static int open_signals(void)
{
    sigset_t wanted;
    if (sigemptyset(&wanted) != 0 || sigaddset(&wanted, SIGTERM) != 0 ||
        sigaddset(&wanted, SIGINT) != 0 || sigaddset(&wanted, SIGHUP) != 0)
        return -1;
    return signalfd(-1, &wanted, SFD_CLOEXEC);
}

static void serve_until_signal(struct gateway *gateway, int signals)
{
    for (;;) {
        int signal = next_signal(signals, -1);
        if (signal == SIGHUP)
            reload(gateway);
        if (signal == SIGTERM || signal == SIGINT)
            return;
    }
}

enum err gateway_run(struct gateway *gateway, struct buf *why)
{
    int started = 0;
    int signals = open_signals();
    enum err err = signals < 0 ? ERR_IO : upstream_start(gateway, &gateway->upstream);
    if (err == ERR_OK)
        err = hooks_start(gateway->hooks);
    while (err == ERR_OK && started < gateway->worker_count) {
        err = worker_start(gateway->workers[started]);
        if (err == ERR_OK)
            started++;
    }
    if (err == ERR_OK) {
        log_line(&gateway->log, LOG_LEVEL_INFO, "ready workers=%d", gateway->worker_count);
        serve_until_signal(gateway, signals);
        drain(gateway, signals);
    } else {
        buf_printf(why, "cannot start: %s", err_text(err));
    }
    gateway->is_draining = true;
    for (int i = 0; i < started; i++)
        worker_stop(gateway->workers[i]);
    hooks_stop(gateway->hooks);
    upstream_stop(gateway->upstream);
    gateway->upstream = NULL;
    if (signals >= 0)
        (void)close(signals); // only read from
    log_line(&gateway->log, LOG_LEVEL_INFO, "stopped");
    return err;
}
