// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/un.h>
#include <unistd.h>

enum { READ_SIZE = 65536 };

// ---- bytes ----

static char *bytes_reserve(struct link_bytes *b, size_t len)
{
    if (b->start > 0 && b->start + b->len + len > b->cap) {
        memmove(b->ptr, b->ptr + b->start, b->len);
        b->start = 0;
    }
    if (b->len + len > b->cap) {
        size_t cap = (b->len + len) * 2;
        char *bigger = realloc(b->ptr, cap);
        if (bigger == NULL)
            abort(); // a load generator has nothing better to do
        b->ptr = bigger;
        b->cap = cap;
    }
    return b->ptr + b->start + b->len;
}

static void bytes_add(struct link_bytes *b, const void *from, size_t len)
{
    memcpy(bytes_reserve(b, len), from, len);
    b->len += len;
}

static void bytes_drop(struct link_bytes *b, size_t len)
{
    b->start += len;
    b->len -= len;
    if (b->len == 0)
        b->start = 0;
}

static void bytes_free(struct link_bytes *b)
{
    free(b->ptr);
    *b = (struct link_bytes){0};
}

// ---- where to ----

static bool parse_port(const char *text, struct link_target *target, const char **out_rest)
{
    char *end;
    unsigned long port = strtoul(text, &end, 10);
    if (end == text || port == 0 || port > 65535)
        return false;
    struct sockaddr_in *in = (struct sockaddr_in *)&target->address;
    in->sin_family = AF_INET;
    in->sin_port = htons((uint16_t)port);
    in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    target->address_len = sizeof *in;
    *out_rest = end;
    return true;
}

bool link_target_parse(const char *text, struct link_target *out_target)
{
    *out_target = (struct link_target){0};
    const char *rest;
    if (strncmp(text, "tcp:", 4) == 0)
        return parse_port(text + 4, out_target, &rest) && *rest == '\0';
    if (strncmp(text, "ws:", 3) == 0 || strncmp(text, "http:", 5) == 0) {
        if (!parse_port(strchr(text, ':') + 1, out_target, &rest) || *rest != '/')
            return false;
        out_target->path = rest;
        return true;
    }
    struct sockaddr_un *un = (struct sockaddr_un *)&out_target->address;
    if (strncmp(text, "unix:", 5) != 0 || strlen(text + 5) >= sizeof un->sun_path)
        return false;
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, text + 5, strlen(text + 5));
    out_target->address_len = sizeof *un;
    return true;
}

// ---- WebSocket ----

static void add_upgrade(struct link *link, const char *path)
{
    char request[512];
    int len = snprintf(request, sizeof request,
                       "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
                       "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                       "Sec-WebSocket-Protocol: mqtt\r\n\r\n",
                       path);
    bytes_add(&link->out, request, (size_t)len);
}

static bool take_upgrade(struct link *link)
{
    char *end = memmem(link->raw.ptr + link->raw.start, link->raw.len, "\r\n\r\n", 4);
    if (end == NULL)
        return true;
    if (memcmp(link->raw.ptr + link->raw.start, "HTTP/1.1 101", 12) != 0)
        return false;
    bytes_drop(&link->raw, (size_t)(end + 4 - (link->raw.ptr + link->raw.start)));
    link->state = LINK_OPEN;
    return true;
}

// §5.2; a client's frames are masked, any key will do here but zero, which would cost nothing.
static void add_frame(struct link_bytes *out, unsigned opcode, const char *payload, size_t len)
{
    static const unsigned char key[4] = {0x5a, 0xc3, 0x17, 0x88};
    unsigned char head[14] = {(unsigned char)(0x80 | opcode)};
    size_t at = 2;
    if (len < 126) {
        head[1] = (unsigned char)len;
    } else if (len < 65536) {
        head[1] = 126;
        head[at++] = (unsigned char)(len >> 8);
        head[at++] = (unsigned char)len;
    } else {
        head[1] = 127;
        for (int shift = 56; shift >= 0; shift -= 8)
            head[at++] = (unsigned char)(len >> shift);
    }
    head[1] |= 0x80;
    memcpy(head + at, key, 4);
    bytes_add(out, head, at + 4);
    char *to = bytes_reserve(out, len);
    for (size_t i = 0; i < len; i++)
        to[i] = (char)(payload[i] ^ key[i & 3]);
    out->len += len;
}

