// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "event_reader.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { READ_SIZE = 65536, HEAD_MAX = 10240 };

void event_mark_write(const struct event_mark *mark, char *out)
{
    (void)snprintf(out, EVENT_MARK_LEN + 1, "@@%010u%020" PRIu64 "%06u%d@", mark->sequence,
                   mark->due_ns, mark->room, mark->is_measured); // fits
}

static uint64_t digits(const char *text, size_t len)
{
    uint64_t value = 0;
    for (size_t i = 0; i < len; i++)
        value = value * 10 + (uint64_t)(text[i] - '0');
    return value;
}

static bool mark_read(const char *text, struct event_mark *out)
{
    if (text[1] != '@' || text[EVENT_MARK_LEN - 1] != '@')
        return false;
    out->sequence = (uint32_t)digits(text + 2, 10);
    out->due_ns = digits(text + 12, 20);
    out->room = (uint32_t)digits(text + 32, 6);
    out->is_measured = text[38] == '1';
    return true;
}

static int ask(const struct event_reader *r, const char *path, const char *token, char *out)
{
    const char *star = strchr(path, '*');
    int before = star != NULL ? (int)(star - path) : (int)strlen(path);
    char number[16] = "";
    if (star != NULL)
        (void)snprintf(number, sizeof number, "%u", r->room); // fits
    return snprintf(out, HEAD_MAX,
                    "GET %.*s%s%s HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n"
                    "Authorization: Bearer %s\r\n\r\n",
                    before, path, number, star != NULL ? star + 1 : "", token);
}

bool event_reader_open(struct event_reader *r, const struct link_target *target, uint32_t room,
                       const char *token, int epoll)
{
    char head[HEAD_MAX];
    *r = (struct event_reader){.room = room, .state = EVENT_READER_ASKING};
    int len = ask(r, target->path, token, head);
    r->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = r};
    bool is_open =
        r->fd >= 0 && len > 0 && len < HEAD_MAX &&
        connect(r->fd, (const struct sockaddr *)&target->address, target->address_len) == 0 &&
        send(r->fd, head, (size_t)len, MSG_NOSIGNAL) == len &&
        epoll_ctl(epoll, EPOLL_CTL_ADD, r->fd, &event) == 0;
    if (!is_open)
        event_reader_close(r);
    return is_open;
}

void event_reader_close(struct event_reader *r)
{
    if (r->fd >= 0)
        (void)close(r->fd); // nothing is written to it any more
    r->fd = -1;
    r->state = EVENT_READER_LOST;
}

// Calls `each` for the marks in `bytes`; returns how many bytes of them are done with.
static size_t take_marks(struct event_reader *r, const char *bytes, size_t len,
                         event_reader_fn *each, void *context)
{
    size_t at = 0;
    while (len - at >= EVENT_MARK_LEN) {
        const char *found = memchr(bytes + at, '@', len - at);
        struct event_mark mark;
        if (found == NULL)
            return len;
        at = (size_t)(found - bytes);
        if (len - at < EVENT_MARK_LEN)
            break;
        bool is_mark = mark_read(found, &mark);
        if (is_mark)
            each(context, r, &mark);
        at += is_mark ? EVENT_MARK_LEN : 1;
    }
    return at;
}

void event_reader_turn(struct event_reader *r, event_reader_fn *each, void *context)
{
    static char bytes[EVENT_MARK_LEN + READ_SIZE]; // one thread
    memcpy(bytes, r->kept, r->kept_len);
    ssize_t len = recv(r->fd, bytes + r->kept_len, READ_SIZE, MSG_DONTWAIT);
    if (len < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (len <= 0) {
        event_reader_close(r);
        return;
    }
    r->state = EVENT_READER_OPEN;
    size_t total = r->kept_len + (size_t)len;
    size_t done = take_marks(r, bytes, total, each, context);
    r->kept_len = total - done;
    if (r->kept_len >= EVENT_MARK_LEN) // no mark can begin so long before
        abort();
    memcpy(r->kept, bytes + done, r->kept_len);
}
