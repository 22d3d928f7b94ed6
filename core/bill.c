// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "bill.h"

#include <stdlib.h>
#include <time.h>

static const struct {
    enum store_group group;
    const char *key; // in JSON
} kinds[BILL_TABLES] = {
    [BILL_ROOMS] = {STORE_BY_ROOM, "rooms"},
    [BILL_PEOPLE] = {STORE_BY_SUBJECT, "people"},
    [BILL_FACES] = {STORE_BY_FACE, "faces"},
};

// ---- making ----

static void add(struct meter_count *sum, const struct meter_count *count)
{
    sum->messages += count->messages;
    sum->blocks += count->blocks;
    sum->bytes += count->bytes;
}

static void set_cost(struct bill_line *line)
{
    line->cost_microdollars =
        meter_cost(line->in.blocks + line->out.blocks, METER_PRICE_PER_MILLION);
}

static enum err set_name(struct bill_line *line, struct span name)
{
    char *copy = span_dup(name);
    if (copy == NULL)
        return ERR_MEMORY;
    free((char *)line->name.ptr);
    line->name = span_make(copy, name.len);
    return ERR_OK;
}

struct filling {
    struct bill_table *table;
    size_t capacity;
    enum err err;
};

static enum err grow(struct filling *f)
{
    if (f->table->count < f->capacity)
        return ERR_OK;
    size_t want = f->capacity ? f->capacity * 2 : 16;
    struct bill_line *grown = realloc(f->table->lines, want * sizeof *grown);
    if (grown == NULL)
        return ERR_MEMORY;
    f->table->lines = grown;
    f->capacity = want;
    return ERR_OK;
}

static enum err add_line(struct filling *f, const struct store_traffic *traffic)
{
    enum err err = grow(f);
    if (err != ERR_OK)
        return err;
    struct bill_line *line = &f->table->lines[f->table->count];
    *line = (struct bill_line){.in = traffic->in, .out = traffic->out};
    set_cost(line);
    err = set_name(line, traffic->name);
    if (err == ERR_OK)
        f->table->count++;
    return err;
}

// The last line takes in what has no line of its own.
static enum err add_rest(struct bill_table *table, const struct store_traffic *traffic)
{
    struct bill_line *line = &table->lines[table->count - 1];
    add(&line->in, &traffic->in);
    add(&line->out, &traffic->out);
    set_cost(line);
    if (table->has_rest)
        return ERR_OK;
    table->has_rest = true;
    return set_name(line, span_of("(other)"));
}

static bool take_line(void *context, const struct store_traffic *traffic)
{
    struct filling *f = context;
    f->err = f->table->count < BILL_LINES_MAX ? add_line(f, traffic) : add_rest(f->table, traffic);
    return f->err == ERR_OK;
}

static bool take_total(void *context, const struct store_traffic *traffic)
{
    struct bill_line *total = context;
    total->in = traffic->in;
    total->out = traffic->out;
    set_cost(total);
    return true;
}

static enum err fill_period(struct store *store, struct bill_period *period)
{
    int64_t since = meter_hour(period->since_ms), until = meter_hour(period->until_ms);
    enum err err = store_read_traffic(store, STORE_TOTAL, since, until, take_total, &period->total);
    for (int kind = 0; err == ERR_OK && kind < BILL_TABLES; kind++) {
        struct filling f = {.table = &period->tables[kind]};
        err = store_read_traffic(store, kinds[kind].group, since, until, take_line, &f);
        if (err == ERR_OK)
            err = f.err;
    }
    return err;
}

// Midnight of a day of now's month, in ms since 1970; days and months may run over their ends.
static int64_t midnight(int64_t now_ms, int day, int months_on)
{
    time_t now_s = (time_t)(now_ms / 1000);
    struct tm tm;
    if (gmtime_r(&now_s, &tm) == NULL)
        return 0; // beyond any year there is
    struct tm start = {
        .tm_year = tm.tm_year, .tm_mon = tm.tm_mon + months_on, .tm_mday = day ? day : tm.tm_mday};
    return (int64_t)timegm(&start) * 1000;
}

