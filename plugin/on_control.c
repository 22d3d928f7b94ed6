// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "core/record.h"
#include "plugin.h"
#include "service.h"

// The gateway's traffic counts (docs/protocol.md): each batch becomes one record of the spool, and
// the writer stores each number of a source once. What is answered is in the spool.

#define RESPONSE_TOPIC PLUGIN_CONTROL_TOPIC "/response"

enum { RESPONSE_MAX = 64 * 1024 };

static bool read_text(const struct json *object, const char *name, struct span *out)
{
    const char *text = json_text(json_member(object, name));
    *out = span_of(text);
    return text != NULL;
}

static bool read_amount(const struct json *object, const char *name, int64_t *out)
{
    return json_get_int(json_member(object, name), out) && *out >= 0;
}

static bool read_direction(const struct json *object, enum meter_direction *out)
{
    struct span name;
    if (!read_text(object, "direction", &name))
        return false;
    *out = span_is(name, meter_direction_name(METER_IN)) ? METER_IN : METER_OUT;
    return *out == METER_IN || span_is(name, meter_direction_name(METER_OUT));
}

static enum err add_count(const struct json *object, struct buf *record)
{
    struct meter_key key = {0};
    struct meter_count count = {0};
    struct span face;
    bool is_good =
        read_amount(object, "hour", &key.hour) && read_text(object, "room", &key.room) &&
        key.room.len <= METER_ROOM_MAX && read_text(object, "subject", &key.subject) &&
        key.subject.len <= METER_SUBJECT_MAX && read_text(object, "face", &face) &&
        meter_face_from_name(face, &key.face) && read_direction(object, &key.direction) &&
        read_amount(object, "messages", &count.messages) &&
        read_amount(object, "blocks", &count.blocks) && read_amount(object, "bytes", &count.bytes);
    return is_good ? record_add_count(&key, &count, record) : ERR_INVALID;
}

static enum err encode(const struct plugin *p, const struct json *command, struct buf *record)
{
    struct span source;
    int64_t batch;
    const struct json *counts = json_member(command, "counts");
    if (!read_text(command, "source", &source) || !read_amount(command, "batch", &batch) ||
        batch == 0 || !json_is_array(counts))
        return ERR_INVALID;
    buf_init(record, spool_record_max(p->spool));
    enum err err = record_begin_traffic(source, (uint64_t)batch, record);
    for (const struct json *c = json_first(counts); err == ERR_OK && c != NULL; c = json_next(c))
        err = add_count(c, record);
    return err == ERR_OK ? record->status : err;
}

static enum err store_traffic(struct plugin *p, const struct json *command)
{
    struct buf record;
    buf_init(&record, 0);
    enum err err = encode(p, command, &record);
    uint64_t number;
    struct span bytes = buf_span(&record);
    if (err == ERR_OK)
        err = spool_append(p->spool, &bytes, 1, &number);
    if (err == ERR_OK)
        writer_wake(p->writer);
    buf_finish(&record);
    return err;
}

static void run(struct plugin *p, const struct json *command, struct json_writer *w)
{
    const char *name = json_text(json_member(command, "command"));
    const char *correlation = json_text(json_member(command, "correlationData"));
    bool is_known = name != NULL && strcmp(name, "storeTraffic") == 0;
    enum err err = is_known ? store_traffic(p, command) : ERR_UNSUPPORTED;
    json_begin_object(w);
    json_key(w, "command");
    json_put_text(w, span_of(name));
    if (correlation != NULL) {
        json_key(w, "correlationData");
        json_put_text(w, span_of(correlation));
    }
    if (err != ERR_OK) {
        json_key(w, "error");
        json_put_text(w, span_of(err_text(err)));
    }
    json_end_object(w);
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
