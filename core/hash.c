// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "hash.h"

#include <sys/random.h>

#include "clock.h"

struct state {
    uint64_t v0, v1, v2, v3;
};

static uint64_t rotate(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

static void sip_round(struct state *s)
{
    s->v0 += s->v1;
    s->v1 = rotate(s->v1, 13) ^ s->v0;
    s->v0 = rotate(s->v0, 32);
    s->v2 += s->v3;
    s->v3 = rotate(s->v3, 16) ^ s->v2;
    s->v0 += s->v3;
    s->v3 = rotate(s->v3, 21) ^ s->v0;
    s->v2 += s->v1;
    s->v1 = rotate(s->v1, 17) ^ s->v2;
    s->v2 = rotate(s->v2, 32);
}

static void absorb(struct state *s, uint64_t word)
{
    s->v3 ^= word;
    sip_round(s);
    s->v0 ^= word;
}

// Up to eight bytes, the first one lowest.
static uint64_t load(const char *bytes, size_t len)
{
    uint64_t word = 0;
    for (size_t i = 0; i < len; i++)
        word |= (uint64_t)(unsigned char)bytes[i] << (8 * i);
    return word;
}

uint64_t hash_bytes(const struct hash_seed *seed, struct span bytes)
{
    struct state s = {seed->k0 ^ 0x736f6d6570736575u, seed->k1 ^ 0x646f72616e646f6du,
                      seed->k0 ^ 0x6c7967656e657261u, seed->k1 ^ 0x7465646279746573u};
    uint64_t last = (uint64_t)bytes.len << 56;
    size_t left = bytes.len;
    const char *at = bytes.ptr;
    for (; left >= 8; left -= 8, at += 8) {
        uint64_t word;
        memcpy(&word, at, sizeof word); // any fixed byte order will do: hashes stay in the process
        absorb(&s, word);
    }
    absorb(&s, last | load(at, left));
    s.v2 ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(&s);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

uint64_t hash_more(const struct hash_seed *seed, uint64_t hash, struct span bytes)
{
    struct hash_seed next = {seed->k0 ^ hash, seed->k1};
    return hash_bytes(&next, bytes);
}

bool hash_seed_init(struct hash_seed *out_seed)
{
    return getrandom(out_seed, sizeof *out_seed, 0) == (ssize_t)sizeof *out_seed;
}

uint64_t hash_random(void)
{
    uint64_t number = 0;
    // Never short for so few bytes, and blocks only while the machine boots.
    if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
        number = (uint64_t)clock_monotonic_ms();
    return number;
}
