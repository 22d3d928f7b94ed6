// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "stream.h"

#include <stdlib.h>

#include "conn.h"
#include "dues.h"
#include "event_stream.h"
#include "history.h"
#include "page_json.h"
#include "page_live.h"
#include "readers.h"

enum {
    WRITE_MAX = 256 * 1024,  // one call's worth
    CATCH_UP_MESSAGES = 100, // read from the database at a time
    CATCH_UP_BYTES = 256 * 1024,
    PUMP_STEPS = 8,         // writes and reads for one reader in one turn of the loop
    DUES_MAX = 1024,        // more than are read at a time
    RESET_MESSAGES = 50,    // what a reader gets of a log that it does not know
    RETRY_MS = 1000,        // what EventSource waits before it reconnects
    IGNORED_MAX = 64 * 1024 // bytes that a reader may send, who has nothing more to say
};

struct stream {
    struct conn *conn;
    struct worker *worker;
    struct hub_reader reader;
    struct reader *member;
    enum hub_form form;
    bool is_pumping;
    bool is_on_tape; // `at` is valid; else messages come from the database
    bool is_blocked; // the socket takes nothing now
    bool is_paused;  // it would; the next turn of the loop goes on
    bool is_failed;
    int64_t id; // everything up to here was written, or is in `rest`
    struct tape_position at;
    struct buf rest;  // begun but not yet written
    struct dues dues; // for the messages in `rest`
    struct history_wait *wait;
    struct loop_timer timer; // keep-alive, stalled reader, end of the token
    int64_t moved_ms;        // when the socket last took something
    int64_t expires_ms;      // date; 0: never
    unsigned reloads;        // of the keys, when the reader was admitted
    int64_t beats_left;      // of the heartbeat, until a page that grows is begun anew
    size_t ignored;          // bytes that came from the reader
    char epoch[MESSAGE_EPOCH_MAX + 1];
    char subject[TOKEN_SUBJECT_MAX + 1];
};

// Gives everything back but the connection.
static void stream_finish(struct stream *s)
{
    if (s->wait != NULL)
        history_forget(s->wait);
    loop_timer_stop(s->worker->loop, &s->timer);
    readers_leave(s->worker->gateway->readers, s->member, false, loop_date_ms(s->worker->loop));
    if (s->reader.room != NULL)
        hub_leave(&s->reader);
    atomic_fetch_sub(&s->worker->counters.streams, 1);
    buf_finish(&s->rest);
    dues_finish(&s->dues);
    free(s);
}

static void stream_close(struct stream *s)
{
    conn_close(s->conn);
    stream_finish(s);
}

// As http_conn drops a reader of an answer: the kernel is not to hold what he does not take.
static void stream_drop(struct stream *s)
{
    log_line(&s->worker->gateway->log, LOG_LEVEL_INFO,
             "drop address=%s reason=\"it takes nothing of the stream\"", conn_address(s->conn));
    conn_abort(s->conn);
    stream_finish(s);
}

static enum meter_face face_of(const struct stream *s)
{
    return s->form == HUB_EVENTS ? METER_SSE : METER_HTML;
}

static struct meter_count difference(const struct meter_count *a, const struct meter_count *b)
{
    return (struct meter_count){a->messages - b->messages, a->blocks - b->blocks,
                                a->bytes - b->bytes};
}

// Counts what the reader has been given; a message is that when the last byte of it was taken.
static void meter(const struct stream *s, const struct meter_count *count)
{
    history_meter(s->worker, hub_room_name(&s->reader), span_of(s->subject), face_of(s), count);
}

// ---- writing ----

// Writes what the socket takes of `parts`; returns how much that was.
static size_t write_parts(struct stream *s, const struct iovec *parts, int count)
{
    size_t asked = 0, len = 0;
    for (int i = 0; i < count; i++)
        asked += parts[i].iov_len;
    enum conn_result result = conn_write(s->conn, parts, count, &len);
    s->is_failed = result == CONN_CLOSED || result == CONN_FAILED;
    if (result != CONN_OK)
        len = 0;
    if (len > 0)
        s->moved_ms = loop_now_ms(s->worker->loop);
    s->is_blocked = len < asked;
    return len;
}

static void write_rest(struct stream *s)
{
    const struct iovec part = {s->rest.ptr, s->rest.len};
    size_t len = write_parts(s, &part, 1);
    struct meter_count written = dues_take(&s->dues, len);
    meter(s, &written);
    buf_consume(&s->rest, len);
    if (s->rest.len == 0)
        buf_finish(&s->rest); // an idle reader holds no memory
}

