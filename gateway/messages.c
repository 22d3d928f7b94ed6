// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "messages.h"

#include <stdlib.h>

#include "accept.h"
#include "auth.h"
#include "events.h"
#include "history.h"
#include "input.h"
#include "poll.h"
#include "posting.h"
#include "readers.h"

enum { LOCATION_MAX = 160 };

// The room of the request's path; false if it is none, and then the exchange is answered.
static bool read_room(struct exchange *x, struct span *out_room)
{
    *out_room = exchange_part(x);
    if (topic_is_room(*out_room))
        return true;
    exchange_refuse(x, 400, ERR_INVALID, TOPIC_ROOM_RULE);
    return false;
}

// The room of the addresses that name none; false if there are no such addresses.
static bool read_default_room(struct exchange *x, struct span *out_room)
{
    *out_room = span_of(exchange_worker(x)->gateway->config.default_room);
    if (out_room->len > 0)
        return true;
    exchange_refuse(x, 404, ERR_NOT_FOUND, "There is no default_room here.");
    return false;
}

// ---- reading ----

struct reading {
    struct exchange *x;
    struct caller caller;
    struct store_page page; // its room borrows from the exchange
    struct history_wait *wait;
    struct poll *poll;
    int64_t poll_ms; // how long to wait for a first message; 0: not at all, or no longer
    enum meter_face face;
    bool is_short; // {"m","n","t"} of each message
};

static void reading_finish(struct reading *r)
{
    caller_finish(&r->caller);
    free(r);
}

static void on_read_cancel(void *context)
{
    struct reading *r = context;
    if (r->wait != NULL)
        history_forget(r->wait);
    if (r->poll != NULL)
        poll_forget(r->poll);
    reading_finish(r);
}

static void answer_page(struct reading *r, struct span json, const struct history_facts *facts)
{
    struct exchange *x = r->x;
    char etag[HISTORY_ETAG_TEXT];
    history_etag(facts, etag);
    exchange_add_field(x, "ETag", span_of(etag));
    exchange_add_field(x, "Cache-Control", span_of("private, no-cache"));
    exchange_add_field(x, "Vary", span_of("Authorization, Cookie, Accept"));
    if (accept_knows(exchange_head(x), span_of(etag))) {
        exchange_answer(x, 304, NULL, (struct span){0});
        return;
    }
    if (!span_is(exchange_head(x)->method, "HEAD"))
        history_meter(exchange_worker(x), r->page.room, span_of(r->caller.token.subject), r->face,
                      &facts->count);
    exchange_answer(x, 200, "application/json", json);
}

static void await_readable(struct reading *r);

static void on_polled(void *context)
{
    struct reading *r = context;
    r->poll = NULL;
    r->poll_ms = 0;
    exchange_on_drain(r->x, NULL, NULL);
    // Judged anew: meanwhile the token may have expired, or the keys have changed.
    caller_finish(&r->caller);
    if (auth_admit(r->x, RIGHTS_SUBSCRIBE, r->page.room, &r->caller))
        await_readable(r);
    else
        free(r);
}

// The client asks again, and comes to whoever serves then.
static void on_poll_drain(void *context)
{
    struct reading *r = context;
    poll_forget(r->poll);
    on_polled(r);
}

static void refuse_reading(const struct reading *r, enum err err)
{
    bool passes = err == ERR_AGAIN || err == ERR_FULL || err == ERR_MEMORY;
    exchange_refuse(r->x, passes ? 503 : 500, err, "the history cannot be read now");
}

