// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "broker.h"

#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <stdio.h>
#include <stdlib.h>

enum { KEEPALIVE_S = 10, PACKETS_PER_READ = 64 };

struct broker {
    struct mosquitto *mosq;
    const struct broker_events *events;
    bool is_connected;
    bool is_lost;
    const char *why; // static text once it is lost
};

// ---- libmosquitto's callbacks, all from within broker_drive or a publish ----

static void on_connect(struct mosquitto *mosq, void *context, int code, int flags,
                       const mosquitto_property *properties)
{
    (void)mosq, (void)flags, (void)properties;
    struct broker *b = context;
    if (code != 0) {
        b->is_lost = true;
        b->why = mosquitto_reason_string(code);
        return;
    }
    b->is_connected = true;
    b->events->on_connected(b->events->context);
}

static void on_disconnect(struct mosquitto *mosq, void *context, int code,
                          const mosquitto_property *properties)
{
    (void)mosq, (void)properties;
    struct broker *b = context;
    b->is_lost = true;
    if (b->why == NULL)
        b->why =
            code < MQTT_RC_UNSPECIFIED ? mosquitto_strerror(code) : mosquitto_reason_string(code);
}

// libmosquitto gives out copies of a property's texts. Those of a stamp are kept until the message
// was told.
struct texts {
    char *from, *name;
};

// The last one counts: whatever a publisher put in goes before the stamp.
static struct span keep(char **slot, char *value)
{
    free(*slot);
    *slot = value;
    return span_of(value);
}

// One property of a message; `value` is taken over.
static void take_property(struct message *m, struct texts *texts, const char *name, char *value)
{
    unsigned long long number = 0;
    bool is_number = span_to_uint(span_of(value), INT64_MAX, &number);
    if (strcmp(name, MESSAGE_PROPERTY_ID) == 0 && is_number)
        m->id = (int64_t)number;
    else if (strcmp(name, MESSAGE_PROPERTY_PREV) == 0 && is_number)
        m->prev = (int64_t)number;
    else if (strcmp(name, MESSAGE_PROPERTY_DATE) == 0 && is_number)
        m->date_ms = (int64_t)number;
    if (strcmp(name, MESSAGE_PROPERTY_FROM) == 0)
        m->from = keep(&texts->from, value);
    else if (strcmp(name, MESSAGE_PROPERTY_NAME) == 0)
        m->name = keep(&texts->name, value);
    else
        free(value);
}

static void read_stamp(const mosquitto_property *properties, struct message *m, struct texts *texts)
{
    char *name, *value;
    bool is_first = true;
    while ((properties = mosquitto_property_read_string_pair(properties, MQTT_PROP_USER_PROPERTY,
                                                             &name, &value, !is_first)) != NULL) {
        is_first = false;
        take_property(m, texts, name, value);
        free(name);
    }
}

static void on_message(struct mosquitto *mosq, void *context, const struct mosquitto_message *m,
                       const mosquitto_property *properties)
{
    (void)mosq;
    struct broker *b = context;
    struct texts texts = {NULL, NULL};
    struct message stamped = {.payload = span_make(m->payload, (size_t)m->payloadlen)};
    char *type = NULL;
    read_stamp(properties, &stamped, &texts);
    if (mosquitto_property_read_string(properties, MQTT_PROP_CONTENT_TYPE, &type, false) != NULL)
        stamped.type = span_of(type);
    if (stamped.id > 0)
        b->events->on_stamped(b->events->context, m->topic, &stamped);
    else
        b->events->on_message(b->events->context, m->topic, stamped.payload);
    free(texts.from);
    free(texts.name);
    free(type);
}

static void on_subscribe(struct mosquitto *mosq, void *context, int mid, int count,
                         const int *granted, const mosquitto_property *properties)
{
    (void)mosq, (void)count, (void)granted, (void)properties;
    struct broker *b = context;
    b->events->on_subscribed(b->events->context, (uint16_t)mid);
}

static enum err err_from_reason(int code)
{
    switch (code) {
    case MQTT_RC_NOT_AUTHORIZED:
        return ERR_DENIED;
    case MQTT_RC_QUOTA_EXCEEDED:
        return ERR_FULL;
    case MQTT_RC_PACKET_TOO_LARGE:
        return ERR_TOO_LARGE;
    case MQTT_RC_TOPIC_NAME_INVALID:
    case MQTT_RC_PAYLOAD_FORMAT_INVALID:
        return ERR_INVALID;
    case MQTT_RC_RETAIN_NOT_SUPPORTED:
    case MQTT_RC_QOS_NOT_SUPPORTED:
        return ERR_UNSUPPORTED;
    default:
        return code < MQTT_RC_UNSPECIFIED ? ERR_OK : ERR_AGAIN;
    }
}

