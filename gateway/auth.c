// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "auth.h"

#include <stdio.h>

#include "core/secret.h"

// The prefix makes browsers insist on Secure, Path=/ and no Domain, so that no sibling host can
// plant a session (RFC 6265bis §4.1.3.2). It cannot be used without TLS.
#define COOKIE_PLAIN "roomwire"
#define COOKIE_SECURE "__Host-roomwire"

static const struct gateway *gateway_of(const struct exchange *x)
{
    return exchange_worker(x)->gateway;
}

// As browsers see it: a proxy in front may do the TLS.
static bool is_secure(const struct exchange *x)
{
    struct span public_url = span_of(gateway_of(x)->config.public_url);
    if (public_url.len > 0)
        return span_starts_with(public_url, span_of("https://"));
    return exchange_is_tls(x);
}

static bool find_cookie(const struct exchange *x, struct span *out_value)
{
    return http_head_cookie(exchange_head(x), is_secure(x) ? COOKIE_SECURE : COOKIE_PLAIN,
                            out_value) &&
           out_value->len > 0;
}

// ---- tokens ----

bool auth_raw_token(const struct exchange *x, struct span *out_token)
{
    struct span field;
    if (http_head_field(exchange_head(x), "Authorization", &field)) {
        *out_token = token_strip_scheme(field);
        return out_token->len > 0;
    }
    return find_cookie(x, out_token);
}

enum err auth_verify(struct worker *worker, struct span text, struct token *out_token)
{
    struct credentials *credentials = gateway_credentials(worker->gateway);
    enum err err = token_verify(&credentials->access->policy, credentials->access->keys, text,
                                &rights_nobody, loop_date_ms(worker->loop) / 1000, out_token);
    credentials_release(credentials);
    return err;
}

// A page that was left open says whose it is; by now somebody else may have signed in.
static bool is_other(struct exchange *x, const struct token *token)
{
    struct span subject;
    return exchange_query(x, "subject", &subject) != ERR_NOT_FOUND &&
           !span_is(subject, token->subject);
}

enum err auth_identify(struct exchange *x, struct caller *out_caller)
{
    struct caller caller = {0};
    struct span field;
    caller.is_by_cookie = !http_head_field(exchange_head(x), "Authorization", &field);
    struct span token;
    if (auth_raw_token(x, &token)) {
        enum err err = token_cache_verify(exchange_worker(x), token, &caller.known);
        if (err != ERR_OK)
            return err;
        caller.token = *known_token(caller.known);
        caller.has_token = true;
        if (is_other(x, &caller.token)) {
            caller_finish(&caller);
            return ERR_TOKEN_OTHER;
        }
    } else if (!caller.is_by_cookie) {
        return ERR_TOKEN_MALFORMED; // the field is there, with nothing in it
    }
    caller.is_by_cookie = caller.is_by_cookie && caller.has_token;
    *out_caller = caller;
    return ERR_OK;
}

void caller_finish(struct caller *caller)
{
    known_token_release(caller->known);
    *caller = (struct caller){0};
}

// ---- rights ----

enum err auth_check_room(const struct worker *worker, const struct caller *caller,
                         enum rights_action action, struct span room)
{
    if (!caller->has_token)
        return ERR_TOKEN_MISSING;
    struct topic_rooms rooms;
    enum err err = topic_rooms_init(&rooms, span_of(worker->gateway->config.room_topic));
    if (err != ERR_OK)
        return err;
    return rights_allow_room(caller->token.rights, &rooms, action, room) ? ERR_OK : ERR_DENIED;
}

static enum err check_publish(const struct caller *caller, struct span topic, int qos,
                              bool is_retained)
{
    if (!caller->has_token)
        return ERR_TOKEN_MISSING;
    return rights_allow_publish(caller->token.rights, topic, qos, is_retained) ? ERR_OK
                                                                               : ERR_DENIED;
}

static int refusal_status(enum err err)
{
    if (err == ERR_DENIED)
        return 403;
    return err == ERR_MEMORY ? 503 : 401;
}

// Ends an admission: true if `err` says yes, else the caller is finished and the exchange refused.
static bool admit(struct exchange *x, struct caller *caller, enum err err)
{
    if (err == ERR_OK)
        return true;
    exchange_refuse(x, refusal_status(err), err, NULL);
    caller_finish(caller);
    return false;
}

