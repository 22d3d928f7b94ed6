// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// One HTTP request and its answer, as handlers see it. A handler answers at once or keeps the
// exchange and answers later from the same worker; until then no further request of the
// connection is read.
#ifndef ROOMWIRE_GATEWAY_EXCHANGE_H
#define ROOMWIRE_GATEWAY_EXCHANGE_H

#include "core/buf.h"
#include "gateway.h"
#include "http_head.h"

struct conn;
struct exchange;

// ---- the request; all spans are borrowed until the exchange is answered ----

const struct http_head *exchange_head(const struct exchange *x);
struct worker *exchange_worker(const struct exchange *x);
struct span exchange_body(const struct exchange *x);
// The part of the path that the route's "*" stands for, percent-decoded and checked (UTF-8, no NUL,
// no "/" unless the route says "**"); empty without one.
struct span exchange_part(const struct exchange *x);
// The decoded value of a query parameter, which is empty on an error.
// Errors: ERR_NOT_FOUND (not given), ERR_INVALID (given twice, or the query is badly encoded).
MUST_USE enum err exchange_query(struct exchange *x, const char *name, struct span *out_value);
// The peer as "ip:port".
const char *exchange_address(const struct exchange *x);
bool exchange_is_tls(const struct exchange *x);
// Writes the request as a message's origin (core/origin.h) into an empty buffer, if there are
// webhooks to tell.
void exchange_write_origin(const struct exchange *x, struct buf *out);
// True if the caller rather wants JSON than HTML (Accept, RFC 9110 §12.5.1).
bool exchange_prefers_json(const struct exchange *x);

// ---- the answer ----

// Adds one field to the coming answer. The value must hold no CR, LF or NUL (asserted, and left out
// of the answer in release builds).
void exchange_add_field(struct exchange *x, const char *name, struct span value);
// Answers. Security fields (CSP, nosniff, Referrer-Policy, ...), Date, Content-Length and
// Connection are added here. `body` is copied or sent before the call returns. With HEAD, 204 and
// 304 it is left out. The exchange must not be used afterwards.
void exchange_answer(struct exchange *x, int status, const char *content_type, struct span body);
// The same with a body that outlives the connection (embedded files).
void exchange_answer_static(struct exchange *x, int status, const char *content_type,
                            struct span body);
// 303 See Other.
void exchange_redirect(struct exchange *x, struct span location);
// problem+json (RFC 9457) for programs, a readable page for people. `detail` may be NULL.
// 401 gets WWW-Authenticate (RFC 6750 §3) with `err`, 503 and 429 Retry-After.
void exchange_refuse(struct exchange *x, int status, enum err err, const char *detail);
// The part of it that is not the body: one line in the log, and the fields that such an answer
// needs. For handlers that answer with a page of their own.
void exchange_note_refusal(struct exchange *x, int status, enum err err, const char *detail);
// The status to tell somebody with that he has to sign in: 401, but 403 to Lynx, which never shows
// the body of a 401, and so not the form either.
int exchange_sign_in_status(const struct exchange *x);

// Called once if the connection ends before the answer; the exchange is gone after the call.
void exchange_on_cancel(struct exchange *x, void (*on_cancel)(void *context), void *context);

// Called at most once before the answer, when the gateway begins to end: the handler had better not
// wait any longer. Whoever is about to wait looks at gateway->is_draining first.
void exchange_on_drain(struct exchange *x, void (*on_drain)(void *context), void *context);

// Answers 200 with a body that ends with the connection, and takes the connection away from HTTP:
// the caller owns it and writes the body. NULL if the head could not be sent, or was all that was
// asked for. The exchange is gone in every case.
struct conn *exchange_stream(struct exchange *x, const char *content_type);

// Takes the connection away from HTTP with `head`, the handler's own 101 answer up to its empty
// line: the caller owns the connection (conn_set_owner, conn_want), and `out_rest` gets what had
// already been read behind the request. NULL if the head could not be sent. The exchange is gone in
// both cases.
struct conn *exchange_upgrade(struct exchange *x, struct span head, struct buf *out_rest);

#endif
