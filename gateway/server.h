// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The listening sockets: every address of the option `listen`, accepted from by every worker.
#ifndef ROOMWIRE_GATEWAY_SERVER_H
#define ROOMWIRE_GATEWAY_SERVER_H

#include "gateway.h"
#include "inherit.h"

struct server;
struct server_watch;

enum { SERVER_LISTENS_MAX = INHERIT_MAX };

// Binds every address of the option `listen`: "127.0.0.1:8080", "[::]:8080", ":8080" for all, with
// "http://" or "https://" before it where some are to speak TLS and some not. Without one it is TLS
// if there is a certificate. Port 0 lets the kernel choose; the log tells. What is among
// `inherited` is taken from there. On an error `why` gets one line. Errors: ERR_INVALID, ERR_IO,
// ERR_MEMORY.
MUST_USE enum err server_open(struct gateway *gateway, struct inherited *inherited,
                              struct server **out_server, struct buf *why);
// Looks only whether the option makes sense. Errors: ERR_INVALID with a line in `why`, ERR_MEMORY.
MUST_USE enum err server_check(const struct config *config, struct buf *why);
// After all workers have stopped accepting. NULL is fine.
void server_close(struct server *server);

// From any thread: callers are refused from now on, but at sockets that were inherited. Not where
// another process has these sockets from us, who could not use them any more either.
void server_shut(struct server *server);
// The listening sockets, to be given to another process; their number.
int server_sockets(const struct server *server, int out_fds[SERVER_LISTENS_MAX]);

// Lets `worker` accept, and take over from others what they accepted for it.
// Errors: ERR_MEMORY, ERR_IO.
MUST_USE enum err server_watch(struct server *server, struct worker *worker,
                               struct server_watch **out_watch);
void server_unwatch(struct server_watch *watch); // NULL is fine
// From any thread: true while a worker may still accept.
bool server_is_watched(const struct server *server);
// Accepts what waits. To be done before server_unwatch where another process accepts from the same
// sockets: of all who watch the kernel wakes one, which may have been this worker.
void server_sweep(struct server_watch *watch);

#endif
