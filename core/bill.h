// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The bill: what was metered today and this month (UTC), in all and by room, person and face, and
// what it costs. One struct, from which JSON, CSV, text and (in the gateway) HTML are made.
// Not the counting: meter.h, tally.h.
#ifndef ROOMWIRE_CORE_BILL_H
#define ROOMWIRE_CORE_BILL_H

#include "json.h"
#include "store.h"

enum { BILL_LINES_MAX = 1000 }; // of one table; the smallest are summed up in a last line

struct bill_line {
    struct span name; // of the room, person or face; owned by the bill; empty outside the rooms
    struct meter_count in, out;
    int64_t cost_microdollars; // in and out together; of this line alone, rounded up
};

// What a line says, by the names that JSON and CSV have for it: messages_in, messages_out,
// blocks_in, blocks_out, bytes_in, bytes_out, cost_microdollars. All but the last are counts.
enum { BILL_COUNTS = 6, BILL_FIGURES };
struct bill_figure {
    const char *name;
    int64_t value;
};
void bill_figures(const struct bill_line *line, struct bill_figure out[BILL_FIGURES]);

enum bill_table_kind { BILL_ROOMS, BILL_PEOPLE, BILL_FACES, BILL_TABLES };

struct bill_table {
    struct bill_line *lines; // the dearest first
    size_t count;
    bool has_rest; // the last line, "(other)", sums up what did not fit
};

struct bill_period {
    int64_t since_ms, until_ms; // until is excluded
    struct bill_line total;
    struct bill_table tables[BILL_TABLES];
};

struct bill {
    int64_t made_ms;
    struct bill_period today, month;
};

// Errors: those of the store, ERR_MEMORY. `now_ms` is since 1970.
MUST_USE enum err bill_make(struct store *store, int64_t now_ms, struct bill *out_bill);
void bill_finish(struct bill *bill);

// {"date":…,"block_bytes":512,"price_per_million_microdollars":…,"today":{"since":…,"until":…,
// "total":{…},"rooms":[…],"people":[…],"faces":[…]},"month":{…}}; a line is {"name":…,
// "messages_in":…,"messages_out":…,"blocks_in":…,"blocks_out":…,"bytes_in":…,"bytes_out":…,
// "cost_microdollars":…}, the total has no name, and what sums up the rest has "rest":true.
void bill_write_json(const struct bill *bill, struct json_writer *w);
// RFC 4180 with a header line, "period,since,until,by,name,messages_in,…,cost_microdollars"; `by`
// is total, room, person or face.
void bill_write_csv(const struct bill *bill, struct buf *out);
// Plain tables for a terminal; names are made safe to show.
void bill_write_text(const struct bill *bill, struct buf *out);

// "$0.000010" for 10: dollars with six digits behind the point.
enum { BILL_COST_TEXT = 32 };
void bill_format_cost(int64_t microdollars, char out[BILL_COST_TEXT]);

#endif
