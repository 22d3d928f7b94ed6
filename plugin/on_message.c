// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "core/clock.h"
#include "core/origin.h"
#include "deliver.h"
#include "plugin.h"
#include "service.h"
#include "stamp.h"

// One publish that the ACL check let pass.
struct publish {
    struct session *session;
    struct mosquitto_evt_message *ed;
    const struct topic_view *view;
    struct properties properties;
    struct keep_post post;
    struct buf origin;
    void *whole; // the payload as it came, once a copy without the origin stands in its place
};

static void log_refusal(struct plugin *p, const struct publish *m, const char *why)
{
    struct refusal refusal = {.what = "publish",
                              .client_id = m->session->client_id,
                              .subject = m->post.from.ptr,
                              .topic = m->ed->topic,
                              .why = why};
    refuse_log(&p->refusals, &p->log, p->now_ms, &refusal);
}

// What the broker is told so that the publisher is told.
static int refuse(struct plugin *p, const struct publish *m, enum err err, const char *why)
{
    if (m->whole != NULL) { // 2.1 takes no payload over from a publish that is refused
        mosquitto_free(m->ed->payload);
        m->ed->payload = m->whole;
    }
    // ERR_TOO_MANY lasts until an operator raises the limit, but an acknowledgement would say
    // "kept".
    bool may_try_again =
        err == ERR_FULL || err == ERR_TOO_MANY || err == ERR_AGAIN || err == ERR_MEMORY;
    if (err != ERR_FULL || !p->is_full) // that was said once for all
        log_refusal(p, m, why);
    if (m->session->is_service)
        service_answer(p, m->session, &m->properties, err, NULL, why);
    return broker_refuse(&p->api, may_try_again ? BROKER_REFUSE_FOR_NOW : BROKER_REFUSE_FOR_GOOD,
                         m->session->is_v5, m->ed->qos);
}

// A repeat of a message with a key goes to a topic that nobody can hear: its first byte becomes
// "$", which no wildcard matches and no room begins with. The publisher gets its acknowledgement.
static void divert(struct mosquitto_evt_message *ed)
{
    ed->topic[0] = '$';
    ed->retain = false;
}

// QoS 2, and the first one came by an earlier connection of what may be the same session: then this
// is most likely the broker's own unfinished transaction, which it recognizes by topic and payload,
// and delivers once. If not, readers see the first one's id again.
static bool may_be_unfinished(const struct publish *m, const struct keys_first *first)
{
    return m->ed->qos == 2 && m->session->is_persistent && first->prev >= 0 &&
           first->connection != 0 && first->connection != m->session->connection;
}

static enum err stamp(struct plugin *p, const struct publish *m, const struct keep_result *result)
{
    if (result->is_duplicate && !may_be_unfinished(m, &result->first)) {
        divert(m->ed);
        return ERR_OK;
    }
    return stamp_append(p, &result->first, m->post.from, m->post.name, &m->ed->properties);
}

static int keep(struct plugin *p, struct publish *m)
{
    struct keep_result result;
    const char *why = "";
    m->post.room = m->view->room;
    m->post.known = m->view->known;
    if (!m->session->is_service)
        keep_write_origin(p, m->session, &m->origin);
    m->post.origin = buf_span(&m->origin);
    enum err err = keep_message(p, &m->post, &result, &why);
    if (err != ERR_OK)
        return refuse(p, m, err, why);
    if (m->view->known == NULL)
        topics_forget(&p->topics); // the room is known from now on
    err = stamp(p, m, &result);
    if (m->session->is_service)
        service_answer(p, m->session, &m->properties, ERR_OK, &result, "");
    if (err != ERR_OK) // kept, so acknowledged; readers see the gap and fetch it
        log_line(&p->log, LOG_LEVEL_ERROR, "cannot stamp a message: %s", err_text(err));
    return MOSQ_ERR_SUCCESS;
}

