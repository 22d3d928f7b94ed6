// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// SipHash-1-3 (Aumasson and Bernstein, 2012): a keyed hash for tables whose keys come from clients,
// so that nobody can choose keys that collide; and FNV-1a where two sides have to agree on it, or
// nothing is at stake. Not a signature.
#ifndef ROOMWIRE_CORE_HASH_H
#define ROOMWIRE_CORE_HASH_H

#include <stdint.h>

#include "span.h"

struct hash_seed {
    uint64_t k0, k1;
};

// A seed from the system's random source. False if that fails.
bool hash_seed_init(struct hash_seed *out_seed);
// A random number to spread things in time by, or to name them where no secret is needed; the
// clock's where the system has none.
uint64_t hash_random(void);
uint64_t hash_bytes(const struct hash_seed *seed, struct span bytes);
// A hash of `bytes` that goes on from `hash`: of several texts none of which can pose as another.
uint64_t hash_more(const struct hash_seed *seed, uint64_t hash, struct span bytes);

// FNV-1a, 32 bits: of `bytes`, and going on from `hash`.
static inline uint32_t hash_fnv_more(uint32_t hash, struct span bytes)
{
    for (size_t i = 0; i < bytes.len; i++)
        hash = (hash ^ (unsigned char)bytes.ptr[i]) * 16777619u;
    return hash;
}

static inline uint32_t hash_fnv(struct span bytes)
{
    return hash_fnv_more(2166136261u, bytes);
}

// For keys that clients cannot choose: spreads the bits of a number, or of a pointer.
static inline uint64_t hash_number(uint64_t x)
{
    x = (x ^ (x >> 32)) * 0x9E3779B97F4A7C15u;
    return x ^ (x >> 29);
}

static inline uint64_t hash_pointer(const void *pointer)
{
    return hash_number((uint64_t)(uintptr_t)pointer);
}

#endif
