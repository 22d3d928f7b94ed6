// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Requests of ours to other servers, by libcurl, driven by one thread's loop. No other file
// includes curl.h. Redirects are not followed, no proxy of the environment is used, certificates
// are checked, and what comes back is bounded.
// Not what is asked, nor when to try again: hooks.h.
#ifndef ROOMWIRE_GATEWAY_HTTP_CLIENT_H
#define ROOMWIRE_GATEWAY_HTTP_CLIENT_H

#include "core/buf.h"
#include "loop.h"

struct http_client;
struct http_call; // one request under way

// Keeps at most `max_kept` idle connections. To be called before threads start (curl_global_init).
// Errors: ERR_MEMORY.
MUST_USE enum err http_client_create(struct loop *loop, long max_kept,
                                     struct http_client **out_client);
// Breaks off what is under way; nobody is told. NULL is fine.
void http_client_destroy(struct http_client *client);

// True if `url` is an absolute one with http or https and a host. `out_name` then gets it without
// what may be secret (user, password, query): for the log.
bool http_client_is_url(const char *url, struct buf *out_name);

struct http_request {
    const char *url;
    struct span body;           // copied
    const char *const *headers; // "name: value", a NULL behind the last; copied
    int64_t timeout_ms;         // for all of it, from the name look-up to the last byte
    size_t max_answer;          // bytes of the answer's body
};

// Lives during the callback.
struct http_answer {
    enum err err;    // ERR_OK: an answer came. ERR_TOO_LARGE, ERR_MEMORY, ERR_AGAIN: none, as `why`
    const char *why; // says in a static text
    int status;
    struct span type; // Content-Type, may be empty
    struct span body;
};
typedef void http_answer_fn(void *context, const struct http_answer *answer);

// Sends a POST; `on_answer` runs once, later, unless the call is cancelled. Errors: ERR_MEMORY.
MUST_USE enum err http_client_post(struct http_client *client, const struct http_request *request,
                                   http_answer_fn *on_answer, void *context,
                                   struct http_call **out_call);
// `on_answer` will not run. Not for calls that were answered. NULL is fine.
void http_client_cancel(struct http_call *call);

#endif
