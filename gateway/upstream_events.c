// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// What the service connection brings: answers, traffic settled, messages of the rooms listened to.
#include <stdlib.h>

#include "core/clock.h"
#include "feed.h"
#include "hooks.h"
#include "upstream_answer.h"
#include "upstream_parts.h"

// Without it the webhooks hear of what happens when the next connection is made.
static void subscribe_presence(struct upstream *u)
{
    uint16_t mid;
    enum err err = ERR_OK;
    if (hooks_want_presence(u->gateway->hooks))
        err = broker_subscribe(u->broker, HOOKS_TOPIC_PREFIX "#", &mid);
    if (err != ERR_OK)
        log_line(&u->gateway->log, LOG_LEVEL_WARNING, "event=presence_not_subscribed why=\"%s\"",
                 err_text(err));
}

static void on_connected(void *context)
{
    struct upstream *u = context;
    mark_follow(&u->mark, u->gateway);
    u->has_warned = false;
    u->retry_ms = UPSTREAM_RETRY_FIRST_MS;
    traffic_hurry(&u->traffic);
    outbox_open(u->outbox);
    subscribe_presence(u);
    atomic_store(&u->is_connected, true);
    hooks_connected(u->gateway->hooks); // before any answer of this connection
    log_line(&u->gateway->log, LOG_LEVEL_INFO, "event=broker_connected client=%s", u->client_id);
}

static void take_traffic_answer(struct upstream *u, struct span payload)
{
    enum err err = traffic_answered(&u->traffic, payload);
    if (err == ERR_NOT_FOUND)
        err = leftovers_answered(&u->leftovers, payload);
    if (err == ERR_OK && u->stop_until_ms != 0)
        traffic_hurry(&u->traffic);
    if (err != ERR_OK && err != ERR_NOT_FOUND)
        log_line(&u->gateway->log, LOG_LEVEL_WARNING,
                 "event=traffic_not_stored why=\"refused by the plugin; it is sent again\"");
}

static void take_post_answer(struct upstream *u, struct span payload)
{
    uint64_t ref;
    struct upstream_answer answer;
    enum err err = upstream_answer_read(payload, &ref, &answer);
    if (err == ERR_OK)
        outbox_answer(u->outbox, ref, &answer);
    else
        log_line(&u->gateway->log, LOG_LEVEL_WARNING, "event=answer_unreadable why=\"%s\"",
                 err_text(err));
}

static void take_response(struct upstream *u, struct span payload)
{
    uint64_t ref;
    struct upstream_answer answer;
    enum err err = upstream_response_read(payload, &ref, &answer);
    if (err == ERR_OK)
        outbox_answer(u->outbox, ref, &answer);
    else if (err == ERR_NOT_FOUND)
        take_traffic_answer(u, payload);
    else
        log_line(&u->gateway->log, LOG_LEVEL_WARNING, "event=response_unreadable why=\"%s\"",
                 err_text(err));
}

static void on_message(void *context, const char *topic, struct span payload)
{
    struct upstream *u = context;
    if (strcmp(topic, UPSTREAM_ANSWER_TOPIC) == 0)
        take_post_answer(u, payload);
    else if (strcmp(topic, UPSTREAM_RESPONSE_TOPIC) == 0)
        take_response(u, payload);
    else if (span_starts_with(span_of(topic), span_of(HOOKS_TOPIC_PREFIX)))
        hooks_heard(u->gateway->hooks, payload);
}

static void on_stamped(void *context, const char *topic, const struct message *stamped)
{
    struct upstream *u = context;
    struct message m = *stamped;
    if (topic_classify(&u->rooms, span_of(topic), &m.room) == TOPIC_KEPT &&
        feed_deliver(u->gateway->feed, &m) != ERR_OK)
        log_line(&u->gateway->log, LOG_LEVEL_WARNING,
                 "event=message_not_fed why=\"no memory; it is read from the database\"");
}

static void on_subscribed(void *context, uint16_t mid)
{
    struct upstream *u = context;
    char *room = u->room_of_mid[mid];
    u->room_of_mid[mid] = NULL;
    if (room != NULL)
        feed_subscribed(u->gateway->feed, room);
    free(room);
}

static void on_acked(void *context, uint16_t mid, enum err err)
{
    struct upstream *u = context;
    uint64_t ref = u->ref_of_mid[mid];
    if (ref == 0) // of QoS 0, or traffic: nobody waits for it
        return;
    u->ref_of_mid[mid] = 0;
    u->unacked--;
    outbox_acked(u->outbox, ref, err, clock_monotonic_ms());
}

void upstream_set_events(struct upstream *upstream)
{
    upstream->events = (struct broker_events){.context = upstream,
                                              .on_connected = on_connected,
                                              .on_message = on_message,
                                              .on_stamped = on_stamped,
                                              .on_subscribed = on_subscribed,
                                              .on_acked = on_acked};
}
