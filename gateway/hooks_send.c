// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include <stdio.h>
#include <stdlib.h>

#include "hook_sign.h"
#include "hooks_parts.h"

enum {
    BODY_MAX = 6 * 16 * 1024 * 1024 + 65536, // of the longest payload that there may be, escaped
    PAGE = 100
};

// One event on its way. The body is not kept for the next attempt: it is read again.
struct hook_delivery {
    struct hook_lane *lane;
    struct hook_subject subject;
    char principal[TOKEN_SUBJECT_MAX + 1];
    char session[HOOKS_NAME_MAX + 1]; // of a client's event: the broker's name of the connection
    int64_t id;                       // of the message, or of the row with the client's event
    int64_t date_ms;
    bool is_connect;
    unsigned logs; // as of the hooks, when it was read
    struct http_call *call;
    struct buf body; // until it is sent
};

static struct hook_delivery *delivery_create(struct hook_lane *lane)
{
    struct hook_delivery *d = calloc(1, sizeof *d);
    if (d == NULL)
        return NULL;
    d->lane = lane;
    d->logs = lane->hooks->logs;
    d->subject.room = lane->is_room ? hooks_lane_key(lane) : (struct span){0};
    buf_init(&d->body, BODY_MAX);
    return d;
}

void hooks_delivery_destroy(struct hook_delivery *delivery)
{
    if (delivery == NULL)
        return;
    buf_finish(&delivery->body);
    free(delivery);
}

static void set_principal(struct hook_delivery *d, struct span principal)
{
    if (principal.len > TOKEN_SUBJECT_MAX)
        principal.len = 0; // no subject of ours
    if (principal.len > 0)
        memcpy(d->principal, principal.ptr, principal.len);
    d->subject.principal = span_make(d->principal, principal.len);
}

// ---- what comes next ----

struct reading {
    struct hook_delivery *d;
    struct store *store;
};

// What the publisher's request was. A client of MQTT made none: there it is the PUBLISH.
static void write_message(struct reading *r, const struct message *m, struct hook_context *context)
{
    struct hook_delivery *d = r->d;
    struct buf origin, topic;
    struct json *root = NULL;
    buf_init(&origin, ORIGIN_MAX);
    buf_init(&topic, TOPIC_LENGTH_MAX);
    // Without it, or without memory for it, the event is told all the same.
    if (store_read_origin(r->store, m->id, &origin) == ERR_OK)
        (void)!origin_read(buf_span(&origin), &root, &context->origin);
    if (context->origin.method.len == 0) {
        topic_write_room(&d->lane->hooks->rooms, m->room, &topic);
        context->origin.method = span_of("PUBLISH");
        context->origin.path = buf_span(&topic);
    }
    hook_event_write_message(m, store_epoch(r->store), context, &d->body);
    json_destroy(root);
    buf_finish(&topic);
    buf_finish(&origin);
}

static void take_message(struct reading *r, const struct message *m)
{
    struct hook_delivery *d = r->d;
    (void)snprintf(d->subject.name, sizeof d->subject.name, "%s-%lld", store_epoch(r->store),
                   (long long)m->id);
    set_principal(d, m->from);
    d->id = m->id;
    d->date_ms = m->date_ms;
    struct hook_context context = {.request_id = span_of(d->subject.name), .principal = m->from};
    write_message(r, m, &context);
}

// The first message that no hook has published itself, or hooks would answer each other for ever.
static bool each_message(void *context, const struct message *m)
{
    struct reading *r = context;
    struct hook_lane *lane = r->d->lane;
    struct hooks *hooks = lane->hooks;
    struct log_value room;
    if (m->prev > lane->position)
        hooks_warn(hooks, LOG_LEVEL_WARNING,
                   "event=webhook_missed url=%s room=%s why=\"retention was faster\"",
                   lane->url->name, log_value(m->room, &room));
    if (span_is(m->from, hooks_config(hooks)->webhook_subject)) {
        lane->position = m->id;
        lane->is_noted = false;
        return true;
    }
    take_message(r, m);
    return false;
}

