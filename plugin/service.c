// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "service.h"

enum { ANSWER_MAX = 1024, NUMBER_MAX = 20 };

bool service_is_client_id(struct span client_id)
{
    static const char prefix[] = "roomwire-";
    size_t at = sizeof prefix - 1;
    if (client_id.len != at + 16 || memcmp(client_id.ptr, prefix, at) != 0)
        return false;
    for (; at < client_id.len; at++)
        if (strchr("0123456789abcdef", client_id.ptr[at]) == NULL)
            return false;
    return true;
}

enum err service_read_post(const struct properties *properties, struct keep_post *post,
                           const char **out_why)
{
    post->from = span_of(properties->as);
    post->name = span_of(properties->as_name);
    *out_why = "rw-as, rw-as-name or rw-face is missing or malformed";
    if (post->from.len == 0 || post->from.len > TOKEN_SUBJECT_MAX ||
        post->name.len > TOKEN_NAME_MAX)
        return ERR_INVALID;
    if (!meter_face_from_name(span_of(properties->face), &post->face))
        return ERR_INVALID;
    return ERR_OK;
}

void service_send(struct plugin *p, const struct session *session, const char *topic, int qos,
                  struct span json)
{
    int rc = mosquitto_broker_publish_copy(session->client_id, topic, (int)json.len, json.ptr, qos,
                                           false, NULL);
    if (rc != MOSQ_ERR_SUCCESS)
        log_line(&p->log, LOG_LEVEL_ERROR, "cannot answer topic=%s code=%d", topic, rc);
}

const char *service_error_word(enum err err)
{
    if (err == ERR_TOO_LARGE)
        return "too_large";
    if (err == ERR_FULL)
        return "full";
    if (err == ERR_TOO_MANY)
        return "too_many";
    if (err == ERR_INVALID)
        return "invalid";
    if (err == ERR_DENIED)
        return "denied";
    if (err == ERR_NOT_FOUND)
        return "not_found";
    return "unavailable";
}

static void write_stamp(struct json_writer *w, const char *epoch, const struct keep_result *result)
{
    json_field_text(w, "epoch", span_of(epoch));
    json_field_int(w, "id", result->first.id);
    json_field_int(w, "prev", result->is_duplicate ? 0 : result->first.prev);
    json_field_int(w, "date_ms", result->is_duplicate ? 0 : result->first.date_ms);
    json_field_bool(w, "duplicate", result->is_duplicate);
}

static void write_error(struct json_writer *w, enum err err, const char *why)
{
    json_field_text(w, "error", span_of(service_error_word(err)));
    json_field_text(w, "detail", span_of(why));
}

void service_answer(struct plugin *p, const struct session *session,
                    const struct properties *properties, enum err err,
                    const struct keep_result *result, const char *why)
{
    unsigned long long ref;
    if (!span_to_uint(span_of(properties->ref), (1ull << 53) - 1, &ref))
        return;
    struct buf json;
    struct json_writer w;
    buf_init(&json, ANSWER_MAX);
    json_writer_init(&w, &json);
    json_begin_object(&w);
    json_field_int(&w, "ref", (int64_t)ref);
    if (err == ERR_OK)
        write_stamp(&w, p->epoch, result);
    else
        write_error(&w, err, why);
    json_end_object(&w);
    if (json.status == ERR_OK)
        service_send(p, session, SERVICE_ANSWER_TOPIC, 0, buf_span(&json));
    buf_finish(&json);
}
