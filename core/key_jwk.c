// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "key.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <stdlib.h>

#include "base64.h"

enum { MEMBER_MAX = 65536 };

static enum err refuse(struct buf *why, enum err err, const char *what)
{
    buf_add_text(why, what);
    return err;
}

// ---- what the key is for (RFC 7517 §4.2 to §4.4) ----

static bool is_for_signatures(const struct json *use)
{
    const char *text = json_text(use);
    return use == NULL || (text != NULL && strcmp(text, "sig") == 0);
}

// A secret that may only sign is no good here, though it could verify as well.
static bool is_for_verifying(const struct json *key_ops)
{
    if (key_ops == NULL)
        return true;
    for (const struct json *op = json_first(key_ops); op != NULL; op = json_next(op)) {
        const char *text = json_text(op);
        if (json_is_array(key_ops) && text != NULL && strcmp(text, "verify") == 0)
            return true;
    }
    return false;
}

// The algorithms that the member "alg" leaves of `set`.
static algorithm_set narrow(const struct json *alg, algorithm_set set)
{
    const char *name = json_text(alg);
    enum algorithm algorithm;
    if (alg == NULL)
        return set;
    if (name == NULL)
        return 0;
    // Keys for P-521 are often published under this name, after RFC 7520 §3.1's own slip.
    if (strcmp(name, "ES521") == 0)
        name = "ES512";
    return algorithm_from_name(span_of(name), &algorithm) ? set & ALGORITHM_BIT(algorithm) : 0;
}

// ---- the key itself (RFC 7518 §6, RFC 8037 §2) ----

// Decodes a base64url member into `out`, which the caller has to buf_finish in any case.
static enum err read_bytes(const struct json *jwk, const char *name, struct buf *out,
                           struct buf *why)
{
    buf_init(out, MEMBER_MAX);
    const char *text = json_text(json_member(jwk, name));
    enum err err = text ? base64url_decode(span_of(text), out) : ERR_INVALID;
    if (err == ERR_OK && out->len == 0)
        err = ERR_INVALID;
    if (err == ERR_MEMORY)
        return refuse(why, err, err_text(err));
    if (err != ERR_OK) {
        buf_printf(why, "the member \"%s\" is missing or damaged", name);
        return ERR_INVALID;
    }
    return ERR_OK;
}

// RFC 7518 §3.2: a secret is at least as long as the hash.
static algorithm_set algorithms_for_length(size_t len)
{
    algorithm_set set = 0;
    if (len >= 32)
        set |= ALGORITHM_BIT(ALGORITHM_HS256);
    if (len >= 48)
        set |= ALGORITHM_BIT(ALGORITHM_HS384);
    if (len >= 64)
        set |= ALGORITHM_BIT(ALGORITHM_HS512);
    return set;
}

static enum err read_oct(const struct json *jwk, struct key *out_key, struct buf *why)
{
    struct buf secret;
    enum err err = read_bytes(jwk, "k", &secret, why);
    if (err == ERR_OK && algorithms_for_length(secret.len) == 0)
        err = refuse(why, ERR_UNSUPPORTED, "the secret is shorter than 32 bytes");
    if (err == ERR_OK)
        err = key_from_secret(buf_span(&secret), out_key, why);
    if (err == ERR_OK)
        out_key->algorithms = algorithms_for_length(secret.len);
    if (secret.ptr != NULL)
        OPENSSL_cleanse(secret.ptr, secret.cap);
    buf_finish(&secret);
    return err;
}

// Makes a public key of OpenSSL's `type` from its parameters.
static enum err make_public(const char *type, OSSL_PARAM_BLD *builder, struct key *out_key,
                            struct buf *why)
{
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    EVP_PKEY *public_key = NULL;
    bool is_made = false;
    enum err err = ERR_MEMORY;
    if (params != NULL && context != NULL && EVP_PKEY_fromdata_init(context) == 1) {
        err = ERR_INVALID;
        is_made = EVP_PKEY_fromdata(context, &public_key, EVP_PKEY_PUBLIC_KEY, params) == 1;
    }
    OSSL_PARAM_free(params);
    EVP_PKEY_CTX_free(context);
    ERR_clear_error();
    if (is_made)
        return key_take_public(public_key, out_key, why);
    return refuse(why, err, err == ERR_MEMORY ? err_text(err) : "the public key is not valid");
}

static enum err read_rsa(const struct json *jwk, struct key *out_key, struct buf *why)
{
    struct buf modulus, exponent;
    buf_init(&exponent, MEMBER_MAX);
    OSSL_PARAM_BLD *builder = NULL;
    BIGNUM *n = NULL, *e = NULL;
    enum err err = read_bytes(jwk, "n", &modulus, why);
    if (err == ERR_OK)
        err = read_bytes(jwk, "e", &exponent, why);
    if (err != ERR_OK)
        goto done;
    n = BN_bin2bn((const unsigned char *)modulus.ptr, (int)modulus.len, NULL);
    e = BN_bin2bn((const unsigned char *)exponent.ptr, (int)exponent.len, NULL);
    builder = OSSL_PARAM_BLD_new();
    if (n == NULL || e == NULL || builder == NULL ||
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) != 1 ||
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e) != 1)
        err = refuse(why, ERR_MEMORY, err_text(ERR_MEMORY));
    else
        err = make_public("RSA", builder, out_key, why);
done:
    OSSL_PARAM_BLD_free(builder);
    BN_free(n);
    BN_free(e);
    buf_finish(&modulus);
    buf_finish(&exponent);
    return err;
}

