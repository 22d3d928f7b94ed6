// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include <stdio.h>

#include "bill.h"

enum { NAME_COLUMNS_MIN = 16, NAME_COLUMNS_MAX = 40 };

static const struct {
    const char *title;
    const char *column;
    const char *no_name; // what an empty name means
} titles[BILL_TABLES] = {
    [BILL_ROOMS] = {"By room", "room", "(outside rooms)"},
    [BILL_PEOPLE] = {"By person", "person", "(nobody)"},
    [BILL_FACES] = {"By face", "face", "(none)"},
};

static const char *const figure_names[BILL_FIGURES] = {
    "messages in", "messages out", "blocks in", "blocks out", "bytes in", "bytes out", "cost"};

// The texts of one line.
struct row {
    struct span name;
    char figures[BILL_FIGURES][BILL_COST_TEXT];
};

void bill_format_cost(int64_t microdollars, char out[BILL_COST_TEXT])
{
    const int64_t million = 1000000;
    (void)snprintf(out, BILL_COST_TEXT, "$%lld.%06lld", (long long)(microdollars / million),
                   (long long)(microdollars % million)); // 28 bytes at most
}

static void format_row(const struct bill_line *line, struct row *out)
{
    struct bill_figure figures[BILL_FIGURES];
    bill_figures(line, figures);
    for (size_t i = 0; i < BILL_COUNTS; i++)
        (void)snprintf(out->figures[i], sizeof out->figures[i], "%lld",
                       (long long)figures[i].value);
    bill_format_cost(line->cost_microdollars, out->figures[BILL_COUNTS]);
}

// Control characters, also those of ISO 6429 in UTF-8 and the ones that turn the direction of
// writing around (U+200B..F, U+2028..E, U+2060..F), could show other figures than there are.
static bool is_safe(struct span name)
{
    for (size_t i = 0; i < name.len; i++) {
        unsigned char at[3] = {0, 0, 0};
        memcpy(at, name.ptr + i, name.len - i < sizeof at ? name.len - i : sizeof at);
        bool is_control = at[0] < ' ' || at[0] == 0x7F || (at[0] == 0xC2 && at[1] < 0xA0);
        bool is_turning = at[0] == 0xE2 && ((at[1] == 0x80 && at[2] >= 0xA8 && at[2] <= 0xAE) ||
                                            (at[1] == 0x80 && at[2] >= 0x8B && at[2] <= 0x8F) ||
                                            (at[1] == 0x81 && at[2] >= 0xA0 && at[2] <= 0xAF));
        if (is_control || is_turning)
            return false;
    }
    return span_is_utf8(name);
}

// As many columns as a terminal uses for most scripts: one for each character.
static size_t columns_of(struct span text)
{
    size_t columns = 0;
    for (size_t i = 0; i < text.len; i++)
        columns += ((unsigned char)text.ptr[i] & 0xC0) != 0x80;
    return columns;
}

// Bytes of the longest front of `text` that fits into `columns`.
static size_t fit(struct span text, size_t columns)
{
    size_t i = 0;
    while (i < text.len) {
        columns -= ((unsigned char)text.ptr[i] & 0xC0) != 0x80;
        if (columns == SIZE_MAX)
            break;
        i++;
    }
    return i;
}

static void put_name(struct buf *out, struct span name, size_t width)
{
    struct log_value safe;
    if (!is_safe(name))
        name = span_of(log_value(name, &safe));
    name.len = fit(name, width);
    buf_add_span(out, name);
    buf_printf(out, "%*s", (int)(width - columns_of(name)), "");
}

static void put_row(struct buf *out, const struct row *row, size_t width)
{
    static const int widths[BILL_FIGURES] = {12, 13, 10, 11, 14, 14, 14};
    buf_add_text(out, "  ");
    put_name(out, row->name, width);
    for (size_t i = 0; i < BILL_FIGURES; i++)
        buf_printf(out, " %*s", widths[i], row->figures[i]);
    buf_add_char(out, '\n');
}

static void put_head(struct buf *out, const char *column, size_t width)
{
    struct row head = {.name = span_of(column)};
    for (size_t i = 0; i < BILL_FIGURES; i++)
        (void)snprintf(head.figures[i], sizeof head.figures[i], "%s", figure_names[i]);
    put_row(out, &head, width);
}

static void put_line(struct buf *out, const struct bill_line *line, struct span name, size_t width)
{
    struct row row = {.name = name};
    format_row(line, &row);
    put_row(out, &row, width);
}

static size_t name_width(const struct bill_table *table)
{
    size_t width = NAME_COLUMNS_MIN;
    for (size_t i = 0; i < table->count; i++) {
        size_t columns = columns_of(table->lines[i].name);
        width = columns > width ? columns : width;
    }
    return width < NAME_COLUMNS_MAX ? width : NAME_COLUMNS_MAX;
}

static void put_table(struct buf *out, const struct bill_table *table, enum bill_table_kind kind)
{
    size_t width = name_width(table);
    buf_printf(out, "\n%s\n", titles[kind].title);
    put_head(out, titles[kind].column, width);
    for (size_t i = 0; i < table->count; i++) {
        const struct bill_line *line = &table->lines[i];
        put_line(out, line, line->name.len > 0 ? line->name : span_of(titles[kind].no_name), width);
    }
}

static void put_period(struct buf *out, const struct bill_period *period, const char *title)
{
    char since[MESSAGE_DATE_TEXT], until[MESSAGE_DATE_TEXT];
    message_format_date(period->since_ms, since);
    message_format_date(period->until_ms, until);
    buf_printf(out, "\n%s, from %.10s until %.10s (UTC)\n", title, since, until);
    put_head(out, "", NAME_COLUMNS_MIN);
    put_line(out, &period->total, span_of("total"), NAME_COLUMNS_MIN);
    for (int kind = 0; period->tables[BILL_FACES].count > 0 && kind < BILL_TABLES; kind++)
        put_table(out, &period->tables[kind], (enum bill_table_kind)kind);
}

void bill_write_text(const struct bill *bill, struct buf *out)
{
    char date[MESSAGE_DATE_TEXT], price[BILL_COST_TEXT];
    message_format_date(bill->made_ms, date);
    bill_format_cost(METER_PRICE_PER_MILLION, price);
    buf_printf(out, "Bill of %s: %s for a million blocks of %d bytes, in and out\n", date, price,
               METER_BLOCK_SIZE);
    put_period(out, &bill->today, "Today");
    put_period(out, &bill->month, "This month");
}
