// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "conn.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
    LINGER_MS = 2000,
    LINGER_BYTES_MAX = 1024 * 1024, // thrown away from a peer that still sends
    LINGER_READ = 4096,
    TLS_RECORD = 16384,   // RFC 8446 §5.1
    TLS_RECORDS_MAX = 16, // of one write, so that one large answer does not hold up the others
    DRAIN_TURN_MS = 20
};

struct conn {
    struct loop_watch watch;
    struct conn_list *list;
    struct conn *next, **link; // in the list; link is what points here
    struct tls_session *tls;   // NULL for a plain connection
    struct admission_peer *peer;
    void *owner;
    void (*on_ready)(void *owner, bool readable, bool writable);
    void (*on_drain)(void *owner);
    struct loop_timer linger;
    struct loop_task task; // wakes the owner for what TLS holds, or frees the connection
    unsigned lingered;     // bytes
    bool wants_read, wants_write;
    bool read_waits_for_write, write_waits_for_read; // TLS only
    bool is_task_queued, is_peer_done, is_broken, is_closing, is_buried;
    char address[]; // with a NUL
};

// ---- the end ----

static void free_conn(struct conn *conn)
{
    *conn->link = conn->next;
    if (conn->next != NULL)
        conn->next->link = conn->link;
    free(conn);
}

static void on_task(struct loop_task *task);

static void queue_task(struct conn *conn)
{
    if (conn->is_task_queued)
        return;
    conn->is_task_queued = true;
    conn->task.run = on_task;
    loop_defer(conn->list->loop, &conn->task);
}

// Gives everything back but the storage, which somebody up the stack may still look at.
static void bury(struct conn *conn)
{
    conn->is_buried = true;
    loop_timer_stop(conn->list->loop, &conn->linger);
    loop_remove(conn->list->loop, &conn->watch);
    if (conn->tls != NULL)
        tls_close(conn->tls);
    conn->tls = NULL;
    (void)close(conn->watch.fd); // nothing is left to be written by it
    admission_leave(conn->list->admission, conn->peer);
    atomic_fetch_sub(conn->list->load, 1);
    queue_task(conn);
}

static void on_linger_end(struct loop_timer *timer)
{
    bury(CONTAINER_OF(timer, struct conn, linger));
}

// Closing a socket with unread bytes would make the kernel reset it, and the reset overtakes the
// answer that is still on its way (RFC 9112 §9.6). So what comes is read and thrown away.
static void waste_input(struct conn *conn)
{
    char waste[LINGER_READ];
    for (;;) {
        ssize_t len = recv(conn->watch.fd, waste, sizeof waste, 0);
        if (len < 0 && errno == EINTR)
            continue;
        if (len < 0 && errno == EAGAIN)
            return;
        if (len <= 0)
            break;
        conn->lingered += (unsigned)len;
        if (conn->lingered > LINGER_BYTES_MAX)
            break;
    }
    bury(conn);
}

void conn_close(struct conn *conn)
{
    conn->owner = NULL;
    conn->is_closing = true;
    struct loop *loop = conn->list->loop;
    conn->linger.on_time = on_linger_end;
    if (conn->is_peer_done || conn->is_broken ||
        loop_timer_start(loop, &conn->linger, LINGER_MS) != ERR_OK) {
        bury(conn);
        return;
    }
    if (conn->tls != NULL)
        tls_close(conn->tls);
    conn->tls = NULL;
    if (shutdown(conn->watch.fd, SHUT_WR) != 0 ||
        loop_change(loop, &conn->watch, EPOLLIN) != ERR_OK)
        bury(conn);
}

void conn_abort(struct conn *conn)
{
    // Else the kernel would hold the unsent bytes for minutes, out of sight of every limit of ours.
    struct linger none = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(conn->watch.fd, SOL_SOCKET, SO_LINGER, &none, sizeof none); // see above
    conn->owner = NULL;
    conn->is_closing = true;
    bury(conn);
}

// ---- readiness ----

static void tell_owner(struct conn *conn, bool readable, bool writable)
{
    if (conn->owner != NULL && (readable || writable))
        conn->on_ready(conn->owner, readable, writable);
}

static void on_task(struct loop_task *task)
{
    struct conn *conn = CONTAINER_OF(task, struct conn, task);
    conn->is_task_queued = false;
    if (conn->is_buried)
        free_conn(conn);
    else if (!conn->is_closing)
        tell_owner(conn, conn->wants_read || conn->is_broken, conn->is_broken);
}

static void on_events(struct loop_watch *watch, uint32_t events)
{
    struct conn *conn = CONTAINER_OF(watch, struct conn, watch);
    if (conn->is_closing)
        waste_input(conn);
    else if ((events & (EPOLLERR | EPOLLHUP)) != 0)
        tell_owner(conn, true, true);
    else if (conn->tls != NULL) // either direction may have waited for either readiness
        tell_owner(conn, conn->wants_read, conn->wants_write);
    else
        tell_owner(conn, (events & EPOLLIN) != 0, (events & EPOLLOUT) != 0);
}

