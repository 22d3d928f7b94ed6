// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/keyset.h"
#include "keyset_tries.h"

// ---- signing, as an issuer would: by OpenSSL itself, not by what is tested ----

enum { RSA_KEY, P256_KEY, P384_KEY, P521_KEY, ED25519_KEY, ED448_KEY, KEY_COUNT };

struct fixture {
    EVP_PKEY *keys[KEY_COUNT];
    char *pems[KEY_COUNT]; // their public halves
};

static const struct {
    const char *name;
    int key;
    const EVP_MD *(*digest)(void);
    bool is_pss;
} algorithms[] = {
    {"RS256", RSA_KEY, EVP_sha256, false},  {"RS384", RSA_KEY, EVP_sha384, false},
    {"RS512", RSA_KEY, EVP_sha512, false},  {"PS256", RSA_KEY, EVP_sha256, true},
    {"PS384", RSA_KEY, EVP_sha384, true},   {"PS512", RSA_KEY, EVP_sha512, true},
    {"ES256", P256_KEY, EVP_sha256, false}, {"ES384", P384_KEY, EVP_sha384, false},
    {"ES512", P521_KEY, EVP_sha512, false}, {"EdDSA", ED25519_KEY, NULL, false},
    {"Ed25519", ED25519_KEY, NULL, false},  {"EdDSA", ED448_KEY, NULL, false},
    {"Ed448", ED448_KEY, NULL, false},
};
enum { ALGORITHMS = sizeof algorithms / sizeof algorithms[0] };

static char *public_pem(EVP_PKEY *key)
{
    BIO *out = BIO_new(BIO_s_mem());
    char *text = NULL;
    assert_int_equal(PEM_write_bio_PUBKEY(out, key), 1);
    long len = BIO_get_mem_data(out, &text);
    char *copy = span_dup(span_make(text, (size_t)len));
    assert_non_null(copy);
    BIO_free(out);
    return copy;
}

static int make_keys(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->keys[RSA_KEY] = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
    f->keys[P256_KEY] = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    f->keys[P384_KEY] = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384");
    f->keys[P521_KEY] = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-521");
    f->keys[ED25519_KEY] = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    f->keys[ED448_KEY] = EVP_PKEY_Q_keygen(NULL, NULL, "ED448");
    for (int i = 0; i < KEY_COUNT; i++) {
        assert_non_null(f->keys[i]);
        f->pems[i] = public_pem(f->keys[i]);
    }
    *state = f;
    return 0;
}

static int free_keys(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < KEY_COUNT; i++) {
        EVP_PKEY_free(f->keys[i]);
        free(f->pems[i]);
    }
    free(f);
    return 0;
}

// Turns the DER of an ECDSA signature into the two numbers of JWS.
static void to_jws(struct buf *signature, size_t half)
{
    const unsigned char *at = (const unsigned char *)signature->ptr;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long)signature->len);
    assert_non_null(pair);
    unsigned char raw[132];
    assert_true(BN_bn2binpad(ECDSA_SIG_get0_r(pair), raw, (int)half) >= 0);
    assert_true(BN_bn2binpad(ECDSA_SIG_get0_s(pair), raw + half, (int)half) >= 0);
    ECDSA_SIG_free(pair);
    buf_clear(signature);
    buf_add(signature, raw, 2 * half);
}

// Signs TEXT with algorithm number `a`; ECDSA comes as DER where `is_der`.
static void sign(const struct fixture *f, size_t a, bool is_der, struct buf *out)
{
    unsigned char signature[1024];
    size_t len = sizeof signature;
    EVP_PKEY_CTX *pkey = NULL;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    const EVP_MD *digest = algorithms[a].digest ? algorithms[a].digest() : NULL;
    assert_int_equal(EVP_DigestSignInit(context, &pkey, digest, NULL, f->keys[algorithms[a].key]),
                     1);
    if (algorithms[a].is_pss) {
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(pkey, RSA_PKCS1_PSS_PADDING), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(pkey, RSA_PSS_SALTLEN_DIGEST), 1);
    }
    assert_int_equal(
        EVP_DigestSign(context, signature, &len, (const unsigned char *)TEXT, strlen(TEXT)), 1);
    EVP_MD_CTX_free(context);
    buf_init(out, sizeof signature);
    buf_add(out, signature, len);
    if (!is_der && EVP_PKEY_get_base_id(f->keys[algorithms[a].key]) == EVP_PKEY_EC)
        to_jws(out, (size_t)(EVP_PKEY_get_bits(f->keys[algorithms[a].key]) + 7) / 8);
}

