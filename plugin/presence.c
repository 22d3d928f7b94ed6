// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "presence.h"

#include <mqtt_protocol.h>
#include <stdlib.h>

#include "core/origin.h"
#include "plugin.h"
#include "stopping.h"

#define TOPIC_PREFIX "$aws/events/"

enum {
    EVENT_MAX = 128 * 1024,
    TOPIC_MAX = 64 + PRESENCE_CLIENT_ID_MAX,
    VERSION_SCALE = 1000,
    SLASHES_MAX = TOPIC_SLASHES_MAX - 4 // our topic has four before the client id
};

void presence_init(struct presence *presence, int64_t now_ms)
{
    // More than so many connections in a millisecond, all the time, no broker accepts.
    *presence = (struct presence){.version_base = (uint64_t)now_ms * VERSION_SCALE};
}

void presence_finish(struct presence *presence)
{
    free(presence->entries);
    *presence = (struct presence){0};
}

uint64_t presence_version(const struct plugin *p, const struct session *session)
{
    return p->presence.version_base + session->connection;
}

void presence_name(const struct plugin *p, const struct session *session,
                   char out_name[PRESENCE_NAME_MAX + 1])
{
    (void)snprintf(out_name, PRESENCE_NAME_MAX + 1, "%s-%016llx", p->epoch,
                   (unsigned long long)presence_version(p, session));
}

struct span presence_ip(const struct session *session)
{
    struct span address = span_of(session->address);
    if (address.len == 0 || address.ptr[0] == '/') // a unix socket's
        return span_make(NULL, 0);
    return session->face == METER_WS ? origin_ip(address) : address; // the relay's word has a port
}

// ---- telling ----

static void begin_event(const struct plugin *p, const struct session *session, const char *type,
                        int64_t date_ms, struct json_writer *w)
{
    char name[PRESENCE_NAME_MAX + 1];
    presence_name(p, session, name);
    json_begin_object(w);
    json_field_text(w, "clientId", span_of(session->client_id));
    json_field_int(w, "timestamp", date_ms);
    json_field_text(w, "eventType", span_of(type));
    json_field_text(w, "sessionIdentifier", span_of(name));
    json_field_text(w, "principalIdentifier", span_of(session->token.subject));
}

// AWS IoT tells nothing of clients whose id would be a wildcard in the topic.
bool presence_can_tell_of(struct span client_id)
{
    return client_id.len <= PRESENCE_CLIENT_ID_MAX && topic_slashes(client_id) <= SLASHES_MAX &&
           !topic_has_wildcard(client_id);
}

static bool is_told_of(const struct plugin *p, const struct session *session)
{
    return p->config.lifecycle_events && !session->is_service && !stopping_is_told() &&
           presence_can_tell_of(span_of(session->client_id));
}

static void publish(struct plugin *p, const struct session *session, const char *kind,
                    const char *type, struct span json)
{
    char topic[TOPIC_MAX];
    (void)snprintf(topic, sizeof topic, TOPIC_PREFIX "%s/%s/%s", kind, type, session->client_id);
    int rc = mosquitto_broker_publish_copy(NULL, topic, (int)json.len, json.ptr, 0, false, NULL);
    if (rc != MOSQ_ERR_SUCCESS)
        log_line(&p->log, LOG_LEVEL_ERROR, "cannot tell event=%s code=%d", type, rc);
}

// Publishes what was written, and frees it.
static void send_event(struct plugin *p, const struct session *session, const char *kind,
                       const char *type, struct json_writer *w)
{
    if (w->out->status == ERR_OK)
        publish(p, session, kind, type, buf_span(w->out));
    buf_finish(w->out);
}

// What both ends of a connection have.
static void begin_presence(const struct plugin *p, const struct session *session, const char *type,
                           int64_t date_ms, struct json_writer *w)
{
    begin_event(p, session, type, date_ms, w);
    struct span ip = presence_ip(session);
    if (ip.len > 0)
        json_field_text(w, "ipAddress", ip);
    if (session->face != METER_MQTT)
        json_field_text(w, "face", span_of(meter_face_name(session->face)));
    json_field_int(w, "versionNumber", (int64_t)presence_version(p, session));
}

bool presence_is_told(const struct plugin *p, const struct session *session)
{
    return session->has_arrived && session->state == SESSION_CONNECTED && is_told_of(p, session);
}

void presence_write_connected(const struct plugin *p, const struct session *session,
                              int64_t date_ms, struct json_writer *w)
{
    begin_presence(p, session, "connected", date_ms, w);
    json_end_object(w);
}

static void tell_connected(struct plugin *p, const struct session *session)
{
    struct buf json;
    struct json_writer w;
    if (!is_told_of(p, session))
        return;
    buf_init(&json, EVENT_MAX);
    json_writer_init(&w, &json);
    presence_write_connected(p, session, p->now_ms, &w);
    send_event(p, session, "presence", "connected", &w);
}

