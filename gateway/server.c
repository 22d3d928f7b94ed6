// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "worker.h"

enum {
    BACKLOG = 4096,
    ACCEPT_BATCH = 16, // of one readiness: the other workers are awake, too
    PAUSE_MS = 100,    // when the system has no descriptor or memory left
    KEEPALIVE_IDLE_S = 60,
    KEEPALIVE_INTERVAL_S = 20,
    UNSENT_MAX = 131072 // bytes in a socket that are not yet on their way
};

struct listen {
    int fd;
    bool is_tls;
    bool is_inherited; // systemd has it, too, or a gateway before us
};

struct server {
    struct gateway *gateway;
    struct inherited *inherited; // while opening
    struct listen listens[SERVER_LISTENS_MAX];
    int count;
    pthread_mutex_t lock;
    int spare; // guarded by lock: a descriptor that is given up to accept and close when none is
               // left
    atomic_int watch_count;
    atomic_llong refused;      // since the last line in the log
    atomic_llong last_line_ms; // when that was
};

// One worker at one listening socket.
struct door {
    struct loop_watch watch;
    struct loop_timer pause;
    struct server_watch *of;
    const struct listen *listen;
    bool is_watched;
};

struct server_watch {
    struct server *server;
    struct worker *worker;
    struct door doors[SERVER_LISTENS_MAX];
};

// ---- listening ----

static enum err complain(const char *address, const char *what, struct buf *why)
{
    buf_printf(why, "listen: %s: %s", address, what);
    return ERR_INVALID;
}

// Accepted sockets inherit these from the listening one.
static void set_options(int fd, int family)
{
    static const struct {
        int level, name, value;
    } options[] = {
        {SOL_SOCKET, SO_REUSEADDR, 1},
        {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_NODELAY, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S},
        {IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S},
        {IPPROTO_TCP, TCP_NOTSENT_LOWAT, UNSENT_MAX},
    };
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        // None is needed to serve.
        (void)setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof(int));
    int yes = 1;
    if (family == AF_INET6) // "[::]" beside "0.0.0.0" would else be in use already
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof yes); // bind tells
}

