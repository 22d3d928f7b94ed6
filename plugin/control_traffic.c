// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The gateway's traffic counts: each batch becomes one record of the spool, and the writer stores
// each number of a source once. What is answered is in the spool.
#include "control.h"
#include "core/record.h"

static bool read_direction(const struct json *object, enum meter_direction *out)
{
    struct span name;
    if (!control_text(object, "direction", &name))
        return false;
    *out = span_is(name, meter_direction_name(METER_IN)) ? METER_IN : METER_OUT;
    return *out == METER_IN || span_is(name, meter_direction_name(METER_OUT));
}

static enum err add_count(const struct json *object, struct buf *record)
{
    struct meter_key key = {0};
    struct meter_count count = {0};
    struct span face;
    bool is_good =
        control_amount(object, "hour", &key.hour) && control_text(object, "room", &key.room) &&
        key.room.len <= METER_ROOM_MAX && control_text(object, "subject", &key.subject) &&
        key.subject.len <= METER_SUBJECT_MAX && control_text(object, "face", &face) &&
        meter_face_from_name(face, &key.face) && read_direction(object, &key.direction) &&
        control_amount(object, "messages", &count.messages) &&
        control_amount(object, "blocks", &count.blocks) &&
        control_amount(object, "bytes", &count.bytes);
    return is_good ? record_add_count(&key, &count, record) : ERR_INVALID;
}

static enum err encode(const struct plugin *p, const struct json *command, struct buf *record)
{
    struct span source;
    int64_t batch;
    const struct json *counts = json_member(command, "counts");
    if (!control_text(command, "source", &source) || !control_amount(command, "batch", &batch) ||
        batch == 0 || !json_is_array(counts))
        return ERR_INVALID;
    buf_init(record, spool_record_max(p->spool));
    enum err err = record_begin_traffic(source, (uint64_t)batch, record);
    for (const struct json *c = json_first(counts); err == ERR_OK && c != NULL; c = json_next(c))
        err = add_count(c, record);
    return err == ERR_OK ? record->status : err;
}

enum err control_store_traffic(struct plugin *p, const struct json *command,
                               struct json_writer *data)
{
    (void)data; // nothing to say
    struct buf record;
    buf_init(&record, 0);
    enum err err = encode(p, command, &record);
    uint64_t number;
    struct span bytes = buf_span(&record);
    if (err == ERR_OK)
        err = spool_append(p->spool, &bytes, 1, &number);
    if (err == ERR_OK)
        writer_wake(p->writer);
    buf_finish(&record);
    return err;
}
