// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include <stdlib.h>

#include "store_db.h"

// One message whose texts lie behind each other in the buffer.
struct row {
    int64_t id, prev, date_ms;
    size_t at; // of the first text
    size_t from_len, name_len, type_len, payload_len;
};

struct store_rows {
    size_t count;
    struct buf bytes;
    struct row rows[STORE_PAGE_MAX];
};

enum err store_rows_start(struct store_rows **rows)
{
    if (*rows == NULL) {
        *rows = malloc(sizeof **rows);
        if (*rows == NULL)
            return ERR_MEMORY;
        buf_init(&(*rows)->bytes, STORE_ROWS_BYTES);
    }
    (*rows)->count = 0;
    buf_clear(&(*rows)->bytes);
    return ERR_OK;
}

void store_rows_destroy(struct store_rows *rows)
{
    if (rows == NULL)
        return;
    buf_finish(&rows->bytes);
    free(rows);
}

enum err store_rows_add(struct store_rows *rows, const struct message *m)
{
    if (rows->count == STORE_PAGE_MAX)
        return ERR_TOO_LARGE;
    rows->rows[rows->count] = (struct row){m->id,       m->prev,     m->date_ms,  rows->bytes.len,
                                           m->from.len, m->name.len, m->type.len, m->payload.len};
    buf_add_span(&rows->bytes, m->from);
    buf_add_span(&rows->bytes, m->name);
    buf_add_span(&rows->bytes, m->type);
    buf_add_span(&rows->bytes, m->payload);
    if (rows->bytes.status == ERR_OK)
        rows->count++;
    return rows->bytes.status;
}

static struct span take(const char **at, size_t len)
{
    struct span text = span_make(*at, len);
    if (len > 0)
        *at += len;
    return text;
}

void store_rows_reverse(const struct store_rows *rows, struct span room, store_message_fn *each,
                        void *context)
{
    bool is_wanted = true;
    for (size_t i = rows->count; is_wanted && i > 0; i--) {
        const struct row *row = &rows->rows[i - 1];
        // Nothing was ever added where all texts are empty.
        const char *at = rows->bytes.ptr ? rows->bytes.ptr + row->at : "";
        struct message m = {row->id, row->prev, row->date_ms, .room = room};
        m.from = take(&at, row->from_len);
        m.name = take(&at, row->name_len);
        m.type = take(&at, row->type_len);
        m.payload = take(&at, row->payload_len);
        is_wanted = each(context, &m);
    }
}
