// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "relay_parts.h"

enum { RETRY_MAX_MS = 32 };

static void on_ready(struct loop_watch *watch, uint32_t events);

static struct loop *loop_of(const struct relay *relay)
{
    return relay->list->worker->loop;
}

// ---- dialling ----

// Mosquitto listens with a backlog of 100; a unix socket answers EAGAIN to what comes beyond it.
static void retry_later(struct relay *relay)
{
    struct relay_opening *opening = relay->opening;
    int64_t left_ms = opening->deadline_ms - loop_now_ms(loop_of(relay));
    if (left_ms <= 0) {
        relay_fail(relay, WS_CODE_TRY_AGAIN_LATER, "the broker takes no connection");
        return;
    }
    opening->retry_ms = opening->retry_ms ? opening->retry_ms * 2 : 1;
    if (opening->retry_ms > RETRY_MAX_MS)
        opening->retry_ms = RETRY_MAX_MS;
    if (opening->retry_ms < left_ms)
        left_ms = opening->retry_ms;
    if (loop_timer_start(loop_of(relay), &relay->timer, left_ms) != ERR_OK)
        relay_fail(relay, WS_CODE_INTERNAL, err_text(ERR_MEMORY));
}

// 0 or an errno. A socket that was told to come again later can be used again.
static int connect_unix(const char *path, int *fd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int len = snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    if (len < 0 || (size_t)len >= sizeof address.sun_path)
        return ENAMETOOLONG;
    if (*fd < 0)
        *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd < 0 || connect(*fd, (const struct sockaddr *)&address, sizeof address) != 0)
        return errno;
    return 0;
}

static void flush(struct relay *relay);

static void open_broker(struct relay *relay)
{
    relay->broker = (struct loop_watch){relay->opening->fd, EPOLLIN, on_ready};
    relay->opening->fd = -1;
    relay->phase = RELAY_OPEN;
    relay_opening_destroy(relay->opening);
    relay->opening = NULL;
    loop_timer_stop(loop_of(relay), &relay->timer);
    if (loop_add(loop_of(relay), &relay->broker) != ERR_OK) {
        relay_fail(relay, WS_CODE_INTERNAL, "the broker's socket cannot be watched");
        return;
    }
    relay->is_broker_watched = true;
    flush(relay);
}

void relay_broker_dial(struct relay *relay)
{
    int why = connect_unix(relay_config(relay)->broker_socket, &relay->opening->fd);
    if (why == 0)
        open_broker(relay);
    else if (why == EAGAIN || why == EINTR)
        retry_later(relay);
    else if (why == EMFILE || why == ENFILE)
        relay_fail(relay, WS_CODE_TRY_AGAIN_LATER, "no descriptor is left");
    else
        relay_fail(relay, WS_CODE_TRY_AGAIN_LATER, "the broker is out of reach");
}

// ---- writing ----

// What the socket takes now; ERR_IO if it takes no more bytes ever.
static enum err write_some(struct relay *relay, struct span bytes, size_t *out_written)
{
    *out_written = 0;
    if (relay->is_broker_deaf)
        return ERR_IO;
    ssize_t len = send(relay->broker.fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
    if (len < 0 && errno != EAGAIN && errno != EINTR)
        return ERR_IO;
    if (len > 0)
        *out_written = (size_t)len;
    return ERR_OK;
}

// The broker has closed its end. It may have said why before, so its bytes are read to their end.
static void go_deaf(struct relay *relay)
{
    relay->is_broker_deaf = true;
    relay_queue_finish(&relay->to_broker);
}

static void flush(struct relay *relay)
{
    size_t written = 0;
    if (relay_queue_len(&relay->to_broker) == 0)
        return;
    if (write_some(relay, relay_queue_span(&relay->to_broker), &written) != ERR_OK) {
        go_deaf(relay);
        return;
    }
    if (written > 0) {
        relay_queue_take(&relay->to_broker, written);
        relay_note_progress(relay);
    }
}

void relay_broker_send(struct relay *relay, struct span bytes)
{
    enum err err = packet_gauge_feed(&relay->gauge, bytes, (size_t)relay_config(relay)->max_packet);
    if (err != ERR_OK) {
        bool is_long = err == ERR_TOO_LARGE;
        relay_fail(relay, is_long ? WS_CODE_TOO_BIG : WS_CODE_PROTOCOL_ERROR,
                   is_long ? "an MQTT packet that is too long" : "a malformed MQTT packet");
        return;
    }
    size_t written = 0;
    if (relay->broker.fd >= 0 && relay_queue_len(&relay->to_broker) == 0 &&
        write_some(relay, bytes, &written) != ERR_OK) {
        go_deaf(relay);
        return;
    }
    bytes = span_skip(bytes, written);
    if (bytes.len > 0 && relay_queue_add(&relay->to_broker, bytes) != ERR_OK)
        relay_fail(relay, WS_CODE_INTERNAL, err_text(ERR_MEMORY));
}

// ---- reading ----

static void lose_broker(struct relay *relay)
{
    relay_broker_drop(relay);
    if (packet_gauge_has_disconnected(&relay->gauge))
        relay_end(relay, WS_CODE_NORMAL, "");
    else
        relay_end(relay, WS_CODE_GOING_AWAY, "the broker ended the connection");
}

size_t relay_broker_read(struct relay *relay)
{
    char bytes[RELAY_READ_SIZE];
    ssize_t len = recv(relay->broker.fd, bytes, sizeof bytes, 0);
    if (len > 0) {
        relay_client_send(relay, span_make(bytes, (size_t)len));
        return (size_t)len;
    }
    if (len == 0 || (errno != EAGAIN && errno != EINTR))
        lose_broker(relay);
    return 0;
}

static void on_ready(struct loop_watch *watch, uint32_t events)
{
    struct relay *relay = CONTAINER_OF(watch, struct relay, broker);
    if ((events & EPOLLOUT) != 0)
        flush(relay);
    if (relay->phase == RELAY_OPEN && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
        relay_pace_note(relay, relay_broker_read(relay));
    else if (relay->phase == RELAY_ENDING && (events & (EPOLLHUP | EPOLLERR)) != 0)
        go_deaf(relay);
    relay_settle(relay);
}

// ---- watching ----

// Without a wish the watch is taken out, since epoll tells of a broker that hung up all the same,
// turn after turn, and while the client's queue is full nothing can be done about it.
void relay_broker_want(struct relay *relay, bool read, bool write)
{
    if (relay->broker.fd < 0)
        return;
    uint32_t events = (read ? (uint32_t)EPOLLIN : 0) | (write ? (uint32_t)EPOLLOUT : 0);
    enum err err = ERR_OK;
    if (events == 0 && relay->is_broker_watched)
        loop_remove(loop_of(relay), &relay->broker);
    else if (events != 0 && !relay->is_broker_watched) {
        relay->broker.events = events;
        err = loop_add(loop_of(relay), &relay->broker);
    } else if (events != 0)
        err = loop_change(loop_of(relay), &relay->broker, events);
    relay->is_broker_watched = events != 0 && err == ERR_OK;
    if (err != ERR_OK) { // the client is told by the end of its connection
        relay_broker_drop(relay);
        relay_client_drop(relay);
    }
}

void relay_broker_drop(struct relay *relay)
{
    relay_pace_leave(relay);
    relay_queue_finish(&relay->to_broker);
    if (relay->broker.fd < 0)
        return;
    if (relay->is_broker_watched)
        loop_remove(loop_of(relay), &relay->broker);
    relay->is_broker_watched = false;
    (void)close(relay->broker.fd); // what was written is the broker's already
    relay->broker.fd = -1;
}
