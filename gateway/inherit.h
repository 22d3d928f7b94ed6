// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Listening sockets that somebody else has opened for this process: systemd (socket activation), or
// the gateway whose place it takes (handover.h). Nobody who connects meanwhile is refused, since
// the queue of callers belongs to the socket and not to a process.
#ifndef ROOMWIRE_GATEWAY_INHERIT_H
#define ROOMWIRE_GATEWAY_INHERIT_H

#include <stdbool.h>
#include <sys/socket.h>

enum { INHERIT_MAX = 16 };

struct inherited {
    int fds[INHERIT_MAX]; // -1: taken
    int count;
};

// Adds the sockets that systemd passes: LISTEN_FDS descriptors from 3 on, if LISTEN_PID names this
// process (sd_listen_fds(3)). Both are taken out of the environment. To be called while there is
// one thread.
void inherit_from_systemd(struct inherited *inherited);

// The socket bound to this address, which is the caller's from now on; -1 if there is none. Port 0
// stands for any.
int inherit_take(struct inherited *inherited, const struct sockaddr *address);
// Closes what nobody took, and says how many those were.
int inherit_finish(struct inherited *inherited);

#endif
