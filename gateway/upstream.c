// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "upstream_parts.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/hash.h"
#include "core/thread.h"
#include "feed.h"
#include "upstream_answer.h"

enum {
    RETRY_LAST_MS = 2000,
    TURN_MAX_MS = 1000, // libmosquitto's keepalive wants to be looked at
    COMMAND_OVERHEAD = 64,
};

// ---- any thread ----

static void wake(struct upstream *u)
{
    const uint64_t one = 1;
    // A full counter wakes as well.
    if (write(u->wake_fd, &one, sizeof one) < 0)
        return;
}

bool upstream_is_connected(const struct upstream *upstream)
{
    return atomic_load_explicit(&upstream->is_connected, memory_order_relaxed);
}

size_t upstream_waiting(const struct upstream *upstream)
{
    return outbox_waiting(upstream->outbox);
}

static uint64_t add_post(struct upstream *u, struct loop *loop, const struct post *post,
                         upstream_answer_fn *on_answer, void *context)
{
    bool is_wake_due;
    uint64_t ref =
        outbox_add(u->outbox, loop, post, clock_monotonic_ms(), on_answer, context, &is_wake_due);
    if (is_wake_due)
        wake(u);
    return ref;
}

static struct post post_of(struct span topic, const struct upstream_post *given)
{
    const struct message *m = given->message;
    return (struct post){.topic = topic,
                         .from = m->from,
                         .name = m->name,
                         .type = m->type,
                         .key = given->key,
                         .payload = m->payload,
                         .face = given->face,
                         .qos = 1};
}

uint64_t upstream_publish(struct upstream *upstream, struct loop *loop,
                          const struct upstream_post *post, upstream_answer_fn *on_answer,
                          void *context)
{
    struct buf topic;
    buf_init(&topic, TOPIC_LENGTH_MAX);
    topic_write_room(&upstream->rooms, post->message->room, &topic);
    uint64_t ref = 0;
    if (topic.status == ERR_OK) {
        struct post kept = post_of(buf_span(&topic), post);
        kept.is_kept = true;
        kept.origin = post->origin;
        ref = add_post(upstream, loop, &kept, on_answer, context);
    }
    buf_finish(&topic);
    return ref;
}

uint64_t upstream_publish_topic(struct upstream *upstream, struct loop *loop,
                                const struct upstream_topic *topic,
                                const struct upstream_post *post, upstream_answer_fn *on_answer,
                                void *context)
{
    assert(topic->topic.len > 0 && topic->topic.ptr[0] != '$');
    struct span room;
    struct post given = post_of(topic->topic, post);
    given.is_kept = topic_classify(&upstream->rooms, topic->topic, &room) == TOPIC_KEPT;
    given.origin = given.is_kept ? post->origin : span_make(NULL, 0);
    given.is_retained = topic->is_retained;
    // The plugin's answer, and with it a kept message's stamp, is promised for QoS 1 alone.
    given.qos = given.is_kept ? 1 : topic->qos;
    return add_post(upstream, loop, &given, on_answer, context);
}

void upstream_command_begin(struct upstream_command *command, const char *name, size_t max)
{
    buf_init(&command->json, max);
    json_writer_init(&command->w, &command->json);
    json_begin_object(&command->w);
    json_field_text(&command->w, "command", span_of(name));
}

uint64_t upstream_ask(struct upstream *upstream, struct loop *loop,
                      struct upstream_command *command, upstream_answer_fn *on_answer,
                      void *context)
{
    uint64_t ref = 0;
    json_end_object(&command->w);
    if (command->json.status == ERR_OK) {
        struct post post = {.payload = buf_span(&command->json), .qos = 1, .is_command = true};
        ref = add_post(upstream, loop, &post, on_answer, context);
    }
    buf_finish(&command->json);
    return ref;
}

void upstream_forget(struct upstream *upstream, uint64_t number)
{
    if (upstream != NULL)
        outbox_forget(upstream->outbox, number);
}

