// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// One client's connection: what is known of it, a message to it alone, and its end; a message to
// all clients of one subject; and the list of those who are connected. The gateway has seen to it
// that its caller may (docs/http.md, "Connections"), or is a webhook (docs/webhooks.md).
#include <assert.h>
#include <mqtt_protocol.h>

#include "control.h"
#include "core/base64.h"
#include "core/message.h"
#include "deliver.h"
#include "service.h"

enum {
    POST_MAX = 128 * 1024,
    LIST_MAX = 200,
    // Every byte of client id, subject, address and epoch escaped, and what is around them.
    LISTED_MAX = 6 * (PRESENCE_CLIENT_ID_MAX + TOKEN_SUBJECT_MAX + INTRODUCTION_ADDRESS_MAX +
                      MESSAGE_EPOCH_MAX) +
                 512
};
static_assert((int)LIST_MAX * (int)LISTED_MAX < (int)CONTROL_RESPONSE_MAX,
              "a page fits into a response");

// One that is about to be kicked is as good as gone.
static bool is_there(const struct session *session)
{
    return !session->is_service && session->has_arrived && session->state == SESSION_CONNECTED &&
           session->kick == SESSION_KICK_NONE;
}

// The connected client of that id.
static enum err find(struct plugin *p, const struct json *command, struct session **out_session)
{
    struct span id;
    if (!control_text(command, "clientId", &id))
        return ERR_INVALID;
    struct session *session = sessions_find_id(p->sessions, id.ptr);
    if (session == NULL || !is_there(session))
        return ERR_NOT_FOUND;
    *out_session = session;
    return ERR_OK;
}

enum err control_get_connection(struct plugin *p, const struct json *command,
                                struct json_writer *data)
{
    struct session *session;
    enum err err = find(p, command, &session);
    if (err != ERR_OK)
        return err;
    json_begin_object(data);
    json_field_text(data, "subject", span_of(session->token.subject));
    json_field_text(data, "name", span_of(session->token.name));
    json_field_text(data, "face", span_of(meter_face_name(session->face)));
    json_field_text(data, "ip", presence_ip(session));
    json_field_int(data, "connected_ms", session->connected_ms);
    json_field_int(data, "active_ms", session->active_ms);
    json_field_int(data, "version", (int64_t)presence_version(p, session));
    json_end_object(data);
    return ERR_OK;
}

// Those with a versionNumber over `after`, the lowest first: a page of a list that stays in order
// while clients come and go. All of them are walked past, which is cheaper than to sort them.
enum err control_list_connections(struct plugin *p, const struct json *command,
                                  struct json_writer *data)
{
    int64_t after, limit;
    bool has_more = false;
    if (!control_amount(command, "after", &after) || !control_amount(command, "limit", &limit) ||
        limit < 1 || limit > LIST_MAX)
        return ERR_INVALID;
    json_begin_object(data);
    json_key(data, "connections");
    json_begin_array(data);
    struct session *session = sessions_first_connected(p->sessions);
    for (; session != NULL && !has_more; session = sessions_next_connected(session)) {
        if (presence_version(p, session) <= (uint64_t)after || !presence_is_told(p, session))
            continue;
        has_more = limit-- == 0;
        if (!has_more)
            presence_write_connected(p, session, session->connected_ms, data);
    }
    json_end_array(data);
    json_field_bool(data, "more", has_more);
    json_end_object(data);
    return ERR_OK;
}

static enum err add_properties(const struct plugin *p, const struct json *command,
                               mosquitto_property **properties)
{
    struct span from, type;
    char date[24];
    (void)snprintf(date, sizeof date, "%lld", (long long)p->now_ms);
    int code = MOSQ_ERR_SUCCESS;
    if (control_text(command, "type", &type))
        code = mosquitto_property_add_string(properties, MQTT_PROP_CONTENT_TYPE, type.ptr);
    if (code == MOSQ_ERR_SUCCESS && control_text(command, "from", &from))
        code = mosquitto_property_add_string_pair(properties, MQTT_PROP_USER_PROPERTY,
                                                  MESSAGE_PROPERTY_FROM, from.ptr);
    if (code == MOSQ_ERR_SUCCESS)
        code = mosquitto_property_add_string_pair(properties, MQTT_PROP_USER_PROPERTY,
                                                  MESSAGE_PROPERTY_DATE, date);
    return code == MOSQ_ERR_SUCCESS ? ERR_OK : ERR_MEMORY;
}

