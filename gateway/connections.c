// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "connections.h"

#include <stdlib.h>

#include "auth.h"
#include "posting.h"
#include "upstream.h"

enum {
    PAYLOAD_MAX = 128 * 1024, // AWS's; max_payload may be less
    COMMAND_MAX = 2 * PAYLOAD_MAX + 6 * 65536
};

typedef void answer_fn(struct exchange *x, const struct json *data);

// One command on its way to the plugin and back.
struct order {
    struct exchange *x;
    struct upstream *upstream;
    uint64_t number; // upstream's
    answer_fn *answer;
};

static void refuse(struct exchange *x, enum err err)
{
    if (err == ERR_NOT_FOUND)
        exchange_refuse(x, 410, err, "no client of that id is connected");
    else if (err == ERR_TOO_LARGE)
        exchange_refuse(x, 413, err, "the message is too long for one connection");
    else
        exchange_refuse(x, 503, err, "the broker cannot be asked now");
}

static void on_answer(void *context, const struct upstream_answer *answer)
{
    struct order *order = context;
    if (answer->err == ERR_OK)
        order->answer(order->x, answer->data);
    else
        refuse(order->x, answer->err);
    free(order);
}

static void on_cancel(void *context)
{
    struct order *order = context;
    upstream_forget(order->upstream, order->number);
    free(order);
}

// Gives the command to the plugin; the exchange is answered in any case.
static void give(struct exchange *x, struct upstream_command *command, answer_fn *answer)
{
    struct worker *worker = exchange_worker(x);
    struct order *order = calloc(1, sizeof *order);
    if (order != NULL) {
        *order = (struct order){.x = x, .upstream = worker->gateway->upstream, .answer = answer};
        order->number = upstream_ask(order->upstream, worker->loop, command, on_answer, order);
    } else {
        buf_finish(&command->json);
    }
    if (order == NULL || order->number == 0) {
        free(order);
        exchange_refuse(x, 503, ERR_MEMORY, NULL);
        return;
    }
    exchange_on_cancel(x, on_cancel, order);
}

// Begins a command about the client of the request's path.
static void begin(struct exchange *x, const char *name, struct upstream_command *command)
{
    upstream_command_begin(command, name, COMMAND_MAX);
    json_field_text(&command->w, "clientId", exchange_part(x));
}

// A command that says no more than that.
static void give_plain(struct exchange *x, const char *name, answer_fn *answer)
{
    struct upstream_command command;
    begin(x, name, &command);
    give(x, &command, answer);
}

// ---- GET ----

static void put_date(struct json_writer *w, const char *name, const struct json *data,
                     const char *member)
{
    char date[MESSAGE_DATE_TEXT];
    int64_t ms = 0;
    (void)json_get_int(json_member(data, member), &ms); // an older plugin's silence is 1970
    message_format_date(ms, date);
    json_field_text(w, name, span_of(date));
}

// Copies a text of the plugin's; what is empty is left out.
static void copy_text(struct json_writer *w, const char *name, const struct json *data,
                      const char *member)
{
    struct span text = json_member_text(data, member);
    if (text.len > 0)
        json_field_text(w, name, text);
}

static void answer_connection(struct exchange *x, const struct json *data)
{
    struct buf body;
    struct json_writer w;
    int64_t version;
    buf_init(&body, 8192);
    json_writer_init(&w, &body);
    json_begin_object(&w);
    put_date(&w, "connectedAt", data, "connected_ms");
    put_date(&w, "lastActiveAt", data, "active_ms");
    json_key(&w, "identity");
    json_begin_object(&w);
    copy_text(&w, "sourceIp", data, "ip");
    copy_text(&w, "subject", data, "subject");
    copy_text(&w, "name", data, "name");
    json_end_object(&w);
    copy_text(&w, "face", data, "face");
    if (json_get_int(json_member(data, "version"), &version))
        json_field_int(&w, "versionNumber", version);
    json_end_object(&w);
    exchange_add_field(x, "Cache-Control", span_of("no-store"));
    exchange_answer(x, 200, "application/json", buf_span(&body));
    buf_finish(&body);
}

void connections_get(struct exchange *x)
{
    struct caller caller;
    if (!auth_admit_connections(x, false, &caller))
        return;
    caller_finish(&caller);
    give_plain(x, "getConnection", answer_connection);
}

// ---- POST ----

static void answer_sent(struct exchange *x, const struct json *data)
{
    (void)data; // there is none
    exchange_add_field(x, "Cache-Control", span_of("no-store"));
    exchange_answer_static(x, 200, "application/json", span_of("{\"message\":\"OK\"}"));
}

static void send_body(struct exchange *x, const struct caller *caller)
{
    struct upstream_command command;
    struct span type, payload = exchange_body(x);
    if (payload.len > PAYLOAD_MAX ||
        payload.len > (size_t)exchange_worker(x)->gateway->config.max_payload) {
        refuse(x, ERR_TOO_LARGE);
        return;
    }
    if (!posting_read_type(x, &type))
        return;
    begin(x, "postToConnection", &command);
    json_field_text(&command.w, "from", span_of(caller->token.subject));
    if (type.len > 0)
        json_field_text(&command.w, "type", type);
    json_key(&command.w, "data");
    json_put_base64(&command.w, payload);
    give(x, &command, answer_sent);
}

void connections_post(struct exchange *x)
{
    struct caller caller;
    if (!auth_admit_connections(x, true, &caller))
        return;
    if (auth_admit_change(x, &caller, (struct span){0}))
        send_body(x, &caller);
    caller_finish(&caller);
}

// ---- DELETE ----

static void answer_deleted(struct exchange *x, const struct json *data)
{
    (void)data; // there is none
    exchange_answer(x, 204, NULL, (struct span){0});
}

void connections_delete(struct exchange *x)
{
    struct caller caller;
    if (!auth_admit_connections(x, true, &caller))
        return;
    if (auth_admit_change(x, &caller, (struct span){0}))
        give_plain(x, "deleteConnection", answer_deleted);
    caller_finish(&caller);
}
