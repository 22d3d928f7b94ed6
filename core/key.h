// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// One key to verify tokens with: its material, and the algorithms that its own type allows
// (RFC 7518 §3). A secret never verifies a public key's signature, nor the other way round.
// Not which key a token is to be held against: keyset.h.
#ifndef ROOMWIRE_CORE_KEY_H
#define ROOMWIRE_CORE_KEY_H

#include "algorithm.h"
#include "json.h"
#include "secret.h"

struct evp_pkey_st; // OpenSSL's EVP_PKEY

enum { KEY_ID_MAX = 256, KEY_RSA_BITS_MIN = 2048, KEY_RSA_BITS_MAX = 8192 };

struct key {
    char *id;                       // "kid", owned; "" if it has none
    algorithm_set algorithms;       // never empty
    struct evp_pkey_st *public_key; // owned; NULL for a secret
    struct secret secret;           // empty for a public key
};

// All of these fill `*out_key`, whose owner calls key_finish, and on an error put a line into `why`
// that says what is wrong without showing any of it.

// An HMAC secret, raw bytes. What looks like a PEM file or a JSON Web Key is refused, because a
// public key taken for a secret would let everybody sign.
// Errors: ERR_INVALID, ERR_MEMORY.
MUST_USE enum err key_from_secret(struct span secret, struct key *out_key, struct buf *why);

// A PEM text with one public key or one certificate (whose dates and issuer are not looked at: the
// file says that the key is trusted).
// Errors: ERR_INVALID, ERR_UNSUPPORTED (type, curve or size of the key), ERR_MEMORY.
MUST_USE enum err key_from_pem(struct span pem, struct key *out_key, struct buf *why);

// A JSON Web Key (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2); only the public part of a private one is
// used. "use", "key_ops" and "alg" are honoured.
// Errors: ERR_UNSUPPORTED (a key that is not for verifying tokens, or of a type, curve, algorithm
// or size that is not known or too weak), ERR_INVALID (damaged), ERR_MEMORY.
MUST_USE enum err key_from_jwk(const struct json *jwk, struct key *out_key, struct buf *why);

void key_finish(struct key *key);

// Holds `signature` against `text`; `algorithm` must be one of the key's.
// Errors: ERR_TOKEN_SIGNATURE, ERR_MEMORY.
MUST_USE enum err key_verify(const struct key *key, enum algorithm algorithm, struct span text,
                             struct span signature);

// For the readers of key files: takes over a public key (also on an error) with what its type
// allows. Errors: ERR_UNSUPPORTED, ERR_INVALID (e.g. a point off its curve), ERR_MEMORY.
MUST_USE enum err key_take_public(struct evp_pkey_st *public_key, struct key *out_key,
                                  struct buf *why);

#endif
