// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Tokens that this worker has verified before, so that a caller who asks often costs one
// comparison. Nothing is believed longer than it would be anew: not beyond the token's expiry, and
// not under other keys or another policy than those in force.
#ifndef ROOMWIRE_GATEWAY_TOKEN_CACHE_H
#define ROOMWIRE_GATEWAY_TOKEN_CACHE_H

#include "gateway.h"

struct token_cache;

// A verified token, shared by whoever holds it.
struct known_token;

MUST_USE enum err token_cache_create(struct token_cache **out_cache);
// What is held by others stays until they release it. NULL is fine.
void token_cache_destroy(struct token_cache *cache);

// Verifies `text` as token_verify does, or knows it. The holder releases `*out_known`.
// Errors: those of token_verify.
MUST_USE enum err token_cache_verify(struct worker *worker, struct span text,
                                     struct known_token **out_known);
const struct token *known_token(const struct known_token *known);
void known_token_release(struct known_token *known); // NULL is fine

#endif