bool auth_admit(struct exchange *x, enum rights_action action, struct span room,
                struct caller *out_caller)
{
    *out_caller = (struct caller){0};
    enum err err = auth_identify(x, out_caller);
    if (err == ERR_OK)
        err = auth_check_room(exchange_worker(x), out_caller, action, room);
    return admit(x, out_caller, err);
}

bool auth_admit_publish(struct exchange *x, struct span topic, int qos, bool is_retained,
                        struct caller *out_caller)
{
    *out_caller = (struct caller){0};
    enum err err = auth_identify(x, out_caller);
    if (err == ERR_OK)
        err = check_publish(out_caller, topic, qos, is_retained);
    return admit(x, out_caller, err);
}

// A right that is a claim of its own.
static bool admit_claim(struct exchange *x, enum err identified, bool has_claim,
                        struct caller *caller)
{
    enum err err = identified;
    if (err == ERR_OK && !caller->has_token)
        err = ERR_TOKEN_MISSING;
    else if (err == ERR_OK && !has_claim)
        err = ERR_DENIED;
    return admit(x, caller, err);
}

bool auth_admit_connections(struct exchange *x, bool is_change, struct caller *out_caller)
{
    *out_caller = (struct caller){0};
    enum err err = auth_identify(x, out_caller);
    const struct rights_claims *claims = &out_caller->token.claims;
    bool may = is_change ? claims->may_change_connections : claims->may_see_connections;
    return admit_claim(x, err, may, out_caller);
}

bool auth_admit_admin(struct exchange *x, struct caller *out_caller)
{
    *out_caller = (struct caller){0};
    enum err err = auth_identify(x, out_caller);
    return admit_claim(x, err, out_caller->token.claims.is_admin, out_caller);
}

bool auth_admit_change(struct exchange *x, const struct caller *caller, struct span csrf)
{
    struct span field;
    if (csrf.len == 0 && http_head_field(exchange_head(x), "X-CSRF-Token", &field))
        csrf = field;
    if (!caller->is_by_cookie || auth_is_same_site(x, csrf))
        return true;
    exchange_refuse(x, 403, ERR_REFUSED,
                    "signed in by cookie: this needs the session's CSRF token, or a request from "
                    "this site's own pages");
    return false;
}

// ---- where a request comes from ----

static void trim_slash(struct buf *out)
{
    while (out->len > 0 && out->ptr[out->len - 1] == '/')
        out->len--;
}

void auth_own_origin(const struct exchange *x, struct buf *out)
{
    const char *public_url = gateway_of(x)->config.public_url;
    if (*public_url != '\0') {
        buf_add_text(out, public_url);
        trim_slash(out);
        return;
    }
    buf_add_text(out, exchange_is_tls(x) ? "https://" : "http://");
    buf_add_span(out, exchange_head(x)->host);
}

// `origin` without the port that its scheme has anyway: so browsers write it (RFC 6454 §6.2), but
// not every proxy's Host, nor everybody who configures one.
static struct span without_default_port(struct span origin)
{
    static const struct {
        const char *scheme, *port;
    } defaults[] = {{"http://", ":80"}, {"https://", ":443"}};
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++) {
        struct span scheme = span_of(defaults[i].scheme), port = span_of(defaults[i].port);
        if (origin.len > scheme.len + port.len &&
            span_equal_nocase(span_make(origin.ptr, scheme.len), scheme) &&
            span_equal(span_skip(origin, origin.len - port.len), port))
            origin.len -= port.len;
    }
    return origin;
}

static bool is_same_origin(struct span a, struct span b)
{
    return span_equal_nocase(without_default_port(a), without_default_port(b));
}

typedef bool same_fn(struct span a, struct span b);

static bool is_own(const struct exchange *x, struct span origin, same_fn *is_same)
{
    struct buf own;
    buf_init(&own, 1024);
    auth_own_origin(x, &own);
    bool is_ours = own.status == ERR_OK && is_same(origin, buf_span(&own));
    buf_finish(&own);
    return is_ours;
}