enum err upstream_listen(struct upstream *upstream, int worker, struct span room)
{
    bool is_wake_due;
    enum err err = feed_listen(upstream->gateway->feed, worker, room, &is_wake_due);
    if (is_wake_due)
        wake(upstream);
    return err;
}

void upstream_ignore(struct upstream *upstream, int worker, struct span room)
{
    bool is_wake_due;
    feed_ignore(upstream->gateway->feed, worker, room, &is_wake_due);
    if (is_wake_due)
        wake(upstream);
}

// ---- connecting ----

// Waits longer after each failure, by a random part, so that many gateways do not come at once.
static void plan_attempt(struct upstream *u)
{
    int64_t half = u->retry_ms / 2;
    u->attempt_due_ms =
        clock_monotonic_ms() + half + (int64_t)(hash_random() % (uint64_t)(half + 1));
    u->retry_ms = u->retry_ms * 2 < RETRY_LAST_MS ? u->retry_ms * 2 : RETRY_LAST_MS;
}

static void warn(struct upstream *u, const char *why)
{
    struct log_value path;
    log_line(&u->gateway->log, u->has_warned ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARNING,
             "event=broker_away socket=\"%s\" why=\"%s\"",
             log_value(span_of(u->gateway->config.broker_socket), &path), why);
    u->has_warned = true;
}

static void forget_subscriptions(struct upstream *u)
{
    for (size_t i = 0; i < UPSTREAM_MIDS; i++) {
        free(u->room_of_mid[i]);
        u->room_of_mid[i] = NULL;
    }
}

static void drop(struct upstream *u, const char *why)
{
    atomic_store(&u->is_connected, false);
    outbox_close(u->outbox, "the broker went away; the message was not sent",
                 "the broker went away; the message may have been kept");
    broker_close(u->broker);
    u->broker = NULL;
    memset(u->ref_of_mid, 0, sizeof u->ref_of_mid);
    u->unacked = 0;
    forget_subscriptions(u);
    feed_disconnected(u->gateway->feed);
    warn(u, why);
    plan_attempt(u);
}

static void attempt(struct upstream *u)
{
    struct gateway *g = u->gateway;
    struct credentials *credentials = gateway_credentials(g);
    enum err err =
        broker_open(g->config.broker_socket, u->client_id,
                    secret_span(&credentials->access->service_secret), &u->events, &u->broker);
    credentials_release(credentials);
    if (err == ERR_OK) {
        u->connect_until_ms = clock_monotonic_ms() + g->config.publish_timeout_ms;
        return;
    }
    warn(u, err == ERR_IO ? strerror(errno) : err_text(err));
    plan_attempt(u);
}

// ---- sending ----

// A command gets the post's number, by which its response is known.
static enum err send_command(struct upstream *u, const struct post *post, uint16_t *out_mid)
{
    struct buf json;
    buf_init(&json, post->payload.len + COMMAND_OVERHEAD);
    buf_printf(&json, "{\"commands\":[{\"correlationData\":\"%llu\",",
               (unsigned long long)post->ref);
    buf_add_span(&json, span_skip(post->payload, 1)); // without its brace
    buf_add_text(&json, "]}");
    enum err err = json.status;
    if (err == ERR_OK)
        err = broker_publish(u->broker, UPSTREAM_CONTROL_TOPIC, buf_span(&json), out_mid);
    buf_finish(&json);
    return err;
}

static void send_post(struct upstream *u, const struct post *post)
{
    uint16_t mid = 0;
    uint64_t ref = post->ref;
    bool is_done = post->qos == 0;
    struct upstream_answer answer = {.err = post->is_command
                                                ? send_command(u, post, &mid)
                                                : broker_publish_post(u->broker, post, &mid)};
    if (answer.err != ERR_OK || is_done) {
        if (answer.err == ERR_INVALID)
            (void)snprintf(answer.detail, sizeof answer.detail,
                           "a name, key or type has characters that MQTT does not carry");
        outbox_answer(u->outbox, ref, &answer);
        return;
    }
    u->ref_of_mid[mid] = ref;
    u->unacked++;
    outbox_sent(u->outbox, ref);
}