// Keeps what the socket has begun with, so that it cannot fall off the tape before it is written:
// from `begun`, of which `len` bytes were, to the end of the last message that it holds a part of.
static void keep_rest(struct stream *s, const struct tape_position *begun, size_t len)
{
    const struct tape *tape = hub_tape(&s->reader, s->form);
    struct meter_count written = tape_sum_at(tape, begun->offset + len);
    struct meter_count due = difference(&s->at.sum, &written);
    struct tape_position from = *begun;
    struct iovec parts[2];
    from.offset += len;
    int count = tape_read(tape, &from, (size_t)(s->at.offset - from.offset), parts);
    for (int i = 0; i < count; i++)
        buf_add(&s->rest, parts[i].iov_base, parts[i].iov_len);
    dues_add(&s->dues, s->rest.len, &due);
    due = difference(&written, &begun->sum);
    meter(s, &due);
}

static void write_tape(struct stream *s)
{
    const struct tape *tape = hub_tape(&s->reader, s->form);
    const struct tape_position begun = s->at;
    struct iovec parts[2];
    int count = tape_read(tape, &s->at, WRITE_MAX, parts);
    s->is_on_tape = count >= 0;
    if (count <= 0)
        return;
    size_t asked = parts[0].iov_len + (count > 1 ? parts[1].iov_len : 0);
    size_t len = write_parts(s, parts, count);
    size_t held = s->is_blocked ? len + conn_unsplit(s->conn) : len;
    if (held == 0)
        return;
    tape_advance(tape, &s->at, held < asked ? held : asked);
    s->id = s->at.id;
    keep_rest(s, &begun, len);
}

// ---- the past ----

// Tells the reader that it cannot have what it asked for; it goes on behind `id`.
static void write_reset(struct stream *s, const char *reason, int64_t id)
{
    s->id = id;
    hub_write_reset(s->form, hub_room_name(&s->reader), s->epoch, id, reason, &s->rest);
}

static bool take_row(void *context, const struct message *m)
{
    struct stream *s = context;
    if (m->prev > s->id)
        write_reset(s, "expired", m->prev); // what was between was trimmed
    hub_write(s->form, m, s->epoch, &s->rest);
    s->id = m->id;
    struct meter_count count = {0};
    meter_count_message(&count, (int64_t)m->payload.len);
    dues_add(&s->dues, s->rest.len, &count);
    return s->rest.len < CATCH_UP_BYTES;
}

static void pump(struct stream *s);

static enum err read_on(struct stream *s, struct store *store)
{
    struct store_page page = {hub_room_name(&s->reader), 0, s->id, CATCH_UP_MESSAGES};
    int64_t before = s->id;
    int64_t last_id;
    bool has_more;
    // Asked first: what is stored meanwhile is on the page.
    enum err err = store_room_last_id(store, page.room, &last_id);
    if (err == ERR_OK)
        err = store_read_page(store, &page, take_row, s, &has_more);
    if (err == ERR_OK && s->id == before && before < last_id)
        write_reset(s, "expired", last_id);
    return err;
}

static void on_committed(void *context, bool is_complete)
{
    (void)is_complete; // what there is goes out; the hub wakes us for more
    struct stream *s = context;
    struct store *store = worker_store(s->worker);
    s->wait = NULL;
    // The tape may have had it sooner. Of another log nothing is read before the hub has told us of
    // it.
    bool is_same = store != NULL && strcmp(store_epoch(store), s->epoch) == 0;
    if (!s->is_on_tape && (store == NULL || (is_same && read_on(s, store) != ERR_OK)))
        s->is_failed = true;
    if (!s->is_pumping)
        pump(s);
}

// Reads on from the database; false if nothing is there yet, or the wait has begun.
static bool catch_up(struct stream *s)
{
    if (s->wait == NULL)
        s->wait = history_await(s->worker, hub_room_name(&s->reader), 0, on_committed, s);
    return s->wait == NULL && s->rest.len > 0;
}

static bool take_prev(void *context, const struct message *m)
{
    *(int64_t *)context = m->prev;
    return false;
}

// The id before the oldest message; `*id` stays where there are none.
static enum err id_before_earliest(struct store *store, struct span room, int64_t *id)
{
    struct store_page page = {.room = room, .after = 0, .limit = 1};
    bool has_more;
    return store_read_page(store, &page, take_prev, id, &has_more);
}