static bool is_own_origin(const struct exchange *x, struct span origin)
{
    return is_own(x, origin, is_same_origin);
}

static struct span without_scheme(struct span origin)
{
    const char *colon = memmem(origin.ptr, origin.len, "://", 3);
    return colon != NULL ? span_skip(origin, (size_t)(colon + 3 - origin.ptr)) : origin;
}

static bool is_same_host(struct span a, struct span b)
{
    return span_equal_nocase(without_scheme(a), without_scheme(b));
}

// Programs name an origin, too, and not always a true one: "https" whatever they speak (Paho's
// client for Python). A signed-in page has a cookie, and there the scheme is to be right.
static bool is_own_program(const struct exchange *x, struct span origin)
{
    struct span cookie;
    return !find_cookie(x, &cookie) && is_own(x, origin, is_same_host);
}

static bool is_listed_origin(const struct exchange *x, struct span origin)
{
    struct span rest = span_of(gateway_of(x)->config.allowed_origins);
    struct span one;
    while (span_word(&rest, &one))
        if (is_same_origin(one, origin))
            return true;
    return false;
}

bool auth_origin_allowed(const struct exchange *x)
{
    struct span origin;
    if (!http_head_field(exchange_head(x), "Origin", &origin))
        return true;
    return is_own_origin(x, origin) || is_listed_origin(x, origin) || is_own_program(x, origin) ||
           span_is(span_trim(span_of(gateway_of(x)->config.allowed_origins)), "*");
}

// A browser's own word for it (Fetch Metadata), which no page can forge.
static bool is_fetch_site(const struct exchange *x, const char *site)
{
    struct span value;
    return http_head_field(exchange_head(x), "Sec-Fetch-Site", &value) && span_is(value, site);
}

bool auth_is_same_site(const struct exchange *x, struct span csrf)
{
    char expected[AUTH_CSRF_TEXT];
    auth_csrf_token(x, expected);
    if (*expected != '\0' && csrf.len > 0 && secret_equal(span_of(expected), csrf))
        return true;
    struct span origin;
    // "*" in allowed_origins is for callers with tokens of their own: it must not lend everybody
    // the cookie.
    if (http_head_field(exchange_head(x), "Origin", &origin) &&
        (is_own_origin(x, origin) || is_listed_origin(x, origin)))
        return true;
    // With "Referrer-Policy: no-referrer" a page's own form sends "Origin: null".
    return is_fetch_site(x, "same-origin");
}

bool auth_may_sign_in(const struct exchange *x)
{
    struct span origin;
    if (http_head_field(exchange_head(x), "Origin", &origin))
        return is_own_origin(x, origin) || is_listed_origin(x, origin) ||
               is_fetch_site(x, "same-origin");
    struct span site;
    // Programs and text browsers send neither field; others say that nobody else is behind it.
    return !http_head_field(exchange_head(x), "Sec-Fetch-Site", &site) ||
           span_is(site, "same-origin") || span_is(site, "none");
}

// ---- the session ----

void auth_csrf_token(const struct exchange *x, char out[AUTH_CSRF_TEXT])
{
    out[0] = '\0';
    struct span field, cookie;
    if (http_head_field(exchange_head(x), "Authorization", &field) || !find_cookie(x, &cookie))
        return;
    const struct gateway *g = gateway_of(x);
    unsigned char mac[SECRET_HMAC_SIZE];
    if (secret_hmac(span_make(g->boot_secret, sizeof g->boot_secret), cookie, mac) != ERR_OK)
        return; // no token is better than one that can be guessed
    for (size_t i = 0; i < (AUTH_CSRF_TEXT - 1) / 2; i++)
        (void)snprintf(out + 2 * i, 3, "%02x", mac[i]);
}

void auth_cookie(const struct exchange *x, struct span token, int64_t max_age_s, struct buf *out)
{
    buf_add_text(out, is_secure(x) ? COOKIE_SECURE : COOKIE_PLAIN);
    buf_add_char(out, '=');
    buf_add_span(out, token);
    buf_add_text(out, "; Path=/; HttpOnly; SameSite=Lax; Max-Age=");
    buf_add_int(out, token.len > 0 ? max_age_s : 0);
    if (is_secure(x))
        buf_add_text(out, "; Secure");
}
