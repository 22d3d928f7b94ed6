// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "algorithm.h"

static const struct {
    const char *name;
    enum algorithm_family family;
} algorithms[ALGORITHM_COUNT] = {
    [ALGORITHM_HS256] = {"HS256", ALGORITHM_FAMILY_HMAC},
    [ALGORITHM_HS384] = {"HS384", ALGORITHM_FAMILY_HMAC},
    [ALGORITHM_HS512] = {"HS512", ALGORITHM_FAMILY_HMAC},
    [ALGORITHM_RS256] = {"RS256", ALGORITHM_FAMILY_RSA_PKCS1},
    [ALGORITHM_RS384] = {"RS384", ALGORITHM_FAMILY_RSA_PKCS1},
    [ALGORITHM_RS512] = {"RS512", ALGORITHM_FAMILY_RSA_PKCS1},
    [ALGORITHM_PS256] = {"PS256", ALGORITHM_FAMILY_RSA_PSS},
    [ALGORITHM_PS384] = {"PS384", ALGORITHM_FAMILY_RSA_PSS},
    [ALGORITHM_PS512] = {"PS512", ALGORITHM_FAMILY_RSA_PSS},
    [ALGORITHM_ES256] = {"ES256", ALGORITHM_FAMILY_ECDSA},
    [ALGORITHM_ES384] = {"ES384", ALGORITHM_FAMILY_ECDSA},
    [ALGORITHM_ES512] = {"ES512", ALGORITHM_FAMILY_ECDSA},
    [ALGORITHM_EDDSA] = {"EdDSA", ALGORITHM_FAMILY_EDDSA},
    [ALGORITHM_ED25519] = {"Ed25519", ALGORITHM_FAMILY_EDDSA},
    [ALGORITHM_ED448] = {"Ed448", ALGORITHM_FAMILY_EDDSA},
};

bool algorithm_from_name(struct span name, enum algorithm *out_algorithm)
{
    for (size_t i = 0; i < ALGORITHM_COUNT; i++) {
        if (span_is(name, algorithms[i].name)) {
            *out_algorithm = (enum algorithm)i;
            return true;
        }
    }
    return false;
}

enum algorithm_family algorithm_family(enum algorithm algorithm)
{
    return algorithms[algorithm].family;
}

enum err algorithm_set_parse(struct span names, algorithm_set *out_set, struct span *out_unknown)
{
    algorithm_set set = 0;
    struct span name;
    while (span_word(&names, &name)) {
        enum algorithm algorithm;
        if (!algorithm_from_name(name, &algorithm)) {
            *out_unknown = name;
            return ERR_INVALID;
        }
        set |= ALGORITHM_BIT(algorithm);
    }
    *out_set = set != 0 ? set : ALGORITHM_SET_ALL;
    return ERR_OK;
}
