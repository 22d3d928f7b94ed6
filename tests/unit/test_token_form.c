// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "token_fixture.h"

#include <stdio.h>

#include "core/base64.h"

// ---- the token of the seed ----

#define SEED_TOKEN                                                                                 \
    "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9."                                                        \
    "eyJpZCI6MSwibmFtZSI6IkFudGhvbnkgVmFsaWQgVXNlciIsImlhdCI6MTQyNTQ3MzUzNX0."                     \
    "KA68l60mjiC8EXaC2odnjFwdIDxE__iDu5RwLdN1F2A"

static void seed_token_is_accepted_without_exp_and_named_by_its_id(void **state)
{
    const struct rights_client nobody = {0};
    struct fixture *f = *state;
    struct keyset *keys = NULL;
    struct token token;
    assert_int_equal(keyset_create("HS256", &keys, &f->why), ERR_OK);
    assert_int_equal(keyset_add_secret(keys, span_of("NeverShareYourSecret"), &f->why), ERR_OK);
    assert_int_equal(token_verify(&f->policy, keys, span_of(SEED_TOKEN), &nobody, NOW, &token),
                     ERR_TOKEN_NO_EXPIRY);
    set(f, "require_exp", "no");
    static const char *const forms[] = {SEED_TOKEN, "Bearer " SEED_TOKEN, "bearer\t" SEED_TOKEN,
                                        "  BEARER   " SEED_TOKEN " "};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        assert_int_equal(token_verify(&f->policy, keys, span_of(forms[i]), &nobody, NOW, &token),
                         ERR_OK);
        assert_string_equal(token.subject, "1");
        assert_string_equal(token.name, "Anthony Valid User");
        assert_int_equal(token.expires_s, 0);
        token_finish(&token);
    }
    keyset_destroy(keys);
}

// ---- form ----

static void missing_and_malformed_tokens_are_told_apart(void **state)
{
    struct fixture *f = *state;
    struct token token;
    static const char *const missing[] = {"", " ", "Bearer", "Bearer ", "  bearer  "};
    for (size_t i = 0; i < sizeof missing / sizeof missing[0]; i++)
        assert_int_equal(verify_text(f, span_of(missing[i]), &token), ERR_TOKEN_MISSING);
    static const char *const malformed[] = {
        "x",           ".",        "..",         "...",        "a.b.c",      "Basic dTpw",
        "Bearerx.y.z", "e30.e30.", "e30.e30.AA", "Bearer a b", "W10.e30.AA", "bnVsbA.e30.AA"};
    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++)
        assert_int_equal(verify_text(f, span_of(malformed[i]), &token), ERR_TOKEN_MALFORMED);
}

static void token_over_max_token_is_refused_before_it_is_read(void **state)
{
    struct fixture *f = *state;
    struct buf claims, text;
    struct token token;
    buf_init(&claims, 16384);
    buf_init(&text, 32768);
    buf_printf(&claims, "{\"sub\":\"a\",\"exp\":%d,\"x\":\"", NOW + 60);
    while (claims.len < 5900)
        buf_add_char(&claims, 'x');
    buf_add_text(&claims, "\"}");
    assert_int_equal(token_mint(f->keys, buf_span(&claims), &text), ERR_OK);
    assert_true(text.len < 8192);
    assert_int_equal(verify_text(f, buf_span(&text), &token), ERR_OK);
    token_finish(&token);
    char limit[16];
    (void)snprintf(limit, sizeof limit, "%zu", text.len - 1);
    set(f, "max_token", limit);
    assert_int_equal(verify_text(f, buf_span(&text), &token), ERR_TOKEN_MALFORMED);
    buf_finish(&claims);
    buf_finish(&text);
}

static void any_changed_character_breaks_the_token(void **state)
{
    struct fixture *f = *state;
    struct buf text;
    struct token token;
    buf_init(&text, 1024);
    assert_int_equal(token_mint(f->keys, span_of("{\"sub\":\"a\",\"exp\":1900000000}"), &text),
                     ERR_OK);
    for (size_t i = 0; i < text.len; i++) {
        char kept = text.ptr[i];
        text.ptr[i] = kept == 'A' ? 'B' : 'A';
        assert_int_not_equal(verify_text(f, buf_span(&text), &token), ERR_OK);
        text.ptr[i] = kept;
    }
    for (size_t len = 0; len < text.len; len++)
        assert_int_not_equal(verify_text(f, span_make(text.ptr, len), &token), ERR_OK);
    assert_int_equal(verify_text(f, buf_span(&text), &token), ERR_OK);
    token_finish(&token);
    buf_finish(&text);
}

