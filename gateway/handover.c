// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "handover.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/clock.h"

// Both sides say one thing, each in a packet of its own.
static const char offer[] = "roomwire handover 1"; // with the sockets
static const char ready[] = "ready";

enum {
    BACKLOG = 4,
    READY_WITHIN_MS = 60000 // the new process has until then
};

static enum err set_path(struct sockaddr_un *address, const char *path, const char *suffix)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    int len = snprintf(address->sun_path, sizeof address->sun_path, "%s%s", path, suffix);
    return len > 0 && (size_t)len < sizeof address->sun_path ? ERR_OK : ERR_TOO_LARGE;
}

// Sockets are for processes of the same user.
static bool is_own(int fd)
{
    struct ucred peer;
    socklen_t len = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && peer.uid == geteuid();
}

// Room for the descriptors that travel with a packet (cmsg(3)).
union control {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(INHERIT_MAX * sizeof(int))];
};

// ---- the new process ----

static enum err dial(const char *path, int *out_fd)
{
    struct sockaddr_un address;
    enum err err = set_path(&address, path, "");
    if (err != ERR_OK)
        return err;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return ERR_IO;
    struct timeval limit = {.tv_sec = HANDOVER_ANSWER_MS / 1000};
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) != 0)
        err = ERR_IO;
    else if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0)
        err = errno == ENOENT || errno == ECONNREFUSED ? ERR_NOT_FOUND
              : errno == EAGAIN                        ? ERR_AGAIN
                                                       : ERR_IO;
    else if (!is_own(fd))
        err = ERR_DENIED;
    if (err != ERR_OK) {
        (void)close(fd); // nothing was written to it
        return err;
    }
    *out_fd = fd;
    return ERR_OK;
}

static void take_descriptors(struct msghdr *message, struct inherited *inherited)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            if (inherited->count < INHERIT_MAX)
                inherited->fds[inherited->count++] = fd;
            else
                (void)close(fd); // nothing was written to it
        }
    }
}

enum err handover_ask(const char *path, struct inherited *out_inherited, int *out_link)
{
    int fd;
    enum err err = dial(path, &fd);
    if (err != ERR_OK)
        return err;
    union control control;
    char text[64];
    struct iovec part = {text, sizeof text};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    int before = out_inherited->count;
    ssize_t len = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    if (len > 0)
        take_descriptors(&message, out_inherited);
    if ((size_t)len == sizeof offer - 1 && memcmp(text, offer, sizeof offer - 1) == 0) {
        *out_link = fd;
        return ERR_OK;
    }
    while (out_inherited->count > before) // it goes on by itself, and with its sockets
        (void)close(out_inherited->fds[--out_inherited->count]);
    (void)close(fd); // nothing was written to it
    return len > 0 ? ERR_VERSION : ERR_AGAIN;
}

void handover_tell_ready(int link)
{
    if (link < 0)
        return;
    // If the old one is gone, there is nobody to be told.
    (void)!send(link, ready, sizeof ready - 1, MSG_NOSIGNAL);
    (void)close(link); // what was sent is the old one's already
}

void handover_give_up(int link)
{
    if (link >= 0)
        (void)close(link); // nothing was written to it
}

// ---- the running one ----

struct handover {
    const struct log *log;
    int listen_fd;
    int peer_fd; // -1: nobody has asked
    int64_t peer_until_ms;
    int fds[INHERIT_MAX];
    int count;
};

// Under another name first: whoever asks finds the old one or this one, never nobody.
static enum err listen_at(const char *path, int *out_fd)
{
    struct sockaddr_un address;
    enum err err = set_path(&address, path, ".new");
    if (err != ERR_OK)
        return err;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return ERR_IO;
    (void)unlink(address.sun_path); // left by one that died here; else bind tells
    mode_t before = umask(0077);
    bool is_bound = bind(fd, (const struct sockaddr *)&address, sizeof address) == 0;
    (void)umask(before); // cannot fail
    if (is_bound && listen(fd, BACKLOG) == 0 && rename(address.sun_path, path) == 0) {
        *out_fd = fd;
        return ERR_OK;
    }
    (void)close(fd); // nothing was written to it
    return ERR_IO;
}

enum err handover_open(const char *path, const int *fds, int count, const struct log *log,
                       struct handover **out_handover)
{
    struct handover *h = calloc(1, sizeof *h);
    if (h == NULL)
        return ERR_MEMORY;
    *h = (struct handover){.log = log, .listen_fd = -1, .peer_fd = -1};
    for (; h->count < count && h->count < INHERIT_MAX; h->count++)
        h->fds[h->count] = fds[h->count];
    enum err err = listen_at(path, &h->listen_fd);
    if (err != ERR_OK) {
        handover_close(h);
        return err;
    }
    *out_handover = h;
    return ERR_OK;
}

static void drop_peer(struct handover *h)
{
    if (h->peer_fd >= 0)
        (void)close(h->peer_fd); // what was sent is the peer's already
    h->peer_fd = -1;
}

// The socket's file stays: it may be another process's by now.
void handover_close(struct handover *handover)
{
    if (handover == NULL)
        return;
    drop_peer(handover);
    if (handover->listen_fd >= 0)
        (void)close(handover->listen_fd); // nothing is written to it
    free(handover);
}

bool handover_is_under_way(const struct handover *handover)
{
    return handover != NULL && handover->peer_fd >= 0;
}

void handover_watch(const struct handover *handover, struct pollfd out_fds[HANDOVER_FDS])
{
    for (int i = 0; i < HANDOVER_FDS; i++)
        out_fds[i] = (struct pollfd){.fd = -1, .events = POLLIN};
    if (handover == NULL)
        return;
    // One after the other.
    out_fds[0].fd = handover->peer_fd < 0 ? handover->listen_fd : -1;
    out_fds[1].fd = handover->peer_fd;
}

static bool send_offer(const struct handover *h, int fd)
{
    union control control = {0};
    struct iovec part = {(void *)(uintptr_t)offer, sizeof offer - 1};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = CMSG_SPACE((size_t)h->count * sizeof(int))};
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN((size_t)h->count * sizeof(int));
    memcpy(CMSG_DATA(c), h->fds, (size_t)h->count * sizeof(int));
    return sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

static void welcome(struct handover *h)
{
    int fd = accept4(h->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    if (!is_own(fd) || !send_offer(h, fd)) {
        (void)close(fd); // nothing was written to it
        return;
    }
    h->peer_fd = fd;
    h->peer_until_ms = clock_monotonic_ms() + READY_WITHIN_MS;
    log_line(h->log, LOG_LEVEL_INFO, "handover begins");
}

static bool hears_ready(struct handover *h)
{
    char text[64];
    ssize_t len = recv(h->peer_fd, text, sizeof text, 0);
    if (len < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    bool is_ready = (size_t)len == sizeof ready - 1 && memcmp(text, ready, sizeof ready - 1) == 0;
    drop_peer(h);
    if (!is_ready)
        log_line(h->log, LOG_LEVEL_WARNING, "handover failed: the new process is gone");
    return is_ready;
}

bool handover_drive(struct handover *handover, const struct pollfd fds[HANDOVER_FDS])
{
    if (handover == NULL)
        return false;
    if (fds[0].revents != 0)
        welcome(handover);
    if (handover->peer_fd >= 0 && fds[1].revents != 0)
        return hears_ready(handover);
    if (handover->peer_fd >= 0 && clock_monotonic_ms() >= handover->peer_until_ms) {
        drop_peer(handover);
        log_line(handover->log, LOG_LEVEL_WARNING, "handover failed: the new process is silent");
    }
    return false;
}