static enum err listen_at(struct server *server, const struct addrinfo *info, bool is_tls)
{
    int fd = inherit_take(server->inherited, info->ai_addr);
    if (fd >= 0) {
        set_options(fd, info->ai_family);
        server->listens[server->count++] = (struct listen){fd, is_tls, true};
        return ERR_OK;
    }
    fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return ERR_IO;
    set_options(fd, info->ai_family);
    if (bind(fd, info->ai_addr, info->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
        int saved = errno;
        (void)close(fd); // nothing was written
        errno = saved;
        return ERR_IO;
    }
    server->listens[server->count++] = (struct listen){fd, is_tls, false};
    return ERR_OK;
}

static void log_listen(const struct server *server, const struct listen *at)
{
    struct sockaddr_storage bound;
    socklen_t len = sizeof bound;
    char host[NI_MAXHOST] = "?", port[NI_MAXSERV] = "?";
    if (getsockname(at->fd, (struct sockaddr *)&bound, &len) == 0)
        (void)getnameinfo((const struct sockaddr *)&bound, len, host, sizeof host, port,
                          sizeof port, NI_NUMERICHOST | NI_NUMERICSERV); // "?" then
    bool is_v6 = strchr(host, ':') != NULL;
    log_line(&server->gateway->log, LOG_LEVEL_INFO, "listen url=%s://%s%s%s:%s/",
             at->is_tls ? "https" : "http", is_v6 ? "[" : "", host, is_v6 ? "]" : "", port);
}

// Takes "host:port" apart in place.
static bool split_address(char *address, char **out_host, char **out_port)
{
    char *colon = strrchr(address, ':');
    unsigned long long port;
    if (colon == NULL || !span_to_uint(span_of(colon + 1), 65535, &port))
        return false;
    *colon = '\0';
    *out_port = colon + 1;
    *out_host = address;
    if (*address == '[') {
        if (colon[-1] != ']')
            return false;
        colon[-1] = '\0';
        (*out_host)++;
    }
    return **out_host != '\0' || *address == '\0';
}

// One address of the option, resolved.
struct place {
    bool is_tls;
    char *host, *port; // of `address`
    struct addrinfo *infos;
};

// Takes `address` apart in place. On success the caller frees place->infos.
static enum err resolve(const struct config *config, char *address, struct place *place,
                        struct buf *why)
{
    bool has_tls = *config->tls_certificate != '\0';
    char *rest = address;
    place->is_tls = has_tls;
    if (strncmp(rest, "http://", 7) == 0) {
        place->is_tls = false;
        rest += 7;
    } else if (strncmp(rest, "https://", 8) == 0) {
        place->is_tls = true;
        rest += 8;
    }
    if (place->is_tls && !has_tls)
        return complain(address, "needs tls_certificate and tls_key", why);
    if (!split_address(rest, &place->host, &place->port))
        return complain(address, "expected address:port", why);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    int failure =
        getaddrinfo(*place->host ? place->host : NULL, place->port, &hints, &place->infos);
    return failure == 0 ? ERR_OK : complain(place->host, gai_strerror(failure), why);
}

static enum err listen_to(struct server *server, const struct place *place, struct buf *why)
{
    enum err err = ERR_OK;
    for (struct addrinfo *i = place->infos; err == ERR_OK && i != NULL; i = i->ai_next) {
        if (server->count == SERVER_LISTENS_MAX)
            err = complain(place->host, "too many addresses", why);
        else if (listen_at(server, i, place->is_tls) != ERR_OK) {
            char text[128];
            err = ERR_IO;
            buf_printf(why, "listen: %s port %s: %s", *place->host ? place->host : "*", place->port,
                       strerror_r(errno, text, sizeof text));
        } else
            log_listen(server, &server->listens[server->count - 1]);
    }
    return err;
}

// Listens, or only looks whether that makes sense where `server` is NULL.
static enum err go_through(const struct config *config, struct server *server, struct buf *why)
{
    struct span rest = span_of(config->listen), part;
    enum err err = ERR_OK;
    int count = 0;
    for (; err == ERR_OK && span_word(&rest, &part); count++) {
        struct place place = {.infos = NULL};
        char *address = span_dup(part);
        err = address != NULL ? resolve(config, address, &place, why) : ERR_MEMORY;
        if (err == ERR_OK && server != NULL)
            err = listen_to(server, &place, why);
        if (place.infos != NULL)
            freeaddrinfo(place.infos);
        free(address);
    }
    if (err == ERR_OK && count == 0)
        err = complain("", "no address is given", why);
    return err;
}

enum err server_check(const struct config *config, struct buf *why)
{
    return go_through(config, NULL, why);
}

enum err server_open(struct gateway *gateway, struct inherited *inherited,
                     struct server **out_server, struct buf *why)
{
    struct server *server = calloc(1, sizeof *server);
    if (server == NULL)
        return ERR_MEMORY;
    server->gateway = gateway;
    server->inherited = inherited;
    (void)pthread_mutex_init(&server->lock, NULL); // cannot fail with default attributes
    server->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    enum err err = go_through(&gateway->config, server, why);
    if (err != ERR_OK) {
        server_close(server);
        return err;
    }
    *out_server = server;
    return ERR_OK;
}

void server_shut(struct server *server)
{
    for (int i = 0; i < server->count; i++)
        if (!server->listens[i].is_inherited) // else nobody could use the socket any more
            (void)shutdown(server->listens[i].fd, SHUT_RDWR); // closing it later does the same
}

int server_sockets(const struct server *server, int out_fds[SERVER_LISTENS_MAX])
{
    for (int i = 0; i < server->count; i++)
        out_fds[i] = server->listens[i].fd;
    return server->count;
}

void server_close(struct server *server)
{
    if (server == NULL)
        return;
    for (int i = 0; i < server->count; i++)
        (void)close(server->listens[i].fd); // nothing is written to it
    if (server->spare >= 0)
        (void)close(server->spare);             // as above
    (void)pthread_mutex_destroy(&server->lock); // nobody holds it
    free(server);
}

// ---- refusing ----

// One line a second at most: whoever floods us shall not fill the disk as well.
static void log_refused(struct server *server, const struct worker *worker, const char *reason)
{
    int64_t now_ms = loop_now_ms(worker->loop);
    atomic_fetch_add(&server->refused, 1);
    long long last_ms = atomic_load(&server->last_line_ms);
    if ((last_ms != 0 && now_ms - last_ms < 1000) ||
        !atomic_compare_exchange_strong(&server->last_line_ms, &last_ms, now_ms))
        return;
    log_line(&server->gateway->log, LOG_LEVEL_WARNING, "refuse connections=%lld reason=\"%s\"",
             atomic_exchange(&server->refused, 0), reason);
}

// Says no in HTTP if the socket takes it at once. It is closed without reading the request, so the
// answer may be lost on the way, which the closing makes up for.
static void turn_away(int fd, bool is_tls, const char *status)
{
    char answer[256];
    int len = snprintf(answer, sizeof answer,
                       "HTTP/1.1 %s\r\nRetry-After: 5\r\nContent-Length: 0\r\n"
                       "Connection: close\r\n\r\n",
                       status);
    if (!is_tls && len > 0 && (size_t)len < sizeof answer)
        (void)send(fd, answer, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT); // see above
    (void)shutdown(fd, SHUT_WR);                                          // see above
    (void)close(fd);                                                      // see above
}

// No descriptor is left: gives up the spare one to take the caller off the queue, where it would
// keep the listening socket readable for ever. False if there is no spare one any more.
static bool shed_one(struct server *server, int listen_fd)
{
    (void)pthread_mutex_lock(&server->lock);
    if (server->spare >= 0)
        (void)close(server->spare); // nothing is written to it
    int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0)
        turn_away(fd, true, "");
    server->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    bool has_spare = server->spare >= 0;
    (void)pthread_mutex_unlock(&server->lock);
    return has_spare;
}

