// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "page_chart.h"

#include <math.h>
#include <stdio.h>

#include "core/json.h"
#include "page.h"

// A drawing's own units; webui/chart.css stretches it. Lines keep off the edges.
enum { WIDTH = 1200, HEIGHT = 240, EDGE = 12 };

// ---- taking in ----

// The series of that name, made in its place if there is none. Of too many the last one gives way,
// for good: what stands before it stays. NULL for a name behind them.
static struct page_chart_series *find(struct page_chart *chart, const char *name)
{
    size_t i = 0;
    while (i < chart->series_count && strcmp(chart->series[i].name, name) < 0)
        i++;
    struct page_chart_series *series = &chart->series[i];
    if (i < chart->series_count && strcmp(series->name, name) == 0)
        return series;
    if (i == PAGE_CHART_SERIES)
        return NULL;
    chart->series_count += chart->series_count < PAGE_CHART_SERIES;
    memmove(series + 1, series, (chart->series_count - 1 - i) * sizeof *series);
    *series = (struct page_chart_series){0};
    (void)snprintf(series->name, sizeof series->name, "%s", name);
    return series;
}

// True if it is a number that may be drawn, whether or not there is a place for it.
static bool add_point(struct page_chart *chart, const char *name, const struct json *value,
                      int64_t date_ms)
{
    double number;
    if (!json_get_number(value, &number) || strlen(name) > PAGE_CHART_NAME)
        return false;
    struct page_chart_series *series = find(chart, name);
    if (series != NULL && series->count < PAGE_CHART_POINTS) {
        series->points[series->count].date_ms = date_ms;
        series->points[series->count++].value = number;
    }
    return true;
}

static bool may_measure(struct span payload)
{
    if (payload.len == 0 || payload.len > PAGE_CHART_PAYLOAD)
        return false;
    char first = payload.ptr[0];
    return first == '{' || first == '-' || (first >= '0' && first <= '9');
}

void page_chart_add(struct page_chart *chart, const struct message *m)
{
    struct json *root;
    chart->messages++;
    if (!may_measure(m->payload) || json_parse(m->payload, &root) != ERR_OK)
        return;
    bool is_measurement = false;
    if (json_is_object(root))
        for (const struct json *one = json_first(root); one != NULL; one = json_next(one))
            is_measurement |= add_point(chart, json_name(one), one, m->date_ms);
    else
        is_measurement = add_point(chart, PAGE_CHART_ONLY, root, m->date_ms);
    chart->measurements += is_measurement;
    json_destroy(root);
}

// ---- numbers ----

// At most six digits that mean something, and no zeros behind them.
static void write_number(double value, struct buf *out)
{
    double size = fabs(value), limit = 10, scale = 1e5;
    int decimals = 5;
    if (size != 0 && (size < 1e-4 || size >= 1e15)) {
        buf_printf(out, "%.3e", value);
        return;
    }
    while (size >= limit && decimals > 0) {
        decimals--;
        limit *= 10;
        scale /= 10;
    }
    // Rounded as the script does it: printf would round a half to the even digit.
    size = floor(size * scale + 0.5) / scale;
    char text[32];
    int len = snprintf(text, sizeof text, "%.*f", decimals, size);
    while (decimals > 0 && text[len - 1] == '0')
        len--;
    len -= text[len - 1] == '.';
    buf_add_text(out, value < 0 ? "-" : "");
    buf_add(out, text, (size_t)len);
}

struct range {
    double low, high;
};

static void widen(struct range *range, double value)
{
    range->low = fmin(range->low, value);
    range->high = fmax(range->high, value);
}

// How far along the range the value is, of `length`; the middle of a range that is none.
static long along(struct range range, double value, int length)
{
    double whole = range.high / 2 - range.low / 2; // halves, for the difference is finite then
    return lround((whole > 0 ? (value / 2 - range.low / 2) / whole : 0.5) * length);
}

// ---- drawing ----

static struct range dates_of(const struct page_chart *chart)
{
    struct range dates = {INFINITY, -INFINITY};
    for (size_t i = 0; i < chart->series_count; i++) {
        const struct page_chart_series *series = &chart->series[i];
        widen(&dates, (double)series->points[0].date_ms);
        widen(&dates, (double)series->points[series->count - 1].date_ms);
    }
    return dates;
}

static struct range values_of(const struct page_chart_series *series)
{
    struct range values = {INFINITY, -INFINITY};
    for (size_t i = 0; i < series->count; i++)
        widen(&values, series->points[i].value);
    return values;
}

static const char *const columns[] = {"index", "name",   "last", "low",
                                      "high",  "points", "end",  NULL};

static void put_number(struct page_rows *rows, const char *column, double value)
{
    size_t start = rows->text.len;
    write_number(value, &rows->text);
    page_rows_put_since(rows, column, start);
}

// The line's points, and the last one again: the template has a dot there, an empty stroke with
// round ends, which stays round however the drawing is stretched.
static void put_line(struct page_rows *rows, const struct page_chart_series *series,
                     struct range dates, struct range values)
{
    long x = 0, y = 0;
    size_t start = rows->text.len;
    for (size_t i = 0; i < series->count; i++) {
        x = along(dates, (double)series->points[i].date_ms, WIDTH);
        y = HEIGHT - EDGE - along(values, series->points[i].value, HEIGHT - 2 * EDGE);
        buf_printf(&rows->text, "%s%ld,%ld", i > 0 ? " " : "", x, y);
    }
    page_rows_put_since(rows, "points", start);
    start = rows->text.len;
    buf_printf(&rows->text, "%ld %ld", x, y);
    page_rows_put_since(rows, "end", start);
}

static void put_series(struct page_rows *rows, const struct page_chart *chart, struct range dates)
{
    for (size_t i = 0; i < chart->series_count; i++) {
        const struct page_chart_series *series = &chart->series[i];
        struct range values = values_of(series);
        page_rows_add(rows);
        page_rows_put_int(rows, "index", (int64_t)i);
        page_rows_put(rows, "name", span_of(series->name));
        put_number(rows, "last", series->points[series->count - 1].value);
        put_number(rows, "low", values.low);
        put_number(rows, "high", values.high);
        put_line(rows, series, dates, values);
    }
}

static void set_date(struct page *page, const char *date_name, const char *when_name,
                     double date_ms)
{
    char date[MESSAGE_DATE_TEXT], when[PAGE_DATE_TEXT];
    message_format_date((int64_t)date_ms, date);
    page_format_date((int64_t)date_ms, when);
    page_set_copy(page, date_name, span_of(date));
    page_set_copy(page, when_name, span_of(when));
}

void page_chart_write(const struct page_chart *chart, struct buf *out)
{
    if (chart->measurements < 2 || chart->measurements * 2 < chart->messages)
        return;
    struct range dates = dates_of(chart);
    struct page page = {.rows = NULL};
    struct page_rows rows;
    page_rows_init(&rows, "series", columns);
    put_series(&rows, chart, dates);
    page.rows = &rows;
    page_set_int(&page, "width", WIDTH);
    page_set_int(&page, "height", HEIGHT);
    page_set_int(&page, "top", EDGE);
    page_set_int(&page, "bottom", HEIGHT - EDGE);
    set_date(&page, "from_date", "from_when", dates.low);
    set_date(&page, "to_date", "to_when", dates.high);
    page_render(&page, "chart.html", out);
    page_rows_finish(&rows);
    page_finish(&page);
}