// What AWS IoT calls the end of a connection; NULL where the broker does not say why it ended.
static const char *name_reason(const struct session *session, int reason)
{
    static const struct {
        int code;
        const char *name;
    } names[] = {
        {MOSQ_ERR_SUCCESS, "CLIENT_INITIATED_DISCONNECT"},
        {MQTT_RC_DISCONNECT_WITH_WILL_MSG, "CLIENT_INITIATED_DISCONNECT"},
        {MOSQ_ERR_CONN_LOST, "CONNECTION_LOST"},
        {MOSQ_ERR_ERRNO, "CONNECTION_LOST"},
        {MOSQ_ERR_TLS, "CONNECTION_LOST"},
        {MOSQ_ERR_KEEPALIVE, "MQTT_KEEP_ALIVE_TIMEOUT"},
        {MQTT_RC_KEEP_ALIVE_TIMEOUT, "MQTT_KEEP_ALIVE_TIMEOUT"},
        {MOSQ_ERR_AUTH, "AUTH_ERROR"},
        {MOSQ_ERR_ACL_DENIED, "FORBIDDEN_ACCESS"},
        {MQTT_RC_NOT_AUTHORIZED, "FORBIDDEN_ACCESS"},
        {MQTT_RC_SESSION_TAKEN_OVER, "DUPLICATE_CLIENTID"},
        {MQTT_RC_ADMINISTRATIVE_ACTION, "SERVER_INITIATED_DISCONNECT"},
        {MQTT_RC_SERVER_SHUTTING_DOWN, "SERVER_INITIATED_DISCONNECT"},
        {MOSQ_ERR_NOMEM, "SERVER_ERROR"},
        {MOSQ_ERR_UNKNOWN, "SERVER_ERROR"},
    };
    switch (session->kick) {
    case SESSION_KICK_EXPIRED:
        return "CUSTOMAUTH_TTL_EXPIRATION";
    case SESSION_KICK_REFUSED:
        return "AUTH_ERROR";
    case SESSION_KICK_ASKED:
        return "API_INITIATED_DISCONNECT";
    case SESSION_KICK_NONE:
        break;
    }
    if (!session->is_newest)
        return "DUPLICATE_CLIENTID";
    if (reason < 0) // all that 2.0 says
        return NULL;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].code == reason)
            return names[i].name;
    return "CLIENT_ERROR"; // malformed packets and the like
}

static void tell_disconnected(struct plugin *p, const struct session *session, int reason)
{
    struct buf json;
    struct json_writer w;
    const char *name = name_reason(session, reason);
    if (!is_told_of(p, session))
        return;
    buf_init(&json, EVENT_MAX);
    json_writer_init(&w, &json);
    begin_presence(p, session, "disconnected", p->now_ms, &w);
    if (name != NULL) {
        json_field_bool(&w, "clientInitiatedDisconnect",
                        strcmp(name, "CLIENT_INITIATED_DISCONNECT") == 0);
        json_field_text(&w, "disconnectReason", span_of(name));
    }
    json_end_object(&w);
    send_event(p, session, "presence", "disconnected", &w);
}

static void tell_subscription(struct plugin *p, const struct session *session, const char *type,
                              const char *filter)
{
    struct buf json;
    struct json_writer w;
    if (!is_told_of(p, session))
        return;
    buf_init(&json, EVENT_MAX); // a filter that has no room when it is escaped is not told of
    json_writer_init(&w, &json);
    begin_event(p, session, type, p->now_ms, &w);
    json_key(&w, "topics");
    json_begin_array(&w);
    json_put_text(&w, span_of(filter));
    json_end_array(&w);
    json_end_object(&w);
    send_event(p, session, "subscriptions", type, &w);
}

// ---- coming and going ----

void presence_arrive(struct plugin *p, struct session *session)
{
    if (session->has_arrived || session->state != SESSION_CONNECTED)
        return;
    session->has_arrived = true;
    // The subscriptions of an earlier connection came along, if the broker kept its session.
    int subscriptions = mosquitto_client_sub_count(session->client);
    session->is_restored = subscriptions > 0 && session->memberships.joined == NULL;
    if (subscriptions == 0)
        members_forget(session);
    members_show(session, p->now_ms);
    tell_connected(p, session);
}

void presence_expect(struct plugin *p, struct session *session)
{
    struct presence *presence = &p->presence;
    if (session->is_service || p->api.is_2_1) // 2.1 tells of the arrival
        return;
    if (presence->count == presence->capacity) {
        size_t capacity = presence->capacity ? presence->capacity * 2 : 64;
        struct presence_entry *entries =
            realloc(presence->entries, capacity * sizeof(struct presence_entry));
        if (entries == NULL) {
            presence_arrive(p, session);
            return;
        }
        presence->entries = entries;
        presence->capacity = capacity;
    }
    presence->entries[presence->count++] =
        (struct presence_entry){session->client, session->connection};
}

void presence_arrive_all(struct plugin *p)
{
    struct presence *presence = &p->presence;
    for (size_t i = 0; i < presence->count; i++) {
        struct session *session = sessions_find(p->sessions, presence->entries[i].client);
        if (session != NULL && session->connection == presence->entries[i].connection)
            presence_arrive(p, session);
    }
    presence->count = 0;
}

void presence_depart(struct plugin *p, struct session *session, int reason)
{
    if (!session->has_arrived || session->state != SESSION_CONNECTED)
        return;
    members_hide(session);
    tell_disconnected(p, session, reason);
}

static void warn_if(struct plugin *p, const struct session *session, enum err err)
{
    struct refusal refusal = {
        .what = "membership", .client_id = session->client_id, .why = err_text(err)};
    if (err != ERR_OK)
        refuse_log(&p->refusals, &p->log, p->now_ms, &refusal);
}

void presence_subscribe(struct plugin *p, struct session *session, const char *filter)
{
    presence_arrive(p, session);
    warn_if(p, session, members_join(p->members, session, span_of(filter), p->now_ms));
    tell_subscription(p, session, "subscribed", filter);
}

void presence_learn(struct plugin *p, struct session *session, const char *topic)
{
    warn_if(p, session, members_learn(p->members, session, span_of(topic), p->now_ms));
}

void presence_unsubscribe(struct plugin *p, struct session *session, const char *filter)
{
    presence_arrive(p, session);
    members_leave(p->members, session, span_of(filter));
    tell_subscription(p, session, "unsubscribed", filter);
}
