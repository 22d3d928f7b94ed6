// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "keep.h"

#include "core/clock.h"
#include "core/origin.h"
#include "core/record.h"

enum { STRICT_WAIT_MS = 5000 };

static enum err fail(enum err err, const char *why, const char **out_why)
{
    *out_why = why;
    return err;
}

static enum err check(const struct plugin *p, const struct keep_post *post, const char **out_why)
{
    if (post->payload.len > (size_t)p->config.max_payload)
        return fail(ERR_TOO_LARGE, "the payload is longer than max_payload", out_why);
    if (post->type.len > MESSAGE_TYPE_MAX)
        return fail(ERR_TOO_LARGE, "the content type is too long", out_why);
    if (post->key.len > MESSAGE_KEY_MAX)
        return fail(ERR_TOO_LARGE, "the idempotency key is too long", out_why);
    return ERR_OK;
}

// Why the writer cannot store just now, if that is so.
static enum err check_writer(const struct plugin *p, const char **out_why)
{
    enum err err = writer_trouble(p->writer);
    if (err == ERR_OK)
        return ERR_OK;
    return fail(ERR_FULL, err == ERR_FULL ? "the disk is full" : "the database cannot be written",
                out_why);
}

static enum err append(struct plugin *p, const struct record_message *record, uint64_t *out_number,
                       const char **out_why)
{
    struct record_parts parts;
    enum err err = record_encode_message(record, &parts);
    if (err != ERR_OK)
        return fail(ERR_INVALID, "a text is too long", out_why);
    err = spool_append(p->spool, parts.parts, parts.count, out_number);
    if (err == ERR_TOO_LARGE)
        return fail(err, "the message is longer than the spool takes", out_why);
    if (err != ERR_OK)
        return fail(ERR_FULL, "the spool is full", out_why);
    return ERR_OK;
}

// The log cannot take messages: one line when that begins and one when it is over, not one for
// each.
static enum err note_room(struct plugin *p, enum err err, const char *why)
{
    bool is_full = err == ERR_FULL;
    if (is_full && !p->is_full)
        log_line(&p->log, LOG_LEVEL_ERROR, "refusing new messages: %s", why);
    if (err == ERR_OK && p->is_full)
        log_line(&p->log, LOG_LEVEL_WARNING, "accepting new messages again");
    if (is_full || err == ERR_OK)
        p->is_full = is_full;
    return err;
}

// Only now does the message exist: everybody may hear of it.
static void remember(struct plugin *p, struct room *room, const struct keep_post *post,
                     const struct keys_first *first)
{
    watermark_accept(p->watermark, post->room, first->id);
    p->last_id = first->id;
    room->last_id = first->id;
    struct keys_name name = {post->room, post->from, post->key};
    if (post->key.len > 0 && keys_add(p->keys, &name, first) != ERR_OK)
        log_line(&p->log, LOG_LEVEL_WARNING, "forgot idempotency key: out of memory");
}

// Where acknowledged means power-safe, waits for record `number` to be that.
static enum err await_safety(struct plugin *p, uint64_t number, const char **out_why)
{
    if (p->config.durability != CONFIG_DURABILITY_STRICT ||
        writer_wait(p->writer, number, STRICT_WAIT_MS) == ERR_OK)
        return ERR_OK;
    return fail(ERR_AGAIN, "the message is not power-safe yet", out_why);
}

static enum err keep_new(struct plugin *p, const struct keep_post *post, struct keys_first *first,
                         const char **out_why)
{
    struct room *room = NULL;
    enum err err = check_writer(p, out_why);
    if (err != ERR_OK)
        return note_room(p, err, *out_why);
    if (post->known != NULL)
        room = post->known;
    else
        err = rooms_get(p->rooms, post->room, &room);
    if (err != ERR_OK)
        return fail(err, err == ERR_TOO_MANY ? "there are max_rooms rooms" : err_text(err),
                    out_why);
    *first = (struct keys_first){p->last_id + 1, room->last_id, p->now_ms, post->connection};
    struct record_message record = {.message = {.id = first->id,
                                                .prev = first->prev,
                                                .date_ms = first->date_ms,
                                                .room = post->room,
                                                .from = post->from,
                                                .name = post->name,
                                                .type = post->type,
                                                .payload = post->payload},
                                    .key = post->key,
                                    .origin = post->origin,
                                    .face = post->face};
    uint64_t number = 0;
    err = append(p, &record, &number, out_why);
    err = note_room(p, err, *out_why);
    if (err != ERR_OK)
        return err;
    remember(p, room, post, first);
    writer_wake(p->writer);
    return await_safety(p, number, out_why);
}

void keep_write_origin(const struct plugin *p, const struct session *session, struct buf *out)
{
    if (*p->config.webhook_message == '\0')
        return;
    struct origin origin = {.source_ip = presence_ip(session),
                            .user_agent = span_of(session->user_agent)};
    origin_write(&origin, out);
}

enum err keep_message(struct plugin *p, const struct keep_post *post,
                      struct keep_result *out_result, const char **out_why)
{
    p->now_ms = clock_real_ms();
    enum err err = check(p, post, out_why);
    if (err != ERR_OK)
        return err;
    struct keep_result result = {0};
    struct keys_name name = {post->room, post->from, post->key};
    result.is_duplicate = post->key.len > 0 && keys_find(p->keys, &name, p->now_ms, &result.first);
    if (!result.is_duplicate)
        err = keep_new(p, post, &result.first, out_why);
    else // the first one may have been refused for want of this
        err = await_safety(p, spool_last(p->spool), out_why);
    if (err == ERR_OK)
        *out_result = result;
    return err;
}
