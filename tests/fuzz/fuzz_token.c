// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// A first byte 'c' takes the rest as claims, signs them, and so reaches what lies behind the
// signature; 'k' takes it as a key set; 'p' as a PEM file; anything else as a token of its own.
#include <stdint.h>
#include <stdlib.h>

#include "core/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define KEYS                                                                                       \
    "{\"keys\":[{\"kty\":\"oct\",\"kid\":\"a\","                                                   \
    "\"k\":\"QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE\"},"                                      \
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","     \
    "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"},"                                      \
    "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]" \
    "}"

struct bench {
    struct config config;
    struct token_policy policy;
    struct keyset *keys;
    struct buf why;
};

static void demand(bool holds)
{
    if (!holds)
        abort();
}

static void set_up(struct bench *b)
{
    buf_init(&b->why, 4096);
    demand(config_init(&b->config) == ERR_OK);
    demand(config_set(&b->config, "require_exp", "no", &b->why) == ERR_OK);
    demand(config_set(&b->config, "max_token", "65535", &b->why) == ERR_OK);
    demand(token_policy_init(&b->policy, &b->config, &b->why) == ERR_OK);
    demand(keyset_create("", &b->keys, &b->why) == ERR_OK);
    demand(keyset_add_secret(b->keys, span_of("0123456789abcdef0123456789abcdef"), &b->why) ==
           ERR_OK);
    demand(keyset_add_jwks(b->keys, span_of(KEYS), &b->why) == ERR_OK);
}

static void tear_down(struct bench *b)
{
    keyset_destroy(b->keys);
    token_policy_finish(&b->policy);
    config_finish(&b->config);
    buf_finish(&b->why);
}

// What has to hold for every token that is accepted.
static void inspect(const struct token *token)
{
    struct span subject = span_of(token->subject), name = span_of(token->name);
    demand(subject.len >= 1 && subject.len <= TOKEN_SUBJECT_MAX && span_is_utf8(subject));
    demand(name.len <= TOKEN_NAME_MAX && span_is_utf8(name));
    demand(token->expires_s >= 0);
    static const char *const topics[] = {
        "rooms/lobby/messages", "rooms/+/messages", "#", "$SYS/#", "a/b/c", "$share/g/a", ""};
    for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++) {
        struct span topic = span_of(topics[i]);
        bool may_read = false, may_write = false;
        for (int qos = 0; qos <= 2; qos++) {
            may_read |= rights_allow_subscribe(token->rights, topic, qos);
            may_write |= rights_allow_publish(token->rights, topic, qos, false) ||
                         rights_allow_publish(token->rights, topic, qos, true);
        }
        demand(topic.len > 0 || (!may_read && !may_write));
        demand(!topic_has_wildcard(topic) || !may_write);
        if (may_read && topic_is_name(topic) && topic.ptr[0] != '$')
            demand(rights_allow_delivery(token->rights, topic));
    }
}

static void try_token(const struct bench *b, struct span text)
{
    static const struct rights_client client = {{"a+b", 3}, {NULL, 0}};
    struct token token;
    if (token_verify(&b->policy, b->keys, text, &client, 1800000000, &token) != ERR_OK)
        return;
    inspect(&token);
    token_finish(&token);
}

static void try_claims(const struct bench *b, struct span claims)
{
    struct buf text;
    buf_init(&text, 65535);
    if (token_mint(b->keys, claims, &text) == ERR_OK)
        try_token(b, buf_span(&text));
    buf_finish(&text);
}

static void try_keys(struct span content, bool is_pem)
{
    struct keyset *keys = NULL;
    struct buf why;
    buf_init(&why, 4096);
    demand(keyset_create("", &keys, &why) == ERR_OK);
    enum err err =
        is_pem ? keyset_add_pem(keys, content, &why) : keyset_add_jwks(keys, content, &why);
    demand((err == ERR_OK) == (why.len == 0));
    demand((err == ERR_OK) <= (keyset_count(keys) > 0));
    keyset_destroy(keys);
    buf_finish(&why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bench b;
    if (size == 0)
        return 0;
    struct span rest = span_make(data + 1, size - 1);
    if (data[0] == 'k' || data[0] == 'p') {
        try_keys(rest, data[0] == 'p');
        return 0;
    }
    set_up(&b);
    if (data[0] == 'c')
        try_claims(&b, rest);
    else
        try_token(&b, span_make(data, size));
    tear_down(&b);
    return 0;
}
