// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "page_json.h"

#include <stdio.h>

enum { TYPICAL_MAX = 8 * 1024 * 1024 };

size_t page_json_max(size_t max_payload)
{
    // JSON escapes make at most six bytes of one; the rest of a message is below 4 KiB.
    size_t one_message = max_payload * 6 + 4096;
    return one_message > TYPICAL_MAX ? one_message : TYPICAL_MAX;
}

// What a callback of the store writes into.
struct rendering {
    enum page_json_form form;
    int64_t max_bytes; // of messages
    struct json_writer *w;
    const char *epoch;
    struct history_facts *facts;
};

static void write_short(const struct message *m, struct json_writer *w)
{
    json_begin_object(w);
    json_key(w, "m");
    if (span_is_utf8(m->payload))
        json_put_text(w, m->payload);
    else
        json_put_null(w); // what is no text is shown by the other form
    json_field_text(w, "n", m->name.len > 0 ? m->name : m->from);
    json_field_int(w, "t", m->date_ms);
    json_end_object(w);
}

static bool render_message(void *context, const struct message *m)
{
    struct rendering *r = context;
    if (r->form == PAGE_JSON_SHORT)
        write_short(m, r->w);
    else
        message_write_json(m, r->epoch, r->w);
    if (r->w->out->status != ERR_OK)
        return false;
    if (r->facts->first_id == 0)
        r->facts->first_id = m->id;
    r->facts->last_id = m->id;
    meter_count_message(&r->facts->count, (int64_t)m->payload.len);
    return true;
}

static enum err render_array(struct store *store, const struct store_page *page,
                             struct rendering *r)
{
    json_begin_array(r->w);
    enum err err =
        store_read_page_within(store, page, r->max_bytes, render_message, r, &r->facts->has_more);
    json_end_array(r->w);
    return err;
}

static enum err render_object(struct store *store, const struct store_page *page,
                              struct rendering *r)
{
    struct json_writer *w = r->w;
    json_begin_object(w);
    json_field_text(w, "room", page->room);
    json_field_text(w, "epoch", span_of(r->epoch));
    json_key(w, "messages");
    enum err err = render_array(store, page, r);
    json_field_bool(w, "more", r->facts->has_more);
    json_end_object(w);
    return err;
}

static enum err render(struct store *store, const struct store_page *page, enum page_json_form form,
                       int64_t max_bytes, struct buf *out, struct history_facts *facts)
{
    struct json_writer w;
    struct rendering r = {form, max_bytes, &w, store_epoch(store), facts};
    *facts = (struct history_facts){0};
    (void)snprintf(facts->epoch, sizeof facts->epoch, "%s", r.epoch);
    buf_clear(out);
    json_writer_init(&w, out);
    enum err err =
        form == PAGE_JSON_SHORT ? render_array(store, page, &r) : render_object(store, page, &r);
    return err != ERR_OK ? err : out->status;
}

enum err page_json_write(struct store *store, const struct store_page *page,
                         enum page_json_form form, struct buf *out, struct history_facts *out_facts)
{
    int64_t max_bytes = (int64_t)out->max;
    for (;;) {
        enum err err = render(store, page, form, max_bytes, out, out_facts);
        if (err != ERR_TOO_LARGE || out_facts->count.messages == 0)
            return err;
        // As much as fitted now, from the oldest on; the newest may be longer once escaped, so it
        // is a quarter less each time, and the tries are few.
        int64_t fitted = out_facts->count.bytes + out_facts->count.messages * STORE_ROW_BYTES;
        max_bytes -= max_bytes / 4;
        max_bytes = fitted < max_bytes ? fitted : max_bytes;
    }
}