static void on_pause_end(struct loop_timer *timer)
{
    struct door *door = CONTAINER_OF(timer, struct door, pause);
    struct loop *loop = door->of->worker->loop;
    door->is_watched = loop_add(loop, &door->watch) == ERR_OK;
    if (!door->is_watched && loop_timer_start(loop, timer, PAUSE_MS) != ERR_OK)
        log_line(&door->of->server->gateway->log, LOG_LEVEL_ERROR,
                 "listen worker=%d accepts no more: no memory", door->of->worker->index);
}

static void pause_accepting(struct door *door)
{
    struct loop *loop = door->of->worker->loop;
    if (loop_timer_start(loop, &door->pause, PAUSE_MS) != ERR_OK)
        return; // it stays awake, which is wasteful but right
    loop_remove(loop, &door->watch);
    door->is_watched = false;
}

// ---- accepting ----

// Connections live long here, so they are dealt to the idlest worker; epoll alone wakes the same
// one most of the time.
static struct worker *idlest(const struct gateway *gateway, struct worker *self)
{
    struct worker *best = self;
    int best_load = atomic_load_explicit(&self->load, memory_order_relaxed);
    for (int i = 0; i < gateway->worker_count; i++) {
        int load = atomic_load_explicit(&gateway->workers[i]->load, memory_order_relaxed);
        if (load < best_load) {
            best = gateway->workers[i];
            best_load = load;
        }
    }
    return best;
}

static void welcome(struct door *door, int fd, const struct sockaddr *address)
{
    struct server *server = door->of->server;
    struct worker *self = door->of->worker;
    struct admission_peer *peer;
    enum err err = admission_enter(server->gateway->admission, address, &peer);
    if (err == ERR_OK) {
        worker_adopt(idlest(server->gateway, self), self, fd, address, door->listen->is_tls, peer);
        return;
    }
    bool is_own_fault = err == ERR_AGAIN;
    log_refused(server, self,
                is_own_fault      ? "max_connections_per_address"
                : err == ERR_FULL ? "max_connections"
                                  : err_text(err));
    turn_away(fd, door->listen->is_tls,
              is_own_fault ? "429 Too Many Requests" : "503 Service Unavailable");
}

// False if there is nothing more to accept now.
static bool accept_one(struct door *door)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    int fd =
        accept4(door->watch.fd, (struct sockaddr *)&address, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        welcome(door, fd, (const struct sockaddr *)&address);
        return true;
    }
    if (errno == EAGAIN)
        return false;
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        log_refused(door->of->server, door->of->worker, "no file descriptor or memory is left");
        if (shed_one(door->of->server, door->watch.fd))
            return true;
        pause_accepting(door);
        return false;
    }
    return true; // the caller's connection failed meanwhile
}

static void on_caller(struct loop_watch *watch, uint32_t events)
{
    (void)events; // EPOLLIN, or an error that accept tells
    struct door *door = CONTAINER_OF(watch, struct door, watch);
    for (int i = 0; i < ACCEPT_BATCH && accept_one(door); i++) {
    }
}

enum err server_watch(struct server *server, struct worker *worker, struct server_watch **out_watch)
{
    struct server_watch *w = calloc(1, sizeof *w);
    if (w == NULL)
        return ERR_MEMORY;
    w->server = server;
    w->worker = worker;
    atomic_fetch_add(&server->watch_count, 1);
    for (int i = 0; i < server->count; i++) {
        struct door *door = &w->doors[i];
        door->of = w;
        door->listen = &server->listens[i];
        door->pause.on_time = on_pause_end;
        // Exclusive: a caller wakes one worker, not all.
        door->watch = (struct loop_watch){door->listen->fd, EPOLLIN | EPOLLEXCLUSIVE, on_caller};
        enum err err = loop_add(worker->loop, &door->watch);
        door->is_watched = err == ERR_OK;
        if (err != ERR_OK) {
            server_unwatch(w);
            return err;
        }
    }
    *out_watch = w;
    return ERR_OK;
}

void server_unwatch(struct server_watch *watch)
{
    if (watch == NULL)
        return;
    for (int i = 0; i < watch->server->count; i++) {
        struct door *door = &watch->doors[i];
        loop_timer_stop(watch->worker->loop, &door->pause);
        if (door->is_watched)
            loop_remove(watch->worker->loop, &door->watch);
    }
    atomic_fetch_sub(&watch->server->watch_count, 1);
    free(watch);
}

bool server_is_watched(const struct server *server)
{
    return atomic_load(&server->watch_count) > 0;
}

void server_sweep(struct server_watch *watch)
{
    for (int i = 0; i < watch->server->count; i++)
        for (int left = BACKLOG; left > 0 && accept_one(&watch->doors[i]); left--) {
        }
}
