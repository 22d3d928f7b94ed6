// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// A token that was verified once is known, but never longer or under other keys than it is good.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gateway/token_cache.h"

enum { NOW_S = 1800000000 };

// ---- stands in for gateway.c and loop.c ----

static int64_t date_s;
static int living_credentials;

int64_t loop_date_ms(const struct loop *loop)
{
    (void)loop;
    return date_s * 1000;
}

struct credentials *gateway_credentials(struct gateway *gateway)
{
    struct credentials *credentials = gateway->credentials;
    atomic_fetch_add(&credentials->references, 1);
    return credentials;
}

void credentials_release(struct credentials *credentials)
{
    if (atomic_fetch_sub(&credentials->references, 1) != 1)
        return;
    access_destroy(credentials->access);
    free(credentials);
    living_credentials--;
}

// ---- a gateway with one secret ----

struct fixture {
    struct gateway gateway;
    struct worker worker;
};

static struct credentials *make_credentials(const struct config *config, const char *secret)
{
    struct buf why;
    buf_init(&why, 1024);
    struct credentials *credentials = calloc(1, sizeof *credentials);
    assert_non_null(credentials);
    atomic_init(&credentials->references, 1);
    struct access *access = credentials->access = calloc(1, sizeof *access);
    assert_non_null(access);
    assert_int_equal(token_policy_init(&access->policy, config, &why), ERR_OK);
    assert_int_equal(keyset_create("", &access->keys, &why), ERR_OK);
    assert_int_equal(keyset_add_secret(access->keys, span_of(secret), &why), ERR_OK);
    buf_finish(&why);
    living_credentials++;
    return credentials;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    assert_int_equal(config_init(&f->gateway.config), ERR_OK);
    f->gateway.config.leeway_s = 0;
    f->gateway.credentials =
        make_credentials(&f->gateway.config, "the first secret of thirty-two b.");
    f->worker.gateway = &f->gateway;
    assert_int_equal(token_cache_create(&f->worker.tokens), ERR_OK);
    date_s = NOW_S;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    token_cache_destroy(f->worker.tokens);
    credentials_release(f->gateway.credentials);
    config_finish(&f->gateway.config);
    free(f);
    return living_credentials;
}

static char *mint(struct fixture *f, const char *subject, int64_t ttl_s)
{
    struct buf claims, text;
    buf_init(&claims, 1024);
    buf_init(&text, 4096);
    buf_printf(&claims, "{\"sub\":\"%s\",\"rooms\":{\"lobby\":\"r\"},\"exp\":%lld}", subject,
               (long long)NOW_S + ttl_s);
    struct credentials *credentials = f->gateway.credentials;
    assert_int_equal(token_mint(credentials->access->keys, buf_span(&claims), &text), ERR_OK);
    char *copy = span_dup(buf_span(&text));
    buf_finish(&claims);
    buf_finish(&text);
    return copy;
}

static enum err ask(struct fixture *f, const char *text, const char *subject)
{
    struct known_token *known;
    enum err err = token_cache_verify(&f->worker, span_of(text), &known);
    if (err != ERR_OK)
        return err;
    assert_string_equal(known_token(known)->subject, subject);
    known_token_release(known);
    return ERR_OK;
}

// ---- tests ----

static void the_same_token_is_one_object(void **state)
{
    struct fixture *f = *state;
    char *text = mint(f, "alice", 60);
    struct known_token *first, *second;
    assert_int_equal(token_cache_verify(&f->worker, span_of(text), &first), ERR_OK);
    assert_int_equal(token_cache_verify(&f->worker, span_of(text), &second), ERR_OK);
    assert_ptr_equal(first, second);
    known_token_release(first);
    known_token_release(second);
    free(text);
}

static void a_token_that_differs_in_one_byte_is_not_known(void **state)
{
    struct fixture *f = *state;
    char *text = mint(f, "alice", 60);
    assert_int_equal(ask(f, text, "alice"), ERR_OK);
    for (size_t i = 0; text[i] != '\0'; i++) {
        char byte = text[i];
        text[i] = byte == 'A' ? 'B' : 'A';
        assert_int_not_equal(ask(f, text, "alice"), ERR_OK);
        text[i] = byte;
    }
    assert_int_equal(ask(f, text, "alice"), ERR_OK);
    free(text);
}

static void it_is_forgotten_when_it_expires(void **state)
{
    struct fixture *f = *state;
    char *text = mint(f, "alice", 10);
    assert_int_equal(ask(f, text, "alice"), ERR_OK);
    date_s = NOW_S + 9;
    assert_int_equal(ask(f, text, "alice"), ERR_OK);
    date_s = NOW_S + 10;
    assert_int_equal(ask(f, text, "alice"), ERR_TOKEN_EXPIRED);
    free(text);
}

static void it_is_forgotten_when_the_keys_change(void **state)
{
    struct fixture *f = *state;
    char *text = mint(f, "alice", 60);
    struct known_token *held;
    assert_int_equal(token_cache_verify(&f->worker, span_of(text), &held), ERR_OK);
    struct credentials *old = f->gateway.credentials;
    f->gateway.credentials =
        make_credentials(&f->gateway.config, "another secret, as long as that.");
    credentials_release(old);
    assert_int_equal(ask(f, text, "alice"), ERR_TOKEN_SIGNATURE);
    assert_int_equal(living_credentials, 1);
    // Whoever is in the middle of a request keeps what he was let in with.
    assert_string_equal(known_token(held)->subject, "alice");
    known_token_release(held);
    free(text);
}

static void more_tokens_than_places_are_each_themselves(void **state)
{
    struct fixture *f = *state;
    enum { COUNT = 3000 };
    char **texts = calloc(COUNT, sizeof *texts);
    assert_non_null(texts);
    char subject[16];
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < COUNT; i++) {
            (void)snprintf(subject, sizeof subject, "s%d", i);
            if (round == 0)
                texts[i] = mint(f, subject, 60);
            assert_int_equal(ask(f, texts[i], subject), ERR_OK);
        }
    }
    for (int i = 0; i < COUNT; i++)
        free(texts[i]);
    free(texts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_same_token_is_one_object, setup, teardown),
        cmocka_unit_test_setup_teardown(a_token_that_differs_in_one_byte_is_not_known, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(it_is_forgotten_when_it_expires, setup, teardown),
        cmocka_unit_test_setup_teardown(it_is_forgotten_when_the_keys_change, setup, teardown),
        cmocka_unit_test_setup_teardown(more_tokens_than_places_are_each_themselves, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
