// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "message.h"

// Writes `value` as `width` decimal digits.
static void put_digits(char *at, unsigned value, int width)
{
    for (int i = width - 1; i >= 0; i--) {
        at[i] = (char)('0' + value % 10);
        value /= 10;
    }
}

// Year, month and day of a day since 1970, counted in years that begin in March, so that the
// leap day is the last one, and in eras of 400 years, which all have 146097 days.
static void put_day(char *at, int64_t day)
{
    day += 719468; // from 1 March of the year 0
    int64_t era = day / 146097;
    int64_t of_era = day % 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153; // 0 is March
    int64_t of_month = of_year - (153 * month + 2) / 5;
    year += era * 400 + (month >= 10);
    put_digits(at, (unsigned)year, 4);
    at[4] = '-';
    put_digits(at + 5, (unsigned)(month < 10 ? month + 3 : month - 9), 2);
    at[7] = '-';
    put_digits(at + 8, (unsigned)of_month + 1, 2);
}

void message_format_date(int64_t date_ms, char out[MESSAGE_DATE_TEXT])
{
    const int64_t day_ms = 86400000, end_ms = INT64_C(253402300800000); // of the year 9999
    if (date_ms < 0)
        date_ms = 0;
    if (date_ms >= end_ms)
        date_ms = end_ms - 1;
    unsigned ms = (unsigned)(date_ms % day_ms);
    put_day(out, date_ms / day_ms);
    out[10] = 'T';
    put_digits(out + 11, ms / 3600000, 2);
    out[13] = ':';
    put_digits(out + 14, ms / 60000 % 60, 2);
    out[16] = ':';
    put_digits(out + 17, ms / 1000 % 60, 2);
    out[19] = '.';
    put_digits(out + 20, ms % 1000, 3);
    out[23] = 'Z';
    out[24] = '\0';
}

// ---- JSON ----

// True if `text` is ASCII that stands in a JSON string as it is (RFC 8259 §7; DEL is escaped, too,
// as json.h does). Eight bytes at a time: pages are made of such texts, a thousand at once.
static bool is_plain(struct span text)
{
    const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
    uint64_t bad = 0, word;
    for (size_t i = 0; i < text.len && (bad & tops) == 0; i += sizeof word) {
        word = 0x2020202020202020u;
        size_t left = text.len - i;
        memcpy(&word, text.ptr + i, left < sizeof word ? left : sizeof word);
        // The top bit of a byte is set where it is below a space, or zero after the exclusive or.
        uint64_t quote = word ^ ones * '"', backslash = word ^ ones * '\\',
                 del = word ^ ones * 0x7F;
        bad = (word - ones * ' ') | (quote - ones) | (backslash - ones) | (del - ones) | word;
    }
    return (bad & tops) == 0;
}

static char *put_text(char *at, const char *text, size_t len)
{
    memcpy(at, text, len);
    return at + len;
}
#define PUT(at, literal) put_text(at, literal, sizeof(literal) - 1)

static char *put_span(char *at, struct span text)
{
    if (text.len > 0)
        memcpy(at, text.ptr, text.len);
    return at + text.len;
}

static char *put_int(char *at, int64_t value)
{
    char digits[MESSAGE_ID_TEXT];
    size_t start = sizeof digits;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        digits[--start] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest != 0);
    if (value < 0)
        digits[--start] = '-';
    return put_text(at, digits + start, sizeof digits - start);
}

// The object where no text needs an escape: in one piece.
static void write_plain(const struct message *m, struct span epoch, struct buf *out)
{
    enum { REST_MAX = 256 }; // everything but the texts
    char *start = buf_reserve(out, REST_MAX + epoch.len + m->room.len + m->from.len + m->name.len +
                                       m->type.len + m->payload.len);
    if (start == NULL)
        return;
    char *at = PUT(start, "{\"id\":");
    at = put_int(at, m->id);
    at = PUT(at, ",\"prev\":");
    at = put_int(at, m->prev);
    at = PUT(at, ",\"epoch\":\"");
    at = put_span(at, epoch);
    at = PUT(at, "\",\"room\":\"");
    at = put_span(at, m->room);
    at = PUT(at, "\",\"from\":\"");
    at = put_span(at, m->from);
    if (m->name.len > 0) {
        at = PUT(at, "\",\"name\":\"");
        at = put_span(at, m->name);
    }
    at = PUT(at, "\",\"date\":\"");
    message_format_date(m->date_ms, at);
    at += MESSAGE_DATE_TEXT - 1;
    if (m->type.len > 0) {
        at = PUT(at, "\",\"type\":\"");
        at = put_span(at, m->type);
    }
    at = PUT(at, "\",\"text\":\"");
    at = put_span(at, m->payload);
    at = PUT(at, "\"}");
    buf_grow(out, (size_t)(at - start));
}

static void put_member(struct json_writer *w, const char *name, struct span value)
{
    json_field_text(w, name, value);
}

static void write_any(const struct message *m, struct span epoch, struct json_writer *w)
{
    char date[MESSAGE_DATE_TEXT];
    message_format_date(m->date_ms, date);
    json_begin_object(w);
    json_field_int(w, "id", m->id);
    json_field_int(w, "prev", m->prev);
    put_member(w, "epoch", epoch);
    put_member(w, "room", m->room);
    put_member(w, "from", m->from);
    if (m->name.len > 0)
        put_member(w, "name", m->name);
    put_member(w, "date", span_make(date, sizeof date - 1));
    if (m->type.len > 0)
        put_member(w, "type", m->type);
    if (span_is_utf8(m->payload)) {
        put_member(w, "text", m->payload);
    } else {
        json_key(w, "data");
        json_put_base64(w, m->payload);
    }
    json_end_object(w);
}

void message_write_json(const struct message *m, const char *epoch, struct json_writer *w)
{
    struct span name = span_of(epoch);
    if (is_plain(m->payload) && is_plain(name) && is_plain(m->room) && is_plain(m->from) &&
        is_plain(m->name) && is_plain(m->type)) {
        json_put_raw(w, span_of("")); // the comma, if one is due
        write_plain(m, name, w->out);
    } else {
        write_any(m, name, w);
    }
}
