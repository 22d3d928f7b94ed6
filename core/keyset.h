// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The keys that tokens are verified with (RFC 7517), each bound at load time to the algorithms
// that its own type allows (RFC 7518 §3), so that a token's header can never choose how a key is
// used (RFC 8725 §3.1).
#ifndef ROOMWIRE_CORE_KEYSET_H
#define ROOMWIRE_CORE_KEYSET_H

#include "config.h"

struct keyset; // immutable once loaded, so threads may share it

enum { KEYSET_KEYS_MAX = 64 };

// Loads every key file that the configuration names and pins the configured algorithms.
// On an error `why` gets one line that names the file, never a key.
// Errors: ERR_IO, ERR_TOO_LARGE (a file over SECRET_FILE_MAX), ERR_INVALID, ERR_UNSUPPORTED (key
// type, RSA under 2048 bits, an algorithm that no key can serve), ERR_FULL (over KEYSET_KEYS_MAX),
// ERR_MEMORY.
MUST_USE enum err keyset_load(const struct config *config, struct keyset **out_keys,
                              struct buf *why);
void keyset_destroy(struct keyset *keys); // NULL is fine

// An empty set to add keys to. `algorithms` as the option of that name; "" for all that fit.
// Errors: ERR_INVALID (an unknown name), ERR_MEMORY.
MUST_USE enum err keyset_create(const char *algorithms, struct keyset **out_keys, struct buf *why);
// Adds one secret (any length: what a short one is worth is its owner's decision), or one PEM
// public key or certificate. Errors: as keyset_load.
MUST_USE enum err keyset_add_secret(struct keyset *keys, struct span secret, struct buf *why);
MUST_USE enum err keyset_add_pem(struct keyset *keys, struct span pem, struct buf *why);
// Adds the keys of a JSON Web Key Set, or of a single JSON Web Key. Keys for something else than
// verifying tokens, and of types, curves or sizes that are not supported are passed over (RFC 7517
// §5); it is an error if none is left, if one is damaged, or if two have the same "kid".
MUST_USE enum err keyset_add_jwks(struct keyset *keys, struct span json, struct buf *why);

size_t keyset_count(const struct keyset *keys);
// Bytes of the shortest secret, 0 if there is none: RFC 7518 §3.2 wants 32 for HS256.
size_t keyset_shortest_secret(const struct keyset *keys);

// Verifies a JWS signature over `signed_part` (RFC 7515 §5.2). With a `kid` only the key of that
// name is tried, or, if none has it, those that have no name at all (from PEM and secret files).
// Without one every key that allows `alg` is tried. Errors: ERR_TOKEN_ALGORITHM, ERR_TOKEN_KEY,
// ERR_TOKEN_SIGNATURE, ERR_MEMORY.
MUST_USE enum err keyset_verify(const struct keyset *keys, struct span alg, struct span kid,
                                struct span signed_part, struct span signature);

// Appends the HS256 signature of `text` by the secret of keyset_add_secret, base64url.
// Errors: ERR_UNSUPPORTED if there is no secret or HS256 is not accepted, ERR_MEMORY, or the
// buffer's status.
MUST_USE enum err keyset_sign(const struct keyset *keys, struct span text, struct buf *out);

#endif
