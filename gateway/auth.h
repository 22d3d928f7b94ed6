// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Who is calling: the token of an HTTP request, from the Authorization field or the session cookie,
// and whether a cookie may be trusted for what is asked (CSRF, Origin).
#ifndef ROOMWIRE_GATEWAY_AUTH_H
#define ROOMWIRE_GATEWAY_AUTH_H

#include "exchange.h"
#include "token_cache.h"

enum { AUTH_CSRF_TEXT = 33 };

struct caller {
    bool has_token;     // false: nobody is signed in, and `token` is empty
    bool is_by_cookie;  // the token came from the cookie: state changes need auth_is_same_site
    struct token token; // borrows its rights from `known`
    struct known_token *known;
};

// Reads who is calling. A token that is present but bad, or not that of the query's "subject", is
// an error (ERR_TOKEN_...), absence is not: has_token is false then. The caller is finished with
// caller_finish in every case of ERR_OK.
MUST_USE enum err auth_identify(struct exchange *x, struct caller *out_caller);
void caller_finish(struct caller *caller);

// May the caller do this with the room's messages?
// Errors: ERR_TOKEN_MISSING (nobody is signed in), ERR_DENIED.
MUST_USE enum err auth_check_room(const struct worker *worker, const struct caller *caller,
                                  enum rights_action action, struct span room);
// Identifies and checks the caller; false if the exchange was refused (401, 403).
bool auth_admit(struct exchange *x, enum rights_action action, struct span room,
                struct caller *out_caller);
// The same for publishing to any topic.
bool auth_admit_publish(struct exchange *x, struct span topic, int qos, bool is_retained,
                        struct caller *out_caller);
// The same for the connections of clients: to see them, or to change them.
bool auth_admit_connections(struct exchange *x, bool is_change, struct caller *out_caller);
// The same for what only an administrator sees (the claim "admin").
bool auth_admit_admin(struct exchange *x, struct caller *out_caller);
// For what a cookie authorizes: true if the request comes from our own site (its CSRF token is
// `csrf` or in X-CSRF-Token, or its Origin says so) or from a caller with a token of its own; false
// if the exchange was refused (403).
bool auth_admit_change(struct exchange *x, const struct caller *caller, struct span csrf);

// Verifies any token text as a caller's would be. Errors: those of token_verify.
MUST_USE enum err auth_verify(struct worker *worker, struct span text, struct token *out_token);

// The raw token text that auth_identify would use, for the relay; false if there is none.
bool auth_raw_token(const struct exchange *x, struct span *out_token);

// The form field "csrf" for this session: HMAC over the cookie; empty text when not by cookie.
void auth_csrf_token(const struct exchange *x, char out[AUTH_CSRF_TEXT]);
// True if a state-changing request by cookie is the site's own: its Origin is ours or allowed, or
// `csrf` is the session's CSRF token.
bool auth_is_same_site(const struct exchange *x, struct span csrf);
// True unless the request for a session comes from somebody else's page, which could make people
// act under a name that it knows (login CSRF).
bool auth_may_sign_in(const struct exchange *x);
// True if the request's Origin is absent, our own, or in allowed_origins ("*" lists all); or, where
// no cookie comes along, our own but for the scheme. Not enough for what a cookie authorizes.
bool auth_origin_allowed(const struct exchange *x);
// "https://host" as browsers see us, for comparing origins.
void auth_own_origin(const struct exchange *x, struct buf *out);

// The Set-Cookie value that signs in with `token` (HttpOnly, SameSite=Lax, Secure and __Host- with
// TLS), or signs out when it is empty.
void auth_cookie(const struct exchange *x, struct span token, int64_t max_age_s, struct buf *out);

#endif
