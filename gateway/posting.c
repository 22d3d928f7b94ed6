// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "posting.h"

#include <stdlib.h>

#include "core/origin.h"
#include "history.h"
#include "input.h"

// Owns what it was given until the exchange is answered or cancelled.
struct posting {
    struct exchange *x;
    struct worker *worker;
    struct caller caller;
    struct submission submission;
    struct message message; // borrows from the exchange and from the above
    bool is_kept;
    uint64_t ref; // of the upstream's post; 0 once it is answered
    struct history_wait *wait;
    bool is_duplicate;
    char epoch[MESSAGE_EPOCH_MAX + 1];
    posting_done_fn *done;
};

static void posting_finish(struct posting *p)
{
    caller_finish(&p->caller);
    submission_finish(&p->submission);
    free(p);
}

static void on_cancel(void *context)
{
    struct posting *p = context;
    if (p->ref != 0)
        upstream_forget(p->worker->gateway->upstream, p->ref);
    if (p->wait != NULL)
        history_forget(p->wait);
    posting_finish(p);
}

int posting_status(enum err err)
{
    static const struct {
        enum err err;
        int status;
    } table[] = {{ERR_INVALID, 422}, {ERR_UNSUPPORTED, 422}, {ERR_TOO_LARGE, 413},
                 {ERR_DENIED, 403},  {ERR_FULL, 507},        {ERR_TOO_MANY, 507}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].err == err)
            return table[i].status;
    return 503;
}

// ---- the message is kept ----

// Hands the stamped message on.
static void finish_with(struct posting *p, const struct message *m, const char *epoch, bool is_gone)
{
    struct posting_outcome outcome = {.x = p->x,
                                      .message = m,
                                      .epoch = epoch,
                                      .is_kept = p->is_kept,
                                      .is_duplicate = p->is_duplicate,
                                      .is_gone = is_gone};
    p->done(&outcome);
}

// The stamp's own, which is known also while the database cannot be read.
static const char *epoch_of(const struct posting *p, const struct store *store)
{
    if (p->epoch[0] != '\0')
        return p->epoch;
    return store != NULL ? store_epoch(store) : "";
}

struct lookup {
    struct posting *p;
    const char *epoch;
    bool is_found;
};

static bool take_first(void *context, const struct message *m)
{
    struct lookup *lookup = context;
    if (m->id != lookup->p->message.id)
        return false;
    lookup->is_found = true;
    finish_with(lookup->p, m, lookup->epoch, false);
    return false;
}

// The first message with the same key, which may differ from what was posted now.
static void finish_with_first(struct posting *p, struct store *store)
{
    struct lookup lookup = {p, epoch_of(p, store), false};
    struct store_page page = {.room = p->message.room, .after = p->message.id - 1, .limit = 1};
    bool has_more;
    enum err err = ERR_AGAIN;
    if (store != NULL)
        err = store_read_page(store, &page, take_first, &lookup, &has_more);
    if (err != ERR_OK)
        log_line(&p->worker->gateway->log, LOG_LEVEL_WARNING,
                 "event=first_message_unreadable why=\"%s\"", err_text(err));
    if (!lookup.is_found)
        finish_with(p, &p->message, lookup.epoch, true);
}

static void on_committed(void *context, bool is_complete)
{
    (void)is_complete; // what the plugin has accepted survives in any case
    struct posting *p = context;
    struct store *store = worker_store(p->worker);
    if (p->is_duplicate)
        finish_with_first(p, store);
    else
        finish_with(p, &p->message, epoch_of(p, store), false);
    posting_finish(p);
}

// ---- the broker has answered ----