static void on_publish(struct mosquitto *mosq, void *context, int mid, int code,
                       const mosquitto_property *properties)
{
    (void)mosq, (void)properties;
    struct broker *b = context;
    b->events->on_acked(b->events->context, (uint16_t)mid, err_from_reason(code));
}

static enum err err_from_mosq(int code)
{
    switch (code) {
    case MOSQ_ERR_SUCCESS:
        return ERR_OK;
    case MOSQ_ERR_NOMEM:
        return ERR_MEMORY;
    case MOSQ_ERR_INVAL:
    case MOSQ_ERR_MALFORMED_UTF8:
    case MOSQ_ERR_DUPLICATE_PROPERTY:
    case MOSQ_ERR_PROTOCOL:
        return ERR_INVALID;
    case MOSQ_ERR_PAYLOAD_SIZE:
    case MOSQ_ERR_OVERSIZE_PACKET:
        return ERR_TOO_LARGE;
    case MOSQ_ERR_QOS_NOT_SUPPORTED:
    case MOSQ_ERR_RETAIN_NOT_SUPPORTED:
        return ERR_UNSUPPORTED;
    default:
        return ERR_AGAIN;
    }
}

// ---- connecting ----

void broker_library_init(void)
{
    (void)mosquitto_lib_init(); // always succeeds
}

void broker_library_finish(void)
{
    (void)mosquitto_lib_cleanup(); // always succeeds
}

static void set_callbacks(struct mosquitto *mosq)
{
    mosquitto_connect_v5_callback_set(mosq, on_connect);
    mosquitto_disconnect_v5_callback_set(mosq, on_disconnect);
    mosquitto_message_v5_callback_set(mosq, on_message);
    mosquitto_publish_v5_callback_set(mosq, on_publish);
    mosquitto_subscribe_v5_callback_set(mosq, on_subscribe);
}

static enum err set_password(struct mosquitto *mosq, struct span secret)
{
    char *password = span_dup(secret);
    if (password == NULL)
        return ERR_MEMORY;
    int code = mosquitto_username_pw_set(mosq, "roomwire-gateway", password);
    explicit_bzero(password, secret.len);
    free(password);
    return err_from_mosq(code);
}

static enum err set_options(struct mosquitto *mosq, struct span secret)
{
    if (mosquitto_int_option(mosq, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5) !=
            MOSQ_ERR_SUCCESS ||
        mosquitto_int_option(mosq, MOSQ_OPT_SEND_MAXIMUM, BROKER_SEND_MAXIMUM) != MOSQ_ERR_SUCCESS)
        return ERR_UNSUPPORTED;
    return set_password(mosq, secret);
}

enum err broker_open(const char *socket_path, const char *client_id, struct span secret,
                     const struct broker_events *events, struct broker **out_broker)
{
    if (secret.len == 0 || memchr(secret.ptr, '\0', secret.len) != NULL)
        return ERR_INVALID;
    struct broker *b = calloc(1, sizeof *b);
    if (b == NULL)
        return ERR_MEMORY;
    b->events = events;
    b->mosq = mosquitto_new(client_id, true, b);
    enum err err = b->mosq != NULL ? set_options(b->mosq, secret) : ERR_MEMORY;
    if (err == ERR_OK) {
        set_callbacks(b->mosq);
        // Port 0 makes the host a unix socket's path.
        int code = mosquitto_connect_bind_v5(b->mosq, socket_path, 0, KEEPALIVE_S, NULL, NULL);
        err = code == MOSQ_ERR_SUCCESS ? ERR_OK : ERR_IO;
    }
    if (err != ERR_OK) {
        broker_close(b);
        return err;
    }
    *out_broker = b;
    return ERR_OK;
}

void broker_close(struct broker *broker)
{
    if (broker == NULL)
        return;
    if (broker->mosq != NULL) {
        // A courtesy: the broker sees an end in order. What cannot be sent now is not needed.
        if (broker->is_connected && !broker->is_lost)
            (void)mosquitto_disconnect_v5(broker->mosq, 0, NULL);
        mosquitto_destroy(broker->mosq);
    }
    free(broker);
}

// ---- driving ----

int broker_fd(const struct broker *broker)
{
    return mosquitto_socket(broker->mosq);
}

bool broker_wants_write(const struct broker *broker)
{
    return mosquitto_want_write(broker->mosq);
}

