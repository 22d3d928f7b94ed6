// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "batch.h"

#include <stdlib.h>

#include "core/record.h"

enum {
    RECORDS_MAX = 8192,          // of the spool in one transaction
    BYTES_MAX = 8 * 1024 * 1024, // of them
};

// Messages that have not been put into the transaction yet, because many at once cost less.
struct gathered {
    size_t count;
    struct store_put puts[STORE_PUTS_MAX];
    struct meter_key keys[STORE_PUTS_MAX]; // of their traffic
    uint64_t records[STORE_PUTS_MAX];      // their numbers in the spool
};

struct batch {
    struct writer_setup setup;
    struct gathered gathered; // empty between transactions
    uint64_t stored;          // the spool's last record that is stored
    int64_t last_id;          // the highest id that is stored
    bool is_tally_known;      // the first batch of this start was compared with the database
    bool has_more_tally;
    struct store_place trimmed;
};

// What one transaction will have done once it is committed.
struct progress {
    uint64_t record;
    int64_t last_id;
    uint64_t tally_batch; // 0: none
};

enum err batch_create(const struct writer_setup *setup, struct batch **out_batch)
{
    struct batch *b = calloc(1, sizeof *b);
    if (b == NULL)
        return ERR_MEMORY;
    b->setup = *setup;
    b->stored = setup->resume->replay_after;
    b->last_id = setup->resume->stored_id;
    *out_batch = b;
    return ERR_OK;
}

void batch_destroy(struct batch *b)
{
    free(b);
}

uint64_t batch_stored(const struct batch *b)
{
    return b->stored;
}

bool batch_has_more_tally(const struct batch *b)
{
    return b->has_more_tally;
}

// It cannot be stored today nor ever; what stands behind it can.
static enum err lose_record(const struct batch *b, uint64_t number, enum err err)
{
    log_line(b->setup.log, LOG_LEVEL_ERROR, "lost spool_record=%llu: %s",
             (unsigned long long)number, err_text(err));
    return ERR_OK;
}

static bool is_hopeless(enum err err)
{
    return err == ERR_INVALID || err == ERR_TOO_LARGE;
}

// Is put: counted among what is in the transaction.
static enum err note_message(struct batch *b, size_t i, struct progress *progress)
{
    const struct gathered *g = &b->gathered;
    const struct message *m = &g->puts[i].message;
    if (m->id > progress->last_id)
        progress->last_id = m->id;
    struct meter_count one = {0};
    meter_count_message(&one, (int64_t)m->payload.len);
    return store_add_traffic(b->setup.store, &g->keys[i], &one);
}

static enum err put_gathered(struct batch *b, struct progress *progress)
{
    struct gathered *g = &b->gathered;
    enum err err = ERR_OK;
    size_t i = 0;
    while (err == ERR_OK && i < g->count) {
        size_t count;
        enum err put = store_put_messages(b->setup.store, g->puts + i, g->count - i, &count);
        for (size_t end = i + count; err == ERR_OK && i < end; i++)
            err = note_message(b, i, progress);
        if (is_hopeless(put))
            put = lose_record(b, g->records[i++], put);
        err = err == ERR_OK ? put : err;
    }
    g->count = 0;
    return err;
}

static enum err take_message(struct batch *b, const struct record_message *record, uint64_t number,
                             struct progress *progress)
{
    struct gathered *g = &b->gathered;
    const struct message *m = &record->message;
    g->puts[g->count] = (struct store_put){*m, record->key, record->origin};
    g->keys[g->count] = (struct meter_key){.hour = meter_hour(m->date_ms),
                                           .room = m->room,
                                           .subject = m->from,
                                           .face = record->face,
                                           .direction = METER_IN};
    g->records[g->count++] = number;
    return g->count == STORE_PUTS_MAX ? put_gathered(b, progress) : ERR_OK;
}

// A batch of the gateway's; it sends each until it is answered, so one may be here twice.
static enum err put_traffic(struct batch *b, struct record_traffic *traffic)
{
    char source[RECORD_SOURCE_MAX + 1] = {0};
    if (traffic->source.len > RECORD_SOURCE_MAX)
        return ERR_INVALID;
    memcpy(source, traffic->source.ptr, traffic->source.len);
    uint64_t stored = 0;
    enum err err = store_source(b->setup.store, source, &stored);
    if (err != ERR_OK || traffic->batch <= stored)
        return err;
    struct meter_key key;
    struct meter_count amount;
    while (err == ERR_OK && record_next_count(traffic, &key, &amount))
        err = store_add_traffic(b->setup.store, &key, &amount);
    return err == ERR_OK ? store_set_source(b->setup.store, source, traffic->batch) : err;
}

