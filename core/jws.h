// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Signed texts in the compact serialization of RFC 7515 §3.1: taken apart, verified, written.
// Not what the payload means: token.h.
#ifndef ROOMWIRE_CORE_JWS_H
#define ROOMWIRE_CORE_JWS_H

#include "json.h"
#include "keyset.h"

// A verified text; owned parts.
struct jws {
    struct json *header; // an object
    struct buf payload;
};

// Verifies `text`. A header that names extensions to be understood ("crit", §4.1.11) is refused, as
// none are; keys that the header itself brings ("jwk", "jku", "x5c"...) are not looked at.
// Errors: ERR_TOKEN_MALFORMED, those of keyset_verify.
MUST_USE enum err jws_verify(const struct keyset *keys, struct span text, struct jws *out_jws);
void jws_finish(struct jws *jws);

// Appends `payload` signed with HS256. Errors: those of keyset_sign.
MUST_USE enum err jws_sign(const struct keyset *keys, struct span payload, struct buf *out);

#endif
