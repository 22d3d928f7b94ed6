// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// GET /rooms/<room>/messages as an event stream (WHATWG HTML §9.2), for EventSource and its like.
#ifndef ROOMWIRE_GATEWAY_EVENTS_H
#define ROOMWIRE_GATEWAY_EVENTS_H

#include "auth.h"

// True if the request asks for an event stream.
bool events_are_wanted(const struct exchange *x);

// Streams `room`, which is valid, to whoever may read it. Where it starts: Last-Event-ID, else the
// parameter lastEventId ("earliest" for all there is), else after the newest message but for the
// latest `limit`.
void events_open(struct exchange *x, struct span room);

#endif
