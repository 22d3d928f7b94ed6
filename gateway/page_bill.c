// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// GET /bill: what was metered and what it costs, as tables for people, as JSON and CSV for
// programs.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "accept.h"
#include "bills.h"
#include "page.h"
#include "page_handlers.h"

enum { BILL_BYTES_MAX = 16 << 20 };

struct bill_page {
    struct page page;
    struct bill_query *query;
    const struct bill *bill; // once it is made
    char text[64];           // the value that was last asked for
};

// ---- where in the bill a value stands ----

static const struct html_level *level_of(const struct html_level *level, const char *section)
{
    while (level && !span_is(level->section, section))
        level = level->outer;
    return level;
}

static const struct bill_period *period_at(const struct bill_page *b,
                                           const struct html_level *level)
{
    level = level_of(level, "periods");
    if (!level)
        return NULL;
    return level->index == 0 ? &b->bill->today : &b->bill->month;
}

static const struct bill_table *table_at(const struct bill_page *b, const struct html_level *level)
{
    const struct bill_period *period = period_at(b, level);
    level = level_of(level, "tables");
    return period && level ? &period->tables[level->index] : NULL;
}

// The line of a table, or the total of a period.
static const struct bill_line *line_at(const struct bill_page *b, const struct html_level *level)
{
    const struct bill_table *table = table_at(b, level);
    const struct html_level *line = level_of(level, "lines");
    if (table && line)
        return &table->lines[line->index];
    const struct bill_period *period = period_at(b, level);
    return period ? &period->total : NULL;
}

// ---- values ----

static struct span text_of(struct bill_page *b, const char *text)
{
    snprintf(b->text, sizeof b->text, "%s", text);
    return span_of(b->text);
}

// "1,234,567".
static struct span number_text(struct bill_page *b, int64_t number)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%" PRId64, number);
    size_t at = 0;
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            b->text[at++] = ',';
        b->text[at++] = digits[i];
    }
    return span_make(b->text, at);
}

static struct span cost_text(struct bill_page *b, int64_t microdollars)
{
    char text[BILL_COST_TEXT];
    bill_format_cost(microdollars, text);
    return text_of(b, text);
}

static bool find_number(const struct bill_line *line, struct span name, int64_t *out_number)
{
    struct bill_figure figures[BILL_FIGURES];
    bill_figures(line, figures);
    for (size_t i = 0; i < BILL_COUNTS; i++) {
        if (span_is(name, figures[i].name)) {
            *out_number = figures[i].value;
            return true;
        }
    }
    return false;
}

static struct span line_value(struct bill_page *b, const struct bill_line *line, struct span name)
{
    int64_t number;
    if (find_number(line, name, &number))
        return number_text(b, number);
    if (span_is(name, "cost"))
        return cost_text(b, line->cost_microdollars);
    if (span_is(name, "name"))
        return line->name.len ? line->name : span_of("(outside the rooms)");
    return span_of("");
}

static struct span period_value(struct bill_page *b, const struct bill_period *period,
                                struct span name, const struct html_level *level)
{
    static const char *const kinds[BILL_TABLES] = {"Room", "Person", "Face"};
    static const char *const captions[BILL_TABLES] = {"By room", "By person", "By way of access"};
    if (span_is(name, "period"))
        return span_of(period == &b->bill->today ? "Today" : "This month");
    if (span_is(name, "since")) {
        char date[PAGE_DATE_TEXT], text[PAGE_DATE_TEXT + 8];
        page_format_date(period->since_ms, date);
        snprintf(text, sizeof text, "since %s", date);
        return text_of(b, text);
    }
    const struct html_level *table = level_of(level, "tables");
    if (table && span_is(name, "kind"))
        return span_of(kinds[table->index]);
    if (table && span_is(name, "caption"))
        return span_of(captions[table->index]);
    return line_value(b, line_at(b, level), name);
}

static struct span value(void *context, struct span name, const struct html_level *level)
{
    struct bill_page *b = context;
    const struct bill_period *period = period_at(b, level);
    struct span text = period ? period_value(b, period, name, level) : span_of("");
    return text.len ? text : page_value(&b->page, name, level);
}

static size_t count(void *context, struct span name, const struct html_level *level)
{
    struct bill_page *b = context;
    if (span_is(name, "periods"))
        return 2;
    if (span_is(name, "tables"))
        return BILL_TABLES;
    const struct bill_table *table = table_at(b, level);
    if (table && span_is(name, "lines"))
        return table->count;
    return page_count(&b->page, name, level);
}