// Where it cannot be noted, that is tried again with the next one, and before the lane ends.
static enum err keep_position(struct hook_lane *lane)
{
    struct hooks *hooks = lane->hooks;
    enum err err = store_hooks_set_position(hooks->store, lane->url->hook_id, hooks_lane_key(lane),
                                            lane->position);
    lane->is_noted = err == ERR_OK;
    if (err != ERR_OK)
        hooks_warn(hooks, LOG_LEVEL_WARNING, "event=webhook_not_noted url=%s why=\"%s\"",
                   lane->url->name, err_text(err));
    return err;
}

static enum err read_message(struct hook_delivery *d)
{
    struct hook_lane *lane = d->lane;
    struct store *store = log_reader_get(&lane->hooks->log);
    if (store == NULL)
        return ERR_AGAIN;
    struct reading reading = {d, store};
    bool has_more = true;
    enum err err = ERR_OK;
    while (err == ERR_OK && has_more && d->id == 0) {
        struct store_page page = {
            .room = hooks_lane_key(lane), .after = lane->position, .limit = PAGE};
        err = store_read_page(store, &page, each_message, &reading, &has_more);
    }
    enum err noted = lane->is_noted ? ERR_OK : keep_position(lane);
    if (err == ERR_OK && d->id == 0)
        err = noted == ERR_OK ? ERR_NOT_FOUND : noted;
    return err == ERR_OK ? d->body.status : err;
}

static void set_client(struct hook_delivery *d, const struct json *context)
{
    const char *session = json_text(json_member(context, "request_id"));
    set_principal(d, json_member_text(context, "principal"));
    (void)snprintf(d->session, sizeof d->session, "%s", session != NULL ? session : "");
}

static void each_event(void *context, const struct store_hook_event *event)
{
    struct hook_delivery *d = context;
    struct json *root = NULL;
    (void)snprintf(d->subject.name, sizeof d->subject.name, "%.*s", (int)event->name.len,
                   event->name.ptr);
    d->id = event->event_id;
    d->date_ms = event->date_ms;
    d->is_connect = event->kind == STORE_HOOK_CONNECT;
    buf_add_span(&d->body, event->json);
    // Of our own making: it only cannot be read for want of memory, and then it is told later.
    enum err err = json_parse(event->json, &root);
    if (err == ERR_OK)
        set_client(d, json_member(root, "context"));
    else
        d->body.status = err;
    json_destroy(root);
}

static enum err read_event(struct hook_delivery *d)
{
    struct hook_lane *lane = d->lane;
    enum err err = store_hooks_first_event(lane->hooks->store, lane->url->hook_id,
                                           hooks_lane_key(lane), each_event, d);
    return err == ERR_OK ? d->body.status : err;
}

// ---- what came of it ----

static void say(const struct hook_delivery *d, enum log_level level, const char *event, int status,
                const char *why)
{
    struct log_value about;
    const struct hook_lane *lane = d->lane;
    hooks_warn(lane->hooks, level, "event=%s url=%s %s=%s id=%s status=%d why=\"%s\" attempt=%u",
               event, lane->url->name, lane->is_room ? "room" : "client",
               log_value(hooks_lane_key(lane), &about), d->subject.name, status, why,
               lane->failures + 1);
}

// Takes the event out of what is to be told. False if it would come again at once.
static bool settle(struct hook_delivery *d)
{
    struct hook_lane *lane = d->lane;
    struct hooks *hooks = lane->hooks;
    if (lane->is_room) {
        if (d->logs == hooks->logs)
            lane->position = d->id;
        (void)!keep_position(lane);
        return true;
    }
    enum err err = store_hooks_remove_event(hooks->store, d->id);
    if (err == ERR_OK)
        hooks->events--;
    else
        say(d, LOG_LEVEL_WARNING, "webhook_not_noted", 0, err_text(err));
    return err == ERR_OK;
}

static void end(struct hook_delivery *d, bool is_fine)
{
    struct hook_lane *lane = d->lane;
    lane->delivery = NULL;
    hooks_delivery_destroy(d);
    if (is_fine)
        hooks_lane_go_on(lane);
    else
        hooks_lane_retry(lane);
}