// The log is another one now (an older copy of the database was put in place): what the reader has
// means nothing any more.
static void follow_epoch(struct stream *s)
{
    const char *epoch = hub_epoch(&s->reader);
    if (strcmp(epoch, s->epoch) == 0)
        return;
    memcpy(s->epoch, epoch, strlen(epoch) + 1);
    s->is_on_tape = false;
    int64_t id = hub_last_id(&s->reader);
    struct store *store = worker_store(s->worker);
    if (store != NULL &&
        store_id_before_latest(store, hub_room_name(&s->reader), RESET_MESSAGES, &id) != ERR_OK)
        s->is_failed = true;
    write_reset(s, "epoch", id);
}

// ---- the reader's life ----

// One step towards the room's newest message; false if there is none to take now.
static bool step(struct stream *s)
{
    if (s->rest.len > 0) {
        write_rest(s);
        return !s->is_blocked;
    }
    follow_epoch(s);
    if (!s->is_on_tape)
        s->is_on_tape = tape_seek(hub_tape(&s->reader, s->form), s->id, &s->at);
    if (s->is_on_tape) {
        int64_t before = s->id;
        write_tape(s);
        return !s->is_blocked && (s->id != before || !s->is_on_tape);
    }
    return !hub_is_current(&s->reader, s->id) && catch_up(s);
}

static bool is_sound(const struct stream *s)
{
    return !s->is_failed && s->rest.status == ERR_OK && dues_status(&s->dues) == ERR_OK;
}

// Writes what can be written now, in parts: a reader of a long past is not to hold up all others.
// The stream may be gone afterwards.
static void pump(struct stream *s)
{
    int left = PUMP_STEPS;
    s->is_pumping = true;
    while (left > 0 && is_sound(s) && step(s))
        left--;
    s->is_pumping = false;
    s->is_paused = left == 0;
    if (is_sound(s))
        conn_want(s->conn, true, s->is_blocked || s->is_paused);
    else
        stream_close(s);
}

static void on_news(struct hub_reader *reader)
{
    struct stream *s = CONTAINER_OF(reader, struct stream, reader);
    if (!s->is_blocked && !s->is_paused && s->wait == NULL)
        pump(s);
}

// Reads what nobody asked for, to learn of the connection's end behind it. One who sends on and on
// would keep the loop from everybody else.
static enum conn_result ignore_input(struct stream *s)
{
    char bytes[4096];
    size_t len;
    enum conn_result result;
    while ((result = conn_read(s->conn, bytes, sizeof bytes, &len)) == CONN_OK) {
        s->ignored += len;
        if (s->ignored > IGNORED_MAX)
            return CONN_FAILED;
    }
    return result;
}

static void on_ready(void *owner, bool readable, bool writable)
{
    struct stream *s = owner;
    enum conn_result result = readable ? ignore_input(s) : CONN_OK;
    if (result == CONN_CLOSED || result == CONN_FAILED) {
        stream_close(s);
        return;
    }
    if (writable) {
        s->is_blocked = false;
        pump(s);
    }
}

// For the next heartbeat, or the end of the token if that is sooner.
static void start_timer(struct stream *s)
{
    int64_t delay_ms = s->worker->gateway->config.heartbeat_ms;
    int64_t left_ms = s->expires_ms - loop_date_ms(s->worker->loop);
    if (s->expires_ms != 0 && left_ms < delay_ms)
        delay_ms = left_ms > 0 ? left_ms : 0;
    if (loop_timer_start(s->worker->loop, &s->timer, delay_ms) != ERR_OK)
        s->is_failed = true;
}

// Ends the stream in order, as far as the socket takes it.
static void stream_end(struct stream *s)
{
    if (s->rest.len == 0) {
        hub_write_end(s->form, hub_room_name(&s->reader), s->epoch, s->id, &s->rest);
        if (s->rest.len > 0 && !s->is_blocked)
            write_rest(s);
    }
    stream_close(s);
}

static void on_time(struct loop_timer *timer)
{
    struct stream *s = CONTAINER_OF(timer, struct stream, timer);
    const struct config *config = &s->worker->gateway->config;
    int64_t still_ms = loop_now_ms(s->worker->loop) - s->moved_ms;
    bool is_over = s->expires_ms != 0 && loop_date_ms(s->worker->loop) >= s->expires_ms;
    // Other keys are in force: whoever comes back is judged by those.
    is_over |= s->reloads != atomic_load(&s->worker->gateway->reloads);
    if (is_over || (s->form == HUB_ITEMS && --s->beats_left == 0)) {
        stream_end(s);
        return;
    }
    if (s->is_blocked && still_ms >= config->write_timeout_ms) {
        stream_drop(s);
        return;
    }
    if (!s->is_blocked && still_ms >= config->heartbeat_ms)
        hub_write_keepalive(s->form, &s->rest);
    start_timer(s);
    pump(s);
}