static void on_readable(void *context, bool is_complete)
{
    (void)is_complete; // the time ran out or the broker is away: what there is, is right so far
    struct reading *r = context;
    struct span json;
    struct history_facts facts;
    r->wait = NULL;
    struct worker *worker = exchange_worker(r->x);
    enum err err = r->is_short ? history_short_json(worker, &r->page, &json, &facts)
                               : history_json(worker, &r->page, &json, &facts);
    bool may_wait = r->poll_ms > 0 && !atomic_load(&worker->gateway->is_draining);
    if (err == ERR_OK && facts.count.messages == 0 && may_wait) {
        err = poll_start(worker, &r->caller.token, r->page.room, r->page.after, r->poll_ms,
                         on_polled, r, &r->poll);
        if (err == ERR_OK) {
            exchange_on_drain(r->x, on_poll_drain, r);
            return;
        }
    }
    if (err == ERR_OK)
        answer_page(r, json, &facts);
    else
        refuse_reading(r, err);
    reading_finish(r);
}

static void await_readable(struct reading *r)
{
    // on_readable may run, and r be gone, before this returns.
    struct history_wait *wait =
        history_await(exchange_worker(r->x), r->page.room, 0, on_readable, r);
    if (wait != NULL)
        r->wait = wait;
}

// How long a long-poll waits, in milliseconds; a longer wish than the configured one is cut.
static enum err read_wait(const struct exchange *x, struct span wait, int64_t *out_ms)
{
    int64_t max_s = exchange_worker(x)->gateway->config.max_wait_s;
    unsigned long long wait_s = 0;
    if (wait.len > 0 && !span_to_uint(wait, INT32_MAX, &wait_s))
        return ERR_INVALID;
    *out_ms = ((int64_t)wait_s < max_s ? (int64_t)wait_s : max_s) * 1000;
    return ERR_OK;
}

// The parameters, or a refusal.
static bool read_parameters(struct exchange *x, struct store_page *page, int64_t *out_poll_ms)
{
    static const char *const names[] = {"before", "after", "limit", "wait"};
    enum { NAMES = sizeof names / sizeof names[0] };
    struct span values[NAMES] = {{0}};
    const char *why = "before, after, limit and wait may be given once each";
    for (size_t i = 0; exchange_head(x)->query.len > 0 && i < NAMES; i++) {
        if (exchange_query(x, names[i], &values[i]) == ERR_INVALID) {
            exchange_refuse(x, 400, ERR_INVALID, why);
            return false;
        }
    }
    if (input_page(values[0], values[1], values[2], page, &why) == ERR_OK) {
        why = "wait is a whole number of seconds and goes with after";
        if (read_wait(x, values[3], out_poll_ms) == ERR_OK &&
            (*out_poll_ms == 0 || page->after >= 0))
            return true;
    }
    exchange_refuse(x, 400, ERR_INVALID, why);
    return false;
}

static void read_messages(struct exchange *x, struct span room, bool is_short)
{
    struct store_page page;
    if (events_are_wanted(x)) {
        events_open(x, room);
        return;
    }
    int64_t poll_ms;
    if (!read_parameters(x, &page, &poll_ms))
        return;
    page.room = room;
    if (is_short && !input_has_parameter(exchange_head(x)->query, "limit"))
        page.limit = STORE_PAGE_MAX; // its clients know no pages
    struct reading *r = calloc(1, sizeof *r);
    if (r == NULL) {
        exchange_refuse(x, 503, ERR_MEMORY, NULL);
        return;
    }
    if (!auth_admit(x, RIGHTS_SUBSCRIBE, room, &r->caller)) {
        free(r);
        return;
    }
    r->x = x;
    r->is_short = is_short;
    r->page = page;
    r->poll_ms = poll_ms;
    r->face = poll_ms > 0 ? METER_POLL : METER_HTTP;
    if (poll_ms > 0)
        readers_note(exchange_worker(x)->gateway->readers, room, &r->caller.token, METER_POLL,
                     loop_date_ms(exchange_worker(x)->loop));
    exchange_on_cancel(x, on_read_cancel, r);
    await_readable(r);
}

void messages_read(struct exchange *x)
{
    struct span room;
    if (read_room(x, &room))
        read_messages(x, room, false);
}

void messages_read_short(struct exchange *x)
{
    struct span room;
    if (read_default_room(x, &room))
        read_messages(x, room, true);
}