enum err bill_make(struct store *store, int64_t now_ms, struct bill *out_bill)
{
    const int64_t day_ms = 86400000;
    struct bill bill = {.made_ms = now_ms};
    bill.today.since_ms = midnight(now_ms, 0, 0);
    bill.today.until_ms = bill.today.since_ms + day_ms;
    bill.month.since_ms = midnight(now_ms, 1, 0);
    bill.month.until_ms = midnight(now_ms, 1, 1);
    // All tables from one state, so that they add up.
    enum err err = store_begin_read(store);
    if (err != ERR_OK)
        return err;
    err = fill_period(store, &bill.today);
    if (err == ERR_OK)
        err = fill_period(store, &bill.month);
    store_end_read(store);
    if (err != ERR_OK) {
        bill_finish(&bill);
        return err;
    }
    *out_bill = bill;
    return ERR_OK;
}

static void finish_period(struct bill_period *period)
{
    for (int kind = 0; kind < BILL_TABLES; kind++) {
        struct bill_table *table = &period->tables[kind];
        for (size_t i = 0; i < table->count; i++)
            free((char *)table->lines[i].name.ptr);
        free(table->lines);
        *table = (struct bill_table){0};
    }
}

void bill_finish(struct bill *bill)
{
    finish_period(&bill->today);
    finish_period(&bill->month);
}

void bill_figures(const struct bill_line *line, struct bill_figure out[BILL_FIGURES])
{
    const struct bill_figure figures[BILL_FIGURES] = {
        {"messages_in", line->in.messages},
        {"messages_out", line->out.messages},
        {"blocks_in", line->in.blocks},
        {"blocks_out", line->out.blocks},
        {"bytes_in", line->in.bytes},
        {"bytes_out", line->out.bytes},
        {"cost_microdollars", line->cost_microdollars},
    };
    memcpy(out, figures, sizeof figures);
}

// ---- JSON ----

static void write_figures(struct json_writer *w, const struct bill_line *line)
{
    struct bill_figure figures[BILL_FIGURES];
    bill_figures(line, figures);
    for (size_t i = 0; i < BILL_FIGURES; i++)
        json_field_int(w, figures[i].name, figures[i].value);
}

static void write_date(struct json_writer *w, const char *name, int64_t date_ms)
{
    char date[MESSAGE_DATE_TEXT];
    message_format_date(date_ms, date);
    json_field_text(w, name, span_of(date));
}

static void write_table(struct json_writer *w, const struct bill_table *table)
{
    json_begin_array(w);
    for (size_t i = 0; i < table->count; i++) {
        json_begin_object(w);
        json_field_text(w, "name", table->lines[i].name);
        write_figures(w, &table->lines[i]);
        if (table->has_rest && i == table->count - 1)
            json_field_bool(w, "rest", true);
        json_end_object(w);
    }
    json_end_array(w);
}

static void write_period(struct json_writer *w, const char *name, const struct bill_period *period)
{
    json_key(w, name);
    json_begin_object(w);
    write_date(w, "since", period->since_ms);
    write_date(w, "until", period->until_ms);
    json_key(w, "total");
    json_begin_object(w);
    write_figures(w, &period->total);
    json_end_object(w);
    for (int kind = 0; kind < BILL_TABLES; kind++) {
        json_key(w, kinds[kind].key);
        write_table(w, &period->tables[kind]);
    }
    json_end_object(w);
}

void bill_write_json(const struct bill *bill, struct json_writer *w)
{
    json_begin_object(w);
    write_date(w, "date", bill->made_ms);
    json_field_int(w, "block_bytes", METER_BLOCK_SIZE);
    json_field_int(w, "price_per_million_microdollars", METER_PRICE_PER_MILLION);
    write_period(w, "today", &bill->today);
    write_period(w, "month", &bill->month);
    json_end_object(w);
}
