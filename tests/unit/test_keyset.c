// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "core/jws.h"
#include "core/keyset.h"
#include "keyset_tries.h"

// Signs with HMAC over whatever the attacker knows of the public key.
static void forge(const void *secret, size_t len, struct buf *out)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned mac_len = 0;
    assert_non_null(HMAC(EVP_sha256(), secret, (int)len, (const unsigned char *)TEXT, strlen(TEXT),
                         mac, &mac_len));
    buf_init(out, sizeof mac);
    buf_add(out, mac, mac_len);
}

// ---- the examples of the RFCs ----

#define JOE                                                                                        \
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVl" \
    "f"                                                                                            \
    "Q"

static const struct {
    const char *source, *jwk, *token;
} examples[] = {
    {"RFC 7515 A.1",
     "{\"kty\":\"oct\",\"k\":\"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-"
     "1qS0gZH75aKtMN3Yj0iPS4hc"
     "gUuTwjAzZr1Z9CAow\"}",
     "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." JOE
     ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"},
    {"RFC 7515 A.2",
     "{\"kty\":\"RSA\",\"n\":\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-"
     "Vaw-"
     "4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LO"
     "L-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9"
     "kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ\","
     "\"e\":\"AQAB\"}",
     "eyJhbGciOiJSUzI1NiJ9." JOE
     ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5"
     "jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1"
     "L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYE"
     "UipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"},
    {"RFC 7515 A.3",
     "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
     "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}",
     "eyJhbGciOiJFUzI1NiJ9." JOE
     ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"},
    {"RFC 7515 A.4",
     "{\"kty\":\"EC\",\"crv\":\"P-521\",\"x\":\"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5E"
     "OnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk\",\"y\":\"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th"
     "-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2\"}",
     "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-"
     "mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrm"
     "xYbSW9ERBXukOXolLzeO_Jn"},
    {"RFC 8037 A.4",
     "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}",
     "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvM"
     "g3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"},
};
enum { EXAMPLES = sizeof examples / sizeof examples[0] };

static enum err verify_jws(const struct keyset *keys, const char *token)
{
    struct jws jws;
    enum err err = jws_verify(keys, span_of(token), &jws);
    if (err == ERR_OK)
        jws_finish(&jws);
    return err;
}

static void examples_of_the_rfcs_verify(void **state)
{
    (void)state;
    for (size_t i = 0; i < EXAMPLES; i++) {
        struct keyset *keys = new_set("");
        assert_int_equal(add(keys, keyset_add_jwks, examples[i].jwk), ERR_OK);
        for (size_t k = 0; k < EXAMPLES; k++) {
            enum err err = verify_jws(keys, examples[k].token);
            if ((i == k) != (err == ERR_OK))
                fail_msg("%s by the key of %s: %s", examples[k].source, examples[i].source,
                         err_text(err));
        }
        // RFC 7515 A.5 is unsecured.
        assert_int_equal(verify_jws(keys, "eyJhbGciOiJub25lIn0." JOE "."), ERR_TOKEN_ALGORITHM);
        keyset_destroy(keys);
    }
}

static void payload_and_header_come_out(void **state)
{
    (void)state;
    struct keyset *keys = new_set("");
    struct jws jws;
    assert_int_equal(add(keys, keyset_add_jwks, examples[3].jwk), ERR_OK);
    assert_int_equal(jws_verify(keys, span_of(examples[3].token), &jws), ERR_OK);
    assert_true(span_is(buf_span(&jws.payload), "Payload"));
    assert_string_equal(json_text(json_member(jws.header, "alg")), "ES512");
    jws_finish(&jws);
    keyset_destroy(keys);
}

// ---- key sets ----

#define OCT(kid, more) "{\"kty\":\"oct\",\"kid\":\"" kid "\",\"k\":\"" SECRET_A "\"" more "}"
#define SECRET_A "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE" // 32 times "A"
#define SECRET_B "QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI" // 32 times "B"
#define P256_XY                                                                                    \
    "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","                                       \
    "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\""

static void kid_chooses_the_key(void **state)
{
    (void)state;
    struct buf by_a, by_b, by_nobody;
    forge("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 32, &by_a);
    forge("BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB", 32, &by_b);
    forge("CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC", 32, &by_nobody);
    struct keyset *keys = new_set("");
    assert_int_equal(add(keys, keyset_add_jwks,
                         "{\"keys\":[{\"kty\":\"oct\",\"kid\":\"a\",\"k\":\"" SECRET_A "\"},"
                         "{\"kty\":\"oct\",\"kid\":\"b\",\"k\":\"" SECRET_B "\"},"
                         "{\"kty\":\"EC\",\"kid\":\"c\",\"crv\":\"P-256\"," P256_XY "}]}"),
                     ERR_OK);
    assert_int_equal(keyset_count(keys), 3);
    assert_int_equal(verify(keys, "HS256", "a", &by_a), ERR_OK);
    assert_int_equal(verify(keys, "HS256", "b", &by_a), ERR_TOKEN_SIGNATURE);
    assert_int_equal(verify(keys, "HS256", "b", &by_b), ERR_OK);
    assert_int_equal(verify(keys, "HS256", "", &by_b), ERR_OK); // without kid all are tried
    assert_int_equal(verify(keys, "HS256", "", &by_nobody), ERR_TOKEN_SIGNATURE);
    assert_int_equal(verify(keys, "HS256", "x", &by_a), ERR_TOKEN_KEY);
    assert_int_equal(verify(keys, "HS256", "A", &by_a), ERR_TOKEN_KEY);
    assert_int_equal(verify(keys, "HS256", "c", &by_a), ERR_TOKEN_ALGORITHM);
    assert_int_equal(verify(keys, "ES256", "a", &by_a), ERR_TOKEN_ALGORITHM);
    // A key from a file without names serves tokens that name one nobody has.
    assert_int_equal(add(keys, keyset_add_secret, "CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC"), ERR_OK);
    assert_int_equal(verify(keys, "HS256", "x", &by_nobody), ERR_OK);
    assert_int_equal(verify(keys, "HS256", "", &by_nobody), ERR_OK);
    assert_int_equal(verify(keys, "HS256", "a", &by_nobody), ERR_TOKEN_SIGNATURE);
    keyset_destroy(keys);
    buf_finish(&by_a);
    buf_finish(&by_b);
    buf_finish(&by_nobody);
}

static void two_keys_of_one_name_are_refused(void **state)
{
    (void)state;
    struct keyset *keys = new_set("");
    assert_int_equal(
        add(keys, keyset_add_jwks,
            "{\"keys\":[" OCT("a", "") ",{\"kty\":\"oct\",\"kid\":\"a\",\"k\":\"" SECRET_B "\"}]}"),
        ERR_INVALID);
    keyset_destroy(keys);
    keys = new_set("");
    assert_int_equal(add(keys, keyset_add_jwks, "{\"keys\":[" OCT("a", "") "]}"), ERR_OK);
    assert_int_equal(add(keys, keyset_add_jwks, OCT("a", "")), ERR_INVALID);
    keyset_destroy(keys);
}

static const struct {
    const char *jwk;
    enum err alone;
} set_keys[] = {
    {OCT("a", ""), ERR_OK},
    {OCT("a", ",\"use\":\"sig\""), ERR_OK},
    {OCT("a", ",\"key_ops\":[\"sign\",\"verify\"]"), ERR_OK},
    {OCT("a", ",\"alg\":\"HS256\",\"ext\":true"), ERR_OK},
    {OCT("a", ",\"use\":\"enc\""), ERR_UNSUPPORTED},
    {OCT("a", ",\"use\":7"), ERR_UNSUPPORTED},
    {OCT("a", ",\"key_ops\":[\"sign\"]"), ERR_UNSUPPORTED},
    {OCT("a", ",\"key_ops\":[]"), ERR_UNSUPPORTED},
    {OCT("a", ",\"key_ops\":\"verify\""), ERR_UNSUPPORTED},
    {OCT("a", ",\"key_ops\":{\"x\":\"verify\"}"), ERR_UNSUPPORTED},
    {OCT("a", ",\"alg\":\"HS512\""), ERR_UNSUPPORTED}, // 32 bytes are too few (RFC 7518 3.2)
    {OCT("a", ",\"alg\":\"RS256\""), ERR_UNSUPPORTED},
    {OCT("a", ",\"alg\":\"A256KW\""), ERR_UNSUPPORTED},
    {OCT("a", ",\"alg\":\"none\""), ERR_UNSUPPORTED},
    {OCT("a", ",\"alg\":7"), ERR_UNSUPPORTED},
    {"{\"kty\":\"oct\",\"kid\":7,\"k\":\"" SECRET_A "\"}", ERR_INVALID},
    {"{\"kty\":\"oct\",\"k\":\"AAAA\"}", ERR_UNSUPPORTED},
    {"{\"kty\":\"oct\",\"k\":\"\"}", ERR_INVALID},
    {"{\"kty\":\"oct\",\"k\":\"" SECRET_A "=\"}", ERR_INVALID},
    {"{\"kty\":\"oct\",\"k\":7}", ERR_INVALID},
    {"{\"kty\":\"oct\"}", ERR_INVALID},
    {"{\"kty\":\"RSA\"}", ERR_INVALID},
    {"{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}", ERR_UNSUPPORTED},
    {"{\"kty\":\"EC\",\"crv\":\"P-256\"," P256_XY "}", ERR_OK},
    {"{\"kty\":\"EC\",\"crv\":\"P-256\"," P256_XY ",\"alg\":\"ES256\"}", ERR_OK},
    {"{\"kty\":\"EC\",\"crv\":\"P-256\"," P256_XY ",\"alg\":\"ES384\"}", ERR_UNSUPPORTED},
    {"{\"kty\":\"EC\",\"crv\":\"P-384\"," P256_XY "}", ERR_INVALID},
    {"{\"kty\":\"EC\",\"crv\":\"secp256k1\"," P256_XY "}", ERR_UNSUPPORTED},
    {"{\"kty\":\"EC\"," P256_XY "}", ERR_UNSUPPORTED},
    {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" SECRET_A "\",\"y\":\"" SECRET_B "\"}",
     ERR_INVALID}, // not on the curve
    {"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" SECRET_A "\"}", ERR_OK},
    {"{\"kty\":\"OKP\",\"crv\":\"Ed448\",\"x\":\"" SECRET_A "\"}", ERR_INVALID},
    {"{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"" SECRET_A "\"}", ERR_UNSUPPORTED},
    {"{\"kty\":\"AKP\",\"alg\":\"ML-DSA-44\",\"pub\":\"AA\"}", ERR_UNSUPPORTED},
    {"{\"kty\":7}", ERR_INVALID},
    {"{}", ERR_INVALID},
    {"[]", ERR_INVALID},
    {"7", ERR_INVALID},
};

// What each of these says by itself, and that it does not keep a good key beside it from loading.
static void keys_in_a_set_are_taken_passed_over_or_damaged(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof set_keys / sizeof set_keys[0]; i++) {
        struct keyset *keys = new_set("");
        char set[1024];
        (void)snprintf(set, sizeof set, "{\"keys\":[%s]}", set_keys[i].jwk);
        enum err err = add(keys, keyset_add_jwks, set);
        if (err != set_keys[i].alone)
            fail_msg("%s: %s", set_keys[i].jwk, err_text(err));
        (void)snprintf(set, sizeof set, "{\"keys\":[%s," OCT("good", "") "]}", set_keys[i].jwk);
        keyset_destroy(keys);
        keys = new_set("");
        err = add(keys, keyset_add_jwks, set);
        if (err != (set_keys[i].alone == ERR_INVALID ? ERR_INVALID : ERR_OK))
            fail_msg("%s: %s", set, err_text(err));
        keyset_destroy(keys);
    }
}

static void sets_have_a_list_of_keys(void **state)
{
    (void)state;
    struct keyset *keys = new_set("");
    static const struct {
        const char *json;
        enum err expected;
    } rows[] = {{"{\"keys\":[]}", ERR_UNSUPPORTED},
                {"{\"keys\":{}}", ERR_INVALID},
                {"{}", ERR_INVALID},
                {"[]", ERR_INVALID},
                {"", ERR_INVALID},
                {"x", ERR_INVALID},
                {"{\"keys\":[],\"keys\":[" OCT("a", "") "]}", ERR_INVALID},
                {OCT("single", ""), ERR_OK}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(add(keys, keyset_add_jwks, rows[i].json), rows[i].expected);
    keyset_destroy(keys);
}

static void number_of_keys_is_limited(void **state)
{
    (void)state;
    struct buf set, why;
    buf_init(&set, 65536);
    buf_init(&why, 1024);
    for (int extra = 0; extra <= 1; extra++) {
        buf_clear(&set);
        buf_add_text(&set, "{\"keys\":[");
        for (int i = 0; i < KEYSET_KEYS_MAX + extra; i++)
            buf_printf(&set, "%s{\"kty\":\"oct\",\"kid\":\"%d\",\"k\":\"" SECRET_A "\"}",
                       i ? "," : "", i);
        buf_add_text(&set, "]}");
        struct keyset *keys = new_set("");
        assert_int_equal(keyset_add_jwks(keys, buf_span(&set), &why), extra ? ERR_FULL : ERR_OK);
        keyset_destroy(keys);
    }
    buf_finish(&set);
    buf_finish(&why);
}

// The key of RFC 7515 A.3.
#define P256_PEM                                                                                   \
    "-----BEGIN PUBLIC KEY-----\n"                                                                 \
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7\n"                           \
    "6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n"                               \
    "-----END PUBLIC KEY-----\n"

// ---- from files, and signing ----

static void write_file(char path[], const char *content)
{
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, strlen(content)), (ssize_t)strlen(content));
    assert_int_equal(close(fd), 0);
}

static enum err load(const char *const options[][2], size_t count, struct keyset **out_keys,
                     struct buf *why)
{
    struct config config;
    assert_int_equal(config_init(&config), ERR_OK);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(config_set(&config, options[i][0], options[i][1], why), ERR_OK);
    enum err err = keyset_load(&config, out_keys, why);
    config_finish(&config);
    return err;
}

static void keys_come_from_the_configured_files(void **state)
{
    (void)state;
    char secret[] = "/tmp/roomwire-key-XXXXXX", pem[] = "/tmp/roomwire-key-XXXXXX",
         jwks[] = "/tmp/roomwire-key-XXXXXX", empty[] = "/tmp/roomwire-key-XXXXXX";
    write_file(secret, "NeverShareYourSecret\n");
    write_file(pem, P256_PEM);
    write_file(jwks, "{\"keys\":[" OCT("a", "") "]}");
    write_file(empty, "");
    struct keyset *keys = NULL;
    struct buf why;
    buf_init(&why, 4096);
    const char *const all[][2] = {{"secret_file", secret}, {"key_file", pem}, {"jwks_file", jwks}};
    assert_int_equal(load(all, 3, &keys, &why), ERR_OK);
    assert_int_equal(keyset_count(keys), 3);
    assert_int_equal(keyset_shortest_secret(keys), 20);
    assert_int_equal(why.len, 0);
    keyset_destroy(keys);

#define X64 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
    const struct {
        const char *options[2][2];
        size_t count;
        enum err expected;
        const char *why; // has to be told
    } bad[] = {
        {{{"algorithms", ""}}, 1, ERR_INVALID, "secret_file"},
        {{{"secret_file", "/nonexistent"}}, 1, ERR_IO, "/nonexistent"},
        {{{"secret_file", empty}}, 1, ERR_INVALID, empty},
        {{{"secret_file", pem}}, 1, ERR_INVALID, pem},
        {{{"secret_file", jwks}}, 1, ERR_INVALID, jwks},
        {{{"key_file", secret}}, 1, ERR_INVALID, secret},
        {{{"jwks_file", pem}}, 1, ERR_INVALID, pem},
        {{{"key_file", pem}, {"algorithms", "ES256 RS256"}}, 2, ERR_UNSUPPORTED, "RS256"},
        {{{"key_file", pem}, {"algorithms", "RS256"}}, 2, ERR_UNSUPPORTED, pem},
        {{{"key_file", pem}, {"algorithms", "none"}}, 2, ERR_INVALID, "none"},
        {{{"key_file", pem}, {"algorithms", X64}}, 2, ERR_INVALID, X64 " is"},
        {{{"key_file", pem}, {"algorithms", X64 "and more"}}, 2, ERR_INVALID, X64 " is"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        buf_clear(&why);
        assert_int_equal(load(bad[i].options, bad[i].count, &keys, &why), bad[i].expected);
        buf_add_char(&why, '\0');
        if (strstr(why.ptr, bad[i].why) == NULL)
            fail_msg("\"%s\" does not tell %s", why.ptr, bad[i].why);
        assert_null(strchr(why.ptr, '\n'));
        assert_null(strstr(why.ptr, "NeverShare"));
        assert_null(strstr(why.ptr, SECRET_A));
    }
    buf_finish(&why);
    assert_int_equal(unlink(secret) | unlink(pem) | unlink(jwks) | unlink(empty), 0);
}

static void only_the_configured_secret_signs(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 1024);
    struct keyset *keys = new_set("");
    assert_int_equal(keyset_sign(keys, span_of(TEXT), &out), ERR_UNSUPPORTED);
    assert_int_equal(add(keys, keyset_add_pem, P256_PEM), ERR_OK);
    assert_int_equal(add(keys, keyset_add_jwks, OCT("a", "")), ERR_OK);
    assert_int_equal(keyset_sign(keys, span_of(TEXT), &out), ERR_UNSUPPORTED);
    assert_int_equal(jws_sign(keys, span_of("{}"), &out), ERR_UNSUPPORTED);
    buf_clear(&out);
    assert_int_equal(add(keys, keyset_add_secret, "my own secret"), ERR_OK);
    buf_add_text(&out, "before ");
    assert_int_equal(jws_sign(keys, span_of("{\"sub\":\"a\"}"), &out), ERR_OK);
    assert_int_equal(jws_sign(keys, span_of("{}"), &out), ERR_OK); // appended, unchanged before it
    struct span token = span_skip(buf_span(&out), strlen("before "));
    assert_true(span_starts_with(buf_span(&out), span_of("before eyJhbGciOiJIUzI1NiIsInR5cCI6")));
    token.len =
        (size_t)((const char *)memmem(token.ptr + 1, token.len - 1, "eyJhbGci", 8) - token.ptr);
    struct jws jws;
    assert_int_equal(jws_verify(keys, token, &jws), ERR_OK);
    assert_true(span_is(buf_span(&jws.payload), "{\"sub\":\"a\"}"));
    jws_finish(&jws);
    keyset_destroy(keys);
    keys = new_set("HS512");
    assert_int_equal(add(keys, keyset_add_secret, "my own secret"), ERR_OK);
    assert_int_equal(keyset_sign(keys, span_of(TEXT), &out), ERR_UNSUPPORTED);
    keyset_destroy(keys);
    buf_finish(&out);
    struct buf small;
    buf_init(&small, 30);
    keys = new_set("");
    assert_int_equal(add(keys, keyset_add_secret, "my own secret"), ERR_OK);
    assert_int_equal(jws_sign(keys, span_of("{}"), &small), ERR_TOO_LARGE);
    buf_finish(&small);
    keyset_destroy(keys);
}

// The bound is wide of what a machine under load or valgrind needs; the figure is for people.
static void verifying_is_quick(void **state)
{
    (void)state;
    enum { CHECKS = 5000 };
    struct keyset *keys = new_set("");
    assert_int_equal(add(keys, keyset_add_jwks, examples[0].jwk), ERR_OK);
    struct timespec start, end;
    assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start), 0);
    for (int i = 0; i < CHECKS; i++)
        assert_int_equal(verify_jws(keys, examples[0].token), ERR_OK);
    assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end), 0);
    double s = (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9;
    printf("  %.0f HS256 a second\n", (double)CHECKS / s);
    assert_true(s < 10);
    keyset_destroy(keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples_of_the_rfcs_verify),
        cmocka_unit_test(payload_and_header_come_out),
        cmocka_unit_test(kid_chooses_the_key),
        cmocka_unit_test(two_keys_of_one_name_are_refused),
        cmocka_unit_test(keys_in_a_set_are_taken_passed_over_or_damaged),
        cmocka_unit_test(sets_have_a_list_of_keys),
        cmocka_unit_test(number_of_keys_is_limited),
        cmocka_unit_test(keys_come_from_the_configured_files),
        cmocka_unit_test(only_the_configured_secret_signs),
        cmocka_unit_test(verifying_is_quick),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