// What the broker does not take now stays in the outbox, where it is bounded and has its time:
// libmosquitto would keep and send later even what was answered as late long ago.
static bool takes_posts(const struct upstream *u)
{
    return !broker_wants_write(u->broker) && u->unacked < BROKER_SEND_MAXIMUM &&
           u->unacked < u->gateway->config.max_publishes;
}

static void send_posts(struct upstream *u)
{
    while (takes_posts(u)) {
        const struct post *post = outbox_next(u->outbox);
        if (post == NULL)
            return;
        send_post(u, post);
    }
}

// A change that cannot be sent shows in a connection that is lost soon after; everything is asked
// for again on the next one.
static enum err send_change(struct upstream *u, const char *room, bool is_subscribe)
{
    struct buf topic;
    buf_init(&topic, TOPIC_LENGTH_MAX + 1);
    topic_write_room(&u->rooms, span_of(room), &topic);
    buf_add_char(&topic, '\0');
    uint16_t mid = 0;
    enum err err = topic.status;
    if (err == ERR_OK)
        err = is_subscribe ? broker_subscribe(u->broker, topic.ptr, &mid)
                           : broker_unsubscribe(u->broker, topic.ptr);
    buf_finish(&topic);
    if (err == ERR_OK && is_subscribe) {
        free(u->room_of_mid[mid]);
        u->room_of_mid[mid] = span_dup(span_of(room));
    }
    return err;
}

static void send_changes(struct upstream *u)
{
    char room[TOPIC_ROOM_MAX + 1];
    bool is_subscribe;
    while (!broker_wants_write(u->broker) &&
           feed_next_change(u->gateway->feed, room, &is_subscribe))
        if (send_change(u, room, is_subscribe) != ERR_OK)
            log_line(&u->gateway->log, LOG_LEVEL_WARNING, "event=room_not_subscribed room=%s",
                     room);
}

static enum err send_batch(struct upstream *u, struct span json)
{
    uint16_t mid;
    return json.len > 0 ? broker_publish(u->broker, UPSTREAM_CONTROL_TOPIC, json, &mid) : ERR_OK;
}

static void send_traffic(struct upstream *u)
{
    struct span json;
    enum err err = traffic_next(&u->traffic, clock_monotonic_ms(), &json);
    if (err == ERR_OK)
        err = send_batch(u, json);
    if (err == ERR_OK)
        err = leftovers_next(&u->leftovers, clock_monotonic_ms(), &json);
    if (err == ERR_OK)
        err = send_batch(u, json);
    if (err != ERR_OK)
        log_line(&u->gateway->log, LOG_LEVEL_WARNING,
                 "event=traffic_not_sent why=\"%s; it is tried again\"", err_text(err));
}

// ---- the thread ----

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t wait_ms(struct upstream *u)
{
    int64_t now = clock_monotonic_ms();
    int64_t wait = TURN_MAX_MS;
    int64_t expiry = outbox_expire(u->outbox, now);
    if (expiry >= 0)
        wait = smaller(wait, expiry);
    if (u->broker == NULL)
        wait = smaller(wait, u->attempt_due_ms - now);
    else if (!upstream_is_connected(u))
        wait = smaller(wait, u->connect_until_ms - now);
    else {
        int64_t leftovers = leftovers_wait_ms(&u->leftovers, now);
        wait = smaller(wait, traffic_wait_ms(&u->traffic, now));
        wait = leftovers >= 0 ? smaller(wait, leftovers) : wait;
    }
    if (u->stop_until_ms != 0)
        wait = smaller(wait, u->stop_until_ms - now);
    return wait > 0 ? wait : 0;
}

static void drive(struct upstream *u, short events)
{
    bool is_broken = (events & (POLLERR | POLLHUP | POLLNVAL)) != 0;
    const char *why = NULL;
    if (broker_drive(u->broker, (events & POLLIN) || is_broken, (events & POLLOUT) || is_broken,
                     &why) != ERR_OK)
        drop(u, why);
    else if (!upstream_is_connected(u) && clock_monotonic_ms() >= u->connect_until_ms)
        drop(u, "the broker does not answer");
}