static uint32_t events_of(const struct conn *conn)
{
    uint32_t events = 0;
    if (conn->wants_read)
        events |= conn->read_waits_for_write ? EPOLLOUT : EPOLLIN;
    if (conn->wants_write)
        events |= conn->write_waits_for_read ? EPOLLIN : EPOLLOUT;
    return events;
}

void conn_want(struct conn *conn, bool read, bool write)
{
    assert(!conn->is_closing);
    conn->wants_read = read;
    conn->wants_write = write;
    if (read && conn->tls != NULL && tls_has_pending(conn->tls))
        queue_task(conn);
    if (loop_change(conn->list->loop, &conn->watch, events_of(conn)) != ERR_OK) {
        conn->is_broken = true; // the next read or write says so
        queue_task(conn);
    }
}

void conn_set_owner(struct conn *conn, void *owner,
                    void (*on_ready)(void *owner, bool readable, bool writable))
{
    conn->owner = owner;
    conn->on_ready = on_ready;
    conn->on_drain = NULL;
}

void conn_on_drain(struct conn *conn, void (*on_drain)(void *owner))
{
    conn->on_drain = on_drain;
}

// ---- reading and writing ----

static enum conn_result result_of_errno(struct conn *conn)
{
    if (errno == EAGAIN || errno == EINTR) // level-triggered: an interrupted call comes again
        return CONN_AGAIN;
    conn->is_broken = true;
    return CONN_FAILED;
}

static enum conn_result result_of_tls(struct conn *conn, enum tls_result result, bool *waits_other,
                                      bool is_other)
{
    *waits_other = false;
    switch (result) {
    case TLS_OK:
        return CONN_OK;
    case TLS_WANT_READ:
    case TLS_WANT_WRITE:
        *waits_other = is_other;
        // What is wanted may now wait for the other readiness than before.
        if (loop_change(conn->list->loop, &conn->watch, events_of(conn)) == ERR_OK)
            return CONN_AGAIN;
        break;
    case TLS_CLOSED:
        conn->is_peer_done = true;
        return CONN_CLOSED;
    case TLS_FAILED:
        break;
    }
    conn->is_broken = true;
    return CONN_FAILED;
}

enum conn_result conn_read(struct conn *conn, void *bytes, size_t cap, size_t *out_len)
{
    if (conn->is_broken)
        return CONN_FAILED;
    if (conn->tls != NULL) {
        enum tls_result result = tls_read(conn->tls, bytes, cap, out_len);
        return result_of_tls(conn, result, &conn->read_waits_for_write, result == TLS_WANT_WRITE);
    }
    ssize_t len = recv(conn->watch.fd, bytes, cap, 0);
    if (len < 0)
        return result_of_errno(conn);
    if (len == 0) {
        conn->is_peer_done = true;
        return CONN_CLOSED;
    }
    *out_len = (size_t)len;
    return CONN_OK;
}

// Copies up to `cap` bytes of the parts, from their byte `skip` on.
static size_t gather(const struct iovec *parts, int count, size_t skip, char *out, size_t cap)
{
    size_t len = 0;
    for (int i = 0; i < count && len < cap; i++) {
        if (skip >= parts[i].iov_len) {
            skip -= parts[i].iov_len;
            continue;
        }
        size_t part = parts[i].iov_len - skip;
        if (part > cap - len)
            part = cap - len;
        memcpy(out + len, (const char *)parts[i].iov_base + skip, part);
        len += part;
        skip = 0;
    }
    return len;
}

// The parts are put into one record: small ones would each be a packet of their own.
static enum conn_result write_tls(struct conn *conn, const struct iovec *parts, int count,
                                  size_t *out_len)
{
    char record[TLS_RECORD];
    *out_len = 0;
    for (int i = 0; i < TLS_RECORDS_MAX; i++) {
        size_t taken, len = gather(parts, count, *out_len, record, sizeof record);
        if (len == 0)
            return CONN_OK;
        enum tls_result result = tls_write(conn->tls, record, len, &taken);
        enum conn_result outcome =
            result_of_tls(conn, result, &conn->write_waits_for_read, result == TLS_WANT_READ);
        if (outcome != CONN_OK) // after a part, the next call tells
            return *out_len > 0 ? CONN_OK : outcome;
        *out_len += taken;
    }
    return CONN_OK;
}

enum conn_result conn_write(struct conn *conn, const struct iovec *parts, int count,
                            size_t *out_len)
{
    if (conn->is_broken)
        return CONN_FAILED;
    if (conn->tls != NULL)
        return write_tls(conn, parts, count, out_len);
    // sendmsg does not change what it is given; its type comes from recvmsg.
    struct msghdr message = {.msg_iov = (struct iovec *)parts, .msg_iovlen = (size_t)count};
    ssize_t len = sendmsg(conn->watch.fd, &message, MSG_NOSIGNAL);
    if (len < 0)
        return result_of_errno(conn);
    *out_len = (size_t)len;
    return CONN_OK;
}

