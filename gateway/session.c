// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "session.h"

#include <stdio.h>
#include <sys/random.h>

#include "auth.h"
#include "form.h"
#include "input.h"

enum {
    COOKIE_TOKEN_MAX = 3800,        // browsers keep 4,096 bytes with name and attributes
    COOKIE_AGE_MAX_S = 400 * 86400, // and no cookie longer (RFC 6265bis §5.5)
    CLAIMS_MAX = 16384
};

// The fields of a sign-in, from a form or from JSON.
struct fields {
    struct span token, nickname, next, csrf;
    bool is_json;
    struct form form;
    struct json *root;
};

static void fields_finish(struct fields *f)
{
    form_finish(&f->form);
    json_destroy(f->root);
}

static enum err read_json(struct span body, struct fields *f)
{
    f->is_json = true;
    enum err err = json_parse(body, &f->root);
    if (err != ERR_OK)
        return err;
    f->token = json_member_text(f->root, "token");
    f->nickname = json_member_text(f->root, "nickname");
    return ERR_OK;
}

static enum err read_form(struct span body, struct fields *f)
{
    enum err err = form_parse(body, &f->form);
    if (err != ERR_OK)
        return err;
    // What is missing stays empty.
    (void)form_find(&f->form, "token", &f->token);
    (void)form_find(&f->form, "nickname", &f->nickname);
    (void)form_find(&f->form, "next", &f->next);
    (void)form_find(&f->form, "csrf", &f->csrf);
    return ERR_OK;
}

// Reads the fields, or answers. They are finished by the caller if true is returned.
static bool read_fields(struct exchange *x, struct fields *f)
{
    *f = (struct fields){0};
    struct span type = {0};
    struct span body = exchange_body(x);
    enum err err = ERR_UNSUPPORTED;
    // Without the field, the body has to be empty or a form.
    bool has_type = http_head_field(exchange_head(x), "Content-Type", &type);
    if (has_type && input_is_media_type(type, "application/json"))
        err = read_json(body, f);
    else if (body.len == 0 || input_is_media_type(type, "application/x-www-form-urlencoded"))
        err = read_form(body, f);
    if (err == ERR_OK) {
        f->token = span_trim(f->token);
        f->nickname = span_trim(f->nickname);
        return true;
    }
    fields_finish(f);
    if (err == ERR_UNSUPPORTED)
        exchange_refuse(x, 415, err, "send a form (application/x-www-form-urlencoded) or JSON");
    else
        exchange_refuse(x, err == ERR_MEMORY ? 503 : 400, err, "the body cannot be read");
    return false;
}

// ---- the cookie ----

// True if the cookie was set; else the exchange is answered.
static bool set_cookie(struct exchange *x, struct span token, int64_t max_age_s)
{
    struct buf cookie;
    buf_init(&cookie, COOKIE_TOKEN_MAX + 256);
    auth_cookie(x, token, max_age_s, &cookie);
    enum err err = cookie.status;
    if (err == ERR_OK)
        exchange_add_field(x, "Set-Cookie", buf_span(&cookie));
    buf_finish(&cookie);
    if (err != ERR_OK)
        exchange_refuse(x, 503, err, NULL);
    return err == ERR_OK;
}

static void answer_program(struct exchange *x, const struct token *token)
{
    struct buf body;
    buf_init(&body, 4096);
    struct json_writer w;
    json_writer_init(&w, &body);
    json_begin_object(&w);
    json_field_text(&w, "from", span_of(token->subject));
    json_field_text(&w, "name", span_of(token->name));
    if (token->expires_s > 0) {
        char date[MESSAGE_DATE_TEXT];
        message_format_date(token->expires_s * 1000, date);
        json_field_text(&w, "expires", span_of(date));
    }
    json_end_object(&w);
    if (body.status == ERR_OK)
        exchange_answer(x, 200, "application/json", buf_span(&body));
    else
        exchange_refuse(x, 503, body.status, NULL);
    buf_finish(&body);
}

static void go_on(struct exchange *x, struct span next)
{
    exchange_redirect(x, input_is_local_path(next) ? next : span_of("/"));
}

// Signs in with a token that is known to be good.
static void enter(struct exchange *x, const struct fields *f, struct span text,
                  const struct token *token)
{
    if (text.len > COOKIE_TOKEN_MAX) {
        exchange_refuse(x, 413, ERR_TOO_LARGE, "the token is too long for a browser's cookie");
        return;
    }
    int64_t age_s = COOKIE_AGE_MAX_S;
    int64_t left_s = token->expires_s - loop_date_ms(exchange_worker(x)->loop) / 1000;
    if (token->expires_s > 0 && left_s < age_s)
        age_s = left_s > 0 ? left_s : 1; // the leeway's last seconds
    exchange_add_field(x, "Cache-Control", span_of("no-store"));
    if (!set_cookie(x, text, age_s))
        return;
    if (f->is_json)
        answer_program(x, token);
    else
        go_on(x, f->next);
}

