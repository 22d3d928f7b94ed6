// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// TLS 1.2 and 1.3 on sockets that do not block. No other file of the gateway includes
// openssl/ssl.h.
#ifndef ROOMWIRE_GATEWAY_TLS_H
#define ROOMWIRE_GATEWAY_TLS_H

#include "core/buf.h"

struct tls;         // certificate and settings, shared by all threads
struct tls_session; // one connection

// Loads a PEM certificate chain and its key. On an error `why` gets one line.
// Errors: ERR_INVALID (a file that cannot be read or used, or two that do not belong together),
// ERR_MEMORY.
MUST_USE enum err tls_create(const char *certificate, const char *key, struct tls **out_tls,
                             struct buf *why);
// Loads both files anew, for the connections that come; on an error all stays as it was.
MUST_USE enum err tls_reload(struct tls *tls, struct buf *why);
void tls_destroy(struct tls *tls); // NULL is fine

// The server's end of a session on the socket `fd`, which stays the caller's. NULL without memory.
// The handshake happens within the first reads.
struct tls_session *tls_open(struct tls *tls, int fd);
// Says goodbye to the peer if the socket takes it at once, and frees the session.
void tls_close(struct tls_session *session);

enum tls_result {
    TLS_OK,
    TLS_WANT_READ,  // again when the socket is readable
    TLS_WANT_WRITE, // again when the socket is writable
    TLS_CLOSED,     // the peer has ended the session
    TLS_FAILED
};
MUST_USE enum tls_result tls_read(struct tls_session *session, void *bytes, size_t cap,
                                  size_t *out_len);
// After anything but TLS_OK the same bytes must come first in the next call.
MUST_USE enum tls_result tls_write(struct tls_session *session, const void *bytes, size_t len,
                                   size_t *out_len);
// True if bytes wait that the socket's readiness does not tell of.
bool tls_has_pending(const struct tls_session *session);

#endif
