// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "page_message.h"

const char *const page_message_columns[] = {
    "id",        "after_id", "from", "name",    "initial", "hue",  "date", "when",
    "continues", "mine",     "text", "is_text", "size",    "type", "day",  NULL};

static void put_payload(struct page_rows *rows, const struct message *m, bool is_shown)
{
    if (is_shown && span_is_utf8(m->payload)) {
        size_t start = rows->text.len;
        page_write_lines(m->payload, &rows->text);
        page_rows_put_since(rows, "text", start);
        page_rows_put(rows, "is_text", span_of("1"));
        return;
    }
    page_rows_put_int(rows, "size", (int64_t)m->payload.len);
    page_rows_put(rows, "type", m->type.len ? m->type : span_of("data"));
}

void page_message_add(struct page_rows *rows, const struct message *m, bool is_shown)
{
    char date[MESSAGE_DATE_TEXT], when[PAGE_DATE_TEXT];
    struct span name = m->name.len ? m->name : m->from;
    message_format_date(m->date_ms, date);
    page_format_date(m->date_ms, when);
    page_rows_add(rows);
    page_rows_put_int(rows, "id", m->id);
    page_rows_put_int(rows, "after_id", m->id - 1);
    page_rows_put(rows, "date", span_of(date));
    page_rows_put(rows, "when", span_of(when));
    page_rows_put(rows, "from", m->from);
    page_rows_put(rows, "name", name);
    page_rows_put(rows, "initial", page_initial(name));
    page_rows_put_int(rows, "hue", page_hue(m->from));
    put_payload(rows, m, is_shown);
}
