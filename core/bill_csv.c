// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "bill.h"

static const char header[] = "period,since,until,by,name,messages_in,messages_out,blocks_in,"
                             "blocks_out,bytes_in,bytes_out,cost_microdollars\r\n";

// A quoted field (RFC 4180 §2). Spreadsheets would run what begins like a formula, so an apostrophe
// goes before it, as they do themselves for text.
static void add_text(struct buf *out, struct span text)
{
    buf_add_char(out, '"');
    if (text.len > 0 && memchr("=+-@", text.ptr[0], 4) != NULL)
        buf_add_char(out, '\'');
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"')
            buf_add_char(out, '"');
        buf_add_char(out, text.ptr[i]);
    }
    buf_add_char(out, '"');
}

static void add_date(struct buf *out, int64_t date_ms)
{
    char date[MESSAGE_DATE_TEXT];
    message_format_date(date_ms, date);
    buf_add_text(out, date);
}

struct place {
    const char *period_name;
    const struct bill_period *period;
};

static void add_line(struct buf *out, const struct place *at, const char *by,
                     const struct bill_line *line)
{
    buf_add_text(out, at->period_name);
    buf_add_char(out, ',');
    add_date(out, at->period->since_ms);
    buf_add_char(out, ',');
    add_date(out, at->period->until_ms);
    buf_add_char(out, ',');
    buf_add_text(out, by);
    buf_add_char(out, ',');
    add_text(out, line->name);
    struct bill_figure figures[BILL_FIGURES];
    bill_figures(line, figures);
    for (size_t i = 0; i < BILL_FIGURES; i++) {
        buf_add_char(out, ',');
        buf_add_int(out, figures[i].value);
    }
    buf_add_text(out, "\r\n");
}

static void add_period(struct buf *out, const struct place *at)
{
    static const char *const kinds[BILL_TABLES] = {
        [BILL_ROOMS] = "room", [BILL_PEOPLE] = "person", [BILL_FACES] = "face"};
    add_line(out, at, "total", &at->period->total);
    for (int kind = 0; kind < BILL_TABLES; kind++) {
        const struct bill_table *table = &at->period->tables[kind];
        for (size_t i = 0; i < table->count; i++)
            add_line(out, at, kinds[kind], &table->lines[i]);
    }
}

void bill_write_csv(const struct bill *bill, struct buf *out)
{
    buf_add_text(out, header);
    add_period(out, &(struct place){"today", &bill->today});
    add_period(out, &(struct place){"month", &bill->month});
}
