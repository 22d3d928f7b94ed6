// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "traffic.h"

#include <stdio.h>

#include "core/json.h"

enum {
    INTERVAL_MS = 1000, // between two batches
    CORRELATION_TEXT = 64,
    // A counter with its longest names, every byte of them escaped, is below 1,600 bytes.
    JSON_MAX = 512 + TRAFFIC_BATCH_MAX * 1600
};

void traffic_init(struct traffic *traffic, struct tally *tally, int64_t resend_ms)
{
    *traffic = (struct traffic){.tally = tally, .resend_ms = resend_ms};
    buf_init(&traffic->json, JSON_MAX);
}

void traffic_finish(struct traffic *traffic)
{
    buf_finish(&traffic->json);
}

int64_t traffic_wait_ms(const struct traffic *traffic, int64_t now_ms)
{
    return traffic->due_ms > now_ms ? traffic->due_ms - now_ms : 0;
}

static void put_count(void *context, const struct meter_key *key, const struct meter_count *count)
{
    struct json_writer *w = context;
    json_begin_object(w);
    json_field_int(w, "hour", key->hour);
    json_field_text(w, "room", key->room);
    json_field_text(w, "subject", key->subject);
    json_field_text(w, "face", span_of(meter_face_name(key->face)));
    json_field_text(w, "direction", span_of(meter_direction_name(key->direction)));
    json_field_int(w, "messages", count->messages);
    json_field_int(w, "blocks", count->blocks);
    json_field_int(w, "bytes", count->bytes);
    json_end_object(w);
}

// Names the batch among those of all tallies.
static void correlation_text(const struct traffic *traffic, char out[CORRELATION_TEXT])
{
    (void)snprintf(out, CORRELATION_TEXT, "%s-%llu", tally_name(traffic->tally),
                   (unsigned long long)traffic->batch); // fits
}

static void write_command(struct traffic *traffic, struct span counts)
{
    char correlation[CORRELATION_TEXT];
    correlation_text(traffic, correlation);
    struct json_writer w;
    json_writer_init(&w, &traffic->json);
    json_begin_object(&w);
    json_key(&w, "commands");
    json_begin_array(&w);
    json_begin_object(&w);
    json_field_text(&w, "command", span_of(TRAFFIC_COMMAND));
    json_field_text(&w, "correlationData", span_of(correlation));
    json_field_text(&w, "source", span_of(tally_name(traffic->tally)));
    json_field_int(&w, "batch", (int64_t)traffic->batch);
    json_key(&w, "counts");
    json_put_raw(&w, counts);
    json_end_object(&w);
    json_end_array(&w);
    json_end_object(&w);
}

// Takes the next batch, or again the unsettled one, into traffic->json.
static enum err take(struct traffic *traffic)
{
    // The number comes from the same call as the counts, so those are written first.
    struct buf counts;
    buf_init(&counts, JSON_MAX);
    struct json_writer w;
    json_writer_init(&w, &counts);
    json_begin_array(&w);
    uint64_t batch = 0;
    bool has_some = tally_take(traffic->tally, &batch, put_count, &w);
    json_end_array(&w);

    enum err err = counts.status;
    if (has_some && err == ERR_OK) {
        buf_clear(&traffic->json);
        traffic->batch = batch;
        write_command(traffic, buf_span(&counts));
        err = traffic->json.status;
        if (err != ERR_OK)
            traffic->batch = 0;
    }
    buf_finish(&counts);
    return err;
}

enum err traffic_next(struct traffic *traffic, int64_t now_ms, struct span *out_json)
{
    *out_json = (struct span){0};
    if (traffic->due_ms > now_ms)
        return ERR_OK;
    traffic->due_ms = now_ms + INTERVAL_MS;
    if (traffic->batch == 0) {
        enum err err = take(traffic);
        if (err != ERR_OK)
            return err;
        traffic->sent_ms = now_ms;
    }
    if (traffic->batch != 0) {
        traffic->due_ms = now_ms + traffic->resend_ms;
        *out_json = buf_span(&traffic->json);
    }
    return ERR_OK;
}

void traffic_hurry(struct traffic *traffic)
{
    traffic->due_ms = 0;
}

// True if `response` is about the batch under way.
static bool is_ours(const struct traffic *traffic, const struct json *response)
{
    char expected[CORRELATION_TEXT];
    correlation_text(traffic, expected);
    const char *command = json_text(json_member(response, "command"));
    const char *correlation = json_text(json_member(response, "correlationData"));
    return traffic->batch != 0 && command != NULL && correlation != NULL &&
           strcmp(command, TRAFFIC_COMMAND) == 0 && strcmp(correlation, expected) == 0;
}

enum err traffic_answered(struct traffic *traffic, struct span json)
{
    struct json *root = NULL;
    enum err err = json_parse(json, &root);
    if (err != ERR_OK)
        return ERR_INVALID;
    const struct json *response = json_first(json_member(root, "responses"));
    if (response == NULL)
        err = ERR_INVALID;
    else if (!is_ours(traffic, response))
        err = ERR_NOT_FOUND;
    else if (json_member(response, "error") != NULL)
        err = ERR_INVALID;
    json_destroy(root);
    if (err != ERR_OK)
        return err;
    tally_settle(traffic->tally, traffic->batch);
    traffic->batch = 0;
    traffic->due_ms = traffic->sent_ms + INTERVAL_MS;
    return ERR_OK;
}
