// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "control.h"
#include "service.h"

// The control topic (docs/protocol.md): commands of the gateway, each answered.

#define RESPONSE_TOPIC PLUGIN_CONTROL_TOPIC "/response"

enum { RESPONSE_MAX = 4 * 1024 * 1024 };

static const struct {
    const char *name;
    control_fn *run;
} commands[] = {
    {"storeTraffic", control_store_traffic},    {"listMembers", control_list_members},
    {"getConnection", control_get_connection},  {"postToConnection", control_post_to_connection},
    {"postToSubject", control_post_to_subject}, {"deleteConnection", control_delete_connection},
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

static control_fn *find(const char *name)
{
    for (size_t i = 0; name != NULL && i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(commands[i].name, name) == 0)
            return commands[i].run;
    return NULL;
}

static void write_response(struct json_writer *w, const struct json *command, enum err err,
                           struct span data)
{
    const char *correlation = json_text(json_member(command, "correlationData"));
    json_begin_object(w);
    json_field_text(w, "command", span_of(json_text(json_member(command, "command"))));
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

static void run(struct plugin *p, const struct json *command, struct json_writer *w)
{
    struct buf data;
    struct json_writer data_writer;
    buf_init(&data, RESPONSE_MAX);
    json_writer_init(&data_writer, &data);
    control_fn *fn = find(json_text(json_member(command, "command")));
    enum err err = fn != NULL ? fn(p, command, &data_writer) : ERR_UNSUPPORTED;
    if (err == ERR_OK)
        err = data.status;
    write_response(w, command, err, buf_span(&data));
    buf_finish(&data);
}

static void respond(struct plugin *p, const struct session *session, const struct json *root)
{
    struct buf json;
    struct json_writer w;
    buf_init(&json, RESPONSE_MAX);
    json_writer_init(&w, &json);
    json_begin_object(&w);
    json_key(&w, "responses");
    json_begin_array(&w);
    const struct json *command = json_first(json_member(root, "commands"));
    for (; command != NULL; command = json_next(command))
        run(p, command, &w);
    json_end_array(&w);
    json_end_object(&w);
    if (json.status == ERR_OK)
        service_send(p, session, RESPONSE_TOPIC, 1, buf_span(&json));
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
    if (session == NULL || !session->is_service) // on_acl lets nobody else through
        return MOSQ_ERR_SUCCESS;
    if (json_parse(span_make(ed->payload, ed->payloadlen), &root) == ERR_OK)
        respond(p, session, root);
    else
        log_line(&p->log, LOG_LEVEL_WARNING, "unreadable topic=" PLUGIN_CONTROL_TOPIC);
    json_destroy(root);
    return MOSQ_ERR_SUCCESS;
}
