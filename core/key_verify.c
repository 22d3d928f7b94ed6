// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "key.h"

#include <limits.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>

static const unsigned char *bytes_of(struct span s)
{
    return (const unsigned char *)s.ptr;
}

// NULL for EdDSA, which has its own (RFC 8032).
static const EVP_MD *digest_of(enum algorithm algorithm)
{
    switch (algorithm) {
    case ALGORITHM_HS256:
    case ALGORITHM_RS256:
    case ALGORITHM_PS256:
    case ALGORITHM_ES256:
        return EVP_sha256();
    case ALGORITHM_HS384:
    case ALGORITHM_RS384:
    case ALGORITHM_PS384:
    case ALGORITHM_ES384:
        return EVP_sha384();
    case ALGORITHM_HS512:
    case ALGORITHM_RS512:
    case ALGORITHM_PS512:
    case ALGORITHM_ES512:
        return EVP_sha512();
    case ALGORITHM_EDDSA:
    case ALGORITHM_ED25519:
    case ALGORITHM_ED448:
    case ALGORITHM_COUNT:
        break;
    }
    return NULL;
}

static enum err verify_hmac(const struct key *key, enum algorithm algorithm, struct span text,
                            struct span signature)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (key->secret.len > INT_MAX ||
        HMAC(digest_of(algorithm), key->secret.ptr, (int)key->secret.len, bytes_of(text), text.len,
             mac, &len) == NULL)
        return ERR_MEMORY;
    return secret_equal(span_make(mac, len), signature) ? ERR_OK : ERR_TOKEN_SIGNATURE;
}

// Sets what RFC 7518 §3.5 wants: MGF1 with the same hash, a salt as long as the hash.
static bool set_pss(EVP_PKEY_CTX *context)
{
    return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1;
}

static enum err verify_public(const struct key *key, enum algorithm algorithm, struct span text,
                              struct span signature)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *key_context = NULL; // owned by `context`
    enum err err = ERR_MEMORY;
    if (context != NULL && EVP_DigestVerifyInit(context, &key_context, digest_of(algorithm), NULL,
                                                key->public_key) == 1) {
        bool is_ready =
            algorithm_family(algorithm) != ALGORITHM_FAMILY_RSA_PSS || set_pss(key_context);
        if (is_ready)
            err = EVP_DigestVerify(context, bytes_of(signature), signature.len, bytes_of(text),
                                   text.len) == 1
                      ? ERR_OK
                      : ERR_TOKEN_SIGNATURE;
    }
    EVP_MD_CTX_free(context);
    return err;
}

// Bytes of one of the two numbers of an ECDSA signature (RFC 7518 §3.4).
static size_t ecdsa_half(enum algorithm algorithm)
{
    if (algorithm == ALGORITHM_ES256)
        return 32;
    return algorithm == ALGORITHM_ES384 ? 48 : 66;
}

// The two numbers side by side, as JWS has them, in the DER that OpenSSL takes; the caller frees
// `*out_der` by OPENSSL_free. 0 when out of memory.
static int ecdsa_to_der(struct span signature, unsigned char **out_der)
{
    int half = (int)(signature.len / 2);
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(bytes_of(signature), half, NULL);
    BIGNUM *s = BN_bin2bn(bytes_of(signature) + half, half, NULL);
    int len = 0;
    if (pair != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(pair, r, s) == 1) {
        r = s = NULL; // now the pair's
        len = i2d_ECDSA_SIG(pair, out_der);
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(pair);
    return len > 0 ? len : 0;
}

static enum err verify_ecdsa(const struct key *key, enum algorithm algorithm, struct span text,
                             struct span signature)
{
    // Checked before anything is made of it: another length would let one signature have many
    // forms.
    if (signature.len != 2 * ecdsa_half(algorithm))
        return ERR_TOKEN_SIGNATURE;
    unsigned char *der = NULL;
    int len = ecdsa_to_der(signature, &der);
    enum err err = ERR_MEMORY;
    if (len > 0)
        err = verify_public(key, algorithm, text, span_make(der, (size_t)len));
    OPENSSL_free(der);
    return err;
}

enum err key_verify(const struct key *key, enum algorithm algorithm, struct span text,
                    struct span signature)
{
    enum err err = ERR_TOKEN_SIGNATURE;
    switch (algorithm_family(algorithm)) {
    case ALGORITHM_FAMILY_HMAC:
        err = verify_hmac(key, algorithm, text, signature);
        break;
    case ALGORITHM_FAMILY_RSA_PKCS1:
    case ALGORITHM_FAMILY_RSA_PSS:
    case ALGORITHM_FAMILY_EDDSA:
        err = verify_public(key, algorithm, text, signature);
        break;
    case ALGORITHM_FAMILY_ECDSA:
        err = verify_ecdsa(key, algorithm, text, signature);
        break;
    }
    // What a bad signature leaves in OpenSSL's queue would be taken for an error of the thread's
    // next TLS operation.
    if (err != ERR_OK)
        ERR_clear_error();
    return err;
}