static void fail(struct hook_delivery *d, int status, const char *why)
{
    const struct hooks *hooks = d->lane->hooks;
    int64_t age_ms = loop_date_ms(hooks->loop) - d->date_ms;
    if (age_ms > hooks_config(hooks)->webhook_give_up_s * 1000) {
        say(d, LOG_LEVEL_WARNING, "webhook_given_up", status, why);
        (void)settle(d); // what could not be taken out is given up again
    } else {
        say(d, d->lane->failures == 0 ? LOG_LEVEL_WARNING : LOG_LEVEL_DEBUG, "webhook_failed",
            status, why);
    }
    end(d, false);
}

static void succeed(struct hook_delivery *d)
{
    if (d->lane->failures > 0)
        say(d, LOG_LEVEL_INFO, "webhook_recovered", 0, "");
    end(d, settle(d));
}

static void on_carried(void *context, enum err err)
{
    struct hook_delivery *d = context;
    if (err == ERR_OK)
        succeed(d);
    else
        fail(d, 0, "the broker does not take what it answered");
}

static void on_answer(void *context, const struct http_answer *answer)
{
    struct hook_delivery *d = context;
    struct hook_lane *lane = d->lane;
    struct hook_answer parsed;
    struct hook_refused refused = {0};
    enum hook_outcome outcome = HOOK_FAILED;
    d->call = NULL;
    if (answer->err == ERR_OK)
        outcome = hook_answer_judge(answer->status, answer->type, answer->body, d->is_connect,
                                    lane->is_room, &parsed);
    switch (outcome) {
    case HOOK_FAILED:
        fail(d, answer->status, answer->err == ERR_OK ? "not accepted" : answer->why);
        break;
    case HOOK_GONE:
        say(d, LOG_LEVEL_WARNING, "webhook_dropped", answer->status, "not wanted any more");
        end(d, settle(d));
        break;
    case HOOK_DELIVERED:
    case HOOK_REFUSED:
        if (outcome == HOOK_REFUSED)
            refused = (struct hook_refused){hooks_lane_key(lane), span_of(d->session)};
        hooks_carry(lane->hooks, lane->url, &d->subject, &parsed, refused, on_carried, d);
        break;
    }
}

// ---- sending ----

enum err hooks_send(struct hooks *hooks, const struct hook_url *url, const char *name,
                    struct span body, http_answer_fn *on_answered, void *context,
                    struct http_call **out_call)
{
    char id[HOOKS_NAME_MAX + 16], timestamp[48];
    int64_t now_s = loop_date_ms(hooks->loop) / 1000;
    struct buf signature;
    (void)snprintf(id, sizeof id, "webhook-id: %s", name);
    (void)snprintf(timestamp, sizeof timestamp, "webhook-timestamp: %lld", (long long)now_s);
    buf_init(&signature, 128);
    buf_add_text(&signature, "webhook-signature: ");
    enum err err = hook_sign(secret_span(&hooks->secret), span_of(name), now_s, body, &signature);
    buf_add_char(&signature, '\0');
    const char *const headers[] = {
        "Content-Type: application/json", "Expect:", id, timestamp, signature.ptr, NULL};
    const struct http_request request = {
        .url = url->url,
        .body = body,
        .headers = headers,
        .timeout_ms = hooks_config(hooks)->webhook_timeout_ms,
        .max_answer = (size_t)hooks_config(hooks)->webhook_max_answer,
    };
    if (err == ERR_OK)
        err = http_client_post(hooks->client, &request, on_answered, context, out_call);
    buf_finish(&signature);
    return err;
}

enum err hooks_send_next(struct hook_lane *lane)
{
    struct hook_delivery *d = delivery_create(lane);
    if (d == NULL)
        return ERR_MEMORY;
    enum err err = lane->is_room ? read_message(d) : read_event(d);
    if (err == ERR_OK)
        err = hooks_send(lane->hooks, lane->url, d->subject.name, buf_span(&d->body), on_answer, d,
                         &d->call);
    buf_finish(&d->body);
    if (err != ERR_OK) {
        hooks_delivery_destroy(d);
        return err;
    }
    lane->delivery = d;
    return ERR_OK;
}

void hooks_name_of_client(const struct hook_client *client, char out_name[HOOKS_NAME_MAX + 1])
{
    struct span id = client->context.request_id;
    (void)snprintf(out_name, HOOKS_NAME_MAX + 1, "%.*s-%s", (int)id.len, id.ptr,
                   hook_kind_name(client->kind));
}
