// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "deliver.h"
#include "plugin.h"
#include "service.h"
#include "stopping.h"

static int refuse(struct plugin *p, const struct session *session, const char *what,
                  const char *topic, const char *why)
{
    struct refusal refusal = {.what = what,
                              .client_id = session->client_id,
                              .subject = session->is_service ? NULL : session->token.subject,
                              .topic = topic,
                              .why = why};
    refuse_log(&p->refusals, &p->log, p->now_ms, &refusal);
    return MOSQ_ERR_ACL_DENIED;
}

static bool is_expired(const struct plugin *p, const struct session *session)
{
    return session->kick != SESSION_KICK_NONE ||
           (session->deadline_s != 0 && session->deadline_s <= p->now_ms / 1000);
}

// A client that never came by on_auth. One that the broker restored from its file after a restart
// has no address and no connection: it may be queued for, and is asked again, with its new rights,
// when it connects (connection_check_acl and its like, in all versions). Anybody else got in by a
// certificate or the like, without a token, and gets nothing.
static int acl_unknown(const struct mosquitto_evt_acl_check *ed)
{
    bool is_restored = mosquitto_client_address(ed->client) == NULL;
    return ed->access == MOSQ_ACL_READ && is_restored ? MOSQ_ERR_SUCCESS : MOSQ_ERR_ACL_DENIED;
}

// The broker does not say when it frees a client that is offline, so its pointer may be somebody
// else's by now: of one who came without on_auth, or there would be a new session.
static bool is_still(const struct session *session, const struct mosquitto *client)
{
    const char *id = mosquitto_client_id(client);
    const char *username = mosquitto_client_username(client);
    return id != NULL && strcmp(id, session->client_id) == 0 && username != NULL &&
           strcmp(username, session->broker_username) == 0;
}

static bool may_read(const struct session *session, const struct session_room *room,
                     const struct topic_view *view, const char *topic)
{
    if (session->is_service)
        return true;
    if (view->kind == TOPIC_BAD_ROOM)
        return false;
    return room != NULL ? room->may_read
                        : rights_allow_delivery(session->token.rights, span_of(topic));
}

// Brokers of 2.0 ask once for each subscription that matches, but hand an MQTT 3 client one copy.
static bool was_counted(const struct plugin *p, struct session *session,
                        const struct mosquitto *client, const char *topic)
{
    if (session->is_v5 || mosquitto_client_sub_count(client) < 2)
        return false;
    if (session->counted_serial == p->serial && session->counted_topic == topic)
        return true;
    session->counted_serial = p->serial;
    session->counted_topic = topic; // only compared: the broker keeps it as long as the message
    return false;
}

// An address that stays with the message while the broker has it. The topic's is the second choice:
// for wills, and what plugins publish, it is another one when the broker asks again.
static const void *mark_of(const struct mosquitto_evt_acl_check *ed)
{
    return ed->payloadlen > 0 ? ed->payload : ed->topic;
}

// The broker took it for a session that is offline, or drops it: it does not say which, and asks
// again when the client is back. Where it cannot be remembered, now is the time to count it.
static int acl_read_offline(struct plugin *p, struct session *session, struct session_room *room,
                            const struct topic_view *view, const struct mosquitto_evt_acl_check *ed)
{
    if (!p->api.is_2_1 && session->state == SESSION_OFFLINE &&
        waiting_add(&session->waiting, &p->waiting, mark_of(ed)) != ERR_OK)
        deliver_count_out(p, session, room, view, ed->payloadlen);
    return MOSQ_ERR_SUCCESS;
}

// In 2.0, that a message was accepted for delivery; 2.1 tells of each one sent.
static bool is_to_count(const struct plugin *p, struct session *session,
                        const struct mosquitto_evt_acl_check *ed)
{
    if (p->api.is_2_1)
        return false;
    if (session == p->resuming)
        return waiting_has(&session->waiting, mark_of(ed));
    return !was_counted(p, session, ed->client, ed->topic);
}

// Any other answer than these two would be taken for an error of the publisher's.
static int acl_read(struct plugin *p, struct session *session,
                    const struct mosquitto_evt_acl_check *ed)
{
    const struct topic_view *view = topics_view(&p->topics, ed->topic);
    struct session_room *room = deliver_room(session, view, ed->topic);
    if (!may_read(session, room, view, ed->topic))
        return MOSQ_ERR_ACL_DENIED;
    if (session->state != SESSION_CONNECTED)
        return acl_read_offline(p, session, room, view, ed);
    if (is_expired(p, session))
        return MOSQ_ERR_ACL_DENIED;
    if (session->is_restored && view->kind == TOPIC_KEPT)
        presence_learn(p, session, ed->topic);
    if (is_to_count(p, session, ed))
        deliver_count_out(p, session, room, view, ed->payloadlen);
    return MOSQ_ERR_SUCCESS;
}

