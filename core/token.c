// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "token.h"

#include <math.h>

#include "jws.h"

// ---- the policy ----

static enum err read_default_rooms(struct token_policy *policy, const char *text, struct buf *why)
{
    struct rights *rights = NULL;
    enum err err = json_parse(span_of(text), &policy->default_rooms);
    if (err == ERR_OK)
        err = rights_compile(NULL, &policy->rooms, policy->default_rooms, &rights_nobody, &rights);
    rights_destroy(rights);
    if (err == ERR_OK)
        return ERR_OK;
    buf_add_text(why, err == ERR_MEMORY
                          ? err_text(err)
                          : "default_rights: expected a JSON object like {\"lobby\":\"rw\"}");
    return err == ERR_MEMORY ? err : ERR_INVALID;
}

enum err token_policy_init(struct token_policy *policy, const struct config *config,
                           struct buf *why)
{
    struct token_policy made = {.issuer = span_of(config->issuer),
                                .audience = span_of(config->audience),
                                .leeway_s = config->leeway_s,
                                .require_exp = config->require_exp,
                                .max_token = (size_t)config->max_token};
    if (topic_rooms_init(&made.rooms, span_of(config->room_topic)) != ERR_OK) {
        buf_add_text(why, "room_topic: expected a topic with exactly one + for the room");
        return ERR_INVALID;
    }
    enum err err = read_default_rooms(&made, config->default_rights, why);
    if (err != ERR_OK) {
        token_policy_finish(&made);
        return err;
    }
    *policy = made;
    return ERR_OK;
}

void token_policy_finish(struct token_policy *policy)
{
    json_destroy(policy->default_rooms);
    policy->default_rooms = NULL;
}

// ---- when the token is good (RFC 7519 §4.1.4 to §4.1.6) ----

// Reads a NumericDate, which may have a fraction; `*out_is_given` is false where it is absent.
static enum err read_date(const struct json *claims, const char *name, double *out_s,
                          bool *out_is_given)
{
    const struct json *value = json_member(claims, name);
    *out_is_given = value != NULL;
    return value == NULL || json_get_number(value, out_s) ? ERR_OK : ERR_TOKEN_CLAIM;
}

static int64_t end_of(double exp_s, double now_s, int64_t leeway_s)
{
    const double last = 9007199254740991.0; // 2^53 - 1: as good as never, and still exact
    double end = ceil(exp_s > now_s ? exp_s : exp_s + (double)leeway_s);
    return (int64_t)(end < last ? end : last);
}

static enum err check_times(const struct token_policy *policy, const struct json *claims,
                            int64_t now, struct token *token)
{
    double exp_s = 0, nbf_s = 0, iat_s = 0, now_s = (double)now,
           leeway_s = (double)policy->leeway_s;
    bool has_exp, has_nbf, has_iat;
    enum err err = read_date(claims, "exp", &exp_s, &has_exp);
    if (err == ERR_OK)
        err = read_date(claims, "nbf", &nbf_s, &has_nbf);
    if (err == ERR_OK)
        err = read_date(claims, "iat", &iat_s, &has_iat);
    if (err != ERR_OK)
        return err;
    if (!has_exp && policy->require_exp)
        return ERR_TOKEN_NO_EXPIRY;
    if (has_exp && now_s >= exp_s + leeway_s)
        return ERR_TOKEN_EXPIRED;
    if ((has_nbf && nbf_s > now_s + leeway_s) || (has_iat && iat_s > now_s + leeway_s))
        return ERR_TOKEN_NOT_YET_VALID;
    token->expires_s = has_exp ? end_of(exp_s, now_s, policy->leeway_s) : 0;
    return ERR_OK;
}

// ---- whose and for whom it is (§4.1.1 to §4.1.3) ----

static bool is_text(const struct json *value, struct span wanted)
{
    const char *text = json_text(value);
    return text != NULL && span_is(wanted, text);
}

static bool is_audience(const struct json *aud, struct span wanted)
{
    if (!json_is_array(aud))
        return is_text(aud, wanted);
    for (const struct json *e = json_first(aud); e != NULL; e = json_next(e))
        if (is_text(e, wanted))
            return true;
    return false;
}

static enum err check_parties(const struct token_policy *policy, const struct json *claims)
{
    if (policy->issuer.len > 0 && !is_text(json_member(claims, "iss"), policy->issuer))
        return ERR_TOKEN_ISSUER;
    if (policy->audience.len > 0 && !is_audience(json_member(claims, "aud"), policy->audience))
        return ERR_TOKEN_AUDIENCE;
    return ERR_OK;
}

static bool copy_subject(const char *text, struct token *token)
{
    size_t len = strlen(text);
    if (len == 0 || len > TOKEN_SUBJECT_MAX || !span_is_clean(span_of(text)))
        return false;
    memcpy(token->subject, text, len + 1);
    return true;
}

static enum err copy_number(int64_t number, struct token *token)
{
    struct buf digits;
    buf_init(&digits, TOKEN_SUBJECT_MAX);
    buf_add_int(&digits, number);
    buf_add_char(&digits, '\0');
    enum err err = digits.status;
    if (err == ERR_OK)
        memcpy(token->subject, digits.ptr, digits.len);
    buf_finish(&digits);
    return err;
}