static void on_drain(void *owner)
{
    stream_end(owner);
}

// ---- opening ----

// True if the plugin has given that id, though the database may not have it yet.
static bool was_accepted(const struct stream *s, int64_t id)
{
    const struct watermark *mark = s->worker->gateway->mark;
    return mark != NULL && watermark_accepted(mark, hub_room_name(&s->reader)) >= id;
}

static enum err choose_start(struct stream *s, const struct stream_start *start)
{
    struct store *store = worker_store(s->worker);
    struct span room = hub_room_name(&s->reader);
    if (store == NULL)
        return ERR_AGAIN;
    const char *reset = start->is_other_epoch ? "epoch" : NULL;
    enum err err = ERR_OK;
    s->id = hub_last_id(&s->reader);
    if (start->is_earliest) {
        err = id_before_earliest(store, room, &s->id);
    } else if (start->after < 0) {
        int latest = start->is_other_epoch && start->latest == 0 ? RESET_MESSAGES : start->latest;
        err = store_id_before_latest(store, room, latest, &s->id);
    } else if (start->after > s->id && !was_accepted(s, start->after)) {
        reset = "epoch"; // ids of ours that we do not have: an older copy was put in place
    } else {
        s->id = start->after; // whether what follows is there shows when it is read
    }
    hub_write_open(s->form, room, s->epoch, s->id, RETRY_MS, &s->rest);
    if (reset != NULL)
        write_reset(s, reset, s->id);
    return err;
}

static struct stream *create(struct worker *worker, const struct caller *caller, struct span room,
                             enum hub_form form, enum err *out_err)
{
    struct stream *s = calloc(1, sizeof *s);
    *out_err = ERR_MEMORY;
    if (s == NULL)
        return NULL;
    s->worker = worker;
    s->form = form;
    s->expires_ms = caller->token.expires_s * 1000;
    s->reloads = atomic_load(&worker->gateway->reloads);
    memcpy(s->subject, caller->token.subject, sizeof s->subject);
    // The rest of a message on the tape, or what is read at once from the database and one more.
    const struct config *config = &worker->gateway->config;
    buf_init(&s->rest, (size_t)config->tape_size + CATCH_UP_BYTES +
                           page_json_max((size_t)config->max_payload));
    dues_init(&s->dues, DUES_MAX);
    s->beats_left = config->live_page_s * 1000 / config->heartbeat_ms + 1;
    s->reader.on_news = on_news;
    s->timer.on_time = on_time;
    *out_err = hub_join(worker, room, form, &s->reader);
    if (*out_err == ERR_OK)
        return s;
    free(s);
    return NULL;
}

static void abandon(struct stream *s)
{
    hub_leave(&s->reader);
    buf_finish(&s->rest);
    dues_finish(&s->dues);
    free(s);
}

enum err stream_open(struct exchange *x, const struct caller *caller, struct span room,
                     enum hub_form form, const struct stream_start *start, const char *content_type,
                     struct span first)
{
    struct worker *worker = exchange_worker(x);
    enum err err;
    struct stream *s = create(worker, caller, room, form, &err);
    if (s == NULL)
        return err;
    const char *epoch = hub_epoch(&s->reader);
    memcpy(s->epoch, epoch, strlen(epoch) + 1);
    buf_add_span(&s->rest, first);
    err = choose_start(s, start);
    if (err != ERR_OK) {
        abandon(s);
        return err;
    }
    s->conn = exchange_stream(x, content_type);
    if (s->conn == NULL) {
        abandon(s);
        return ERR_OK;
    }
    atomic_fetch_add(&worker->counters.streams, 1);
    s->member = readers_join(worker->gateway->readers, hub_room_name(&s->reader), &caller->token,
                             face_of(s), loop_date_ms(worker->loop));
    conn_set_owner(s->conn, s, on_ready);
    conn_on_drain(s->conn, on_drain);
    s->moved_ms = loop_now_ms(worker->loop);
    start_timer(s);
    pump(s);
    return ERR_OK;
}