// The broker takes the properties over if it takes the message.
static enum err send(struct plugin *p, const struct json *command, struct session *session,
                     struct span payload)
{
    mosquitto_property *properties = NULL;
    enum err err = add_properties(p, command, &properties);
    if (err == ERR_OK && mosquitto_broker_publish_copy(session->client_id, SERVICE_CONNECTION_TOPIC,
                                                       (int)payload.len, payload.ptr, 1, false,
                                                       properties) != MOSQ_ERR_SUCCESS)
        err = ERR_MEMORY;
    if (err != ERR_OK) {
        mosquitto_property_free_all(&properties);
        return err;
    }
    // 2.1 tells of it when it is sent; 2.0 asks nobody about what goes to one client.
    if (!p->api.is_2_1) {
        const struct topic_view *view = topics_view(&p->topics, SERVICE_CONNECTION_TOPIC);
        deliver_count_out(p, session, NULL, view, payload.len);
    }
    return ERR_OK;
}

// The command's `data`, decoded.
static enum err read_payload(const struct json *command, struct buf *out)
{
    struct span text;
    return control_text(command, "data", &text) ? base64_decode(text, out) : ERR_INVALID;
}

enum err control_post_to_connection(struct plugin *p, const struct json *command,
                                    struct json_writer *data)
{
    (void)data; // nothing to say
    struct session *session;
    struct buf payload;
    enum err err = find(p, command, &session);
    if (err != ERR_OK)
        return err;
    buf_init(&payload, POST_MAX);
    err = read_payload(command, &payload);
    if (err == ERR_OK)
        err = send(p, command, session, payload.len > 0 ? buf_span(&payload) : span_of(""));
    buf_finish(&payload);
    return err;
}

static enum err send_to_all(struct plugin *p, const struct json *command, const char *subject,
                            struct span payload)
{
    enum err err = ERR_NOT_FOUND;
    struct session *session = sessions_first_of(p->sessions, subject);
    for (; session != NULL; session = sessions_next_of(session)) {
        if (!is_there(session) || !session->is_newest)
            continue;
        err = send(p, command, session, payload);
        if (err != ERR_OK)
            return err;
    }
    return err;
}

// All clients that are connected with tokens of that subject.
enum err control_post_to_subject(struct plugin *p, const struct json *command,
                                 struct json_writer *data)
{
    (void)data; // nothing to say
    struct span subject;
    struct buf payload;
    if (!control_text(command, "subject", &subject))
        return ERR_INVALID;
    buf_init(&payload, POST_MAX);
    enum err err = read_payload(command, &payload);
    if (err == ERR_OK)
        err = send_to_all(p, command, subject.ptr,
                          payload.len > 0 ? buf_span(&payload) : span_of(""));
    buf_finish(&payload);
    return err;
}

// A command may name the one connection that it means: the client id may have passed to another.
static enum err check_session(const struct plugin *p, const struct json *command,
                              const struct session *session)
{
    char name[PRESENCE_NAME_MAX + 1];
    struct span wanted;
    if (json_member(command, "session") == NULL)
        return ERR_OK;
    if (!control_text(command, "session", &wanted))
        return ERR_INVALID;
    presence_name(p, session, name);
    return span_is(wanted, name) ? ERR_OK : ERR_NOT_FOUND;
}

// By the next tick, like everybody who is kicked.
enum err control_delete_connection(struct plugin *p, const struct json *command,
                                   struct json_writer *data)
{
    (void)data; // nothing to say
    struct session *session;
    enum err err = find(p, command, &session);
    if (err == ERR_OK)
        err = check_session(p, command, session);
    if (err == ERR_OK)
        sessions_expire(p->sessions, session, SESSION_KICK_ASKED);
    return err;
}