static int acl_write_service(struct plugin *p, const struct session *session,
                             const struct mosquitto_evt_acl_check *ed)
{
    bool is_own = strcmp(ed->topic, PLUGIN_CONTROL_TOPIC) == 0;
    if (!is_own && ed->topic[0] == '$')
        return refuse(p, session, "publish", ed->topic, err_text(ERR_DENIED));
    return MOSQ_ERR_SUCCESS;
}

static int acl_write(struct plugin *p, const struct session *session,
                     const struct mosquitto_evt_acl_check *ed)
{
    if (is_expired(p, session))
        return refuse(p, session, "publish", ed->topic, err_text(ERR_TOKEN_EXPIRED));
    if (session->is_service)
        return acl_write_service(p, session, ed);
    if (topics_is_reserved(ed->topic))
        return refuse(p, session, "publish", ed->topic, err_text(ERR_DENIED));
    if (topics_view(&p->topics, ed->topic)->kind == TOPIC_BAD_ROOM)
        return refuse(p, session, "publish", ed->topic, "no valid room name");
    if (!rights_allow_publish(session->token.rights, span_of(ed->topic), ed->qos, ed->retain))
        return refuse(p, session, "publish", ed->topic, err_text(ERR_DENIED));
    return MOSQ_ERR_SUCCESS;
}

static int acl_subscribe(struct plugin *p, struct session *session,
                         const struct mosquitto_evt_acl_check *ed)
{
    // Nobody who is offline subscribes: it is somebody else by the same names (see is_still).
    if (session->state != SESSION_CONNECTED)
        return MOSQ_ERR_ACL_DENIED;
    if (session->is_service)
        return MOSQ_ERR_SUCCESS;
    // Who is kicked at expiry keeps the subscriptions, to come back to them with a new token.
    if (!p->is_kicking && is_expired(p, session))
        return refuse(p, session, "subscribe", ed->topic, err_text(ERR_TOKEN_EXPIRED));
    if (!rights_allow_subscribe(session->token.rights, span_of(ed->topic), ed->qos)) {
        if (p->is_kicking) // then the broker forgets it
            members_leave(p->members, session, span_of(ed->topic));
        return refuse(p, session, "subscribe", ed->topic, err_text(ERR_DENIED));
    }
    if (!p->is_kicking)
        presence_subscribe(p, session, ed->topic);
    return MOSQ_ERR_SUCCESS;
}

static int acl_unsubscribe(struct plugin *p, struct session *session,
                           const struct mosquitto_evt_acl_check *ed)
{
    if (session->state == SESSION_CONNECTED && !session->is_service)
        presence_unsubscribe(p, session, ed->topic);
    return MOSQ_ERR_SUCCESS;
}

// The broker asks this of publishes, which MESSAGE follows, and of wills, which nothing follows.
static bool is_will(const struct plugin *p, const struct session *session,
                    const struct session *taken_over, const struct topic_view *view)
{
    if (session->state != SESSION_CONNECTED || session == taken_over)
        return true;
    // In the last turn of 2.1's loop it may be either: it is kept here, and MESSAGE does not come.
    bool is_leaving = p->api.is_2_1 ? stopping_is_told() : p->is_leaving;
    return is_leaving && !session->is_service && view->kind == TOPIC_KEPT;
}

int on_acl(int event, void *data, void *userdata)
{
    (void)event;
    const struct mosquitto_evt_acl_check *ed = data;
    struct plugin *p = userdata;
    struct session *session = sessions_find(p->sessions, ed->client);
    const struct session *taken_over = p->taken_over;
    p->taken_over = NULL;
    // Some brokers ask about what the client published and did not release (QoS 2), too.
    bool is_again = ed->access == MOSQ_ACL_READ || ed->access == MOSQ_ACL_WRITE;
    if (p->resuming != NULL && (session != p->resuming || !is_again))
        deliver_end_resuming(p);
    if (session == NULL || (session->state != SESSION_CONNECTED && !is_still(session, ed->client)))
        return acl_unknown(ed);
    if (ed->access == MOSQ_ACL_READ)
        return acl_read(p, session, ed);
    session->active_ms = p->now_ms;
    p->serial++; // what follows is another message, or another subscription's retained ones
    if (ed->access == MOSQ_ACL_WRITE)
        return is_will(p, session, taken_over, topics_view(&p->topics, ed->topic))
                   ? will_take(p, session, ed)
                   : acl_write(p, session, ed);
    if (ed->access == MOSQ_ACL_SUBSCRIBE)
        return acl_subscribe(p, session, ed);
    return ed->access == MOSQ_ACL_UNSUBSCRIBE ? acl_unsubscribe(p, session, ed)
                                              : MOSQ_ERR_ACL_DENIED;
}