// ---- answers ----

static void send_html(struct bill_page *b)
{
    char price[BILL_COST_TEXT];
    bill_format_cost(METER_PRICE_PER_MILLION, price);
    // "$5.000000": whole cents are enough where there are no others.
    size_t len = strlen(price);
    if (len > 4 && strcmp(price + len - 4, "0000") == 0)
        price[len - 4] = '\0';
    page_set(&b->page, "title", span_of("Bill"));
    page_set(&b->page, "price", span_of(price));
    struct html_source source = {.context = b, .value = value, .count = count};
    page_send_source(&b->page, 200, "bill.html", &source);
}

static void send_data(struct bill_page *b, const char *content_type, const struct buf *body)
{
    exchange_add_field(b->page.x, "Cache-Control", span_of("no-store"));
    if (body->status)
        exchange_refuse(b->page.x, 500, body->status, NULL);
    else
        exchange_answer(b->page.x, 200, content_type, buf_span(body));
}

static void send_json(struct bill_page *b)
{
    struct buf body;
    struct json_writer w;
    buf_init(&body, BILL_BYTES_MAX);
    json_writer_init(&w, &body);
    bill_write_json(b->bill, &w);
    send_data(b, "application/json", &body);
    buf_finish(&body);
}

static void send_csv(struct bill_page *b)
{
    struct buf body;
    buf_init(&body, BILL_BYTES_MAX);
    bill_write_csv(b->bill, &body);
    exchange_add_field(b->page.x, "Content-Disposition",
                       span_of("attachment; filename=\"bill.csv\""));
    send_data(b, "text/csv; charset=utf-8; header=present", &body);
    buf_finish(&body);
}

// Unlike elsewhere, who takes anything gets the page.
static void send_wanted(struct bill_page *b)
{
    const struct http_head *head = exchange_head(b->page.x);
    int html = accept_quality(head, "Accept", "text/html");
    int json = accept_quality(head, "Accept", "application/json");
    int csv = accept_quality(head, "Accept", "text/csv");
    if (json > html && json >= csv)
        send_json(b);
    else if (csv > html)
        send_csv(b);
    else
        send_html(b);
}

static void close_page(struct bill_page *b)
{
    page_finish(&b->page);
    free(b);
}

static void refuse(struct bill_page *b, enum err err)
{
    page_refuse(&b->page, page_status(err), err, "The traffic cannot be read right now.",
                span_of(""));
}

static void on_bill(void *context, enum err err, const struct bill *bill)
{
    struct bill_page *b = context;
    b->bill = bill;
    if (err != ERR_OK) {
        refuse(b, err);
    } else {
        exchange_add_field(b->page.x, "Vary", span_of("Accept"));
        send_wanted(b);
    }
    close_page(b);
}

static void on_cancel(void *context)
{
    struct bill_page *b = context;
    bills_forget(b->query);
    close_page(b);
}

// False if the exchange was answered instead.
static bool ask(struct bill_page *b)
{
    struct exchange *x = b->page.x;
    struct worker *worker = exchange_worker(x);
    enum err err = bills_ask(worker->gateway->bills, worker->loop, on_bill, b, &b->query);
    if (err == ERR_OK)
        exchange_on_cancel(x, on_cancel, b);
    else
        refuse(b, err);
    return err == ERR_OK;
}

// False if the exchange was answered instead.
static bool begin(struct bill_page *b, enum err token_err)
{
    if (b->page.caller.has_token && b->page.caller.token.claims.may_bill)
        return ask(b);
    if (!b->page.caller.has_token)
        page_ask_sign_in(&b->page, token_err, span_of(""));
    else
        page_refuse(&b->page, 403, ERR_DENIED, "Your token does not have the claim \"bill\".",
                    span_of(""));
    return false;
}

void page_bill(struct exchange *x)
{
    struct bill_page *b = calloc(1, sizeof *b);
    enum err token_err;
    enum err err = b != NULL ? page_init(&b->page, x, &token_err) : ERR_MEMORY;
    if (err != ERR_OK) {
        free(b);
        exchange_refuse(x, 500, err, NULL);
        return;
    }
    if (!begin(b, token_err))
        close_page(b);
}