// Takes one frame apart; returns its length, 0 if it is not complete.
static size_t take_frame(struct link *link, bool *out_closed)
{
    const unsigned char *p = (const unsigned char *)link->raw.ptr + link->raw.start;
    size_t have = link->raw.len;
    if (have < 2)
        return 0;
    size_t len = p[1] & 127, head = 2 + (len == 126 ? 2u : len == 127 ? 8u : 0u);
    if (have < head)
        return 0;
    if (head > 2) {
        len = 0;
        for (size_t i = 2; i < head; i++)
            len = len << 8 | p[i];
    }
    if (have < head + len)
        return 0;
    unsigned opcode = p[0] & 15;
    if (opcode == 9)
        add_frame(&link->out, 10, (const char *)p + head, len);
    else if (opcode == 8)
        *out_closed = true;
    else if (opcode <= 2)
        bytes_add(&link->in, p + head, len);
    return head + len;
}

static bool take_frames(struct link *link)
{
    bool is_closed = false;
    if (link->state == LINK_UPGRADING && !take_upgrade(link))
        return false;
    while (link->state == LINK_OPEN && !is_closed) {
        size_t len = take_frame(link, &is_closed);
        if (len == 0)
            break;
        bytes_drop(&link->raw, len);
    }
    return !is_closed;
}

// ---- sockets ----

bool link_open(struct link *link, const struct link_target *target, int version, int epoll,
               void *data)
{
    *link = (struct link){.version = version, .is_websocket = target->path != NULL};
    int family = target->address.ss_family;
    link->fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (link->fd < 0)
        return false;
    int one = 1;
    if (family == AF_INET)
        (void)setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); // only slower
    if (connect(link->fd, (const struct sockaddr *)&target->address, target->address_len) != 0 &&
        errno != EINPROGRESS) {
        close(link->fd);
        return false;
    }
    link->state = link->is_websocket ? LINK_UPGRADING : LINK_OPEN;
    if (link->is_websocket)
        add_upgrade(link, target->path);
    link->wants_write = true;
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = data};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, link->fd, &event) == 0;
}

void link_close(struct link *link)
{
    if (link->state == LINK_CLOSED)
        return;
    close(link->fd);
    bytes_free(&link->in);
    bytes_free(&link->raw);
    bytes_free(&link->out);
    link->state = LINK_CLOSED;
}

static bool flush(struct link *link, int epoll, void *data)
{
    while (link->out.len > 0) {
        ssize_t n = send(link->fd, link->out.ptr + link->out.start, link->out.len, MSG_NOSIGNAL);
        if (n < 0 && (errno == EAGAIN || errno == ENOTCONN))
            break;
        if (n <= 0)
            return false;
        bytes_drop(&link->out, (size_t)n);
    }
    bool wants_write = link->out.len > 0;
    if (wants_write == link->wants_write)
        return true;
    link->wants_write = wants_write;
    struct epoll_event event = {.events = EPOLLIN | (wants_write ? (uint32_t)EPOLLOUT : 0),
                                .data.ptr = data};
    return epoll_ctl(epoll, EPOLL_CTL_MOD, link->fd, &event) == 0;
}

bool link_send(struct link *link, int epoll, void *data, const char *packet, size_t len)
{
    if (link->is_websocket)
        add_frame(&link->out, 2, packet, len);
    else
        bytes_add(&link->out, packet, len);
    // Before the upgrade's answer nothing may follow, and a later event writes it anyway.
    return link->state != LINK_OPEN || link->wants_write || flush(link, epoll, data);
}

bool link_turn(struct link *link, int epoll, void *data, uint32_t events)
{
    if (events & (EPOLLERR | EPOLLHUP) && !(events & EPOLLIN))
        return false;
    if (events & EPOLLIN) {
        struct link_bytes *to = link->is_websocket ? &link->raw : &link->in;
        ssize_t n = recv(link->fd, bytes_reserve(to, READ_SIZE), READ_SIZE, 0);
        if (n == 0 || (n < 0 && errno != EAGAIN))
            return false;
        to->len += n > 0 ? (size_t)n : 0;
        if (link->is_websocket && !take_frames(link))
            return false;
    }
    return flush(link, epoll, data);
}

bool link_next(struct link *link, struct wire_packet *out_packet)
{
    size_t len = wire_read(link->in.ptr + link->in.start, link->in.len, link->version, out_packet);
    if (len == 0)
        return false;
    // The bytes stay where they are until more are read.
    link->in.start += len;
    link->in.len -= len;
    return true;
}
