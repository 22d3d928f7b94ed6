// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "health.h"

#include "core/json.h"
#include "exchange.h"
#include "upstream.h"

static void answer(struct exchange *x, int status, const struct buf *body)
{
    exchange_add_field(x, "Cache-Control", span_of("no-store"));
    exchange_answer(x, status, "application/json", buf_span(body));
}

void health_live(struct exchange *x)
{
    exchange_add_field(x, "Cache-Control", span_of("no-store"));
    exchange_answer_static(x, 200, "application/json", span_of("{\"status\":\"ok\"}\n"));
}

void health_ready(struct exchange *x)
{
    struct worker *worker = exchange_worker(x);
    const struct gateway *gateway = worker->gateway;
    bool has_broker = gateway->upstream != NULL && upstream_is_connected(gateway->upstream);
    struct store *store = worker_store(worker);
    int64_t last_id;
    bool has_database = store != NULL && store_last_id(store, &last_id) == ERR_OK;
    bool is_ready = has_broker && has_database && !gateway->is_draining;

    char bytes[256];
    struct buf body = {.ptr = bytes, .cap = sizeof bytes, .max = sizeof bytes};
    struct json_writer w;
    json_writer_init(&w, &body);
    json_begin_object(&w);
    json_field_text(&w, "status", span_of(is_ready ? "ok" : "unavailable"));
    json_field_bool(&w, "broker", has_broker);
    json_field_bool(&w, "database", has_database);
    json_field_bool(&w, "draining", gateway->is_draining);
    json_end_object(&w);
    buf_add_char(&body, '\n');
    if (!is_ready)
        exchange_add_field(x, "Retry-After", span_of("2"));
    answer(x, is_ready ? 200 : 503, &body);
}
