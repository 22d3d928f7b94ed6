// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "page_chart.h"

#include "core/json.h"
#include "html.h"

// The drawing's own units; style.css stretches it. Lines keep off the edges.
#define WIDTH 600.0
#define HEIGHT 100.0
#define EDGE 4.0

// ---- taking in ----

static struct page_chart_series *find(struct page_chart *chart, struct span name)
{
    for (size_t i = 0; i < chart->series_count; i++)
        if (span_is(name, chart->series[i].name))
            return &chart->series[i];
    if (chart->series_count == PAGE_CHART_SERIES || name.len > PAGE_CHART_NAME)
        return NULL;
    struct page_chart_series *series = &chart->series[chart->series_count++];
    if (name.len > 0)
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
        is_measurement = add_point(chart, "", root, m->date_ms);
    chart->measurements += is_measurement;
    json_destroy(root);
}

// ---- drawing ----

struct extent {
    int64_t begin_ms, end_ms;
    double low, high;
};

static struct extent extent_of(const struct page_chart_series *series)
{
    struct extent e = {series->points[0].date_ms, series->points[series->count - 1].date_ms,
                       series->points[0].value, series->points[0].value};
    for (size_t i = 1; i < series->count; i++) {
        double value = series->points[i].value;
        e.low = value < e.low ? value : e.low;
        e.high = value > e.high ? value : e.high;
    }
    return e;
}

static struct extent extent_of_all(const struct page_chart *chart)
{
    struct extent all = extent_of(&chart->series[0]);
    for (size_t i = 1; i < chart->series_count; i++) {
        struct extent e = extent_of(&chart->series[i]);
        all.begin_ms = e.begin_ms < all.begin_ms ? e.begin_ms : all.begin_ms;
        all.end_ms = e.end_ms > all.end_ms ? e.end_ms : all.end_ms;
        all.low = e.low < all.low ? e.low : all.low;
        all.high = e.high > all.high ? e.high : all.high;
    }
    return all;
}

// All the way for nothing to divide by.
static double part(double value, double low, double high)
{
    return high > low ? (value - low) / (high - low) : 0.5;
}

static void write_line(const struct page_chart *chart, size_t index, const struct extent *all,
                       struct buf *out)
{
    const struct page_chart_series *series = &chart->series[index];
    buf_printf(out, "<polyline class=\"s%zu\" points=\"", index);
    for (size_t i = 0; i < series->count; i++) {
        double x =
            part((double)series->points[i].date_ms, (double)all->begin_ms, (double)all->end_ms);
        double y = part(series->points[i].value, all->low, all->high);
        buf_printf(out, "%s%.1f,%.1f", i > 0 ? " " : "", x * WIDTH,
                   HEIGHT - EDGE - y * (HEIGHT - 2 * EDGE));
    }
    buf_add_text(out, "\"></polyline>");
}

static void write_caption(const struct page_chart *chart, size_t index, struct buf *out)
{
    const struct page_chart_series *series = &chart->series[index];
    struct extent e = extent_of(series);
    buf_printf(out, "<span class=\"s%zu\">", index);
    html_escape(span_of(series->name[0] != '\0' ? series->name : "value"), out);
    buf_printf(out, " <b>%.6g</b> <small>%.6g to %.6g</small></span>\n",
               series->points[series->count - 1].value, e.low, e.high);
}

void page_chart_write(const struct page_chart *chart, struct buf *out)
{
    if (chart->measurements < 2 || chart->measurements * 2 < chart->messages)
        return;
    struct extent all = extent_of_all(chart);
    buf_add_text(out, "<figure class=\"chart\" id=\"chart\">\n"
                      "<svg viewBox=\"0 0 600 100\" preserveAspectRatio=\"none\" role=\"img\" "
                      "aria-labelledby=\"chart-words\">"
                      "<path class=\"grid\" d=\"M0 4H600M0 50H600M0 96H600\"></path>");
    for (size_t i = 0; i < chart->series_count; i++)
        write_line(chart, i, &all, out);
    buf_printf(out,
               "</svg>\n<span class=\"high\">%.6g</span> <span class=\"low\">%.6g</span>\n"
               "<figcaption id=\"chart-words\">\n",
               all.high, all.low);
    for (size_t i = 0; i < chart->series_count; i++)
        write_caption(chart, i, out);
    buf_add_text(out, "</figcaption>\n</figure>\n");
}
