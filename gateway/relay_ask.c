// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include <stdio.h>

#include "auth.h"
#include "core/hash.h"
#include "input.h"
#include "relay_parts.h"

// ---- the question ----

void relay_ask_prepare(struct relay *relay, struct exchange *x)
{
    struct span user_agent;
    if (relay->list->worker->gateway->hooks == NULL)
        return;
    buf_add_span(&relay->opening->path, exchange_head(x)->path);
    if (http_head_field(exchange_head(x), "User-Agent", &user_agent))
        buf_add_span(&relay->opening->user_agent, input_user_agent(user_agent));
}

// The token that the broker will see: the password, else that of the upgrade request.
static struct span token_of(const struct relay *relay, const struct connect_packet *packet)
{
    if (!packet->has_password)
        return buf_span(&relay->opening->token);
    struct span field = span_skip(packet->body, packet->rest_at);
    return span_skip(field, 2); // the last field, behind its length; it was parsed before
}

static void on_verdict(void *context, enum hook_verdict verdict, struct span reason);

static enum err ask(struct relay *relay, const struct connect_packet *packet,
                    const struct token *token)
{
    struct worker *worker = relay->list->worker;
    char request_id[17] = "";
    (void)snprintf(request_id, sizeof request_id, "%016llx", (unsigned long long)hash_random());
    struct hook_client client = {
        .kind = STORE_HOOK_CONNECT,
        .context = {.origin = {.method = span_of("GET"), // of the upgrade request
                               .path = buf_span(&relay->opening->path),
                               .source_ip = origin_ip(span_of(conn_address(relay->client))),
                               .user_agent = buf_span(&relay->opening->user_agent)},
                    .request_id = span_of(request_id),
                    .principal = span_of(token->subject)},
        .client_id = packet->client_id,
        .date_ms = loop_date_ms(worker->loop),
    };
    return hooks_ask(worker->gateway->hooks, worker->loop, &client, on_verdict, relay,
                     &relay->opening->ask);
}

// ---- the answer ----

static void refuse(struct relay *relay, enum connect_refusal why, struct span reason,
                   const char *close_reason)
{
    struct connect_packet packet;
    size_t consumed;
    const char *ignored;
    struct buf connack;
    buf_init(&connack, 16 + CONNECT_REASON_MAX);
    if (connect_packet_parse(buf_span(&relay->opening->gathered), CONNECT_PACKET_MAX, &packet,
                             &consumed, &ignored) == CONNECT_PARSE_DONE) // as it was before
        connect_packet_refuse(packet.level, why, reason, &connack);
    if (connack.len > 0 && connack.status == ERR_OK)
        relay_client_send(relay, buf_span(&connack));
    buf_finish(&connack);
    relay_fail(relay, why == CONNECT_NOT_AUTHORIZED ? WS_CODE_POLICY : WS_CODE_TRY_AGAIN_LATER,
               close_reason);
}

bool relay_ask_begin(struct relay *relay, const struct connect_packet *packet)
{
    struct worker *worker = relay->list->worker;
    struct token token;
    if (!hooks_ask_first(worker->gateway->hooks))
        return false;
    // Strangers shall not make us call anybody. Nor are they handed on for the broker to refuse: it
    // may have other keys by now, and nobody would have been asked about them.
    enum err err = auth_verify(worker, token_of(relay, packet), &token);
    if (err != ERR_OK) {
        refuse(relay, err == ERR_MEMORY ? CONNECT_UNAVAILABLE : CONNECT_NOT_AUTHORIZED,
               span_of(err_text(err)), err_text(err));
        return true;
    }
    err = ask(relay, packet, &token);
    token_finish(&token);
    if (err == ERR_OK)
        relay->phase = RELAY_ASKING;
    else
        relay_fail(relay, WS_CODE_INTERNAL, err_text(err));
    return true;
}

static void decide(struct relay *relay, enum hook_verdict verdict, struct span reason)
{
    if (verdict == HOOK_REFUSES)
        refuse(relay, CONNECT_NOT_AUTHORIZED, reason, "refused by a connect hook");
    else if (verdict == HOOK_SILENT && relay_config(relay)->webhook_connect_required)
        refuse(relay, CONNECT_UNAVAILABLE, (struct span){NULL, 0},
               "the connect hooks do not answer");
    else
        relay_connect_let_in(relay);
}

static void on_verdict(void *context, enum hook_verdict verdict, struct span reason)
{
    struct relay *relay = context;
    relay->opening->ask = NULL;
    decide(relay, verdict, reason);
    relay_settle(relay);
}

void relay_ask_expire(struct relay *relay)
{
    hooks_forget(relay->opening->ask);
    relay->opening->ask = NULL;
    decide(relay, HOOK_SILENT, (struct span){NULL, 0});
}
