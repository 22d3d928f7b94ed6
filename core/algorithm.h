// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The signature algorithms of tokens, by their names (RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864 §2.2).
// Not the keys, which decide which of these may be used: key.h.
#ifndef ROOMWIRE_CORE_ALGORITHM_H
#define ROOMWIRE_CORE_ALGORITHM_H

#include "err.h"
#include "span.h"

enum algorithm {
    ALGORITHM_HS256,
    ALGORITHM_HS384,
    ALGORITHM_HS512,
    ALGORITHM_RS256,
    ALGORITHM_RS384,
    ALGORITHM_RS512,
    ALGORITHM_PS256,
    ALGORITHM_PS384,
    ALGORITHM_PS512,
    ALGORITHM_ES256,
    ALGORITHM_ES384,
    ALGORITHM_ES512,
    ALGORITHM_EDDSA, // either curve
    ALGORITHM_ED25519,
    ALGORITHM_ED448,
    ALGORITHM_COUNT
};

// What is common to the algorithms of one two-letter prefix.
enum algorithm_family {
    ALGORITHM_FAMILY_HMAC,
    ALGORITHM_FAMILY_RSA_PKCS1,
    ALGORITHM_FAMILY_RSA_PSS,
    ALGORITHM_FAMILY_ECDSA,
    ALGORITHM_FAMILY_EDDSA
};

// A set of algorithms: one bit each, 1 << algorithm.
typedef unsigned algorithm_set;

#define ALGORITHM_BIT(algorithm) (1u << (algorithm))
enum {
    ALGORITHM_SET_HS = 7u << ALGORITHM_HS256,
    ALGORITHM_SET_RSA = 63u << ALGORITHM_RS256,
    ALGORITHM_SET_ALL = (1u << ALGORITHM_COUNT) - 1
};

// The algorithm called `name`, exactly. False for "none" and everything unknown.
bool algorithm_from_name(struct span name, enum algorithm *out_algorithm);
enum algorithm_family algorithm_family(enum algorithm algorithm);

// The algorithms named in `names`, separated by spaces; all of them for an empty text.
// Errors: ERR_INVALID, with the name that is none in `*out_unknown`.
MUST_USE enum err algorithm_set_parse(struct span names, algorithm_set *out_set,
                                      struct span *out_unknown);

#endif