// The first of the three that is there names the sender. To fall through from a bad one to the next
// would let two readers of one token see two people.
static enum err read_subject(const struct json *claims, struct token *token)
{
    static const char *const members[] = {"sub", "id", "name"};
    const struct json *value = NULL;
    size_t i = 0;
    while (i < 3 && (value = json_member(claims, members[i])) == NULL)
        i++;
    int64_t number;
    if (i == 1 && json_get_int(value, &number))
        return copy_number(number, token);
    const char *text = json_text(value);
    return text != NULL && copy_subject(text, token) ? ERR_OK : ERR_TOKEN_SUBJECT;
}

// A long name is cut, at the start of a character: it is only for people to read.
static enum err read_name(const struct json *claims, struct token *token)
{
    const struct json *value = json_member(claims, "name");
    const char *text = json_text(value);
    if (value == NULL || json_is_null(value))
        return ERR_OK;
    if (text == NULL || !span_is_clean(span_of(text)))
        return ERR_TOKEN_CLAIM;
    size_t len = span_cut(span_of(text), TOKEN_NAME_MAX).len;
    memcpy(token->name, text, len);
    token->name[len] = '\0';
    return ERR_OK;
}

// ---- what it grants ----

static enum err read_rights(const struct token_policy *policy, const struct json *claims,
                            const struct rights_client *client, struct token *token)
{
    const char *own_client_id = json_text(json_member(claims, "clientid"));
    const char *own_username = json_text(json_member(claims, "username"));
    const struct rights_client vouched = {
        own_client_id ? span_of(own_client_id) : client->client_id,
        span_of(own_username ? own_username : token->subject),
    };
    rights_read_claims(claims, &token->claims);
    return rights_compile(claims, &policy->rooms, policy->default_rooms, &vouched, &token->rights);
}

static enum err read_claims(const struct token_policy *policy, const struct json *claims,
                            const struct rights_client *client, int64_t now_s, struct token *token)
{
    enum err err = check_times(policy, claims, now_s, token);
    if (err == ERR_OK)
        err = check_parties(policy, claims);
    if (err == ERR_OK)
        err = read_subject(claims, token);
    if (err == ERR_OK)
        err = read_name(claims, token);
    return err == ERR_OK ? read_rights(policy, claims, client, token) : err;
}

// RFC 8725 §3.11: a token that says it is of another kind (a logout, a DPoP proof, an event) is no
// access token, even from the same issuer.
static bool is_other_kind(const struct json *header)
{
    static const char suffix[] = "+jwt";
    const struct json *typ = json_member(header, "typ");
    struct span kind = span_of(json_text(typ)), prefix = span_of("application/");
    if (typ != NULL && kind.ptr == NULL)
        return true;
    if (kind.len > prefix.len && span_equal_nocase(span_make(kind.ptr, prefix.len), prefix))
        kind = span_skip(kind, prefix.len);
    if (kind.len < sizeof suffix - 1 || span_equal_nocase(kind, span_of("at+jwt")))
        return false;
    return span_equal_nocase(span_skip(kind, kind.len - (sizeof suffix - 1)), span_of(suffix));
}

static enum err read_payload(const struct token_policy *policy, const struct jws *jws,
                             const struct rights_client *client, int64_t now_s, struct token *token)
{
    struct json *claims = NULL;
    if (is_other_kind(jws->header))
        return ERR_TOKEN_MALFORMED;
    enum err err = json_parse(buf_span(&jws->payload), &claims);
    if (err == ERR_INVALID || (err == ERR_OK && !json_is_object(claims)))
        err = ERR_TOKEN_MALFORMED;
    if (err == ERR_OK)
        err = read_claims(policy, claims, client, now_s, token);
    json_destroy(claims);
    return err;
}

struct span token_strip_scheme(struct span text)
{
    struct span scheme = span_of("Bearer");
    text = span_trim(text);
    if (text.len < scheme.len || !span_equal_nocase(span_make(text.ptr, scheme.len), scheme))
        return text;
    struct span rest = span_skip(text, scheme.len);
    return rest.len == 0 || rest.ptr[0] == ' ' || rest.ptr[0] == '\t' ? span_trim(rest) : text;
}

enum err token_verify(const struct token_policy *policy, const struct keyset *keys,
                      struct span text, const struct rights_client *client, int64_t now_s,
                      struct token *out_token)
{
    struct jws jws;
    struct token token = {.expires_s = 0};
    text = token_strip_scheme(text);
    if (text.len == 0)
        return ERR_TOKEN_MISSING;
    if (text.len > policy->max_token)
        return ERR_TOKEN_MALFORMED;
    enum err err = jws_verify(keys, text, &jws);
    if (err != ERR_OK)
        return err;
    err = read_payload(policy, &jws, client, now_s, &token);
    jws_finish(&jws);
    if (err != ERR_OK) {
        token_finish(&token);
        return err;
    }
    *out_token = token;
    return ERR_OK;
}

void token_finish(struct token *token)
{
    rights_destroy(token->rights);
    token->rights = NULL;
}

enum err token_mint(const struct keyset *keys, struct span claims, struct buf *out)
{
    return jws_sign(keys, claims, out);
}
