// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "page_chart.h"

#include <math.h>
#include <stdio.h>

#include "core/json.h"
#include "html.h"
#include "page.h"

// A drawing's own units; style.css stretches it. Lines keep off the edges.
enum { WIDTH = 1200, HEIGHT = 240, EDGE = 12 };

// ---- taking in ----

static struct page_chart_series *find(struct page_chart *chart, struct span name)
{
    for (size_t i = 0; i < chart->series_count; i++)
        if (span_is(name, chart->series[i].name))
            return &chart->series[i];
    if (chart->series_count == PAGE_CHART_SERIES || name.len > PAGE_CHART_NAME)
        return NULL;
    struct page_chart_series *series = &chart->series[chart->series_count++];
    memcpy(series->name, name.ptr, name.len);
    return series;
}

static bool add_point(struct page_chart *chart, const char *name, const struct json *value,
                      int64_t date_ms)
{
    double number;
    if (!json_get_number(value, &number))
        return false;
    struct page_chart_series *series = find(chart, span_of(name));
    if (series == NULL || series->count == PAGE_CHART_POINTS)
        return false;
    series->points[series->count].date_ms = date_ms;
    series->points[series->count++].value = number;
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

static void write_line(const struct page_chart_series *series, struct range dates,
                       struct range values, struct buf *out)
{
    long x = 0, y = 0;
    buf_add_text(out, "<polyline points=\"");
    for (size_t i = 0; i < series->count; i++) {
        x = along(dates, (double)series->points[i].date_ms, WIDTH);
        y = HEIGHT - EDGE - along(values, series->points[i].value, HEIGHT - 2 * EDGE);
        buf_printf(out, "%s%ld,%ld", i > 0 ? " " : "", x, y);
    }
    // A dot where the line ends: an empty stroke has round ends, however it is stretched.
    buf_printf(out, "\"></polyline><path class=\"last\" d=\"M%ld %ldh0\"></path>", x, y);
}

static void write_svg(const struct page_chart_series *series, struct range dates,
                      struct range values, struct buf *out)
{
    buf_printf(out,
               "<svg viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\" role=\"img\">"
               "<path class=\"grid\" d=\"M0 %dH%dM0 %dH%d\"></path>",
               WIDTH, HEIGHT, EDGE, WIDTH, HEIGHT - EDGE, WIDTH);
    write_line(series, dates, values, out);
    // For who cannot see it; a <desc> would be shown by browsers that know no SVG.
    buf_add_text(out, "<title>");
    html_escape(span_of(series->name), out);
    buf_add_text(out, " from ");
    write_number(values.low, out);
    buf_add_text(out, " to ");
    write_number(values.high, out);
    buf_add_text(out, "</title></svg>\n");
}

static void write_series(const struct page_chart *chart, size_t index, struct buf *out)
{
    const struct page_chart_series *series = &chart->series[index];
    struct range values = values_of(series);
    buf_printf(out, "<div class=\"series s%zu\">\n<p><span>", index);
    html_escape(span_of(series->name), out);
    buf_add_text(out, "</span> <b>");
    write_number(series->points[series->count - 1].value, out);
    buf_add_text(out, "</b></p>\n");
    write_svg(series, dates_of(chart), values, out);
    buf_add_text(out, "<p class=\"range\"><span>");
    write_number(values.low, out);
    buf_add_text(out, "</span><i> to </i><span>");
    write_number(values.high, out);
    buf_add_text(out, "</span></p>\n</div>\n");
}

static void write_date(double date_ms, struct buf *out)
{
    char date[MESSAGE_DATE_TEXT], when[PAGE_DATE_TEXT];
    message_format_date((int64_t)date_ms, date);
    page_format_date((int64_t)date_ms, when);
    buf_printf(out, "<time datetime=\"%s\">%s</time>", date, when);
}

void page_chart_write(const struct page_chart *chart, struct buf *out)
{
    if (chart->measurements < 2 || chart->measurements * 2 < chart->messages)
        return;
    struct range dates = dates_of(chart);
    buf_add_text(out, "<figure class=\"chart\" id=\"chart\" aria-label=\"Measurements\">\n");
    for (size_t i = 0; i < chart->series_count; i++)
        write_series(chart, i, out);
    buf_add_text(out, "<figcaption>");
    write_date(dates.low, out);
    buf_add_text(out, "<i> to </i>");
    write_date(dates.high, out);
    buf_add_text(out, "</figcaption>\n</figure>\n");
}
