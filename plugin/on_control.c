// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "control.h"
#include "deliver.h"
#include "service.h"

// The control topic (docs/protocol.md): commands of the gateway, each answered.

#define RESPONSE_TOPIC PLUGIN_CONTROL_TOPIC "/response"

struct command {
    const char *name;
    control_fn *run;
    int qos; // of the response
};

static const struct command commands[] = {
    {"storeTraffic", control_store_traffic, 1},
    {"listMembers", control_list_members, 1},
    // Keeps its place among the lifecycle events: they have QoS 0, and would overtake a response of
    // QoS 1 that waits for others to be acknowledged.
    {"listConnections", control_list_connections, 0},
    {"getConnection", control_get_connection, 1},
    {"postToConnection", control_post_to_connection, 1},
    {"postToSubject", control_post_to_subject, 1},
    {"deleteConnection", control_delete_connection, 1},
};

bool control_text(const struct json *command, const char *name, struct span *out_text)
{
    const char *text = json_text(json_member(command, name));
    *out_text = span_of(text);
    return text != NULL;
}

bool control_amount(const struct json *command, const char *name, int64_t *out_amount)
{
    return json_get_int(json_member(command, name), out_amount) && *out_amount >= 0;
}

static const struct command *find(const struct json *command)
{
    const char *name = json_text(json_member(command, "command"));
    for (size_t i = 0; name != NULL && i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static void write_response(struct json_writer *w, const struct json *command, enum err err,
                           struct span data)
{
    const char *correlation = json_text(json_member(command, "correlationData"));
    json_begin_object(w);
    json_field_text(w, "command", json_member_text(command, "command"));
    if (correlation != NULL)
        json_field_text(w, "correlationData", span_of(correlation));
    if (err != ERR_OK) {
        json_field_text(w, "error", span_of(service_error_word(err)));
    } else if (data.len > 0) {
        json_key(w, "data");
        json_put_raw(w, data);
    }
    json_end_object(w);
}

// Gives the QoS that the response asks for.
static int run(struct plugin *p, const struct json *command, struct json_writer *w)
{
    const struct command *known = find(command);
    struct buf data;
    struct json_writer data_writer;
    buf_init(&data, CONTROL_RESPONSE_MAX);
    json_writer_init(&data_writer, &data);
    enum err err = known != NULL ? known->run(p, command, &data_writer) : ERR_UNSUPPORTED;
    if (err == ERR_OK)
        err = data.status;
    write_response(w, command, err, buf_span(&data));
    buf_finish(&data);
    return known != NULL ? known->qos : 1;
}

static void respond(struct plugin *p, const struct session *session, const struct json *root)
{
    struct buf json;
    struct json_writer w;
    int qos = 1;
    buf_init(&json, CONTROL_RESPONSE_MAX);
    json_writer_init(&w, &json);
    json_begin_object(&w);
    json_key(&w, "responses");
    json_begin_array(&w);
    const struct json *command = json_first(json_member(root, "commands"));
    for (; command != NULL; command = json_next(command))
        if (run(p, command, &w) == 0)
            qos = 0;
    json_end_array(&w);
    json_end_object(&w);
    if (json.status == ERR_OK)
        service_send(p, session, RESPONSE_TOPIC, qos, buf_span(&json));
    buf_finish(&json);
}

// Returns 0 whatever happens: anything else would end the connection.
int on_control(int event, void *data, void *userdata)
{
    (void)event;
    const struct mosquitto_evt_control *ed = data;
    struct plugin *p = userdata;
    const struct session *session = sessions_find(p->sessions, ed->client);
    struct json *root = NULL;
    p->taken_over = NULL;
    deliver_end_resuming(p);
    if (session == NULL || !session->is_service) // on_acl lets nobody else through
        return MOSQ_ERR_SUCCESS;
    if (json_parse(span_make(ed->payload, ed->payloadlen), &root) == ERR_OK)
        respond(p, session, root);
    else
        log_line(&p->log, LOG_LEVEL_WARNING, "unreadable topic=" PLUGIN_CONTROL_TOPIC);
    json_destroy(root);
    return MOSQ_ERR_SUCCESS;
}
