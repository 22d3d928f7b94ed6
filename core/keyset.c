// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "keyset.h"

#include <stdlib.h>

#include "base64.h"
#include "key.h"

enum { UNKNOWN_MAX = 64 }; // bytes of an unknown algorithm's name that are shown

struct keyset {
    algorithm_set pinned; // what the configuration accepts
    size_t count;
    const struct key *signer; // the first secret; NULL if there is none
    struct key keys[KEYSET_KEYS_MAX];
};

enum err keyset_create(const char *algorithms, struct keyset **out_keys, struct buf *why)
{
    algorithm_set pinned;
    struct span unknown;
    enum err err = algorithm_set_parse(span_of(algorithms), &pinned, &unknown);
    if (err != ERR_OK) {
        size_t shown = unknown.len < UNKNOWN_MAX ? unknown.len : UNKNOWN_MAX;
        buf_printf(why, "algorithms: %.*s is not supported", (int)shown, unknown.ptr);
        return err;
    }
    struct keyset *keys = calloc(1, sizeof *keys);
    if (keys == NULL) {
        buf_add_text(why, err_text(ERR_MEMORY));
        return ERR_MEMORY;
    }
    keys->pinned = pinned;
    *out_keys = keys;
    return ERR_OK;
}

void keyset_destroy(struct keyset *keys)
{
    if (keys == NULL)
        return;
    for (size_t i = 0; i < keys->count; i++)
        key_finish(&keys->keys[i]);
    free(keys);
}

static bool has_id(const struct key *key, struct span id)
{
    return id.len > 0 && span_is(id, key->id);
}

// Takes `key` over, also on an error.
static enum err take(struct keyset *keys, struct key *key, struct buf *why)
{
    enum err err = ERR_OK;
    key->algorithms &= keys->pinned;
    if (key->algorithms == 0) {
        buf_add_text(why, "the option algorithms accepts none that fits the key");
        err = ERR_UNSUPPORTED;
    } else if (keys->count == KEYSET_KEYS_MAX) {
        buf_printf(why, "more than %d keys", KEYSET_KEYS_MAX);
        err = ERR_FULL;
    }
    for (size_t i = 0; err == ERR_OK && i < keys->count; i++) {
        if (has_id(&keys->keys[i], span_of(key->id))) {
            buf_add_text(why, "two keys have the same \"kid\"");
            err = ERR_INVALID;
        }
    }
    if (err != ERR_OK) {
        key_finish(key);
        return err;
    }
    keys->keys[keys->count++] = *key;
    return ERR_OK;
}

enum err keyset_add_secret(struct keyset *keys, struct span secret, struct buf *why)
{
    struct key key;
    enum err err = key_from_secret(secret, &key, why);
    if (err == ERR_OK)
        err = take(keys, &key, why);
    if (err == ERR_OK && keys->signer == NULL)
        keys->signer = &keys->keys[keys->count - 1];
    return err;
}

enum err keyset_add_pem(struct keyset *keys, struct span pem, struct buf *why)
{
    struct key key;
    enum err err = key_from_pem(pem, &key, why);
    return err == ERR_OK ? take(keys, &key, why) : err;
}

// Adds one key of a set; one that is of no use here counts as added (RFC 7517 §5).
static enum err add_jwk(struct keyset *keys, const struct json *jwk, struct buf *why)
{
    struct key key;
    enum err err = key_from_jwk(jwk, &key, why);
    if (err == ERR_OK)
        err = take(keys, &key, why);
    return err == ERR_UNSUPPORTED ? ERR_OK : err;
}

static enum err add_all(struct keyset *keys, const struct json *root, struct buf *why)
{
    const struct json *list = json_member(root, "keys");
    if (list == NULL && json_member(root, "kty") != NULL)
        return add_jwk(keys, root, why);
    if (!json_is_array(list)) {
        buf_add_text(why, "the member \"keys\" is missing or no array");
        return ERR_INVALID;
    }
    enum err err = ERR_OK;
    for (const struct json *jwk = json_first(list); err == ERR_OK && jwk; jwk = json_next(jwk)) {
        buf_clear(why); // why the key before this was passed over
        err = add_jwk(keys, jwk, why);
    }
    return err;
}

enum err keyset_add_jwks(struct keyset *keys, struct span json, struct buf *why)
{
    struct json *root = NULL;
    struct buf detail;
    buf_init(&detail, 256);
    size_t before = keys->count;
    enum err err = json_parse(json, &root);
    if (err != ERR_OK)
        buf_add_text(&detail, "not JSON, or with a member given twice");
    else
        err = add_all(keys, root, &detail);
    if (err == ERR_OK && keys->count == before) {
        buf_add_text(why, "no key in it can be used: ");
        if (detail.len == 0)
            buf_add_text(&detail, "it is empty");
        err = ERR_UNSUPPORTED;
    }
    if (err != ERR_OK)
        buf_add_span(why, buf_span(&detail));
    json_destroy(root);
    buf_finish(&detail);
    return err;
}

