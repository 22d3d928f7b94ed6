// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The listening sockets: every address of the option `listen`, accepted from by every worker.
#ifndef ROOMWIRE_GATEWAY_SERVER_H
#define ROOMWIRE_GATEWAY_SERVER_H

#include "gateway.h"

struct server;
struct server_watch;

enum { SERVER_LISTENS_MAX = 16 };

// Binds every address of the option `listen`: "127.0.0.1:8080", "[::]:8080", ":8080" for all, with
// "http://" or "https://" before it where some are to speak TLS and some not. Without one it is TLS
// if there is a certificate. Port 0 lets the kernel choose; the log tells.
// On an error `why` gets one line. Errors: ERR_INVALID, ERR_IO, ERR_MEMORY.
MUST_USE enum err server_open(struct gateway *gateway, struct server **out_server, struct buf *why);
// After all workers have stopped accepting. NULL is fine.
void server_close(struct server *server);

// From any thread: callers are refused from now on.
void server_shut(struct server *server);

// Lets `worker` accept, and take over from others what they accepted for it.
// Errors: ERR_MEMORY, ERR_IO.
MUST_USE enum err server_watch(struct server *server, struct worker *worker,
                               struct server_watch **out_watch);
void server_unwatch(struct server_watch *watch); // NULL is fine

#endif
