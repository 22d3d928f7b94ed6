// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// What the tests of tokens share: a configuration, its policy, one secret, and tokens signed by it.
#ifndef ROOMWIRE_TESTS_TOKEN_FIXTURE_H
#define ROOMWIRE_TESTS_TOKEN_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "core/token.h"

#define SECRET "0123456789abcdef0123456789abcdef"
enum { NOW = 1800000000 };

// What every test needs: a configuration to be changed before `start`, a policy and one secret.
struct fixture {
    struct config config;
    struct token_policy policy;
    struct keyset *keys;
    struct buf why;
};

static inline int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    buf_init(&f->why, 512);
    assert_int_equal(config_init(&f->config), ERR_OK);
    assert_int_equal(keyset_create("", &f->keys, &f->why), ERR_OK);
    assert_int_equal(keyset_add_secret(f->keys, span_of(SECRET), &f->why), ERR_OK);
    assert_int_equal(token_policy_init(&f->policy, &f->config, &f->why), ERR_OK);
    *state = f;
    return 0;
}

static inline int tear_down(void **state)
{
    struct fixture *f = *state;
    token_policy_finish(&f->policy);
    keyset_destroy(f->keys);
    config_finish(&f->config);
    buf_finish(&f->why);
    free(f);
    return 0;
}

static inline void set(struct fixture *f, const char *option, const char *value)
{
    assert_int_equal(config_set(&f->config, option, value, &f->why), ERR_OK);
    token_policy_finish(&f->policy);
    assert_int_equal(token_policy_init(&f->policy, &f->config, &f->why), ERR_OK);
}

static inline enum err verify_text(struct fixture *f, struct span text, struct token *out)
{
    const struct rights_client client = {span_of("client-1"), span_of("bob")};
    return token_verify(&f->policy, f->keys, text, &client, NOW, out);
}

// Mints a token with `claims` and verifies it.
static inline enum err verify(struct fixture *f, const char *claims, struct token *out)
{
    struct buf text;
    buf_init(&text, 1 << 20);
    assert_int_equal(token_mint(f->keys, span_of(claims), &text), ERR_OK);
    enum err err = verify_text(f, buf_span(&text), out);
    buf_finish(&text);
    return err;
}

static inline void expect(struct fixture *f, const char *claims, enum err expected)
{
    struct token token;
    enum err err = verify(f, claims, &token);
    if (err == ERR_OK)
        token_finish(&token);
    if (err != expected)
        fail_msg("%s: expected \"%s\", got \"%s\"", claims, err_text(expected), err_text(err));
}

// Runs `tests`, each with a fixture of its own.
static inline int run_with_fixture(struct CMUnitTest *tests, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        tests[i].setup_func = set_up;
        tests[i].teardown_func = tear_down;
    }
    return _cmocka_run_group_tests("token", tests, count, NULL, NULL);
}

#define CLAIMS(more) "{\"sub\":\"a\",\"exp\":1900000000" more "}"

#endif