// ---- loading what the configuration names ----

typedef enum err add_fn(struct keyset *keys, struct span content, struct buf *why);

static enum err load_file(struct keyset *keys, const char *path, add_fn *add, struct buf *why)
{
    struct secret content;
    if (*path == '\0')
        return ERR_OK;
    enum err err = secret_load(path, 1, &content, why);
    if (err != ERR_OK)
        return err;
    struct buf detail;
    buf_init(&detail, 512);
    err = add(keys, secret_span(&content), &detail);
    if (err != ERR_OK)
        buf_printf(why, "%s: %.*s", path, (int)detail.len, detail.ptr ? detail.ptr : "");
    buf_finish(&detail);
    secret_finish(&content);
    return err;
}

// A pinned algorithm that no key can serve is a mistake to be told at the start, not at the first
// token.
static enum err check_pinned(const struct keyset *keys, struct span names, struct buf *why)
{
    algorithm_set served = 0;
    for (size_t i = 0; i < keys->count; i++)
        served |= keys->keys[i].algorithms;
    struct span name;
    while (span_word(&names, &name)) {
        enum algorithm algorithm;
        if (algorithm_from_name(name, &algorithm) && !(served & ALGORITHM_BIT(algorithm))) {
            buf_printf(why, "algorithms: no key can serve %.*s", (int)name.len, name.ptr);
            return ERR_UNSUPPORTED;
        }
    }
    return ERR_OK;
}

static enum err load(struct keyset *keys, const struct config *config, struct buf *why)
{
    enum err err = load_file(keys, config->secret_file, keyset_add_secret, why);
    if (err == ERR_OK)
        err = load_file(keys, config->key_file, keyset_add_pem, why);
    if (err == ERR_OK)
        err = load_file(keys, config->jwks_file, keyset_add_jwks, why);
    if (err != ERR_OK)
        return err;
    if (keys->count == 0) {
        buf_add_text(why, "no keys: one of secret_file, key_file and jwks_file is needed");
        return ERR_INVALID;
    }
    return check_pinned(keys, span_of(config->algorithms), why);
}

enum err keyset_load(const struct config *config, struct keyset **out_keys, struct buf *why)
{
    struct keyset *keys = NULL;
    enum err err = keyset_create(config->algorithms, &keys, why);
    if (err == ERR_OK)
        err = load(keys, config, why);
    if (err != ERR_OK) {
        keyset_destroy(keys);
        return err;
    }
    *out_keys = keys;
    return ERR_OK;
}

size_t keyset_count(const struct keyset *keys)
{
    return keys->count;
}

size_t keyset_shortest_secret(const struct keyset *keys)
{
    size_t shortest = 0;
    for (size_t i = 0; i < keys->count; i++) {
        size_t len = keys->keys[i].secret.len;
        if (len > 0 && (shortest == 0 || len < shortest))
            shortest = len;
    }
    return shortest;
}

// ---- using them ----

// Tries the keys that have `kid` for a name (empty: any name or none), or, with `is_unnamed`, those
// without a name.
static enum err try_keys(const struct keyset *keys, struct span kid, bool is_unnamed,
                         enum algorithm algorithm, struct span text, struct span signature)
{
    enum err err = ERR_TOKEN_KEY; // nothing was tried
    for (size_t i = 0; i < keys->count; i++) {
        const struct key *key = &keys->keys[i];
        if (is_unnamed ? *key->id != '\0' : kid.len > 0 && !has_id(key, kid))
            continue;
        if (!(key->algorithms & ALGORITHM_BIT(algorithm))) {
            if (err == ERR_TOKEN_KEY)
                err = ERR_TOKEN_ALGORITHM;
            continue;
        }
        err = key_verify(key, algorithm, text, signature);
        if (err != ERR_TOKEN_SIGNATURE)
            return err;
    }
    return err;
}

enum err keyset_verify(const struct keyset *keys, struct span alg, struct span kid,
                       struct span signed_part, struct span signature)
{
    enum algorithm algorithm;
    if (!algorithm_from_name(alg, &algorithm) || !(keys->pinned & ALGORITHM_BIT(algorithm)))
        return ERR_TOKEN_ALGORITHM;
    enum err err = try_keys(keys, kid, false, algorithm, signed_part, signature);
    if (err == ERR_TOKEN_KEY && kid.len > 0)
        err = try_keys(keys, kid, true, algorithm, signed_part, signature);
    return err;
}

enum err keyset_sign(const struct keyset *keys, struct span text, struct buf *out)
{
    unsigned char mac[SECRET_HMAC_SIZE];
    if (keys->signer == NULL || !(keys->signer->algorithms & ALGORITHM_BIT(ALGORITHM_HS256)))
        return ERR_UNSUPPORTED;
    enum err err = secret_hmac(secret_span(&keys->signer->secret), text, mac);
    if (err != ERR_OK)
        return err;
    base64url_encode(span_make(mac, sizeof mac), out);
    return out->status;
}