// Signs `payload` under any header, as an attacker who knows no better, or a careless issuer.
static enum err verify_with_header(struct fixture *f, const char *header, const char *payload)
{
    struct buf text, signature;
    struct token token;
    buf_init(&text, 4096);
    buf_init(&signature, 256);
    base64url_encode(span_of(header), &text);
    buf_add_char(&text, '.');
    base64url_encode(span_of(payload), &text);
    assert_int_equal(keyset_sign(f->keys, buf_span(&text), &signature), ERR_OK);
    buf_add_char(&text, '.');
    buf_add_span(&text, buf_span(&signature));
    assert_int_equal(text.status, ERR_OK);
    enum err err = verify_text(f, buf_span(&text), &token);
    if (err == ERR_OK)
        token_finish(&token);
    buf_finish(&text);
    buf_finish(&signature);
    return err;
}

static void headers_are_strict(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *header;
        enum err expected;
    } rows[] = {
        {"{\"alg\":\"HS256\"}", ERR_OK},
        {"{\"alg\":\"HS256\",\"typ\":\"JWT\"}", ERR_OK},
        {"{\"alg\":\"HS256\",\"typ\":\"at+jwt\"}", ERR_OK},
        {"{\"alg\":\"HS256\",\"typ\":\"application/at+JWT\"}", ERR_OK},
        {"{\"alg\":\"HS256\",\"kid\":\"of-nobody\"}", ERR_OK}, // the secret has no name
        {"{\"alg\":\"HS256\",\"jwk\":{\"kty\":\"oct\",\"k\":\"AA\"},\"jku\":\"http://x\"}", ERR_OK},
        {"{}", ERR_TOKEN_MALFORMED},
        {"[]", ERR_TOKEN_MALFORMED},
        {"{\"alg\":1}", ERR_TOKEN_MALFORMED},
        {"{\"alg\":null}", ERR_TOKEN_MALFORMED},
        {"{\"alg\":\"HS256\",\"alg\":\"HS256\"}", ERR_TOKEN_MALFORMED},
        {"{\"alg\":\"none\",\"alg\":\"HS256\"}", ERR_TOKEN_MALFORMED},
        {"{\"alg\":\"HS256\",\"crit\":[\"b64\"],\"b64\":true}", ERR_TOKEN_MALFORMED},
        {"{\"alg\":\"HS256\",\"crit\":[]}", ERR_TOKEN_MALFORMED},
        {"{\"alg\":\"HS256\",\"crit\":null}", ERR_TOKEN_MALFORMED},
        {"{\"alg\":\"HS256\",\"kid\":7}", ERR_TOKEN_MALFORMED},
        {"{\"alg\":\"HS256\",\"typ\":7}", ERR_TOKEN_MALFORMED},
        {"{\"alg\":\"HS256\",\"typ\":\"logout+jwt\"}", ERR_TOKEN_MALFORMED},
        {"{\"alg\":\"HS256\",\"typ\":\"application/dpop+jwt\"}", ERR_TOKEN_MALFORMED},
        {"{\"alg\":\"HS256\"} x", ERR_TOKEN_MALFORMED},
        {"{\"alg\":\"none\"}", ERR_TOKEN_ALGORITHM},
        {"{\"alg\":\"None\"}", ERR_TOKEN_ALGORITHM},
        {"{\"alg\":\"nOnE\"}", ERR_TOKEN_ALGORITHM},
        {"{\"alg\":\"\"}", ERR_TOKEN_ALGORITHM},
        {"{\"alg\":\"hs256\"}", ERR_TOKEN_ALGORITHM},
        {"{\"alg\":\"HS256 \"}", ERR_TOKEN_ALGORITHM},
        {"{\"alg\":\"RS256\"}", ERR_TOKEN_ALGORITHM},
        {"{\"alg\":\"EdDSA\"}", ERR_TOKEN_ALGORITHM},
        {"{\"alg\":\"HS512\"}", ERR_TOKEN_SIGNATURE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        enum err err = verify_with_header(f, rows[i].header, "{\"sub\":\"a\",\"exp\":1900000000}");
        if (err != rows[i].expected)
            fail_msg("%s: %s", rows[i].header, err_text(err));
    }
}

static void payloads_are_json_objects(void **state)
{
    struct fixture *f = *state;
    static const char *const bad[] = {"",
                                      "x",
                                      "[]",
                                      "\"a\"",
                                      "7",
                                      "null",
                                      "{\"sub\":\"a\"",
                                      "{\"sub\":\"a\",\"sub\":\"b\",\"exp\":1900000000}",
                                      "{\"sub\":\"a\\u0000b\",\"exp\":1900000000}",
                                      "{\"sub\":\"\xff\",\"exp\":1900000000}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        expect(f, bad[i], ERR_TOKEN_MALFORMED);
}

int main(void)
{
    struct CMUnitTest tests[] = {
        cmocka_unit_test(seed_token_is_accepted_without_exp_and_named_by_its_id),
        cmocka_unit_test(missing_and_malformed_tokens_are_told_apart),
        cmocka_unit_test(token_over_max_token_is_refused_before_it_is_read),
        cmocka_unit_test(any_changed_character_breaks_the_token),
        cmocka_unit_test(headers_are_strict),
        cmocka_unit_test(payloads_are_json_objects),
    };
    return run_with_fixture(tests, sizeof tests / sizeof tests[0]);
}
