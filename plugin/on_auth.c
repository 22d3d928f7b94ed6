// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include <stdio.h>
#include <stdlib.h>

#include "core/base64.h"
#include "core/clock.h"
#include "core/origin.h"
#include "deliver.h"
#include "plugin.h"
#include "service.h"

// One CONNECT, while it is judged.
struct connect {
    struct mosquitto *client;
    const char *client_id;
    const char *username;
    const char *password;
    const char *address;
    char *own_username; // as the client gave it; owned
    char introduced[INTRODUCTION_ADDRESS_MAX + 1];
    char user_agent[ORIGIN_AGENT_MAX + 1]; // "" if unknown
    enum meter_face face;
};

static int refuse(struct plugin *p, const struct connect *c, const char *why)
{
    struct refusal refusal = {
        .what = "connect", .client_id = c->client_id, .address = c->address, .why = why};
    refuse_log(&p->refusals, &p->log, p->now_ms, &refusal);
    return MOSQ_ERR_AUTH;
}

static enum err verify(const struct plugin *p, const struct connect *c, struct token *out_token)
{
    struct rights_client client = {span_of(c->client_id), span_of(c->own_username)};
    return token_verify(&p->access->policy, p->access->keys, span_of(c->password), &client,
                        p->now_ms / 1000, out_token);
}

static void set_introduced(struct connect *c, struct span address)
{
    size_t len = address.len < sizeof c->introduced ? address.len : sizeof c->introduced - 1;
    memcpy(c->introduced, address.ptr, len);
    c->introduced[len] = '\0';
    c->address = c->introduced;
}

// It was cut to the length that there is room for.
static enum err set_agent(struct connect *c, struct span agent)
{
    struct buf text;
    if (span_is(agent, INTRODUCTION_NO_AGENT))
        return ERR_OK;
    buf_init(&text, ORIGIN_AGENT_MAX);
    enum err err = base64url_decode(agent, &text);
    bool is_text = err == ERR_OK && span_is_utf8(buf_span(&text));
    if (is_text)
        (void)snprintf(c->user_agent, sizeof c->user_agent, "%.*s", (int)text.len, text.ptr);
    buf_finish(&text);
    return is_text || err == ERR_MEMORY ? err : ERR_INVALID;
}

// The relay's word on who is there. The client may have had no id when it was introduced, and has
// one from the broker now.
static enum err read_introduction(const struct plugin *p, struct connect *c)
{
    struct introduction who;
    struct span secret = secret_span(&p->access->service_secret);
    struct span username = span_of(c->username);
    enum err err = introduction_read(username, span_of(c->client_id), secret, &who);
    if (err == ERR_DENIED)
        err = introduction_read(username, span_of(""), secret, &who);
    if (err != ERR_OK)
        return err;
    if (!meter_face_from_name(who.face, &c->face) || c->face != METER_WS)
        return ERR_INVALID;
    err = set_agent(c, who.agent);
    if (err != ERR_OK)
        return err;
    set_introduced(c, who.address);
    c->own_username = span_dup(who.username);
    return c->own_username == NULL ? ERR_MEMORY : ERR_OK;
}

static enum err find_out_who(const struct plugin *p, struct connect *c)
{
    if (introduction_is_meant(span_of(c->username)))
        return read_introduction(p, c);
    c->own_username = span_dup(span_of(c->username));
    return c->own_username == NULL ? ERR_MEMORY : ERR_OK;
}

// Older clients of this id are taken over now; the broker asks about the will before it says so.
static void watch_takeover(struct plugin *p, const struct connect *c)
{
    struct session *older = sessions_find_id(p->sessions, c->client_id);
    bool is_other = older != NULL && older->client != c->client;
    p->taken_over = is_other && older->state == SESSION_CONNECTED ? older : NULL;
}

// What was counted for the older client need not be known, only what waited since it went.
static void resume(struct plugin *p, struct session *session, struct session *older)
{
    session->waiting = older->waiting;
    older->waiting = (struct waiting){0};
    p->resuming = session;
}

static enum err enter(struct plugin *p, const struct connect *c, const char *broker_username,
                      struct token *token)
{
    struct session_data data = {.client = c->client,
                                .client_id = c->client_id,
                                .broker_username = broker_username,
                                .own_username = c->own_username,
                                .address = c->address,
                                .user_agent = c->user_agent,
                                .token = token,
                                .face = c->face,
                                .is_v5 = mosquitto_client_protocol_version(c->client) == 5,
                                .is_persistent = !mosquitto_client_clean_session(c->client),
                                .deadline_s = token ? token->expires_s : 0,
                                .now_ms = p->now_ms};
    struct session *session;
    watch_takeover(p, c);
    // Taken before the older session can be forgotten; whether the broker has them still is seen
    // when the session arrives.
    struct session *older = sessions_find_id(p->sessions, c->client_id);
    bool is_heir = older != NULL && data.is_persistent && older->client != c->client;
    struct memberships memberships = {0};
    if (is_heir)
        memberships = members_take(older);
    enum err err = sessions_add(p->sessions, &data, &session);
    if (err != ERR_OK) {
        members_drop(memberships);
        return err;
    }
    members_give(session, memberships);
    if (is_heir && !p->api.is_2_1)
        resume(p, session, older);
    presence_expect(p, session);
    return ERR_OK;
}

