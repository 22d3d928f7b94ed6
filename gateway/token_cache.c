// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "token_cache.h"

#include <stdlib.h>

#include "core/hash.h"
#include "core/secret.h"

// Each token has one place, by its last bytes: those of the signature, which nobody can choose.
enum { PLACES = 1024, HASHED_BYTES = 16 };

struct known_token {
    int references; // one thread's alone
    struct token token;
    size_t text_len;
    char text[];
};

struct token_cache {
    struct credentials *credentials; // what all of it was verified with
    struct known_token *places[PLACES];
};

enum err token_cache_create(struct token_cache **out_cache)
{
    struct token_cache *cache = calloc(1, sizeof *cache);
    if (cache == NULL)
        return ERR_MEMORY;
    *out_cache = cache;
    return ERR_OK;
}

const struct token *known_token(const struct known_token *known)
{
    return &known->token;
}

void known_token_release(struct known_token *known)
{
    if (known == NULL || --known->references > 0)
        return;
    token_finish(&known->token);
    explicit_bzero(known->text, known->text_len);
    free(known);
}

static void forget_all(struct token_cache *cache)
{
    for (size_t i = 0; i < PLACES; i++) {
        known_token_release(cache->places[i]);
        cache->places[i] = NULL;
    }
    if (cache->credentials != NULL)
        credentials_release(cache->credentials);
    cache->credentials = NULL;
}

void token_cache_destroy(struct token_cache *cache)
{
    if (cache == NULL)
        return;
    forget_all(cache);
    free(cache);
}

// Sees to it that the credentials are those in force. Held by the cache, so that a pointer that is
// the same means the same ones.
static void follow_credentials(struct token_cache *cache, struct gateway *gateway)
{
    if (cache->credentials == atomic_load(&gateway->credentials))
        return;
    forget_all(cache);
    cache->credentials = gateway_credentials(gateway);
}

static struct known_token **place_of(struct token_cache *cache, struct span text)
{
    size_t start = text.len > HASHED_BYTES ? text.len - HASHED_BYTES : 0;
    uint32_t hash = hash_fnv(span_skip(text, start));
    return &cache->places[(hash ^ hash >> 16) % PLACES];
}

static bool is_still_good(const struct known_token *known, struct span text, int64_t now_s)
{
    return secret_equal(span_make(known->text, known->text_len), text) &&
           (known->token.expires_s == 0 || now_s < known->token.expires_s);
}

static enum err verify(const struct token_cache *cache, struct span text, int64_t now_s,
                       struct known_token **out_known)
{
    struct token token;
    enum err err =
        token_verify(&cache->credentials->access->policy, cache->credentials->access->keys, text,
                     &rights_nobody, now_s, &token);
    if (err != ERR_OK)
        return err;
    struct known_token *known = malloc(sizeof *known + text.len);
    if (known == NULL) {
        token_finish(&token);
        return ERR_MEMORY;
    }
    *known = (struct known_token){.references = 1, .token = token, .text_len = text.len};
    memcpy(known->text, text.ptr, text.len);
    *out_known = known;
    return ERR_OK;
}

enum err token_cache_verify(struct worker *worker, struct span text, struct known_token **out_known)
{
    struct token_cache *cache = worker->tokens;
    int64_t now_s = loop_date_ms(worker->loop) / 1000;
    follow_credentials(cache, worker->gateway);
    struct known_token **place = place_of(cache, text);
    if (*place == NULL || !is_still_good(*place, text, now_s)) {
        struct known_token *fresh;
        enum err err = verify(cache, text, now_s, &fresh);
        if (err != ERR_OK)
            return err;
        known_token_release(*place);
        *place = fresh;
    }
    (*place)->references++;
    *out_known = *place;
    return ERR_OK;
}
