// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base64.h"
#include "core/introduction.h"
#include "relay_parts.h"

enum err relay_opening_create(const struct relay_list *list, struct span token,
                              struct relay_opening **out_opening)
{
    struct relay_opening *opening = calloc(1, sizeof *opening);
    if (opening == NULL)
        return ERR_MEMORY;
    opening->fd = -1;
    const struct worker *worker = list->worker;
    opening->deadline_ms = loop_now_ms(worker->loop) + worker->gateway->config.connect_timeout_ms;
    // A few reads more than the packet may have.
    buf_init(&opening->gathered, CONNECT_PACKET_MAX + 3 * RELAY_READ_SIZE);
    buf_init(&opening->path, 1024);
    buf_init(&opening->user_agent, ORIGIN_AGENT_MAX);
    buf_init(&opening->token, CONNECT_FIELD_MAX);
    buf_add_span(&opening->token, token);
    if (opening->token.status != ERR_OK) {
        enum err err = opening->token.status;
        relay_opening_destroy(opening);
        return err;
    }
    *out_opening = opening;
    return ERR_OK;
}

// Tokens and passwords do not stay in freed memory.
static void wipe(struct buf *b)
{
    if (b->len > 0)
        explicit_bzero(b->ptr, b->len);
    buf_finish(b);
}

void relay_opening_destroy(struct relay_opening *opening)
{
    if (opening == NULL)
        return;
    hooks_forget(opening->ask);
    wipe(&opening->token);
    wipe(&opening->gathered);
    buf_finish(&opening->path);
    buf_finish(&opening->user_agent);
    if (opening->fd >= 0)
        (void)close(opening->fd); // nothing was written to it
    free(opening);
}

// Appends the user name by which the broker is told who is there.
static enum err introduce(const struct relay *relay, const struct connect_packet *packet,
                          struct buf *out)
{
    struct buf agent;
    buf_init(&agent, INTRODUCTION_AGENT_MAX);
    base64url_encode(buf_span(&relay->opening->user_agent), &agent);
    struct introduction who = {.face = span_of("ws"),
                               .address = span_of(conn_address(relay->client)),
                               .agent = agent.len > 0 ? buf_span(&agent)
                                                      : span_of(INTRODUCTION_NO_AGENT),
                               .username = packet->user_name};
    struct credentials *credentials = gateway_credentials(relay->list->worker->gateway);
    enum err err = agent.status;
    if (err == ERR_OK)
        err = introduction_write(&who, packet->client_id,
                                 secret_span(&credentials->access->service_secret), out);
    credentials_release(credentials);
    buf_finish(&agent);
    return err;
}

// Puts the packet for the broker into `out`.
static enum err rewrite(const struct relay *relay, const struct connect_packet *packet,
                        struct buf *out)
{
    struct buf name;
    buf_init(&name, CONNECT_FIELD_MAX);
    enum err err = introduce(relay, packet, &name);
    if (err == ERR_OK)
        err =
            connect_packet_rewrite(packet, buf_span(&name), buf_span(&relay->opening->token), out);
    buf_finish(&name);
    return err;
}

// Queues CONNECT for the broker, and what the client sent behind it.
static void hand_on(struct relay *relay, const struct connect_packet *packet, struct span behind)
{
    struct buf connect;
    buf_init(&connect, CONNECT_PACKET_MAX + 3 * CONNECT_FIELD_MAX);
    enum err err = rewrite(relay, packet, &connect);
    if (err == ERR_OK)
        err = relay_queue_add(&relay->to_broker, buf_span(&connect));
    wipe(&connect);
    if (err == ERR_TOO_LARGE) {
        relay_fail(relay, WS_CODE_TOO_BIG, "a user name or token that is too long");
        return;
    }
    if (err != ERR_OK) {
        relay_fail(relay, WS_CODE_INTERNAL, err_text(err));
        return;
    }
    relay->phase = RELAY_DIALLING;
    relay_broker_send(relay, behind);
    if (relay->phase != RELAY_DIALLING)
        return; // it was malformed, and the opening is gone
    wipe(&relay->opening->gathered);
    relay_broker_dial(relay);
}

static enum connect_parse parse(const struct relay *relay, struct connect_packet *out_packet,
                                size_t *out_consumed, const char **out_reason)
{
    int64_t max = relay_config(relay)->max_packet;
    if (max > CONNECT_PACKET_MAX)
        max = CONNECT_PACKET_MAX;
    return connect_packet_parse(buf_span(&relay->opening->gathered), (size_t)max, out_packet,
                                out_consumed, out_reason);
}

void relay_connect_hold(struct relay *relay, struct span bytes)
{
    struct buf *gathered = &relay->opening->gathered;
    buf_add_span(gathered, bytes);
    if (gathered->status != ERR_OK)
        relay_fail(relay, WS_CODE_INTERNAL, err_text(gathered->status));
}

void relay_connect_let_in(struct relay *relay)
{
    struct connect_packet packet;
    size_t consumed = 0;
    const char *reason = "";
    if (parse(relay, &packet, &consumed, &reason) == CONNECT_PARSE_DONE) // as it was before
        hand_on(relay, &packet, span_skip(buf_span(&relay->opening->gathered), consumed));
}

void relay_connect_gather(struct relay *relay, struct span bytes)
{
    struct connect_packet packet;
    size_t consumed = 0;
    const char *reason = "";
    relay_connect_hold(relay, bytes);
    if (relay->phase != RELAY_GATHERING)
        return;
    switch (parse(relay, &packet, &consumed, &reason)) {
    case CONNECT_PARSE_MORE:
        break;
    case CONNECT_PARSE_DONE:
        if (!relay_ask_begin(relay, &packet))
            hand_on(relay, &packet, span_skip(buf_span(&relay->opening->gathered), consumed));
        break;
    case CONNECT_PARSE_BAD:
        relay_fail(relay, WS_CODE_PROTOCOL_ERROR, reason);
        break;
    case CONNECT_PARSE_VERSION: // MQTT 3.1.1 §3.1.2.2: a CONNACK says so
        relay_client_send(relay, span_make("\x20\x02\x00\x01", 4));
        relay_fail(relay, WS_CODE_PROTOCOL_ERROR, reason);
        break;
    case CONNECT_PARSE_LONG:
        relay_fail(relay, WS_CODE_TOO_BIG, reason);
        break;
    }
}
