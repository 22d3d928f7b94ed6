// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The room's messages over HTTP: a page of them as JSON, and posting one.
#ifndef ROOMWIRE_GATEWAY_MESSAGES_H
#define ROOMWIRE_GATEWAY_MESSAGES_H

#include "exchange.h"

// GET /rooms/*/messages with before, after, limit: {"room","epoch","messages","more"}, with ETag.
void messages_read(struct exchange *x);
// POST /rooms/*/messages: 201 with the stamped message, 200 if the idempotency key was seen before.
void messages_post(struct exchange *x);

// The same for `default_room` in the short form of a well-known serverless chat; 404 without one.
// GET /chat: the latest 1,000 messages, or what the parameters say, as [{"m","n","t"}].
void messages_read_short(struct exchange *x);
// POST /savemessage of {"m","n","t"}.
void messages_post_short(struct exchange *x);

#endif
