// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "hook_event.h"

const char *hook_kind_name(enum store_hook_kind kind)
{
    return kind == STORE_HOOK_CONNECT ? "connect" : "disconnect";
}

// ---- writing ----

static void put(struct json_writer *w, const char *name, struct span text)
{
    json_key(w, name);
    if (text.len > 0 && span_is_utf8(text))
        json_put_text(w, text);
    else
        json_put_null(w);
}

static void put_context(struct json_writer *w, const struct hook_context *context)
{
    json_key(w, "context");
    json_begin_object(w);
    put(w, "method", context->origin.method);
    put(w, "path", context->origin.path);
    put(w, "source_ip", context->origin.source_ip);
    put(w, "user_agent", context->origin.user_agent);
    put(w, "request_id", context->request_id);
    put(w, "principal", context->principal);
    json_end_object(w);
}

static void begin(struct json_writer *w, struct buf *out, const char *type,
                  const struct hook_context *context)
{
    json_writer_init(w, out);
    json_begin_object(w);
    put(w, "type", span_of(type));
    put_context(w, context);
}

void hook_event_write_message(const struct message *m, const char *epoch,
                              const struct hook_context *context, struct buf *out)
{
    struct json_writer w;
    begin(&w, out, "message", context);
    json_key(&w, "message");
    message_write_json(m, epoch, &w);
    json_end_object(&w);
}

void hook_event_write_client(const struct hook_client *client, struct buf *out)
{
    char date[MESSAGE_DATE_TEXT];
    struct json_writer w;
    message_format_date(client->date_ms, date);
    begin(&w, out, hook_kind_name(client->kind), &client->context);
    put(&w, "clientId", client->client_id);
    put(&w, "date", span_of(date));
    if (client->reason.len > 0)
        put(&w, "reason", client->reason);
    json_end_object(&w);
}

// ---- reading ----

enum err hook_event_read_presence(const struct json *json, struct hook_client *out_client)
{
    struct span type = json_member_text(json, "eventType");
    bool is_connect = span_is(type, "connected");
    struct hook_client client = {
        .kind = is_connect ? STORE_HOOK_CONNECT : STORE_HOOK_DISCONNECT,
        .context = {.origin = {.method = span_of(is_connect ? "CONNECT" : "DISCONNECT"),
                               .source_ip = json_member_text(json, "ipAddress")},
                    .request_id = json_member_text(json, "sessionIdentifier"),
                    .principal = json_member_text(json, "principalIdentifier")},
        .client_id = json_member_text(json, "clientId"),
        .reason = json_member_text(json, "disconnectReason"),
        .is_relayed = span_is(json_member_text(json, "face"), "ws"),
    };
    if ((!is_connect && !span_is(type, "disconnected")) || client.client_id.len == 0 ||
        client.context.request_id.len == 0 ||
        !json_get_int(json_member(json, "timestamp"), &client.date_ms) ||
        !json_get_int(json_member(json, "versionNumber"), &client.version) || client.version < 1)
        return ERR_INVALID;
    *out_client = client;
    return ERR_OK;
}