// The gateway hears of the broker's own clients by lifecycle events, and asks its connect hooks
// then. The relay has asked about its own before they come here.
static bool can_be_asked_about(const struct plugin *p, const struct connect *c)
{
    return *p->config.webhook_connect == '\0' || c->face == METER_WS ||
           presence_can_tell_of(span_of(c->client_id));
}

// The broker disconnects clients without a user name on SIGHUP where allow_anonymous is off, so one
// who gave none is called by its subject.
static int auth_client(struct plugin *p, struct connect *c)
{
    struct token token;
    // Else who learned the gateway's id could take its connection over, again and again.
    if (service_is_client_id(span_of(c->client_id)))
        return refuse(p, c, "this form of client id is the gateway's");
    enum err err = find_out_who(p, c);
    if (err != ERR_OK)
        return refuse(p, c, err == ERR_MEMORY ? err_text(err) : "the introduction is not good");
    if (!can_be_asked_about(p, c))
        return refuse(p, c, "no connect hook can be asked about this client id");
    err = verify(p, c, &token);
    if (err != ERR_OK)
        return refuse(p, c, err_text(err));
    const char *name = *c->own_username != '\0' ? c->own_username : token.subject;
    bool is_known = c->username != NULL && strcmp(c->username, name) == 0;
    if (!is_known && mosquitto_set_username(c->client, name) != MOSQ_ERR_SUCCESS)
        err = ERR_MEMORY;
    if (err == ERR_OK)
        err = enter(p, c, name, &token);
    if (err != ERR_OK) {
        token_finish(&token);
        return refuse(p, c, err_text(err));
    }
    log_line(&p->log, LOG_LEVEL_DEBUG, "accepted face=%s address=%s", meter_face_name(c->face),
             c->address);
    return MOSQ_ERR_SUCCESS;
}

static bool has_service_secret(const struct plugin *p, const struct connect *c)
{
    return secret_equal(secret_span(&p->access->service_secret), span_of(c->password));
}

static int auth_service(struct plugin *p, struct connect *c)
{
    if (!has_service_secret(p, c))
        return refuse(p, c, "the service secret is not good");
    if (!service_is_client_id(span_of(c->client_id)))
        return refuse(p, c, "the service connection has another form of client id");
    c->own_username = NULL;
    enum err err = enter(p, c, c->username, NULL);
    if (err != ERR_OK)
        return refuse(p, c, err_text(err));
    return MOSQ_ERR_SUCCESS;
}

// SIGHUP: the broker asks about everybody again. Who is offline will be asked when it comes back:
// a refusal here would have the broker put it twice on its list of sessions to expire.
// Who is refused is kicked by the next tick, so that its will is sent, as at expiry.
static int auth_again(struct plugin *p, struct session *session, struct connect *c)
{
    if (session->state != SESSION_CONNECTED || session->kick != SESSION_KICK_NONE)
        return MOSQ_ERR_SUCCESS;
    if (session->is_service) {
        if (!has_service_secret(p, c))
            sessions_expire(p->sessions, session, SESSION_KICK_REFUSED);
        return MOSQ_ERR_SUCCESS;
    }
    struct token token;
    c->own_username = span_dup(span_of(session->own_username));
    c->address = session->address;
    enum err err = c->own_username == NULL ? ERR_MEMORY : verify(p, c, &token);
    if (err != ERR_OK) {
        (void)refuse(p, c, err_text(err));
        sessions_expire(p->sessions, session, SESSION_KICK_REFUSED);
        return MOSQ_ERR_SUCCESS;
    }
    sessions_renew(p->sessions, session, &token, token.expires_s);
    return MOSQ_ERR_SUCCESS;
}

static int judge(struct plugin *p, struct connect *c)
{
    if (p->is_reloading && broker_may_know(&p->api, c->client, c->client_id)) {
        struct session *session = sessions_find(p->sessions, c->client);
        if (session != NULL)
            return auth_again(p, session, c);
        if (c->address == NULL)
            return MOSQ_ERR_SUCCESS; // a session of before the broker's start: nobody is there
    }
    if (span_is(span_of(c->username), SERVICE_USERNAME))
        return auth_service(p, c);
    return auth_client(p, c);
}

int on_auth(int event, void *data, void *userdata)
{
    (void)event;
    const struct mosquitto_evt_basic_auth *ed = data;
    struct plugin *p = userdata;
    struct connect c = {.client = ed->client,
                        .client_id = mosquitto_client_id(ed->client),
                        .username = ed->username,
                        .password = ed->password,
                        .address = mosquitto_client_address(ed->client),
                        .face = METER_MQTT};
    p->now_ms = clock_real_ms();
    p->taken_over = NULL;
    deliver_end_resuming(p);
    int rc = judge(p, &c);
    free(c.own_username);
    return rc;
}
