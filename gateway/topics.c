// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "topics.h"

#include "input.h"
#include "posting.h"

static void answer_ok(const struct posting_outcome *outcome)
{
    struct buf body;
    buf_init(&body, 256);
    struct json_writer w;
    json_writer_init(&w, &body);
    json_begin_object(&w);
    json_field_text(&w, "message", span_of("OK"));
    if (outcome->is_kept)
        json_field_int(&w, "id", outcome->message->id);
    json_end_object(&w);
    exchange_add_field(outcome->x, "Cache-Control", span_of("no-store"));
    exchange_answer(outcome->x, 200, "application/json", buf_span(&body));
    buf_finish(&body);
}

// The topic, and the room where it is a kept one; or a refusal.
static bool read_topic(struct exchange *x, struct span *out_topic, struct span *out_room)
{
    const struct config *config = &exchange_worker(x)->gateway->config;
    struct topic_rooms rooms;
    *out_topic = exchange_part(x);
    *out_room = (struct span){0};
    if (!topic_is_name(*out_topic) ||
        topic_rooms_init(&rooms, span_of(config->room_topic)) != ERR_OK) {
        exchange_refuse(x, 400, ERR_INVALID, "this is no topic name to publish to");
        return false;
    }
    // The gateway's own connection may publish there; nobody else may through it.
    if (out_topic->ptr[0] == '$') {
        exchange_refuse(x, 403, ERR_REFUSED, "topics that start with $ are the broker's own");
        return false;
    }
    switch (topic_classify(&rooms, *out_topic, out_room)) {
    case TOPIC_BAD_ROOM:
        exchange_refuse(x, 400, ERR_INVALID, "the topic names a room, but not a valid one");
        return false;
    case TOPIC_LIVE:
        *out_room = (struct span){0};
        return true;
    case TOPIC_KEPT:
    case TOPIC_OTHER:
        return true;
    }
    return false;
}

static bool read_options(struct exchange *x, struct upstream_topic *topic)
{
    struct span qos, retain;
    bool is_qos_1 = false;
    if (exchange_query(x, "qos", &qos) == ERR_INVALID ||
        exchange_query(x, "retain", &retain) == ERR_INVALID) {
        exchange_refuse(x, 400, ERR_INVALID, "qos and retain may be given once each");
        return false;
    }
    if ((qos.len > 0 && !span_is(qos, "0") && !span_is(qos, "1")) ||
        input_flag(qos, &is_qos_1) != ERR_OK) {
        exchange_refuse(x, 400, ERR_INVALID, "qos has to be 0 or 1");
        return false;
    }
    topic->qos = is_qos_1 ? 1 : 0;
    if (input_flag(retain, &topic->is_retained) == ERR_OK)
        return true;
    exchange_refuse(x, 400, ERR_INVALID, "retain has to be true or false");
    return false;
}

// The body as it is, but for what every HTTP client says of a body unasked.
static bool read_body(struct exchange *x, struct submission *out)
{
    *out = (struct submission){.kind = SUBMISSION_RAW, .payload = exchange_body(x)};
    if (out->payload.len <= (size_t)exchange_worker(x)->gateway->config.max_payload)
        return posting_read_type(x, &out->type);
    exchange_refuse(x, 413, ERR_TOO_LARGE, "the message is longer than max_payload");
    return false;
}

void topics_post(struct exchange *x)
{
    struct upstream_topic topic = {0};
    struct span room;
    struct caller caller;
    struct submission s;
    if (!read_topic(x, &topic.topic, &room) || !read_options(x, &topic) ||
        !auth_admit_publish(x, topic.topic, topic.qos, topic.is_retained, &caller))
        return;
    if (auth_admit_change(x, &caller, (struct span){0}) && read_body(x, &s)) {
        if (posting_read_key(x, &s)) {
            posting_start(x, &caller, &s, room, &topic, METER_HTTP, answer_ok);
            return;
        }
        submission_finish(&s);
    }
    caller_finish(&caller);
}
