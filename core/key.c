// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "key.h"

#include <limits.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>

static bool contains(struct span text, const char *part)
{
    return text.len > 0 && memmem(text.ptr, text.len, part, strlen(part)) != NULL;
}

static bool is_json_object(struct span text)
{
    struct json *root = NULL;
    bool is_object = json_parse(text, &root) == ERR_OK && json_is_object(root);
    json_destroy(root);
    return is_object;
}

enum err key_from_secret(struct span secret, struct key *out_key, struct buf *why)
{
    if (contains(secret, "-----BEGIN")) {
        buf_add_text(why, "a PEM file is not a secret");
        return ERR_INVALID;
    }
    if (is_json_object(secret)) {
        buf_add_text(why, "a JSON object is not a secret");
        return ERR_INVALID;
    }
    struct key key = {.algorithms = ALGORITHM_SET_HS};
    enum err err = secret_copy(secret, &key.secret);
    if (err == ERR_OK && (key.id = span_dup(span_of(""))) == NULL)
        err = ERR_MEMORY;
    if (err != ERR_OK) {
        buf_add_text(why, err == ERR_INVALID ? "the secret is empty" : err_text(err));
        key_finish(&key);
        return err;
    }
    *out_key = key;
    return ERR_OK;
}

void key_finish(struct key *key)
{
    free(key->id);
    EVP_PKEY_free(key->public_key);
    secret_finish(&key->secret);
    *key = (struct key){0};
}

// ---- public keys ----

// Moduli made by a faulty chip library (CVE-2017-15361, "ROCA") can be factored. They are powers of
// 65537 modulo each of the first primes, which an honest modulus is with a chance of 2^-27.
static bool is_roca_modulus(const BIGNUM *modulus)
{
    static const unsigned char primes[] = {
        3,  5,  7,  11, 13, 17,  19,  23,  29,  31,  37,  41,  43,  47,  53,  59,  61,  67,  71,
        73, 79, 83, 89, 97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167};
    for (size_t i = 0; i < sizeof primes; i++) {
        unsigned prime = primes[i], power = 1;
        unsigned remainder = (unsigned)BN_mod_word(modulus, prime);
        do
            power = power * 65537 % prime;
        while (power != remainder && power != 1);
        if (power != remainder)
            return false;
    }
    return true;
}

static bool is_roca(EVP_PKEY *public_key)
{
    BIGNUM *modulus = NULL;
    bool is_bad = EVP_PKEY_get_bn_param(public_key, OSSL_PKEY_PARAM_RSA_N, &modulus) == 1 &&
                  is_roca_modulus(modulus);
    BN_free(modulus);
    return is_bad;
}

static algorithm_set rsa_algorithms(EVP_PKEY *public_key, struct buf *why)
{
    int bits = EVP_PKEY_get_bits(public_key);
    if (bits < KEY_RSA_BITS_MIN || bits > KEY_RSA_BITS_MAX) {
        buf_printf(why, "RSA key of %d bits, expected %d to %d", bits, KEY_RSA_BITS_MIN,
                   KEY_RSA_BITS_MAX);
        return 0;
    }
    if (is_roca(public_key)) {
        buf_add_text(why, "RSA key that can be factored (CVE-2017-15361)");
        return 0;
    }
    return ALGORITHM_SET_RSA;
}

static algorithm_set ec_algorithms(EVP_PKEY *public_key, struct buf *why)
{
    char curve[64] = "";
    if (EVP_PKEY_get_group_name(public_key, curve, sizeof curve, NULL) == 1) {
        if (strcmp(curve, "prime256v1") == 0)
            return ALGORITHM_BIT(ALGORITHM_ES256);
        if (strcmp(curve, "secp384r1") == 0)
            return ALGORITHM_BIT(ALGORITHM_ES384);
        if (strcmp(curve, "secp521r1") == 0)
            return ALGORITHM_BIT(ALGORITHM_ES512);
    }
    buf_add_text(why, "the elliptic curve is not one of P-256, P-384 and P-521");
    return 0;
}

