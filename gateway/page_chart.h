// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The chart of a room whose messages are measurements: numbers, or JSON objects with numbers in
// them. One small drawing for each, since what is measured together is rarely of one size, over one
// time. It is SVG, so that it is there without a script; webui/chart.js draws the same and goes on
// with it, and both are held to tests/data/charts.json. The drawings are in the order of their
// names (bytes), so that none takes another's place as messages come and go.
#ifndef ROOMWIRE_GATEWAY_PAGE_CHART_H
#define ROOMWIRE_GATEWAY_PAGE_CHART_H

#include "core/buf.h"
#include "core/message.h"

enum {
    PAGE_CHART_SERIES = 4,      // the first ones by name
    PAGE_CHART_POINTS = 50,     // of a series: as many as a page has messages
    PAGE_CHART_NAME = 32,       // bytes of a series' name, longer ones are left out
    PAGE_CHART_PAYLOAD = 1024,  // bytes: longer ones are no measurements
    PAGE_CHART_HTML_MAX = 16384 // bytes that page_chart_write may append
};

// The name of a series of payloads that are numbers by themselves.
#define PAGE_CHART_ONLY "value"

struct page_chart_series {
    char name[PAGE_CHART_NAME + 1];
    size_t count;
    struct {
        int64_t date_ms;
        double value;
    } points[PAGE_CHART_POINTS];
};

// Zeroed before its first use.
struct page_chart {
    struct page_chart_series series[PAGE_CHART_SERIES];
    size_t series_count;
    size_t messages, measurements;
};

// Takes the next message into account, the oldest first.
void page_chart_add(struct page_chart *chart, const struct message *m);
// Appends the chart as HTML; nothing unless half of the messages, and two at least, are
// measurements.
void page_chart_write(const struct page_chart *chart, struct buf *out);

#endif