enum err broker_drive(struct broker *broker, bool is_readable, bool is_writable,
                      const char **out_why)
{
    int code = MOSQ_ERR_SUCCESS;
    if (is_readable)
        code = mosquitto_loop_read(broker->mosq, PACKETS_PER_READ);
    if (code == MOSQ_ERR_SUCCESS && is_writable && !broker->is_lost)
        code = mosquitto_loop_write(broker->mosq, PACKETS_PER_READ);
    if (code == MOSQ_ERR_SUCCESS && !broker->is_lost)
        code = mosquitto_loop_misc(broker->mosq); // pings, and notices that none was answered
    if (code == MOSQ_ERR_SUCCESS && !broker->is_lost && mosquitto_socket(broker->mosq) >= 0)
        return ERR_OK;
    broker->is_lost = true;
    if (broker->why == NULL)
        broker->why = mosquitto_strerror(code);
    *out_why = broker->why;
    return ERR_AGAIN;
}

// ---- publishing ----

static int add_pair(mosquitto_property **properties, const char *name, const char *value)
{
    if (*value == '\0')
        return MOSQ_ERR_SUCCESS;
    return mosquitto_property_add_string_pair(properties, MQTT_PROP_USER_PROPERTY, name, value);
}

// What docs/protocol.md says under "Publishing for somebody".
static int add_properties(const struct post *post, mosquitto_property **properties)
{
    char ref[MESSAGE_ID_TEXT], origin[MESSAGE_ID_TEXT] = "";
    (void)snprintf(ref, sizeof ref, "%llu", (unsigned long long)post->ref);
    if (post->origin.len > 0)
        (void)snprintf(origin, sizeof origin, "%zu", post->origin.len);
    const char *const pairs[][2] = {
        {"rw-as", post->from.ptr},
        {"rw-as-name", post->name.ptr},
        {"rw-face", meter_face_name(post->face)},
        {"rw-ref", ref},
        {"rw-origin", origin},
        {MESSAGE_PROPERTY_KEY, post->key.ptr},
    };
    int code = MOSQ_ERR_SUCCESS;
    for (size_t i = 0; code == MOSQ_ERR_SUCCESS && i < sizeof pairs / sizeof pairs[0]; i++)
        code = add_pair(properties, pairs[i][0], pairs[i][1]);
    if (code == MOSQ_ERR_SUCCESS && post->type.len > 0)
        code = mosquitto_property_add_string(properties, MQTT_PROP_CONTENT_TYPE, post->type.ptr);
    return code;
}

static enum err publish(struct broker *b, const char *topic, struct span payload, int qos,
                        bool is_retained, const mosquitto_property *properties, int *out_mid)
{
    if (payload.len > MQTT_MAX_PAYLOAD)
        return ERR_TOO_LARGE;
    return err_from_mosq(mosquitto_publish_v5(b->mosq, out_mid, topic, (int)payload.len,
                                              payload.ptr, qos, is_retained, properties));
}

enum err broker_publish_post(struct broker *broker, const struct post *post, uint16_t *out_mid)
{
    mosquitto_property *properties = NULL;
    enum err err = err_from_mosq(add_properties(post, &properties));
    struct span payload = post->payload;
    struct buf both;
    int mid = 0;
    buf_init(&both, payload.len + post->origin.len);
    if (post->origin.len > 0) {
        buf_add_span(&both, payload);
        buf_add_span(&both, post->origin);
        payload = buf_span(&both);
    }
    if (err == ERR_OK)
        err = both.status;
    if (err == ERR_OK)
        err = publish(broker, post->topic.ptr, payload, post->qos, post->is_retained, properties,
                      &mid);
    buf_finish(&both);
    mosquitto_property_free_all(&properties);
    if (err == ERR_OK)
        *out_mid = (uint16_t)mid;
    return err;
}

enum err broker_publish(struct broker *broker, const char *topic, struct span payload,
                        uint16_t *out_mid)
{
    int mid = 0;
    enum err err = publish(broker, topic, payload, 1, false, NULL, &mid);
    if (err == ERR_OK)
        *out_mid = (uint16_t)mid;
    return err;
}

// ---- subscribing ----

enum err broker_subscribe(struct broker *broker, const char *topic, uint16_t *out_mid)
{
    int mid = 0;
    // What is retained is in the log already, unless it is of another log: then it is nobody's.
    int options = MQTT_SUB_OPT_SEND_RETAIN_NEVER;
    enum err err =
        err_from_mosq(mosquitto_subscribe_v5(broker->mosq, &mid, topic, 0, options, NULL));
    if (err == ERR_OK)
        *out_mid = (uint16_t)mid;
    return err;
}

enum err broker_unsubscribe(struct broker *broker, const char *topic)
{
    return err_from_mosq(mosquitto_unsubscribe_v5(broker->mosq, NULL, topic, NULL));
}