// ---- guests ----

// What a guest may do is what was configured at the start; what makes a token good, by now.
static enum err write_guest_claims(const struct config *config, const struct token_policy *policy,
                                   struct span nickname, int64_t now_s, struct buf *out)
{
    uint64_t number;
    if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
        return ERR_IO;
    char subject[32];
    (void)snprintf(subject, sizeof subject, "guest-%016llx", (unsigned long long)number);
    struct json_writer w;
    json_writer_init(&w, out);
    json_begin_object(&w);
    json_field_text(&w, "sub", span_of(subject));
    json_field_text(&w, "name", nickname);
    json_key(&w, "rooms");
    json_put_raw(&w, span_of(config->guest_rights));
    json_field_int(&w, "iat", now_s);
    json_field_int(&w, "exp", now_s + config->guest_ttl_s);
    if (policy->issuer.len > 0)
        json_field_text(&w, "iss", policy->issuer);
    if (policy->audience.len > 0)
        json_field_text(&w, "aud", policy->audience);
    json_end_object(&w);
    return out->status;
}

static enum err mint_guest(struct worker *worker, struct span nickname, struct buf *out_token)
{
    struct gateway *g = worker->gateway;
    struct credentials *credentials = gateway_credentials(g);
    struct buf claims;
    buf_init(&claims, CLAIMS_MAX);
    enum err err = write_guest_claims(&g->config, &credentials->access->policy, nickname,
                                      loop_date_ms(worker->loop) / 1000, &claims);
    if (err == ERR_OK)
        err = token_mint(credentials->access->keys, buf_span(&claims), out_token);
    credentials_release(credentials);
    buf_finish(&claims);
    return err;
}

static void enter_as_guest(struct exchange *x, const struct fields *f)
{
    struct worker *worker = exchange_worker(x);
    if (!worker->gateway->config.guests) {
        exchange_refuse(x, 403, ERR_REFUSED, "guests are not welcome here; sign in with a token");
        return;
    }
    if (!input_is_clean(f->nickname, TOKEN_NAME_MAX)) {
        exchange_refuse(x, 422, ERR_INVALID,
                        "a nickname has 1 to 128 bytes and no control characters");
        return;
    }
    struct buf text;
    buf_init(&text, (size_t)worker->gateway->config.max_token);
    struct token token;
    enum err err = mint_guest(worker, f->nickname, &text);
    if (err == ERR_OK)
        err = auth_verify(worker, buf_span(&text), &token);
    if (err == ERR_OK) {
        enter(x, f, buf_span(&text), &token);
        token_finish(&token);
    } else {
        log_line(&worker->gateway->log, LOG_LEVEL_ERROR, "event=guest_refused why=\"%s\"",
                 err_text(err));
        exchange_refuse(x, 500, err,
                        "no token could be made; guests need secret_file with HS256 allowed");
    }
    buf_finish(&text);
}

static void enter_with_token(struct exchange *x, const struct fields *f)
{
    struct span text = token_strip_scheme(f->token);
    struct token token;
    enum err err = auth_verify(exchange_worker(x), text, &token);
    if (err != ERR_OK) {
        exchange_refuse(x, err == ERR_MEMORY ? 503 : 401, err, NULL);
        return;
    }
    enter(x, f, text, &token);
    token_finish(&token);
}

// ---- handlers ----

void session_open(struct exchange *x)
{
    if (!auth_may_sign_in(x)) {
        exchange_refuse(x, 403, ERR_REFUSED, "the form was on another site's page");
        return;
    }
    struct fields f;
    if (!read_fields(x, &f))
        return;
    if (f.token.len > 0)
        enter_with_token(x, &f);
    else if (f.nickname.len > 0)
        enter_as_guest(x, &f);
    else
        exchange_refuse(x, 422, ERR_INVALID, "give a token or a nickname");
    fields_finish(&f);
}

void session_end(struct exchange *x)
{
    struct fields f;
    if (!read_fields(x, &f))
        return;
    if (!auth_is_same_site(x, f.csrf)) {
        exchange_refuse(x, 403, ERR_REFUSED, "the form was on another site's page");
    } else if (set_cookie(x, (struct span){0}, 0)) {
        if (f.is_json || exchange_prefers_json(x))
            exchange_answer(x, 204, NULL, (struct span){0});
        else
            go_on(x, f.next);
    }
    fields_finish(&f);
}
