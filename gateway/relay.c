// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "relay.h"

#include <stdlib.h>

#include "auth.h"
#include "relay_parts.h"
#include "ws_handshake.h"

// ---- ending ----

static void free_relay(struct loop_task *task)
{
    free(CONTAINER_OF(task, struct relay, burial));
}

// Gives everything back but the storage, which somebody up the stack may still look at.
static void bury(struct relay *relay)
{
    struct loop *loop = relay->list->worker->loop;
    relay->phase = RELAY_BURIED;
    loop_timer_stop(loop, &relay->timer);
    relay_opening_destroy(relay->opening);
    *relay->link = relay->next;
    if (relay->next != NULL)
        relay->next->link = relay->link;
    atomic_fetch_sub(&relay->list->worker->counters.relays, 1);
    relay->burial.run = free_relay;
    loop_defer(loop, &relay->burial);
}

static void drop_both(struct relay *relay)
{
    relay_client_drop(relay);
    relay_broker_drop(relay);
}

static void log_end(const struct relay *relay, enum ws_code code, const char *reason)
{
    if (relay->client != NULL)
        log_line(&relay->list->worker->gateway->log, LOG_LEVEL_INFO,
                 "relay: ended address=%s code=%d reason=\"%s\"", conn_address(relay->client),
                 (int)code, reason);
}

void relay_end(struct relay *relay, enum ws_code code, const char *reason)
{
    if (relay->phase == RELAY_ENDING || relay->phase == RELAY_BURIED)
        return;
    relay->phase = RELAY_ENDING;
    relay_pace_leave(relay); // nothing of the broker's goes behind the Close frame
    relay_opening_destroy(relay->opening);
    relay->opening = NULL;
    relay_client_send_close(relay, code, reason);
    if (loop_timer_start(relay->list->worker->loop, &relay->timer,
                         relay_config(relay)->write_timeout_ms) != ERR_OK)
        drop_both(relay);
}

void relay_fail(struct relay *relay, enum ws_code code, const char *reason)
{
    if (relay->phase == RELAY_ENDING || relay->phase == RELAY_BURIED)
        return;
    log_end(relay, code, reason);
    relay_end(relay, code, reason);
}

// ---- what is waited for ----

void relay_note_progress(struct relay *relay)
{
    if (relay->phase == RELAY_OPEN)
        loop_timer_stop(relay->list->worker->loop, &relay->timer); // settling starts it anew
}

// Runs while a side has something to take.
static void watch_progress(struct relay *relay)
{
    struct loop *loop = relay->list->worker->loop;
    bool has_waiting =
        relay_queue_len(&relay->to_client) > 0 || relay_queue_len(&relay->to_broker) > 0;
    if (!has_waiting)
        loop_timer_stop(loop, &relay->timer);
    else if (relay->timer.place == 0 &&
             loop_timer_start(loop, &relay->timer, relay_config(relay)->write_timeout_ms) != ERR_OK)
        drop_both(relay);
}

void relay_settle(struct relay *relay)
{
    if (relay->phase == RELAY_BURIED)
        return;
    bool is_ending = relay->phase == RELAY_ENDING;
    if (is_ending && relay_queue_len(&relay->to_client) == 0)
        relay_client_drop(relay);
    if (is_ending && (relay->broker.fd < 0 || relay_queue_len(&relay->to_broker) == 0))
        relay_broker_drop(relay);
    if (relay->phase == RELAY_OPEN)
        watch_progress(relay);
    bool reads_broker =
        !is_ending && !relay_queue_is_full(relay, &relay->to_client) && !relay_is_paced(relay);
    relay_broker_want(relay, reads_broker, relay_queue_len(&relay->to_broker) > 0);
    if (relay->client != NULL)
        conn_want(relay->client, relay_reads_client(relay), relay_queue_len(&relay->to_client) > 0);
    else if (relay->broker.fd < 0)
        bury(relay);
}

static void on_time(struct loop_timer *timer)
{
    struct relay *relay = CONTAINER_OF(timer, struct relay, timer);
    switch (relay->phase) {
    case RELAY_GATHERING:
        relay_fail(relay, WS_CODE_POLICY, "no CONNECT packet in time");
        break;
    case RELAY_ASKING:
        relay_ask_expire(relay);
        break;
    case RELAY_DIALLING:
        relay_broker_dial(relay);
        break;
    case RELAY_OPEN:
        if (relay_queue_len(&relay->to_client) == 0) {
            relay_fail(relay, WS_CODE_TRY_AGAIN_LATER, "the broker takes no bytes");
            break;
        }
        log_end(relay, WS_CODE_NONE, "the client takes no bytes");
        relay->phase = RELAY_ENDING;
        drop_both(relay);
        break;
    case RELAY_ENDING:
        drop_both(relay);
        break;
    case RELAY_BURIED:
        break;
    }
    relay_settle(relay);
}

static void on_drain(void *owner)
{
    struct relay *relay = owner;
    relay_end(relay, WS_CODE_SERVICE_RESTART, "the gateway restarts");
    relay_settle(relay);
}

// ---- the worker's part ----

enum err relay_start(struct worker *worker)
{
    struct relay_list *list = calloc(1, sizeof *list);
    if (list == NULL)
        return ERR_MEMORY;
    list->worker = worker;
    enum err err = ws_pool_create(&list->pool);
    if (err == ERR_OK)
        err = relay_pace_create(list);
    if (err != ERR_OK) {
        ws_pool_destroy(list->pool);
        free(list);
        return err;
    }
    worker->relays = list;
    return ERR_OK;
}

