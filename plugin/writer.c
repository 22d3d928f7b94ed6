// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "writer.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "batch.h"
#include "core/clock.h"
#include "core/thread.h"

enum {
    PACE_MS = 10,        // between two commits
    BUSY_RECORDS = 100,  // of the spool in one commit: more is much
    BUSY_PACE_MS = 40,   // then: the larger a transaction, the less each of its messages costs
    RETRY_MS = 250,      // after a commit failed
    TALLY_MS = 1000,     // between two takings of the tally, unless it has more than one takes
    TRIM_MS = 60 * 1000, // between two looks for messages past their retention
    TRIM_STEP = 500      // messages looked at, and removed, in one transaction
};

struct writer {
    struct writer_setup setup;
    struct batch *batch;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;      // the writer waits for work or the end
    pthread_cond_t committed; // writer_wait waits for a commit
    _Atomic bool is_waiting;  // the writer sleeps until it is woken
    _Atomic bool is_stopping;
    _Atomic int trouble;     // enum err
    _Atomic uint64_t stored; // the spool's last committed record
    int64_t tally_due_ms, trim_due_ms;
};

static bool has_records(const struct writer *w)
{
    return spool_last(w->setup.spool) > w->stored;
}

// Sleeps until `until_ms` or the end; until new records too if `for_records`.
static void sleep_until(struct writer *w, int64_t until_ms, bool for_records)
{
    struct timespec until = clock_deadline(until_ms);
    pthread_mutex_lock(&w->mutex);
    w->is_waiting = for_records;
    // Either writer_wake sees the flag, or this sees the record: both sides have a fence between
    // their store and their load.
    atomic_thread_fence(memory_order_seq_cst);
    int rc = 0;
    while (rc == 0 && !w->is_stopping && !(for_records && has_records(w)))
        rc = pthread_cond_timedwait(&w->wake, &w->mutex, &until);
    w->is_waiting = false;
    pthread_mutex_unlock(&w->mutex);
}

void writer_wake(struct writer *writer)
{
    atomic_thread_fence(memory_order_seq_cst); // see sleep_until
    if (!writer->is_waiting)
        return;
    pthread_mutex_lock(&writer->mutex);
    pthread_cond_signal(&writer->wake);
    pthread_mutex_unlock(&writer->mutex);
}

static const char *why_text(enum err err)
{
    return err == ERR_FULL ? "the disk is full" : err_text(err);
}

// Tells everybody how the last transaction ended; says so once in the log.
static void note_outcome(struct writer *w, enum err err)
{
    enum err before = (enum err)w->trouble;
    if (err != ERR_OK && before == ERR_OK)
        log_line(w->setup.log, LOG_LEVEL_ERROR,
                 "cannot store: %s; new messages are refused until it works again", why_text(err));
    if (err == ERR_OK && before != ERR_OK)
        log_line(w->setup.log, LOG_LEVEL_WARNING, "storing again: new messages are accepted");
    pthread_mutex_lock(&w->mutex);
    w->trouble = (int)err;
    if (err == ERR_OK)
        w->stored = batch_stored(w->batch);
    pthread_cond_broadcast(&w->committed);
    pthread_mutex_unlock(&w->mutex);
}

// One transaction. Errors: those of the store.
static enum err commit_some(struct writer *w, bool with_tally)
{
    enum err err = batch_store(w->batch, with_tally);
    note_outcome(w, err);
    if (err == ERR_OK && with_tally)
        w->tally_due_ms = clock_monotonic_ms() + (batch_has_more_tally(w->batch) ? 0 : TALLY_MS);
    return err;
}

static void trim_some(struct writer *w)
{
    int64_t now_ms = clock_real_ms();
    const struct store_ages before = {
        .messages_ms = w->setup.retention_ms > 0 ? now_ms - w->setup.retention_ms : 0,
        .traffic_ms = w->setup.traffic_ms > 0 ? now_ms - w->setup.traffic_ms : 0,
        .keys_ms = now_ms - w->setup.key_lifetime_ms,
        .origins_ms = now_ms - w->setup.origin_lifetime_ms,
        .now_ms = now_ms,
    };
    bool has_more = false;
    enum err err = batch_trim(w->batch, &before, TRIM_STEP, &has_more);
    if (err != ERR_OK)
        log_line(w->setup.log, LOG_LEVEL_WARNING, "cannot remove what is old: %s", err_text(err));
    w->trim_due_ms = clock_monotonic_ms() + (has_more ? PACE_MS : TRIM_MS);
}

