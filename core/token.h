// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// JSON Web Tokens (RFC 7519) in the compact serialization of RFC 7515 §3.1: verified, read, minted.
// Not the keys (keyset.h) and not what a token grants (rights.h).
#ifndef ROOMWIRE_CORE_TOKEN_H
#define ROOMWIRE_CORE_TOKEN_H

#include "keyset.h"
#include "rights.h"

enum { TOKEN_SUBJECT_MAX = 128, TOKEN_NAME_MAX = 128 };

// What has to hold beyond the signature, and how the rights are read.
// Borrows the configuration's texts; immutable once made, so threads may share it.
struct token_policy {
    struct span issuer, audience; // empty: any
    int64_t leeway_s;
    bool require_exp;
    size_t max_token; // bytes, without the scheme
    struct topic_rooms rooms;
    struct json *default_rooms; // owned
};
// Takes room_topic and default_rights apart and tries them.
// Errors: ERR_INVALID with a line in `why`, ERR_MEMORY.
MUST_USE enum err token_policy_init(struct token_policy *policy, const struct config *config,
                                    struct buf *why);
void token_policy_finish(struct token_policy *policy);

// A verified token.
struct token {
    // "sub", else "id" (a text or a whole number), else "name": UTF-8 without control characters,
    // never empty. The first one present has to be good.
    char subject[TOKEN_SUBJECT_MAX + 1];
    // "name" for people, at most this long; "" if there is none.
    char name[TOKEN_NAME_MAX + 1];
    // When what was opened with the token ends: "exp", or the end of the leeway for a token that is
    // in it already. Seconds since 1970; 0: never.
    int64_t expires_s;
    struct rights *rights; // owned
    struct rights_claims claims;
};

// Verifies `text`, which may be the bare token or "Bearer <token>" (the scheme in any case).
// `client` tells the MQTT client's id for ${clientid} in rights, empty where there is none; a claim
// "clientid" goes before it. Its user name is not looked at: what a client calls itself in CONNECT
// proves nothing, so for ${username} stands the claim "username", else the subject.
// `now_s` is seconds since 1970.
// Errors: the ERR_TOKEN_ ones (ERR_TOKEN_MISSING for an empty text), ERR_MEMORY.
MUST_USE enum err token_verify(const struct token_policy *policy, const struct keyset *keys,
                               struct span text, const struct rights_client *client, int64_t now_s,
                               struct token *out_token);
void token_finish(struct token *token);

// `text` without the scheme "Bearer " (RFC 6750 §2.1), if it is there.
struct span token_strip_scheme(struct span text);

// Appends a token signed with HS256 whose payload is the JSON object `claims`.
// Errors: those of keyset_sign.
MUST_USE enum err token_mint(const struct keyset *keys, struct span claims, struct buf *out);

#endif