static enum err put_record(struct batch *b, struct span bytes, uint64_t number,
                           struct progress *progress)
{
    struct record record;
    enum err err = record_decode(bytes, &record);
    if (err != ERR_OK)
        return lose_record(b, number, err);
    switch (record.kind) {
    case RECORD_MESSAGE:
        return take_message(b, &record.message, number, progress);
    case RECORD_TRAFFIC:
        err = put_traffic(b, &record.traffic);
        break;
    }
    return is_hopeless(err) ? lose_record(b, number, err) : err;
}

static enum err put_records(struct batch *b, struct progress *progress)
{
    struct span bytes;
    uint64_t number;
    size_t total = 0;
    for (int i = 0; i < RECORDS_MAX && total < BYTES_MAX; i++) {
        if (!spool_next(b->setup.spool, progress->record, &bytes, &number))
            break;
        enum err err = put_record(b, bytes, number, progress);
        if (err != ERR_OK)
            return err;
        progress->record = number;
        total += bytes.len;
    }
    if (progress->record == b->stored)
        return ERR_OK;
    enum err err = put_gathered(b, progress);
    if (err != ERR_OK)
        return err;
    return store_set_source(b->setup.store, b->setup.resume->source, progress->record);
}

struct taking {
    struct batch *batch;
    enum err err;
};

static void take_count(void *context, const struct meter_key *key, const struct meter_count *amount)
{
    struct taking *t = context;
    if (t->err == ERR_OK)
        t->err = store_add_traffic(t->batch->setup.store, key, amount);
}

static void ignore_count(void *context, const struct meter_key *key,
                         const struct meter_count *amount)
{
    (void)context;
    (void)key;
    (void)amount;
}

// The batch that the last run left may be one that it had stored and not settled any more.
static enum err settle_known(struct batch *b)
{
    uint64_t number = 0;
    uint64_t stored = 0;
    if (!tally_take(b->setup.tally, &number, ignore_count, NULL))
        return ERR_OK; // nothing was left
    enum err err = store_source(b->setup.store, tally_name(b->setup.tally), &stored);
    if (err == ERR_OK && number <= stored)
        tally_settle(b->setup.tally, number);
    return err;
}

static enum err put_tally(struct batch *b, struct progress *progress)
{
    enum err err = ERR_OK;
    if (!b->is_tally_known)
        err = settle_known(b);
    if (err != ERR_OK)
        return err;
    b->is_tally_known = true;
    struct taking t = {.batch = b};
    uint64_t number = 0;
    if (!tally_take(b->setup.tally, &number, take_count, &t) || t.err != ERR_OK)
        return t.err;
    progress->tally_batch = number;
    return store_set_source(b->setup.store, tally_name(b->setup.tally), number);
}

// Is committed: what was taken may be forgotten.
static void settle(struct batch *b, const struct progress *progress)
{
    if (progress->record != b->stored) {
        b->stored = progress->record;
        b->last_id = progress->last_id;
        watermark_commit(b->setup.watermark, b->last_id);
        spool_release(b->setup.spool, b->stored, (uint64_t)b->last_id);
    }
    b->has_more_tally = progress->tally_batch != 0 && tally_is_batch_full(b->setup.tally);
    if (progress->tally_batch != 0)
        tally_settle(b->setup.tally, progress->tally_batch);
}

static enum err fill(struct batch *b, bool with_tally, struct progress *progress)
{
    enum err err = put_records(b, progress);
    if (err == ERR_OK && with_tally)
        err = put_tally(b, progress);
    return err;
}

enum err batch_store(struct batch *b, bool with_tally)
{
    struct progress progress = {.record = b->stored, .last_id = b->last_id};
    enum err err = store_begin(b->setup.store);
    if (err != ERR_OK)
        return err;
    err = fill(b, with_tally, &progress);
    if (err == ERR_OK)
        err = store_commit(b->setup.store);
    if (err != ERR_OK) {
        b->gathered.count = 0;
        store_rollback(b->setup.store);
        return err;
    }
    settle(b, &progress);
    return ERR_OK;
}

enum err batch_trim(struct batch *b, const struct store_ages *before, int limit, bool *out_more)
{
    enum err err = store_begin(b->setup.store);
    if (err != ERR_OK)
        return err;
    struct store_place place = b->trimmed;
    int removed = 0;
    err = store_trim(b->setup.store, before, limit, &place, &removed);
    if (err == ERR_OK)
        err = store_commit(b->setup.store);
    if (err != ERR_OK) {
        store_rollback(b->setup.store);
        return err;
    }
    b->trimmed = place;
    if (removed > 0)
        watermark_invalidate(b->setup.watermark);
    *out_more = removed >= limit || place.message_id > 0 || place.origin_id > 0;
    return ERR_OK;
}