// ---- every algorithm ----

static void each_key_serves_its_own_algorithms_and_no_other(void **state)
{
    const struct fixture *f = *state;
    static const char *const names[] = {"HS256", "HS384", "HS512", "RS256",   "RS384",
                                        "RS512", "PS256", "PS384", "PS512",   "ES256",
                                        "ES384", "ES512", "EdDSA", "Ed25519", "Ed448"};
    for (size_t a = 0; a < ALGORITHMS; a++) {
        struct buf signature;
        sign(f, a, false, &signature);
        struct keyset *keys = new_set("");
        assert_int_equal(add(keys, keyset_add_pem, f->pems[algorithms[a].key]), ERR_OK);
        for (size_t n = 0; n < sizeof names / sizeof names[0]; n++) {
            enum err err = verify(keys, names[n], "", &signature);
            bool is_own = strcmp(names[n], algorithms[a].name) == 0;
            // EdDSA is Ed25519 (or Ed448) under its older name.
            bool is_alias = algorithms[a].digest == NULL && err == ERR_OK && !is_own;
            if (is_alias)
                is_own = strncmp(names[n], "Ed", 2) == 0;
            if (is_own != (err == ERR_OK))
                fail_msg("%s as %s: %s", algorithms[a].name, names[n], err_text(err));
        }
        // One bit anywhere breaks it.
        for (size_t i = 0; i < signature.len; i += 1 + signature.len / 16) {
            signature.ptr[i] ^= 1;
            assert_int_equal(verify(keys, algorithms[a].name, "", &signature), ERR_TOKEN_SIGNATURE);
            signature.ptr[i] ^= 1;
        }
        buf_finish(&signature);
        keyset_destroy(keys);
    }
}

static void signatures_have_one_length(void **state)
{
    const struct fixture *f = *state;
    for (size_t a = 0; a < ALGORITHMS; a++) {
        struct buf signature;
        struct keyset *keys = new_set("");
        assert_int_equal(add(keys, keyset_add_pem, f->pems[algorithms[a].key]), ERR_OK);
        sign(f, a, false, &signature);
        size_t full = signature.len;
        buf_add_char(&signature, '\0');
        assert_int_equal(verify(keys, algorithms[a].name, "", &signature), ERR_TOKEN_SIGNATURE);
        signature.len = full - 1;
        assert_int_equal(verify(keys, algorithms[a].name, "", &signature), ERR_TOKEN_SIGNATURE);
        signature.len = 0;
        assert_int_equal(verify(keys, algorithms[a].name, "", &signature), ERR_TOKEN_SIGNATURE);
        buf_finish(&signature);
        keyset_destroy(keys);
    }
}

static void ecdsa_in_der_is_refused(void **state)
{
    const struct fixture *f = *state;
    for (size_t a = 0; a < ALGORITHMS; a++) {
        struct buf signature;
        if (algorithms[a].name[1] != 'S' || algorithms[a].name[0] != 'E')
            continue;
        struct keyset *keys = new_set("");
        assert_int_equal(add(keys, keyset_add_pem, f->pems[algorithms[a].key]), ERR_OK);
        sign(f, a, true, &signature);
        assert_int_equal(verify(keys, algorithms[a].name, "", &signature), ERR_TOKEN_SIGNATURE);
        buf_finish(&signature);
        keyset_destroy(keys);
    }
}

// ---- attacks ----

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

