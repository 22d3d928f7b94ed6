// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include <stdio.h>
#include <stdlib.h>

#include "core/base64.h"
#include "hooks_parts.h"
#include "upstream.h"

// One answer being carried out, item by item.
struct hook_carry {
    struct hooks *hooks;
    struct hook_carry *next, **link; // in the hooks' list; link is what points here
    const struct hook_url *url;
    struct hook_answer answer;
    size_t at; // of the item under way
    char name[HOOKS_NAME_MAX + 1];
    char room[TOPIC_ROOM_MAX + 1];
    char principal[TOKEN_SUBJECT_MAX + 1];
    struct hook_refused refused; // borrowed until on_done
    hooks_carried_fn *on_done;
    void *context;
};

static void carry_free(struct hook_carry *c)
{
    *c->link = c->next;
    if (c->next != NULL)
        c->next->link = c->link;
    hook_answer_finish(&c->answer);
    free(c);
}

static void finish(struct hook_carry *c, enum err err)
{
    hooks_carried_fn *on_done = c->on_done;
    void *context = c->context;
    carry_free(c);
    if (on_done != NULL)
        on_done(context, err);
}

static void carry_on(struct hook_carry *c);

// ---- one item ----

// What cannot succeed later either is left out; for the rest the event is delivered again, and the
// keys see to it that nothing is published twice.
static bool is_final(enum err err)
{
    return err != ERR_AGAIN && err != ERR_FULL && err != ERR_MEMORY;
}

static void on_answer(void *context, const struct upstream_answer *answer)
{
    struct hook_carry *c = context;
    if (!is_final(answer->err)) {
        finish(c, ERR_AGAIN);
        return;
    }
    // Nobody to reply to, or to disconnect, is no mistake of the hook's.
    if (answer->err != ERR_OK && answer->err != ERR_NOT_FOUND)
        hooks_warn(c->hooks, LOG_LEVEL_WARNING,
                   "event=webhook_answer_refused url=%s id=%s item=%zu why=\"%s\"", c->url->name,
                   c->name, c->at,
                   *answer->detail != '\0' ? answer->detail : err_text(answer->err));
    c->at++;
    carry_on(c);
}

static uint64_t publish(struct hook_carry *c, const struct hook_item *item, struct span payload)
{
    struct hooks *hooks = c->hooks;
    char key[MESSAGE_KEY_MAX + 1];
    (void)snprintf(key, sizeof key, "hook%lld-%s-%zu", (long long)c->url->hook_id, c->name, c->at);
    struct message m = {.room = item->room.len > 0 ? item->room : span_of(c->room),
                        .from = span_of(hooks_config(hooks)->webhook_subject),
                        .type = item->type,
                        .payload = payload};
    const struct upstream_post post = {.message = &m, .face = METER_HTTP, .key = span_of(key)};
    return upstream_publish(hooks->gateway->upstream, hooks->loop, &post, on_answer, c);
}

static uint64_t ask(struct hook_carry *c, struct upstream_command *command)
{
    return upstream_ask(c->hooks->gateway->upstream, c->hooks->loop, command, on_answer, c);
}

static uint64_t reply(struct hook_carry *c, const struct hook_item *item, struct span payload)
{
    struct upstream_command command;
    upstream_command_begin(&command, "postToSubject", 2 * payload.len + 4096);
    json_field_text(&command.w, "subject", span_of(c->principal));
    json_field_text(&command.w, "from", span_of(hooks_config(c->hooks)->webhook_subject));
    if (item->type.len > 0)
        json_field_text(&command.w, "type", item->type);
    json_key(&command.w, "data");
    json_put_base64(&command.w, payload);
    return ask(c, &command);
}

static uint64_t carry_item(struct hook_carry *c, const struct hook_item *item)
{
    struct buf decoded;
    struct span payload = item->text;
    buf_init(&decoded, item->text.len);
    if (item->is_base64) {
        if (base64_decode(item->text, &decoded) != ERR_OK) { // checked before: no memory
            buf_finish(&decoded);
            return 0;
        }
        payload = buf_span(&decoded);
    }
    uint64_t number = item->is_reply ? reply(c, item, payload) : publish(c, item, payload);
    buf_finish(&decoded);
    return number;
}

static uint64_t disconnect(struct hook_carry *c)
{
    struct upstream_command command;
    upstream_command_begin(&command, "deleteConnection",
                           6 * (c->refused.client_id.len + c->refused.session.len) + 256);
    json_field_text(&command.w, "clientId", c->refused.client_id);
    json_field_text(&command.w, "session", c->refused.session);
    return ask(c, &command);
}

// ---- all of them ----

static void carry_on(struct hook_carry *c)
{
    uint64_t number = 0;
    if (c->at < c->answer.count) {
        number = carry_item(c, &c->answer.items[c->at]);
    } else if (c->at == c->answer.count && c->refused.client_id.len > 0) {
        number = disconnect(c);
    } else {
        finish(c, ERR_OK);
        return;
    }
    if (number == 0)
        finish(c, ERR_AGAIN);
}

static void copy_text(char *out, size_t size, struct span text)
{
    if (text.len < size && text.len > 0)
        memcpy(out, text.ptr, text.len); // zeroed before: the NUL is there
}

void hooks_carry(struct hooks *hooks, const struct hook_url *url,
                 const struct hook_subject *subject, struct hook_answer *answer,
                 struct hook_refused refused, hooks_carried_fn *on_done, void *context)
{
    struct hook_carry *c = calloc(1, sizeof *c);
    if (c == NULL) {
        hook_answer_finish(answer);
        if (on_done != NULL)
            on_done(context, ERR_AGAIN);
        return;
    }
    c->hooks = hooks;
    c->url = url;
    c->answer = *answer;
    c->refused = refused;
    c->on_done = on_done;
    c->context = context;
    copy_text(c->name, sizeof c->name, span_of(subject->name));
    copy_text(c->room, sizeof c->room, subject->room);
    copy_text(c->principal, sizeof c->principal, subject->principal);
    c->link = &hooks->carries;
    c->next = hooks->carries;
    if (c->next != NULL)
        c->next->link = &c->next;
    hooks->carries = c;
    carry_on(c);
}

void hooks_carries_destroy(struct hooks *hooks)
{
    for (struct hook_carry *carry = hooks->carries, *next; carry != NULL; carry = next) {
        next = carry->next;
        carry_free(carry);
    }
}