void relay_stop(struct worker *worker)
{
    struct relay_list *list = worker->relays;
    if (list == NULL)
        return;
    while (list->first != NULL) {
        struct relay *relay = list->first;
        drop_both(relay);
        bury(relay);
    }
    relay_pace_destroy(list);
    ws_pool_destroy(list->pool);
    free(list);
    worker->relays = NULL;
}

// ---- opening ----

// Who asks may not come from a foreign page, nor with a token that is bad. The cookie's token is
// not judged here, unless the request says whose it is: a client with a password of its own need
// not have a good one.
static int judge_caller(struct exchange *x, struct span *out_token, enum err *out_err)
{
    struct span field;
    *out_token = (struct span){NULL, 0};
    *out_err = ERR_REFUSED;
    if (!auth_origin_allowed(x))
        return 403;
    bool has_own = http_head_field(exchange_head(x), "Authorization", &field);
    if (!has_own && http_head_field(exchange_head(x), "Origin", &field) &&
        !auth_is_same_site(x, (struct span){NULL, 0}))
        return 0; // let in by "*", which lends nobody the cookie
    if (has_own || exchange_query(x, "subject", &field) != ERR_NOT_FOUND) {
        struct caller caller;
        *out_err = auth_identify(x, &caller);
        if (*out_err != ERR_OK)
            return *out_err == ERR_MEMORY ? 500 : 401;
        caller_finish(&caller);
    }
    if (!auth_raw_token(x, out_token))
        *out_token = (struct span){NULL, 0};
    return 0;
}

static void refuse(struct exchange *x, int status, enum err err, const char *reason)
{
    if (status == 426) {
        exchange_add_field(x, "Connection", span_of("Upgrade")); // RFC 9110 §7.8
        exchange_add_field(x, "Upgrade", span_of("websocket"));
        exchange_add_field(x, "Sec-WebSocket-Version", span_of("13"));
    }
    if (status == 405)
        exchange_add_field(x, "Allow", span_of("GET"));
    exchange_refuse(x, status, err, reason);
}

static struct relay *create(struct relay_list *list, struct span token)
{
    const struct config *config = &list->worker->gateway->config;
    struct relay *relay = calloc(1, sizeof *relay);
    if (relay == NULL)
        return NULL;
    relay->list = list;
    relay->broker.fd = -1;
    relay->phase = RELAY_GATHERING;
    relay->timer.on_time = on_time;
    ws_reader_init(&relay->reader, (uint32_t)config->max_packet);
    // Reading stops when a queue is full, so a read comes on top, or the first packet.
    size_t max = (size_t)config->max_relay_buffer + (size_t)4 * RELAY_READ_SIZE;
    relay_queue_init(&relay->to_client, max);
    relay_queue_init(&relay->to_broker, max + CONNECT_PACKET_MAX);
    if (relay_opening_create(list, token, &relay->opening) != ERR_OK ||
        loop_timer_start(list->worker->loop, &relay->timer, config->connect_timeout_ms) != ERR_OK) {
        relay_opening_destroy(relay->opening);
        free(relay);
        return NULL;
    }
    relay->link = &list->first;
    relay->next = list->first;
    if (relay->next != NULL)
        relay->next->link = &relay->next;
    list->first = relay;
    atomic_fetch_add(&list->worker->counters.relays, 1);
    return relay;
}

// Frames that came with the request are read at once; nothing would tell of them later.
static void take_over(struct relay *relay, struct conn *conn, struct span rest)
{
    relay->client = conn;
    conn_set_owner(conn, relay, relay_client_ready);
    conn_on_drain(conn, on_drain);
    if (rest.len > 0)
        relay_client_take(relay, rest);
    relay_settle(relay);
}

static void upgrade(struct exchange *x, const struct ws_handshake *handshake, struct span token)
{
    struct worker *worker = exchange_worker(x);
    struct relay *relay = create(worker->relays, token);
    if (relay == NULL) {
        refuse(x, 503, ERR_MEMORY, err_text(ERR_MEMORY));
        return;
    }
    relay_ask_prepare(relay, x);
    struct buf head, rest;
    buf_init(&head, 1024);
    buf_init(&rest, (size_t)worker->gateway->config.max_head + RELAY_READ_SIZE);
    ws_handshake_answer(handshake, &head);
    struct conn *conn = exchange_upgrade(x, buf_span(&head), &rest);
    if (conn != NULL)
        take_over(relay, conn, buf_span(&rest));
    else
        bury(relay);
    buf_finish(&head);
    buf_finish(&rest);
}

void relay_open(struct exchange *x)
{
    static const char *const protocols[] = {"mqtt", "mqttv3.1", NULL};
    struct ws_handshake handshake;
    const char *reason = NULL;
    struct span token;
    enum err err;
    int status = ws_handshake_check(exchange_head(x), protocols, &handshake, &reason);
    if (status != 0) {
        refuse(x, status, ERR_INVALID, reason);
        return;
    }
    status = judge_caller(x, &token, &err);
    if (status != 0) {
        refuse(x, status, err, status == 403 ? "the page's origin is not allowed" : err_text(err));
        return;
    }
    upgrade(x, &handshake, token);
}
