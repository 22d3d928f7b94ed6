// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// One non-blocking client connection that carries MQTT: over TCP, a unix socket, or WebSocket
// (RFC 6455), one frame a packet as MQTT.js sends them.
#ifndef ROOMWIRE_BENCH_LINK_H
#define ROOMWIRE_BENCH_LINK_H

#include <sys/socket.h>

#include "wire.h"

// Where to connect: "tcp:<port>", "unix:<path>", "ws:<port><path>" or "http:<port><path>"; always
// this machine.
struct link_target {
    struct sockaddr_storage address;
    socklen_t address_len;
    const char *path; // of a WebSocket or of HTTP, else NULL
};
bool link_target_parse(const char *text, struct link_target *out_target);

// Bytes added behind and taken from the front.
struct link_bytes {
    char *ptr;
    size_t start, len, cap;
};

enum link_state { LINK_CLOSED, LINK_UPGRADING, LINK_OPEN };

struct link {
    enum link_state state;
    int fd;
    bool is_websocket;
    bool wants_write; // what epoll was told
    int version;
    struct link_bytes in;  // MQTT
    struct link_bytes raw; // WebSocket frames not yet taken apart
    struct link_bytes out;
};

// Starts to connect and registers with `epoll` under `data`. False if that failed at once.
bool link_open(struct link *link, const struct link_target *target, int version, int epoll,
               void *data);
void link_close(struct link *link);
// Queues one packet and writes what the socket takes; false if the connection is lost.
bool link_send(struct link *link, int epoll, void *data, const char *packet, size_t len);
// To be called on every event; reads and writes. False if the connection is lost.
bool link_turn(struct link *link, int epoll, void *data, uint32_t events);
// The next packet that arrived; borrowed until the next call.
bool link_next(struct link *link, struct wire_packet *out_packet);

#endif