// What the type of the key allows; nothing (and a line in `why`) for a key that is of no use.
static algorithm_set algorithms_for(EVP_PKEY *public_key, struct buf *why)
{
    switch (EVP_PKEY_get_base_id(public_key)) {
    case EVP_PKEY_RSA:
        return rsa_algorithms(public_key, why);
    case EVP_PKEY_EC:
        return ec_algorithms(public_key, why);
    case EVP_PKEY_ED25519:
        return ALGORITHM_BIT(ALGORITHM_EDDSA) | ALGORITHM_BIT(ALGORITHM_ED25519);
    case EVP_PKEY_ED448:
        return ALGORITHM_BIT(ALGORITHM_EDDSA) | ALGORITHM_BIT(ALGORITHM_ED448);
    default:
        buf_add_text(why, "the type of the key is not RSA, EC, Ed25519 or Ed448");
        return 0;
    }
}

// A point off its curve, an even modulus or the exponent 1 make signatures that anybody can forge.
static bool is_sound(EVP_PKEY *public_key)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(public_key, NULL);
    bool is_good = context != NULL && EVP_PKEY_public_check(context) == 1;
    EVP_PKEY_CTX_free(context);
    return is_good;
}

enum err key_take_public(EVP_PKEY *public_key, struct key *out_key, struct buf *why)
{
    struct key key = {.public_key = public_key};
    enum err err = ERR_UNSUPPORTED;
    key.algorithms = algorithms_for(public_key, why);
    if (key.algorithms != 0) {
        err = ERR_OK;
        if (!is_sound(public_key)) {
            buf_add_text(why, "the public key is not valid");
            err = ERR_INVALID;
        } else if ((key.id = span_dup(span_of(""))) == NULL) {
            buf_add_text(why, err_text(ERR_MEMORY));
            err = ERR_MEMORY;
        }
    }
    ERR_clear_error();
    if (err != ERR_OK) {
        key_finish(&key);
        return err;
    }
    *out_key = key;
    return ERR_OK;
}

// The public key in the one PEM block that `pem` may hold; NULL and a line in `why` else.
static EVP_PKEY *read_pem(BIO *pem, struct buf *why)
{
    char *type = NULL, *header = NULL, *more_type = NULL, *more_header = NULL;
    unsigned char *der = NULL, *more_der = NULL;
    long len = 0, more_len = 0;
    EVP_PKEY *public_key = NULL;
    if (PEM_read_bio(pem, &type, &header, &der, &len) != 1) {
        buf_add_text(why, "no PEM block in it");
        return NULL;
    }
    const unsigned char *at = der;
    if (PEM_read_bio(pem, &more_type, &more_header, &more_der, &more_len) == 1) {
        // The further certificates of a chain belong to authorities that sign no tokens.
        buf_add_text(why, "more than one PEM block in it (several keys go into a JWKS file)");
    } else if (strcmp(type, PEM_STRING_X509) == 0) {
        X509 *certificate = d2i_X509(NULL, &at, len);
        public_key = certificate ? X509_get_pubkey(certificate) : NULL;
        X509_free(certificate);
    } else if (strcmp(type, PEM_STRING_PUBLIC) == 0) {
        public_key = d2i_PUBKEY(NULL, &at, len);
    } else if (strcmp(type, PEM_STRING_RSA_PUBLIC) == 0) {
        public_key = d2i_PublicKey(EVP_PKEY_RSA, NULL, &at, len);
    } else {
        buf_add_text(why, "expected PUBLIC KEY or CERTIFICATE in it");
    }
    if (public_key == NULL && why->len == 0)
        buf_add_text(why, "the PEM block holds no key that can be read");
    if (public_key != NULL && at != der + len) {
        buf_add_text(why, "there is something behind the key in the PEM block");
        EVP_PKEY_free(public_key);
        public_key = NULL;
    }
    OPENSSL_free(type);
    OPENSSL_free(header);
    OPENSSL_clear_free(der, (size_t)len);
    OPENSSL_free(more_type);
    OPENSSL_free(more_header);
    OPENSSL_clear_free(more_der, (size_t)more_len);
    return public_key;
}

enum err key_from_pem(struct span pem, struct key *out_key, struct buf *why)
{
    if (pem.len > INT_MAX) {
        buf_add_text(why, err_text(ERR_TOO_LARGE));
        return ERR_INVALID;
    }
    BIO *in = BIO_new_mem_buf(pem.len ? pem.ptr : "", (int)pem.len);
    if (in == NULL) {
        buf_add_text(why, err_text(ERR_MEMORY));
        return ERR_MEMORY;
    }
    EVP_PKEY *public_key = read_pem(in, why);
    BIO_free(in);
    ERR_clear_error();
    return public_key != NULL ? key_take_public(public_key, out_key, why) : ERR_INVALID;
}
