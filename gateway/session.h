// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Signing in and out with a browser: a token, or where guests are welcome a nickname, becomes the
// session cookie. There is no session on this side: the cookie is the token.
#ifndef ROOMWIRE_GATEWAY_SESSION_H
#define ROOMWIRE_GATEWAY_SESSION_H

#include "exchange.h"

// POST /session with the fields token or nickname, and next (a place on this site, default "/").
// As a form: 303 to next. As JSON: 200 with {"from","name","expires"}.
void session_open(struct exchange *x);
// POST /session/end with the field csrf: forgets the cookie. 303 to next; 204 for programs.
void session_end(struct exchange *x);

#endif