static void sleep_and_drive(struct upstream *u)
{
    struct pollfd fds[2] = {{.fd = u->wake_fd, .events = POLLIN}, {.fd = -1, .events = POLLIN}};
    if (u->broker != NULL) {
        fds[1].fd = broker_fd(u->broker);
        if (fds[1].fd < 0) {
            drive(u, POLLHUP);
            return;
        }
        if (broker_wants_write(u->broker))
            fds[1].events |= POLLOUT;
    }
    if (poll(fds, 2, (int)wait_ms(u)) < 0)
        return; // a signal; the next turn looks again
    uint64_t count;
    if (fds[0].revents != 0 && read(u->wake_fd, &count, sizeof count) < 0)
        return;
    if (u->broker != NULL)
        drive(u, fds[1].revents);
}

// True once stopping has nothing left to do or to wait for.
static bool is_done(struct upstream *u)
{
    if (!atomic_load(&u->is_stopping))
        return false;
    if (u->stop_until_ms == 0) {
        u->stop_until_ms = clock_monotonic_ms() + u->gateway->config.drain_ms;
        traffic_hurry(&u->traffic);
        return false; // the next turn takes what was counted last
    }
    return !upstream_is_connected(u) || u->traffic.batch == 0 ||
           clock_monotonic_ms() >= u->stop_until_ms;
}

static void *run(void *context)
{
    struct upstream *u = context;
    for (;;) {
        if (u->broker == NULL && clock_monotonic_ms() >= u->attempt_due_ms)
            attempt(u);
        if (u->broker != NULL && upstream_is_connected(u)) {
            send_traffic(u);
            send_changes(u);
            send_posts(u);
        }
        if (is_done(u))
            break;
        sleep_and_drive(u);
    }
    atomic_store(&u->is_connected, false);
    outbox_close(u->outbox, "the gateway is stopping; the message was not sent",
                 "the gateway is stopping; the message may have been kept");
    broker_close(u->broker);
    return NULL;
}

// ---- starting and stopping ----

static enum err init(struct upstream *u)
{
    struct gateway *g = u->gateway;
    u->retry_ms = UPSTREAM_RETRY_FIRST_MS;
    upstream_set_events(u);
    (void)snprintf(u->client_id, sizeof u->client_id, "roomwire-%016llx",
                   (unsigned long long)hash_random());
    traffic_init(&u->traffic, g->tally, g->config.publish_timeout_ms);
    leftovers_init(&u->leftovers, &g->config, g->tally_index);
    u->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (u->wake_fd < 0)
        return ERR_IO;
    enum err err = topic_rooms_init(&u->rooms, span_of(g->config.room_topic));
    if (err != ERR_OK)
        return err;
    return outbox_create((size_t)g->config.max_publishes, g->config.publish_timeout_ms, &u->outbox);
}

static void finish(struct upstream *u)
{
    forget_subscriptions(u);
    outbox_destroy(u->outbox);
    traffic_finish(&u->traffic);
    leftovers_finish(&u->leftovers);
    mark_finish(&u->mark);
    if (u->wake_fd >= 0)
        (void)close(u->wake_fd); // nothing was written that could be lost
    free(u);
    broker_library_finish();
}

enum err upstream_start(struct gateway *gateway, struct upstream **out_upstream)
{
    struct upstream *u = calloc(1, sizeof *u);
    if (u == NULL)
        return ERR_MEMORY;
    u->gateway = gateway;
    broker_library_init();
    enum err err = init(u);
    if (err == ERR_OK)
        err = thread_start(&u->thread, run, u);
    if (err != ERR_OK) {
        finish(u);
        return err;
    }
    *out_upstream = u;
    return ERR_OK;
}

void upstream_stop(struct upstream *upstream)
{
    if (upstream == NULL)
        return;
    atomic_store(&upstream->is_stopping, true);
    wake(upstream);
    (void)pthread_join(upstream->thread, NULL); // ends after drain_ms at the latest
    finish(upstream);
}
