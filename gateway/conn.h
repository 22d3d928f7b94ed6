// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// One accepted connection: a socket, with or without TLS. Everything above it is the same code.
// Not HTTP and not WebSocket: whoever holds the connection sets `on_ready` and reads and writes.
#ifndef ROOMWIRE_GATEWAY_CONN_H
#define ROOMWIRE_GATEWAY_CONN_H

#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "admission.h"
#include "core/span.h"
#include "loop.h"
#include "tls.h"

enum { CONN_ADDRESS_TEXT = 64 };

enum conn_result {
    CONN_OK,
    CONN_AGAIN,  // nothing now; on_ready will say when
    CONN_CLOSED, // the peer ended its side in order
    CONN_FAILED  // reset, TLS failure, timeout of the kernel
};

struct conn;

// Reads at most `cap` bytes.
MUST_USE enum conn_result conn_read(struct conn *conn, void *bytes, size_t cap, size_t *out_len);
// Writes what the socket takes now; `*out_len` may be less than all with CONN_OK. What was not
// taken must come first in the next write, and of that at least as many bytes as conn_unsplit says,
// or all that there were: TLS may have them encrypted already (SSL_write, "may not be changed").
MUST_USE enum conn_result conn_write(struct conn *conn, const struct iovec *parts, int count,
                                     size_t *out_len);
// 0 for a connection without TLS.
size_t conn_unsplit(const struct conn *conn);

// What to be woken for. With TLS "readable" may need the socket writable; that is seen to here.
// `on_ready` gets what is worth trying; both flags are set when the connection is broken.
void conn_want(struct conn *conn, bool read, bool write);
void conn_set_owner(struct conn *conn, void *owner,
                    void (*on_ready)(void *owner, bool readable, bool writable));
// Calls `on_drain` once while the gateway is ending: the owner ends what it can end in order (a
// WebSocket with 1012). What is left when drain_ms have passed is woken with both flags, and every
// read and write fails then.
void conn_on_drain(struct conn *conn, void (*on_drain)(void *owner));

// The peer as "ip:port" ("[ip6]:port"); borrowed for the connection's life.
const char *conn_address(const struct conn *conn);
bool conn_is_tls(const struct conn *conn);
struct loop *conn_loop(const struct conn *conn);
// Ends the connection: what was written is still sent, in order (the storage stays until the peer
// has ended its side, for a few seconds at most). No callback comes any more, and the caller
// forgets the pointer now.
void conn_close(struct conn *conn);
// The same at once, for a peer that takes nothing: what it was still to get is thrown away.
void conn_abort(struct conn *conn);

// ---- for who accepts connections ----

// The connections of one worker.
struct conn_list {
    struct loop *loop;
    struct admission *admission;
    atomic_int *load; // how many there are, and are on their way here; conn_open does not add to it
    struct conn *first;
    struct loop_timer drain_timer;
    int64_t drain_until_ms;
};

// Takes over the socket `fd` (also on an error) and the place that `peer` stands for.
// `tls` is NULL for a plain one. Errors: ERR_MEMORY.
MUST_USE enum err conn_open(struct conn_list *list, int fd, const struct sockaddr *address,
                            struct tls *tls, struct admission_peer *peer, struct conn **out_conn);
// Calls every on_drain, at an even pace for `over_ms`, and that of each connection that comes
// later.
void conn_list_drain(struct conn_list *list, int64_t over_ms);
// Breaks all connections: their owners are woken and close them.
void conn_list_break(struct conn_list *list);

#endif