static void public_key_is_never_an_hmac_secret(void **state)
{
    const struct fixture *f = *state;
    for (int i = 0; i < KEY_COUNT; i++) {
        struct buf forged;
        struct keyset *keys = new_set("");
        assert_int_equal(add(keys, keyset_add_pem, f->pems[i]), ERR_OK);
        unsigned char *der = NULL;
        int der_len = i2d_PUBKEY(f->keys[i], &der);
        assert_true(der_len > 0);
        const struct {
            const void *secret;
            size_t len;
        } known[] = {{f->pems[i], strlen(f->pems[i])},
                     {f->pems[i], strlen(f->pems[i]) - 1},
                     {der, (size_t)der_len},
                     {"", 0}};
        for (size_t k = 0; k < 4; k++) {
            forge(known[k].secret, known[k].len, &forged);
            assert_int_equal(verify(keys, "HS256", "", &forged), ERR_TOKEN_ALGORITHM);
            // With a real secret beside it, HS256 is accepted, but by the secret alone.
            struct keyset *both = new_set("");
            assert_int_equal(add(both, keyset_add_pem, f->pems[i]), ERR_OK);
            assert_int_equal(add(both, keyset_add_secret, "a secret of more than 32 bytes !!"),
                             ERR_OK);
            assert_int_equal(verify(both, "HS256", "", &forged), ERR_TOKEN_SIGNATURE);
            keyset_destroy(both);
            buf_finish(&forged);
        }
        OPENSSL_free(der);
        keyset_destroy(keys);
    }
}

static void secret_file_with_a_public_key_in_it_is_refused(void **state)
{
    const struct fixture *f = *state;
    struct keyset *keys = new_set("");
    for (int i = 0; i < KEY_COUNT; i++)
        assert_int_equal(add(keys, keyset_add_secret, f->pems[i]), ERR_INVALID);
    assert_int_equal(add(keys, keyset_add_secret, "\n  -----BEGIN X"), ERR_INVALID);
    assert_int_equal(add(keys, keyset_add_secret, "{\"kty\":\"oct\",\"k\":\"QUFB\"}"), ERR_INVALID);
    assert_int_equal(add(keys, keyset_add_secret, " {\"keys\":[]} "), ERR_INVALID);
    assert_int_equal(add(keys, keyset_add_secret, ""), ERR_INVALID);
    assert_int_equal(keyset_count(keys), 0);
    assert_int_equal(add(keys, keyset_add_secret, "{not JSON, a good secret}"), ERR_OK);
    keyset_destroy(keys);
}

static void unsigned_and_unknown_algorithms_are_refused(void **state)
{
    const struct fixture *f = *state;
    struct buf empty;
    buf_init(&empty, 1);
    struct keyset *keys = new_set("");
    assert_int_equal(add(keys, keyset_add_pem, f->pems[RSA_KEY]), ERR_OK);
    assert_int_equal(add(keys, keyset_add_secret, "secret"), ERR_OK);
    static const char *const names[] = {"none",   "None", "NONE",   "",         "HS1",     "hs256",
                                        "HS256 ", "RS1",  "ES256K", "RSA-OAEP", "A256GCM", "dir"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_int_equal(verify(keys, names[i], "", &empty), ERR_TOKEN_ALGORITHM);
    keyset_destroy(keys);
    // Without any key at all nothing is ever right.
    keys = new_set("");
    assert_int_equal(verify(keys, "HS256", "", &empty), ERR_TOKEN_KEY);
    keyset_destroy(keys);
}

// ---- pinned algorithms ----

static void only_pinned_algorithms_are_accepted(void **state)
{
    const struct fixture *f = *state;
    struct buf rs256, ps256;
    sign(f, 0, false, &rs256);
    sign(f, 3, false, &ps256);
    struct keyset *keys = new_set(" PS256  ES256 ");
    assert_int_equal(add(keys, keyset_add_pem, f->pems[RSA_KEY]), ERR_OK);
    assert_int_equal(verify(keys, "PS256", "", &ps256), ERR_OK);
    assert_int_equal(verify(keys, "RS256", "", &rs256), ERR_TOKEN_ALGORITHM);
    // A key that none of them fits is a mistake.
    assert_int_equal(add(keys, keyset_add_secret, "secret"), ERR_UNSUPPORTED);
    assert_int_equal(add(keys, keyset_add_pem, f->pems[P384_KEY]), ERR_UNSUPPORTED);
    keyset_destroy(keys);
    buf_finish(&rs256);
    buf_finish(&ps256);
    static const char *const bad[] = {"none", "HS256 none", "HS-256", "HS256,RS256", "hs256"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct buf why;
        buf_init(&why, 256);
        assert_int_equal(keyset_create(bad[i], &keys, &why), ERR_INVALID);
        assert_true(why.len > 0);
        buf_finish(&why);
    }
}

// ---- PEM ----

static void certificates_give_their_key(void **state)
{
    const struct fixture *f = *state;
    X509 *certificate = X509_new();
    assert_int_equal(X509_set_pubkey(certificate, f->keys[P256_KEY]), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(certificate), -20));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(certificate), -10)); // dates do not count
    assert_true(X509_sign(certificate, f->keys[P256_KEY], EVP_sha256()) > 0);
    BIO *out = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_X509(out, certificate), 1);
    char *text = NULL;
    long len = BIO_get_mem_data(out, &text);
    struct buf pem, signature;
    buf_init(&pem, 65536);
    buf_add_text(&pem, "subject=anybody\n");
    buf_add(&pem, text, (size_t)len);
    buf_add_char(&pem, '\0');
    sign(f, 6, false, &signature);
    struct keyset *keys = new_set("");
    assert_int_equal(add(keys, keyset_add_pem, pem.ptr), ERR_OK);
    assert_int_equal(verify(keys, "ES256", "", &signature), ERR_OK);
    pem.len--;
    buf_add_text(&pem, f->pems[RSA_KEY]); // the rest of a chain is not trusted
    buf_add_char(&pem, '\0');
    assert_int_equal(add(keys, keyset_add_pem, pem.ptr), ERR_INVALID);
    assert_int_equal(keyset_count(keys), 1);
    keyset_destroy(keys);
    buf_finish(&pem);
    buf_finish(&signature);
    BIO_free(out);
    X509_free(certificate);
}

