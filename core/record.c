// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Layout, numbers little-endian as the machine has them (the file never leaves it):
//   message: kind, layout, face, 5 text lengths (8 bits each), 6 unused, length of the origin
//            (16 bits), id, prev, date_ms, payload length (64 bits each), texts, origin, payload
//            (layout 1 has no origin, layout 2 has one)
//   traffic: kind, layout, source length, batch (64 bits), source, counts; one count is
//            face, direction, room length, subject length, hour, messages, blocks, bytes, texts
#include "record.h"

#include "origin.h"

enum { LAYOUT = 1, LAYOUT_ORIGIN = 2 };
enum { TEXT_COUNT = 5, MESSAGE_HEAD = 48, ORIGIN_AT = 14, TRAFFIC_HEAD = 11, COUNT_HEAD = 36 };
_Static_assert(sizeof((struct record_parts *)0)->head == MESSAGE_HEAD, "the head has its size");

static const int64_t id_end = INT64_C(1) << 53; // exact in every JSON reader below it

// ---- numbers and texts ----

static void put_int(unsigned char *at, int64_t value)
{
    memcpy(at, &value, sizeof value);
}

static int64_t get_int(const char *at)
{
    int64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

// Cuts `len` bytes off the front of `*rest`; false if there are not so many.
static bool cut(struct span *rest, size_t len, struct span *out)
{
    if (rest->len < len)
        return false;
    *out = span_make(rest->ptr, len);
    *rest = span_skip(*rest, len);
    return true;
}

static unsigned byte_at(struct span bytes, size_t i)
{
    return (unsigned char)bytes.ptr[i];
}

// ---- messages ----

static bool message_is_valid(const struct record_message *r)
{
    const struct message *m = &r->message;
    return m->id > 0 && m->id < id_end && m->prev >= 0 && m->prev < m->id && m->date_ms >= 0 &&
           m->room.len > 0 && m->room.len <= METER_ROOM_MAX && (unsigned)r->face < METER_FACE_COUNT;
}

enum err record_encode_message(const struct record_message *m, struct record_parts *out)
{
    if (!message_is_valid(m))
        return ERR_INVALID;
    const struct span texts[TEXT_COUNT] = {m->message.room, m->message.from, m->message.name,
                                           m->message.type, m->key};
    if (m->origin.len > ORIGIN_MAX)
        return ERR_TOO_LARGE;
    uint16_t origin_len = (uint16_t)m->origin.len;
    memset(out->head, 0, sizeof out->head);
    out->head[0] = RECORD_MESSAGE;
    out->head[1] = origin_len > 0 ? LAYOUT_ORIGIN : LAYOUT;
    out->head[2] = (unsigned char)m->face;
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        if (texts[i].len > RECORD_TEXT_MAX)
            return ERR_TOO_LARGE;
        out->head[3 + i] = (unsigned char)texts[i].len;
        out->parts[1 + i] = texts[i];
    }
    memcpy(out->head + ORIGIN_AT, &origin_len, sizeof origin_len);
    put_int(out->head + 16, m->message.id);
    put_int(out->head + 24, m->message.prev);
    put_int(out->head + 32, m->message.date_ms);
    put_int(out->head + 40, (int64_t)m->message.payload.len);
    out->parts[0] = span_make(out->head, sizeof out->head);
    out->parts[1 + TEXT_COUNT] = m->origin;
    out->parts[2 + TEXT_COUNT] = m->message.payload;
    out->count = RECORD_PARTS;
    return ERR_OK;
}

static enum err decode_message(struct span rest, struct record_message *out)
{
    struct span head;
    if (!cut(&rest, MESSAGE_HEAD, &head))
        return ERR_CORRUPT;
    struct record_message m = {.face = (enum meter_face)byte_at(head, 2)};
    struct span *const texts[TEXT_COUNT] = {&m.message.room, &m.message.from, &m.message.name,
                                            &m.message.type, &m.key};
    m.message.id = get_int(head.ptr + 16);
    m.message.prev = get_int(head.ptr + 24);
    m.message.date_ms = get_int(head.ptr + 32);
    for (size_t i = 0; i < TEXT_COUNT; i++)
        if (!cut(&rest, byte_at(head, 3 + i), texts[i]))
            return ERR_CORRUPT;
    for (size_t i = 3 + TEXT_COUNT; i < ORIGIN_AT; i++)
        if (byte_at(head, i) != 0)
            return ERR_CORRUPT;
    uint16_t origin_len;
    memcpy(&origin_len, head.ptr + ORIGIN_AT, sizeof origin_len);
    if (origin_len > ORIGIN_MAX || (origin_len > 0) != (byte_at(head, 1) == LAYOUT_ORIGIN) ||
        !cut(&rest, origin_len, &m.origin))
        return ERR_CORRUPT;
    m.message.payload = rest;
    if (get_int(head.ptr + 40) != (int64_t)rest.len || !message_is_valid(&m))
        return ERR_CORRUPT;
    *out = m;
    return ERR_OK;
}