static int64_t min_ms(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t pace_ms(const struct writer *w, uint64_t records)
{
    int64_t pace = records > BUSY_RECORDS ? BUSY_PACE_MS : PACE_MS;
    return w->setup.is_strict ? 0 : min_ms(pace, (w->setup.sync_ms + 1) / 2);
}

// One turn: store what there is, or wait for it.
static void turn(struct writer *w)
{
    int64_t now_ms = clock_monotonic_ms();
    bool is_tally_due = now_ms >= w->tally_due_ms;
    if (has_records(w) || is_tally_due) {
        uint64_t before = w->stored;
        enum err err = commit_some(w, is_tally_due);
        if (err == ERR_OK && now_ms >= w->trim_due_ms)
            trim_some(w); // else a log that is always busy would only grow
        sleep_until(w, now_ms + (err == ERR_OK ? pace_ms(w, w->stored - before) : RETRY_MS), false);
        return;
    }
    if (now_ms >= w->trim_due_ms) {
        trim_some(w);
        return;
    }
    sleep_until(w, min_ms(w->tally_due_ms, w->trim_due_ms), true);
}

static void *run(void *context)
{
    struct writer *w = context;
    while (!w->is_stopping)
        turn(w);
    // What cannot be stored now stays in the spool and in the tally for the next start.
    enum err err;
    do
        err = commit_some(w, true);
    while (err == ERR_OK && (has_records(w) || batch_has_more_tally(w->batch)));
    return NULL;
}

static enum err init_waiting(struct writer *w)
{
    pthread_condattr_t attr;
    if (pthread_mutex_init(&w->mutex, NULL) != 0)
        return ERR_MEMORY;
    bool is_good = pthread_condattr_init(&attr) == 0 &&
                   pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0 &&
                   pthread_cond_init(&w->wake, &attr) == 0 &&
                   pthread_cond_init(&w->committed, &attr) == 0;
    return is_good ? ERR_OK : ERR_MEMORY; // on Linux none of these can fail
}

enum err writer_start(const struct writer_setup *setup, struct writer **out_writer)
{
    struct writer *w = calloc(1, sizeof *w);
    if (w == NULL)
        return ERR_MEMORY;
    w->setup = *setup;
    w->stored = setup->resume->replay_after;
    enum err err = batch_create(setup, &w->batch);
    if (err == ERR_OK)
        err = init_waiting(w);
    if (err == ERR_OK)
        err = thread_start(&w->thread, run, w);
    if (err != ERR_OK) {
        batch_destroy(w->batch);
        free(w);
        return err;
    }
    *out_writer = w;
    return ERR_OK;
}

void writer_stop(struct writer *writer)
{
    if (writer == NULL)
        return;
    pthread_mutex_lock(&writer->mutex);
    writer->is_stopping = true;
    pthread_cond_signal(&writer->wake);
    pthread_mutex_unlock(&writer->mutex);
    pthread_join(writer->thread, NULL);
    pthread_cond_destroy(&writer->wake);
    pthread_cond_destroy(&writer->committed);
    pthread_mutex_destroy(&writer->mutex);
    batch_destroy(writer->batch);
    free(writer);
}

enum err writer_trouble(const struct writer *writer)
{
    return (enum err)writer->trouble;
}

enum err writer_wait(struct writer *writer, uint64_t number, int64_t timeout_ms)
{
    struct timespec until = clock_deadline(clock_monotonic_ms() + timeout_ms);
    pthread_mutex_lock(&writer->mutex);
    int rc = 0;
    while (rc == 0 && writer->stored < number && writer->trouble == ERR_OK)
        rc = pthread_cond_timedwait(&writer->committed, &writer->mutex, &until);
    enum err err = writer->stored >= number ? ERR_OK : (enum err)writer->trouble;
    if (err == ERR_OK && writer->stored < number)
        err = ERR_AGAIN;
    pthread_mutex_unlock(&writer->mutex);
    return err;
}