static void on_answer(void *context, const struct upstream_answer *answer)
{
    struct posting *p = context;
    p->ref = 0;
    if (answer->err != ERR_OK) {
        exchange_refuse(p->x, posting_status(answer->err), answer->err,
                        *answer->detail != '\0' ? answer->detail : NULL);
        posting_finish(p);
        return;
    }
    if (!p->is_kept) {
        finish_with(p, &p->message, "", false);
        posting_finish(p);
        return;
    }
    p->message.id = answer->id;
    p->message.prev = answer->prev;
    p->message.date_ms = answer->date_ms;
    memcpy(p->epoch, answer->epoch, sizeof p->epoch);
    p->is_duplicate = answer->is_duplicate;
    // on_committed may run, and p be gone, before this returns.
    struct history_wait *wait =
        history_await(p->worker, p->message.room, answer->id, on_committed, p);
    if (wait != NULL)
        p->wait = wait;
}

// ---- starting ----

bool posting_read_key(struct exchange *x, struct submission *submission)
{
    struct span field;
    if (!http_head_field(exchange_head(x), "Idempotency-Key", &field))
        return true;
    struct span key = input_unquote(field);
    bool is_clean = input_is_clean(key, MESSAGE_KEY_MAX);
    if (is_clean && (submission->key.len == 0 || span_equal(submission->key, key))) {
        submission->key = key;
        return true;
    }
    exchange_refuse(x, 400, ERR_INVALID,
                    is_clean ? "Idempotency-Key and the body's key differ"
                             : "Idempotency-Key has to be 1 to 128 bytes of UTF-8");
    return false;
}

bool posting_read_type(struct exchange *x, struct span *out_type)
{
    *out_type = (struct span){0};
    struct span type;
    if (!http_head_field(exchange_head(x), "Content-Type", &type) || type.len == 0 ||
        input_is_media_type(type, "application/x-www-form-urlencoded"))
        return true;
    if (!input_is_content_type(type)) {
        exchange_refuse(x, 400, ERR_INVALID, "Content-Type has more than 128 characters");
        return false;
    }
    *out_type = type;
    return true;
}

// Who is shown as the sender: the caller, or with the claim act_as whom the caller names.
static void choose_sender(struct posting *p)
{
    const struct token *token = &p->caller.token;
    p->message.from = span_of(token->subject);
    p->message.name = span_of(token->name);
    if (token->claims.may_act_as && p->submission.from.len > 0) {
        p->message.from = p->submission.from;
        p->message.name = (struct span){0};
    }
}

static uint64_t publish(struct posting *p, const struct upstream_topic *topic, enum meter_face face)
{
    struct upstream *upstream = p->worker->gateway->upstream;
    struct buf origin;
    buf_init(&origin, ORIGIN_MAX);
    exchange_write_origin(p->x, &origin);
    const struct upstream_post post = {.message = &p->message,
                                       .face = face,
                                       .key = p->submission.key,
                                       .origin = buf_span(&origin)};
    uint64_t ref = topic != NULL ? upstream_publish_topic(upstream, p->worker->loop, topic, &post,
                                                          on_answer, p)
                                 : upstream_publish(upstream, p->worker->loop, &post, on_answer, p);
    buf_finish(&origin);
    return ref;
}

void posting_start(struct exchange *x, struct caller *caller, struct submission *submission,
                   struct span room, const struct upstream_topic *topic, enum meter_face face,
                   posting_done_fn *done)
{
    struct posting *p = calloc(1, sizeof *p);
    if (p == NULL) {
        caller_finish(caller);
        submission_finish(submission);
        exchange_refuse(x, 503, ERR_MEMORY, NULL);
        return;
    }
    p->x = x;
    p->worker = exchange_worker(x);
    p->caller = *caller;
    p->submission = *submission;
    p->is_kept = room.len > 0;
    p->done = done;
    p->message = (struct message){
        .room = room, .type = p->submission.type, .payload = p->submission.payload};
    choose_sender(p);
    exchange_on_cancel(x, on_cancel, p);
    p->ref = publish(p, topic, face);
    if (p->ref == 0) {
        exchange_refuse(x, 503, ERR_MEMORY, NULL);
        posting_finish(p);
    }
}