// ---- traffic ----

static bool count_is_valid(const struct meter_key *key, const struct meter_count *count)
{
    return key->hour >= 0 && key->room.len <= METER_ROOM_MAX &&
           key->subject.len <= METER_SUBJECT_MAX && (unsigned)key->face < METER_FACE_COUNT &&
           (key->direction == METER_IN || key->direction == METER_OUT) && count->messages >= 0 &&
           count->blocks >= 0 && count->bytes >= 0;
}

enum err record_begin_traffic(struct span source, uint64_t batch, struct buf *out)
{
    if (source.len == 0 || batch == 0)
        return ERR_INVALID;
    if (source.len > RECORD_SOURCE_MAX)
        return ERR_TOO_LARGE;
    unsigned char head[TRAFFIC_HEAD] = {RECORD_TRAFFIC, LAYOUT, (unsigned char)source.len};
    memcpy(head + 3, &batch, sizeof batch);
    buf_add(out, head, sizeof head);
    buf_add_span(out, source);
    return out->status;
}

enum err record_add_count(const struct meter_key *key, const struct meter_count *count,
                          struct buf *out)
{
    if (!count_is_valid(key, count))
        return ERR_INVALID;
    unsigned char head[COUNT_HEAD] = {(unsigned char)key->face, (unsigned char)key->direction,
                                      (unsigned char)key->room.len,
                                      (unsigned char)key->subject.len};
    put_int(head + 4, key->hour);
    put_int(head + 12, count->messages);
    put_int(head + 20, count->blocks);
    put_int(head + 28, count->bytes);
    buf_add(out, head, sizeof head);
    buf_add_span(out, key->room);
    buf_add_span(out, key->subject);
    return out->status;
}

// Decodes the count at the front of `*rest` and moves behind it.
static bool decode_count(struct span *rest, struct meter_key *out_key,
                         struct meter_count *out_count)
{
    struct span head;
    if (!cut(rest, COUNT_HEAD, &head))
        return false;
    *out_key = (struct meter_key){.hour = get_int(head.ptr + 4),
                                  .face = (enum meter_face)byte_at(head, 0),
                                  .direction = (enum meter_direction)byte_at(head, 1)};
    *out_count = (struct meter_count){get_int(head.ptr + 12), get_int(head.ptr + 20),
                                      get_int(head.ptr + 28)};
    return cut(rest, byte_at(head, 2), &out_key->room) &&
           cut(rest, byte_at(head, 3), &out_key->subject) && count_is_valid(out_key, out_count);
}

static enum err decode_traffic(struct span rest, struct record_traffic *out)
{
    struct record_traffic t;
    struct span head;
    if (!cut(&rest, TRAFFIC_HEAD, &head) || !cut(&rest, byte_at(head, 2), &t.source) ||
        t.source.len == 0 || t.source.len > RECORD_SOURCE_MAX)
        return ERR_CORRUPT;
    t.batch = (uint64_t)get_int(head.ptr + 3);
    t.counts = rest;
    struct meter_key key;
    struct meter_count count;
    while (rest.len > 0)
        if (!decode_count(&rest, &key, &count))
            return ERR_CORRUPT;
    if (t.batch == 0)
        return ERR_CORRUPT;
    *out = t;
    return ERR_OK;
}

bool record_next_count(struct record_traffic *traffic, struct meter_key *out_key,
                       struct meter_count *out_count)
{
    return traffic->counts.len > 0 && decode_count(&traffic->counts, out_key, out_count);
}

enum err record_decode(struct span bytes, struct record *out_record)
{
    if (bytes.len < 2)
        return ERR_CORRUPT;
    unsigned kind = byte_at(bytes, 0);
    if (kind == 0 || byte_at(bytes, 1) == 0)
        return ERR_CORRUPT;
    if (kind > RECORD_TRAFFIC ||
        byte_at(bytes, 1) > (kind == RECORD_MESSAGE ? LAYOUT_ORIGIN : LAYOUT))
        return ERR_VERSION;
    struct record record = {.kind = (enum record_kind)kind};
    enum err err = record.kind == RECORD_MESSAGE ? decode_message(bytes, &record.message)
                                                 : decode_traffic(bytes, &record.traffic);
    if (err == ERR_OK)
        *out_record = record;
    return err;
}