static void other_pem_files_are_refused(void **state)
{
    const struct fixture *f = *state;
    struct keyset *keys = new_set("");
    static const char *const bad[] = {
        "",
        "x",
        "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n",
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "-----BEGIN PUBLIC KEY-----\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(add(keys, keyset_add_pem, bad[i]), ERR_INVALID);
    // A private key has no business on this machine.
    BIO *out = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_PrivateKey(out, f->keys[P256_KEY], NULL, NULL, 0, NULL, NULL),
                     1);
    assert_int_equal(BIO_write(out, "", 1), 1);
    char *text = NULL;
    assert_true(BIO_get_mem_data(out, &text) > 0);
    assert_int_equal(add(keys, keyset_add_pem, text), ERR_INVALID);
    BIO_free(out);
    assert_int_equal(keyset_count(keys), 0);
    keyset_destroy(keys);
}

static void keys_of_no_use_are_refused(void **state)
{
    (void)state;
    EVP_PKEY *const weak[] = {EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024),
                              EVP_PKEY_Q_keygen(NULL, NULL, "EC", "secp256k1"),
                              EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-224"),
                              EVP_PKEY_Q_keygen(NULL, NULL, "X25519")};
    struct keyset *keys = new_set("");
    for (size_t i = 0; i < sizeof weak / sizeof weak[0]; i++) {
        assert_non_null(weak[i]);
        char *pem = public_pem(weak[i]);
        assert_int_equal(add(keys, keyset_add_pem, pem), ERR_UNSUPPORTED);
        free(pem);
        EVP_PKEY_free(weak[i]);
    }
    keyset_destroy(keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_key_serves_its_own_algorithms_and_no_other),
        cmocka_unit_test(signatures_have_one_length),
        cmocka_unit_test(ecdsa_in_der_is_refused),
        cmocka_unit_test(public_key_is_never_an_hmac_secret),
        cmocka_unit_test(secret_file_with_a_public_key_in_it_is_refused),
        cmocka_unit_test(unsigned_and_unknown_algorithms_are_refused),
        cmocka_unit_test(only_pinned_algorithms_are_accepted),
        cmocka_unit_test(certificates_give_their_key),
        cmocka_unit_test(other_pem_files_are_refused),
        cmocka_unit_test(keys_of_no_use_are_refused),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