static const struct curve {
    const char *name;    // JWK
    const char *openssl; // the same in OpenSSL
    size_t size;         // bytes of a coordinate, or of the whole key
} ec_curves[] = {{"P-256", "P-256", 32}, {"P-384", "P-384", 48}, {"P-521", "P-521", 66}},
  okp_curves[] = {{"Ed25519", "ED25519", 32}, {"Ed448", "ED448", 57}};

static const struct curve *find_curve(const struct json *jwk, const struct curve *curves,
                                      size_t count, struct buf *why)
{
    const char *name = json_text(json_member(jwk, "crv"));
    for (size_t i = 0; name != NULL && i < count; i++)
        if (strcmp(curves[i].name, name) == 0)
            return &curves[i];
    buf_add_text(why, "the curve \"crv\" is not known");
    return NULL;
}

static enum err make_ec(const struct curve *curve, struct span x, struct span y,
                        struct key *out_key, struct buf *why)
{
    unsigned char point[1 + 2 * 66] = {POINT_CONVERSION_UNCOMPRESSED};
    // RFC 7518 §6.2.1.2: both at their full length, leading zeros and all.
    if (x.len != curve->size || y.len != curve->size)
        return refuse(why, ERR_INVALID, "a coordinate has the wrong length");
    memcpy(point + 1, x.ptr, x.len);
    memcpy(point + 1 + x.len, y.ptr, y.len);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    enum err err = ERR_OK;
    if (builder == NULL ||
        OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, curve->openssl, 0) !=
            1 ||
        OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point,
                                         1 + 2 * curve->size) != 1)
        err = refuse(why, ERR_MEMORY, err_text(ERR_MEMORY));
    else
        err = make_public("EC", builder, out_key, why);
    OSSL_PARAM_BLD_free(builder);
    return err;
}

static enum err read_ec(const struct json *jwk, struct key *out_key, struct buf *why)
{
    const struct curve *curve = find_curve(jwk, ec_curves, 3, why);
    if (curve == NULL)
        return ERR_UNSUPPORTED;
    struct buf x, y;
    buf_init(&y, MEMBER_MAX);
    enum err err = read_bytes(jwk, "x", &x, why);
    if (err == ERR_OK)
        err = read_bytes(jwk, "y", &y, why);
    if (err == ERR_OK)
        err = make_ec(curve, buf_span(&x), buf_span(&y), out_key, why);
    buf_finish(&x);
    buf_finish(&y);
    return err;
}

static enum err read_okp(const struct json *jwk, struct key *out_key, struct buf *why)
{
    const struct curve *curve = find_curve(jwk, okp_curves, 2, why);
    if (curve == NULL)
        return ERR_UNSUPPORTED;
    struct buf x;
    enum err err = read_bytes(jwk, "x", &x, why);
    if (err == ERR_OK && x.len != curve->size)
        err = refuse(why, ERR_INVALID, "the member \"x\" has the wrong length");
    if (err == ERR_OK) {
        EVP_PKEY *public_key = EVP_PKEY_new_raw_public_key_ex(NULL, curve->openssl, NULL,
                                                              (const unsigned char *)x.ptr, x.len);
        err = public_key ? key_take_public(public_key, out_key, why)
                         : refuse(why, ERR_INVALID, "the public key is not valid");
    }
    ERR_clear_error();
    buf_finish(&x);
    return err;
}

static enum err read_material(const struct json *jwk, struct key *out_key, struct buf *why)
{
    const char *type = json_text(json_member(jwk, "kty"));
    if (type == NULL)
        return refuse(why, ERR_INVALID, "the member \"kty\" is missing");
    if (strcmp(type, "oct") == 0)
        return read_oct(jwk, out_key, why);
    if (strcmp(type, "RSA") == 0)
        return read_rsa(jwk, out_key, why);
    if (strcmp(type, "EC") == 0)
        return read_ec(jwk, out_key, why);
    if (strcmp(type, "OKP") == 0)
        return read_okp(jwk, out_key, why);
    return refuse(why, ERR_UNSUPPORTED, "the key type \"kty\" is not known");
}

// Gives `key` its id and what is left of its algorithms.
static enum err read_limits(const struct json *jwk, struct key *key, struct buf *why)
{
    const struct json *kid = json_member(jwk, "kid");
    const char *id = json_text(kid);
    key->algorithms = narrow(json_member(jwk, "alg"), key->algorithms);
    if (key->algorithms == 0)
        return refuse(why, ERR_UNSUPPORTED, "the algorithm \"alg\" is not for this key");
    if (kid == NULL)
        return ERR_OK;
    if (id == NULL || strlen(id) > KEY_ID_MAX)
        return refuse(why, ERR_INVALID, "the member \"kid\" is no text or too long");
    free(key->id);
    key->id = span_dup(span_of(id));
    return key->id ? ERR_OK : refuse(why, ERR_MEMORY, err_text(ERR_MEMORY));
}

enum err key_from_jwk(const struct json *jwk, struct key *out_key, struct buf *why)
{
    if (!json_is_object(jwk))
        return refuse(why, ERR_INVALID, "a key is not an object");
    if (!is_for_signatures(json_member(jwk, "use")) ||
        !is_for_verifying(json_member(jwk, "key_ops")))
        return refuse(why, ERR_UNSUPPORTED, "the key is not for verifying signatures");
    struct key key = {0};
    enum err err = read_material(jwk, &key, why);
    if (err == ERR_OK)
        err = read_limits(jwk, &key, why);
    if (err != ERR_OK) {
        key_finish(&key);
        return err;
    }
    *out_key = key;
    return ERR_OK;
}
