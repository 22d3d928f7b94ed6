// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "will.h"

#include <mqtt_protocol.h>
#include <stdlib.h>

#include "core/origin.h"
#include "deliver.h"
#include "keep.h"
#include "properties.h"
#include "stamp.h"
#include "stopping.h"

// Owned by the queue; everything in one allocation but the properties.
struct will {
    struct will *next;
    int qos;
    bool is_retained;
    enum meter_face face;
    struct properties read;      // what we make of the properties
    mosquitto_property *carried; // all of them, to go on with the message (2.1 shows them, 2.0 not)
    char from[TOKEN_SUBJECT_MAX + 1];
    char name[TOKEN_NAME_MAX + 1];
    char room[TOPIC_ROOM_MAX + 1];
    struct buf origin;
    char *topic;
    size_t len;
    char payload[];
};

static void will_free(struct plugin *p, struct will *will)
{
    properties_finish(&p->api, &will->read);
    mosquitto_property_free_all(&will->carried);
    buf_finish(&will->origin);
    free(will->topic);
    free(will);
}

static void refuse(struct plugin *p, const char *topic, const char *from, const char *why)
{
    struct refusal refusal = {.what = "will", .subject = from, .topic = topic, .why = why};
    refuse_log(&p->refusals, &p->log, p->now_ms, &refusal);
}

// The broker takes payload and properties over if it takes the message.
static void publish(struct will *will)
{
    void *payload = mosquitto_malloc(will->len + 1);
    if (payload == NULL)
        return; // it is kept; readers see the gap and fetch it
    memcpy(payload, will->payload, will->len);
    ((char *)payload)[will->len] = '\0';
    int rc = mosquitto_broker_publish(NULL, will->topic, (int)will->len, payload, will->qos,
                                      will->is_retained, will->carried);
    if (rc == MOSQ_ERR_SUCCESS)
        will->carried = NULL;
    else
        mosquitto_free(payload);
}

static void keep_and_publish(struct plugin *p, struct will *will)
{
    struct keep_post post = {.room = span_of(will->room),
                             .from = span_of(will->from),
                             .name = span_of(will->name),
                             .type = span_of(will->read.type),
                             .key = span_of(will->read.key),
                             .origin = buf_span(&will->origin),
                             .payload = span_make(will->payload, will->len),
                             .face = will->face};
    struct keep_result result;
    const char *why = "";
    enum err err = keep_message(p, &post, &result, &why);
    if (err != ERR_OK)
        refuse(p, will->topic, will->from, why);
    else if (!result.is_duplicate &&
             stamp_append(p, &result.first, post.from, post.name, &will->carried) == ERR_OK)
        publish(will);
}

void will_flush(struct plugin *p)
{
    while (p->wills.first != NULL) {
        struct will *will = p->wills.first;
        p->wills.first = will->next;
        keep_and_publish(p, will);
        will_free(p, will);
    }
    p->wills.last = NULL;
    p->wills.bytes = 0;
}

static void enqueue(struct plugin *p, struct will *will)
{
    if (p->wills.last != NULL)
        p->wills.last->next = will;
    else
        p->wills.first = will;
    p->wills.last = will;
    p->wills.bytes += sizeof *will + will->len;
    // 2.1 hands out what a tick publishes only after the turn's packets, so there waiting would
    // set the will further back, not put it in order.
    if (p->api.is_2_1 || p->wills.bytes > WILLS_BYTES_MAX)
        will_flush(p);
}

static enum err copy_properties(struct plugin *p, const struct mosquitto_evt_acl_check *ed,
                                struct will *will)
{
    enum err err = properties_read(&p->api, ed->properties, &will->read);
    if (err != ERR_OK || ed->properties == NULL)
        return err;
    if (will->read.has_reserved || will->read.is_ambiguous)
        return ERR_DENIED;
    return p->api.copy_all(&will->carried, ed->properties) == MOSQ_ERR_SUCCESS ? ERR_OK
                                                                               : ERR_MEMORY;
}

static enum err make(struct plugin *p, const struct session *session, const struct topic_view *view,
                     const struct mosquitto_evt_acl_check *ed, struct will **out_will)
{
    struct will *will = calloc(1, sizeof *will + ed->payloadlen);
    if (will == NULL)
        return ERR_MEMORY;
    will->qos = ed->qos;
    will->is_retained = ed->retain;
    will->face = session->face;
    will->len = ed->payloadlen;
    if (ed->payloadlen > 0)
        memcpy(will->payload, ed->payload, ed->payloadlen);
    memcpy(will->from, session->token.subject, sizeof will->from);
    memcpy(will->name, session->token.name, sizeof will->name);
    memcpy(will->room, view->room.ptr, view->room.len);
    buf_init(&will->origin, ORIGIN_MAX);
    keep_write_origin(p, session, &will->origin);
    will->topic = span_dup(span_of(ed->topic));
    enum err err = will->topic == NULL ? ERR_MEMORY : copy_properties(p, ed, will);
    if (err != ERR_OK) {
        will_free(p, will);
        return err;
    }
    *out_will = will;
    return ERR_OK;
}

static int take_kept(struct plugin *p, const struct session *session, const struct topic_view *view,
                     const struct mosquitto_evt_acl_check *ed)
{
    struct will *will = NULL;
    enum err err = make(p, session, view, ed, &will);
    if (err == ERR_OK)
        enqueue(p, will);
    else
        refuse(p, ed->topic, session->token.subject, err_text(err));
    return MOSQ_ERR_ACL_DENIED; // the bare copy
}

// A will to a topic that is not kept goes out as it is, so it may not look like a stamped one. 2.0
// shows no properties: to send it without them would take away what is honest, too.
static bool is_forged(const struct plugin *p, const struct mosquitto_evt_acl_check *ed)
{
    struct properties read;
    if (properties_read(&p->api, ed->properties, &read) != ERR_OK)
        return true;
    bool has_reserved = read.has_reserved;
    properties_finish(&p->api, &read);
    return has_reserved;
}

int will_take(struct plugin *p, struct session *session, const struct mosquitto_evt_acl_check *ed)
{
    const struct topic_view *view = topics_view(&p->topics, ed->topic);
    // Judged by the rights at CONNECT, also if the token has expired meanwhile (P5).
    if (session->is_service || view->kind == TOPIC_BAD_ROOM || topics_is_reserved(ed->topic) ||
        !rights_allow_publish(session->token.rights, span_of(ed->topic), ed->qos, ed->retain)) {
        refuse(p, ed->topic, session->token.subject, err_text(ERR_DENIED));
        return MOSQ_ERR_ACL_DENIED;
    }
    if (ed->payloadlen > (size_t)p->config.max_payload) {
        refuse(p, ed->topic, session->token.subject, err_text(ERR_TOO_LARGE));
        return MOSQ_ERR_ACL_DENIED;
    }
    if (view->kind == TOPIC_KEPT)
        return take_kept(p, session, view, ed);
    if (is_forged(p, ed)) {
        refuse(p, ed->topic, session->token.subject, err_text(ERR_DENIED));
        return MOSQ_ERR_ACL_DENIED;
    }
    deliver_count_in(p, span_of(session->token.subject), session->face, view, ed->payloadlen);
    return MOSQ_ERR_SUCCESS;
}