size_t conn_unsplit(const struct conn *conn)
{
    return conn->tls != NULL ? TLS_RECORD : 0;
}

// ---- the beginning ----

const char *conn_address(const struct conn *conn)
{
    return conn->address;
}

bool conn_is_tls(const struct conn *conn)
{
    return conn->tls != NULL;
}

struct loop *conn_loop(const struct conn *conn)
{
    return conn->list->loop;
}

static int format_address(const struct sockaddr *address, char out[CONN_ADDRESS_TEXT])
{
    char ip[INET6_ADDRSTRLEN] = "?";
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)address;
        (void)inet_ntop(AF_INET, &in->sin_addr, ip, sizeof ip); // the room is always enough
        return snprintf(out, CONN_ADDRESS_TEXT, "%s:%u", ip, (unsigned)ntohs(in->sin_port));
    }
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)address;
    bool is_mapped = IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr);
    if (is_mapped)
        (void)inet_ntop(AF_INET, &in6->sin6_addr.s6_addr[12], ip, sizeof ip); // as above
    else
        (void)inet_ntop(AF_INET6, &in6->sin6_addr, ip, sizeof ip); // as above
    return snprintf(out, CONN_ADDRESS_TEXT, is_mapped ? "%s:%u" : "[%s]:%u", ip,
                    (unsigned)ntohs(in6->sin6_port));
}

enum err conn_open(struct conn_list *list, int fd, const struct sockaddr *address, struct tls *tls,
                   struct admission_peer *peer, struct conn **out_conn)
{
    char text[CONN_ADDRESS_TEXT];
    int len = format_address(address, text);
    struct tls_session *session = tls != NULL ? tls_open(tls, fd) : NULL;
    struct conn *conn = len > 0 ? malloc(sizeof *conn + (size_t)len + 1) : NULL;
    if (conn == NULL || (tls != NULL && session == NULL))
        goto failed;
    *conn = (struct conn){.watch = {fd, EPOLLIN, on_events}, .list = list, .tls = session};
    memcpy(conn->address, text, (size_t)len + 1);
    conn->peer = peer;
    conn->wants_read = true;
    if (loop_add(list->loop, &conn->watch) != ERR_OK)
        goto failed;
    conn->link = &list->first;
    conn->next = list->first;
    if (conn->next != NULL)
        conn->next->link = &conn->next;
    list->first = conn;
    *out_conn = conn;
    return ERR_OK;

failed:
    free(conn);
    if (session != NULL)
        tls_close(session);
    admission_leave(list->admission, peer);
    atomic_fetch_sub(list->load, 1);
    (void)close(fd); // nothing was written yet
    return ERR_MEMORY;
}

static bool is_to_drain(const struct conn *conn)
{
    return conn->on_drain != NULL && conn->owner != NULL;
}

// Tells as many owners as are due in this turn, so that all have been told when the time is over;
// then those that have come since. Gives the milliseconds until the next turn: the fewer there are,
// the longer each waits for its own.
static int64_t drain_some(struct conn_list *list)
{
    int64_t left = 0;
    for (const struct conn *conn = list->first; conn != NULL; conn = conn->next)
        left += is_to_drain(conn);
    int64_t rest_ms = list->drain_until_ms - loop_now_ms(list->loop);
    int64_t turns = rest_ms / DRAIN_TURN_MS;
    int64_t pause_ms = left > 0 && left < turns ? rest_ms / left : DRAIN_TURN_MS;
    int64_t due = turns > 0 ? (left + turns) / (turns + 1) : left;
    // Storage stays until the end of the turn, so an owner may close its connection meanwhile.
    for (struct conn *conn = list->first; conn != NULL && due > 0; conn = conn->next) {
        if (!is_to_drain(conn))
            continue;
        void (*on_drain)(void *owner) = conn->on_drain;
        conn->on_drain = NULL;
        on_drain(conn->owner);
        due--;
    }
    return pause_ms;
}

static void on_drain_turn(struct loop_timer *timer)
{
    struct conn_list *list = CONTAINER_OF(timer, struct conn_list, drain_timer);
    int64_t pause_ms = drain_some(list);
    (void)!loop_timer_start(list->loop, timer, pause_ms); // else conn_list_break ends them
}

void conn_list_drain(struct conn_list *list, int64_t over_ms)
{
    list->drain_until_ms = loop_now_ms(list->loop) + over_ms;
    list->drain_timer.on_time = on_drain_turn;
    on_drain_turn(&list->drain_timer);
}

void conn_list_break(struct conn_list *list)
{
    loop_timer_stop(list->loop, &list->drain_timer);
    for (struct conn *conn = list->first; conn != NULL; conn = conn->next) {
        conn->is_broken = true;
        if (conn->is_buried)
            continue;
        if (conn->is_closing)
            bury(conn);
        else
            tell_owner(conn, true, true);
    }
}