// ---- posting ----

static void answer_gone(struct exchange *x, const struct message *m)
{
    struct buf body;
    buf_init(&body, 512);
    struct json_writer w;
    json_writer_init(&w, &body);
    json_begin_object(&w);
    json_field_int(&w, "id", m->id);
    json_field_text(&w, "room", m->room);
    json_end_object(&w);
    exchange_answer(x, 200, "application/json", buf_span(&body));
    buf_finish(&body);
}

static void add_location(struct exchange *x, const struct message *m)
{
    struct buf location;
    buf_init(&location, LOCATION_MAX);
    buf_add_text(&location, "/rooms/");
    buf_add_span(&location, m->room);
    buf_printf(&location, "/messages?after=%lld&limit=1", (long long)m->id - 1);
    if (location.status == ERR_OK)
        exchange_add_field(x, "Location", buf_span(&location));
    buf_finish(&location);
}

static void answer_posted(const struct posting_outcome *outcome)
{
    struct exchange *x = outcome->x;
    const struct message *m = outcome->message;
    exchange_add_field(x, "Cache-Control", span_of("no-store"));
    if (outcome->is_gone) {
        answer_gone(x, m);
        return;
    }
    struct buf body;
    buf_init(&body, m->payload.len * 6 + 8192); // JSON escapes make six bytes of one at most
    struct json_writer w;
    json_writer_init(&w, &body);
    message_write_json(m, outcome->epoch, &w);
    add_location(x, m);
    if (body.status == ERR_OK)
        exchange_answer(x, outcome->is_duplicate ? 200 : 201, "application/json", buf_span(&body));
    else
        exchange_refuse(x, 503, body.status, "the message is kept, but cannot be shown now");
    buf_finish(&body);
}

// Whom somebody else is to be shown as: only with the claim act_as, else it is ignored.
static bool check_sender(struct exchange *x, const struct caller *caller,
                         const struct submission *s)
{
    if (!caller->token.claims.may_act_as || s->from.len == 0 ||
        input_is_clean(s->from, TOKEN_SUBJECT_MAX))
        return true;
    exchange_refuse(x, 422, ERR_INVALID,
                    "from has to be 1 to 128 bytes of UTF-8 without control characters");
    return false;
}

// Reads the body, or answers.
static bool read_submission(struct exchange *x, bool is_short, struct submission *out)
{
    struct span type = {0};
    (void)http_head_field(exchange_head(x), "Content-Type", &type); // empty: plain bytes
    struct submission_refusal refusal;
    size_t max = (size_t)exchange_worker(x)->gateway->config.max_payload;
    enum err err = is_short ? submission_read_short(exchange_body(x), max, out, &refusal)
                            : submission_read(type, exchange_body(x), max, out, &refusal);
    if (err == ERR_INVALID)
        exchange_refuse(x, refusal.status, refusal.status == 413 ? ERR_TOO_LARGE : err,
                        refusal.detail);
    else if (err != ERR_OK)
        exchange_refuse(x, 503, err, NULL);
    return err == ERR_OK;
}

static void post_message(struct exchange *x, struct span room, bool is_short)
{
    struct caller caller;
    struct submission s;
    if (!auth_admit(x, RIGHTS_PUBLISH, room, &caller))
        return;
    if (!read_submission(x, is_short, &s)) {
        caller_finish(&caller);
        return;
    }
    if (auth_admit_change(x, &caller, s.csrf) && posting_read_key(x, &s) &&
        check_sender(x, &caller, &s)) {
        posting_start(x, &caller, &s, room, NULL, METER_HTTP, answer_posted);
        return;
    }
    submission_finish(&s);
    caller_finish(&caller);
}

void messages_post(struct exchange *x)
{
    struct span room;
    if (read_room(x, &room))
        post_message(x, room, false);
}

void messages_post_short(struct exchange *x)
{
    struct span room;
    if (read_default_room(x, &room))
        post_message(x, room, true);
}