static enum err check_properties(struct publish *m, const char **out_why)
{
    const struct properties *properties = &m->properties;
    // To what is not kept, `key` is a name like any other, and all else that we read is reserved.
    bool is_read = m->view->kind == TOPIC_KEPT || m->session->is_service;
    *out_why = "one property is there twice, with two values";
    if (is_read && properties->is_ambiguous)
        return ERR_INVALID;
    *out_why = "the idempotency key is empty";
    if (is_read && properties->key != NULL && properties->key[0] == '\0')
        return ERR_INVALID;
    if (m->session->is_service)
        return service_read_post(properties, &m->post, out_why);
    *out_why = "rw- properties are not for clients to send";
    return properties->has_reserved ? ERR_DENIED : ERR_OK;
}

static void fill_post(struct publish *m)
{
    m->post.key = span_of(m->properties.key);
    m->post.type = span_of(m->properties.type);
    m->post.payload = span_make(m->ed->payload, m->ed->payloadlen);
    m->post.face = m->session->face;
    m->post.connection = m->session->connection;
    if (!m->session->is_service) {
        m->post.from = span_of(m->session->token.subject);
        m->post.name = span_of(m->session->token.name);
    }
}

// Behind the payload of a post stands its origin, which no reader gets to see: properties cannot be
// taken out of a message on every version of the broker, but the payload can be another one.
static enum err cut_origin(struct publish *m, const char **out_why)
{
    unsigned long long len;
    struct mosquitto_evt_message *ed = m->ed;
    *out_why = "rw-origin is not the length of what stands behind the payload";
    if (!span_to_uint(span_of(m->properties.origin), ORIGIN_MAX, &len) || len > ed->payloadlen)
        return ERR_INVALID;
    size_t rest = ed->payloadlen - (size_t)len;
    char *payload = mosquitto_malloc(rest + 1); // the broker's own ends with a NUL, too
    buf_add(&m->origin, (const char *)ed->payload + rest, (size_t)len);
    *out_why = err_text(ERR_MEMORY);
    if (payload == NULL || m->origin.status != ERR_OK) {
        mosquitto_free(payload);
        return ERR_MEMORY;
    }
    memcpy(payload, ed->payload, rest);
    payload[rest] = '\0';
    m->whole = ed->payload;
    ed->payload = payload; // and the broker frees the old one, unless it is put back
    ed->payloadlen = (uint32_t)rest;
    m->post.payload = span_make(payload, rest);
    return ERR_OK;
}

static int handle(struct plugin *p, struct publish *m)
{
    const char *why = "";
    fill_post(m);
    enum err err = check_properties(m, &why);
    if (err == ERR_OK && m->session->is_service && m->properties.origin != NULL)
        err = cut_origin(m, &why);
    if (err != ERR_OK)
        return refuse(p, m, err, why);
    switch (m->view->kind) {
    case TOPIC_KEPT:
        return keep(p, m);
    case TOPIC_BAD_ROOM:
        return refuse(p, m, ERR_INVALID, "no valid room name");
    case TOPIC_LIVE:
    case TOPIC_OTHER:
        break;
    }
    if (m->ed->payloadlen > (size_t)p->config.max_payload)
        return refuse(p, m, ERR_TOO_LARGE, "the payload is longer than max_payload");
    deliver_count_in(p, m->post.from, m->post.face, m->view, m->ed->payloadlen);
    return MOSQ_ERR_SUCCESS;
}

int on_message(int event, void *data, void *userdata)
{
    (void)event;
    struct plugin *p = userdata;
    struct publish m = {.ed = data};
    p->taken_over = NULL;
    deliver_end_resuming(p);
    m.session = sessions_find(p->sessions, m.ed->client);
    if (m.session == NULL)
        return MOSQ_ERR_ACL_DENIED;
    m.view = topics_view(&p->topics, m.ed->topic);
    if (properties_read(&p->api, m.ed->properties, &m.properties) != ERR_OK)
        return refuse(p, &m, ERR_MEMORY, err_text(ERR_MEMORY));
    buf_init(&m.origin, ORIGIN_MAX); // one that is longer is left out
    int rc = handle(p, &m);
    buf_finish(&m.origin);
    properties_finish(&p->api, &m.properties);
    return rc;
}
