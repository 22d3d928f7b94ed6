// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include <assert.h>

#include "store_db.h"

// ---- writing ----

static enum err put_key(struct store *store, const struct message *m, int64_t room_id,
                        struct span key)
{
    struct store_run run = store_start(store, STORE_SQL_PUT_KEY);
    store_bind_int(&run, room_id);
    store_bind_text(&run, m->from);
    store_bind_text(&run, key);
    store_bind_int(&run, m->id);
    store_bind_int(&run, m->date_ms);
    return store_finish(&run);
}

static enum err put_origin(struct store *store, const struct message *m, struct span origin)
{
    struct store_run run = store_start(store, STORE_SQL_PUT_ORIGIN);
    store_bind_int(&run, m->id);
    store_bind_int(&run, m->date_ms);
    store_bind_text(&run, origin);
    return store_finish(&run);
}

static void bind_message(struct store_run *run, const struct message *m, int64_t room_id)
{
    store_bind_int(run, m->id);
    store_bind_int(run, room_id);
    store_bind_int(run, m->prev);
    store_bind_int(run, m->date_ms);
    store_bind_text(run, m->from);
    store_bind_text(run, m->name);
    store_bind_text(run, m->type);
    store_bind_blob(run, m->payload);
}

// What a message changes besides its own row.
static enum err note_message(struct store *store, const struct store_put *put)
{
    const struct message *m = &put->message;
    int64_t room_id = 0;
    enum err err = store_find_room(store, m->room, &room_id);
    if (err != ERR_OK)
        return err;
    store_count_message(store, m);
    if (put->key.len > 0)
        err = put_key(store, m, room_id, put->key);
    if (err == ERR_OK && put->origin.len > 0)
        err = put_origin(store, m, put->origin);
    return err;
}

// One statement, which has a row for each; says how many it stored before one failed.
static enum err put_rows(struct store *store, enum store_sql sql, const struct store_put *puts,
                         size_t count, size_t *out_count)
{
    int64_t room_ids[STORE_PUTS_MAX];
    *out_count = 0;
    for (size_t i = 0; i < count; i++) {
        enum err err = store_find_room(store, puts[i].message.room, &room_ids[i]);
        if (err != ERR_OK)
            return err;
    }
    struct store_run run = store_start(store, sql);
    for (size_t i = 0; i < count; i++)
        bind_message(&run, &puts[i].message, room_ids[i]);
    enum err err = store_finish(&run);
    if (err == ERR_OK)
        *out_count = count;
    else if (err == ERR_INVALID)
        *out_count = (size_t)sqlite3_changes(store->db);
    return err;
}

static bool rooms_fit(const struct store_put *puts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (puts[i].message.room.len > METER_ROOM_MAX)
            return false;
    return true;
}

enum err store_put_messages(struct store *store, const struct store_put *puts, size_t count,
                            size_t *out_count)
{
    bool is_one_statement = count == STORE_PUTS_MAX && rooms_fit(puts, count);
    enum err err = ERR_OK, failed = ERR_OK;
    size_t done = 0, more = 0;
    while (err == ERR_OK && failed == ERR_OK && done < count) {
        failed = is_one_statement ? put_rows(store, STORE_SQL_PUT_MESSAGES, puts, count, &more)
                                  : put_rows(store, STORE_SQL_PUT_MESSAGE, puts + done, 1, &more);
        for (size_t end = done + more; err == ERR_OK && done < end; done++)
            err = note_message(store, &puts[done]);
    }
    *out_count = done;
    if (err == ERR_OK)
        err = store_settle_pending(store);
    return err == ERR_OK ? failed : err;
}

enum err store_put_message(struct store *store, const struct message *m, struct span key)
{
    const struct store_put one = {.message = *m, .key = key};
    size_t count;
    return store_put_messages(store, &one, 1, &count);
}

// A table that has its ids in the order of time, as far as the clock was right.
struct trimming {
    enum store_sql look, remove;
    int64_t before_ms, now_ms;
    int limit;
};

// Looks at the next rows behind `*after` for what is too old, and moves that on until rows come
// that stay.
static enum err trim(struct store *store, const struct trimming *t, int64_t *after, int *removed)
{
    struct store_run run = store_start(store, t->look);
    store_bind_int(&run, *after);
    store_bind_int(&run, t->before_ms);
    store_bind_int(&run, t->now_ms);
    store_bind_int(&run, t->limit);
    bool has_row = store_step(&run);
    int64_t last = has_row ? store_get_column_int(&run, "last") : 0;
    bool goes_on = has_row && store_get_column_int(&run, "count") == t->limit &&
                   store_get_column_int(&run, "staying") == 0;
    enum err err = store_end(&run);
    if (err != ERR_OK)
        return err;
    run = store_start(store, t->remove);
    store_bind_int(&run, *after);
    store_bind_int(&run, last);
    store_bind_int(&run, t->before_ms);
    err = store_finish(&run);
    if (err != ERR_OK)
        return err;
    *removed += sqlite3_changes(store->db);
    *after = goes_on ? last : 0;
    return ERR_OK;
}

// A table that is ordered by time. `before` is in its unit.
static enum err trim_oldest(struct store *store, enum store_sql sql, int64_t before, int limit,
                            int *removed)
{
    struct store_run run = store_start(store, sql);
    store_bind_int(&run, before);
    store_bind_int(&run, limit);
    enum err err = store_finish(&run);
    if (err == ERR_OK)
        *removed += sqlite3_changes(store->db);
    return err;
}

enum err store_trim(struct store *store, const struct store_ages *before, int limit,
                    struct store_place *place, int *out_removed)
{
    int64_t origins_ms =
        before->origins_ms > before->messages_ms ? before->origins_ms : before->messages_ms;
    const struct trimming messages = {STORE_SQL_LOOK_AT_MESSAGES, STORE_SQL_TRIM_MESSAGES,
                                      before->messages_ms, before->now_ms, limit};
    const struct trimming origins = {STORE_SQL_LOOK_AT_ORIGINS, STORE_SQL_TRIM_ORIGINS, origins_ms,
                                     before->now_ms, limit};
    struct store_place next = *place;
    int removed = 0;
    enum err err = ERR_OK;
    if (before->messages_ms > 0)
        err = trim(store, &messages, &next.message_id, &removed);
    if (err == ERR_OK)
        err = trim_oldest(store, STORE_SQL_TRIM_KEYS, before->keys_ms, limit, &removed);
    if (err == ERR_OK)
        err = trim_oldest(store, STORE_SQL_TRIM_TRAFFIC, meter_hour(before->traffic_ms), limit,
                          &removed);
    if (err == ERR_OK && origins_ms > 0)
        err = trim(store, &origins, &next.origin_id, &removed);
    if (err != ERR_OK)
        return err;
    *place = next;
    *out_removed = removed;
    return ERR_OK;
}

// ---- reading ----

// Columns of PAGE in store_sql.c: pages are read too often to look names up.
enum { PAGE_ID, PAGE_PREV, PAGE_DATE, PAGE_SENDER, PAGE_NAME, PAGE_TYPE, PAGE_PAYLOAD };

static struct message read_message(const struct store_run *run, struct span room)
{
    return (struct message){
        .id = sqlite3_column_int64(run->stmt, PAGE_ID),
        .prev = sqlite3_column_int64(run->stmt, PAGE_PREV),
        .date_ms = sqlite3_column_int64(run->stmt, PAGE_DATE),
        .room = room,
        .from = store_text_at(run, PAGE_SENDER),
        .name = store_text_at(run, PAGE_NAME),
        .type = store_text_at(run, PAGE_TYPE),
        .payload = store_text_at(run, PAGE_PAYLOAD),
    };
}

static struct store_run start_page(struct store *store, enum store_sql sql,
                                   const struct store_page *page)
{
    struct store_run run = store_start(store, sql);
    store_bind_text(&run, page->room);
    store_bind_int(&run, page->before > 0 ? page->before : INT64_MAX);
    store_bind_int(&run, page->limit);
    return run;
}

// How much of a page is taken.
struct taken {
    int count;
    int64_t bytes;
};

// Takes one message more; false if it is too much for the page.
static bool takes(struct taken *taken, const struct message *m, int limit, int64_t max_bytes)
{
    taken->bytes += STORE_ROW_BYTES + (int64_t)m->payload.len;
    return ++taken->count == 1 || (taken->count <= limit && taken->bytes <= max_bytes);
}

// Hands rows on as they come.
static enum err read_forward(struct store *store, const struct store_page *page, int64_t max_bytes,
                             store_message_fn *each, void *context, bool *out_more)
{
    struct store_run run = start_page(store, STORE_SQL_PAGE_AFTER, page);
    store_bind_int(&run, page->after);
    struct taken taken = {0};
    bool has_more = false, is_wanted = true;
    while (is_wanted && !has_more && store_step(&run)) {
        struct message m = read_message(&run, page->room);
        has_more = !takes(&taken, &m, page->limit, max_bytes);
        is_wanted = has_more || each(context, &m);
    }
    enum err err = store_end(&run);
    if (err == ERR_OK)
        *out_more = has_more;
    return err;
}

// The newest messages, read backwards. `*out_is_kept` says that all were put into store->rows,
// `*out_first` is the id of the oldest one.
static enum err read_backward(struct store *store, const struct store_page *page, int64_t max_bytes,
                              bool *out_is_kept, int64_t *out_first, bool *out_more)
{
    enum err kept = store_rows_start(&store->rows);
    struct store_run run = start_page(store, STORE_SQL_PAGE_BEFORE, page);
    struct taken taken = {0};
    while (store_step(&run)) {
        struct message m = read_message(&run, page->room);
        if (!takes(&taken, &m, page->limit, max_bytes))
            break;
        *out_first = m.id;
        if (kept == ERR_OK)
            kept = store_rows_add(store->rows, &m);
    }
    *out_more = run.code == SQLITE_ROW;
    *out_is_kept = kept == ERR_OK;
    return store_end(&run);
}

enum err store_read_page_within(struct store *store, const struct store_page *page,
                                int64_t max_bytes, store_message_fn *each, void *context,
                                bool *out_more)
{
    assert(page->limit >= 1 && page->limit <= STORE_PAGE_MAX);
    if (page->after >= 0)
        return read_forward(store, page, max_bytes, each, context, out_more);
    // Kept aside and turned around, which costs less than first to find where the page begins.
    bool is_kept, has_more;
    int64_t first = INT64_MAX;
    enum err err = read_backward(store, page, max_bytes, &is_kept, &first, &has_more);
    if (err != ERR_OK)
        return err;
    *out_more = has_more;
    if (is_kept) {
        store_rows_reverse(store->rows, page->room, each, context);
        return ERR_OK;
    }
    // Too much to keep aside: now that the beginning is known, read it the right way round.
    struct store_page same = *page;
    same.after = first - 1;
    return read_forward(store, &same, INT64_MAX, each, context, &has_more);
}

enum err store_read_page(struct store *store, const struct store_page *page, store_message_fn *each,
                         void *context, bool *out_more)
{
    return store_read_page_within(store, page, INT64_MAX, each, context, out_more);
}

struct last {
    store_message_fn *each;
    void *context;
    bool is_found;
};

static bool pass_last(void *context, const struct message *m)
{
    struct last *last = context;
    last->is_found = true;
    return last->each(last->context, m);
}

enum err store_read_last(struct store *store, struct span room, store_message_fn *each,
                         void *context)
{
    struct last last = {each, context, false};
    struct store_page page = {.room = room, .after = -1, .limit = 1};
    bool has_more;
    enum err err = store_read_page(store, &page, pass_last, &last, &has_more);
    return err == ERR_OK && !last.is_found ? ERR_NOT_FOUND : err;
}

enum err store_read_rooms(struct store *store, store_room_fn *each, void *context)
{
    struct store_run run = store_start(store, STORE_SQL_ROOMS);
    bool is_wanted = true;
    while (is_wanted && store_step(&run)) {
        struct store_room room = {.room = store_get_column_text(&run, "room"),
                                  .last_id = store_get_column_int(&run, "last_id"),
                                  .messages = store_get_column_int(&run, "messages")};
        is_wanted = each(context, &room);
    }
    return store_end(&run);
}

enum err store_count_rooms(struct store *store, int64_t *out_rooms)
{
    struct store_run run = store_start(store, STORE_SQL_COUNT_ROOMS);
    if (store_step(&run))
        *out_rooms = store_get_column_int(&run, "rooms");
    return store_end(&run);
}

enum err store_room_last_id(struct store *store, struct span room, int64_t *out_id)
{
    struct store_run run = store_start(store, STORE_SQL_ROOM_LAST_ID);
    store_bind_text(&run, room);
    int64_t id = store_step(&run) ? store_get_column_int(&run, "last_id") : 0;
    enum err err = store_end(&run);
    if (err == ERR_OK)
        *out_id = id;
    return err;
}

enum err store_id_before_latest(struct store *store, struct span room, int latest, int64_t *id)
{
    struct store_run run = store_start(store, STORE_SQL_BEFORE_LATEST);
    store_bind_text(&run, room);
    store_bind_int(&run, latest);
    if (store_step(&run))
        *id = store_get_column_int(&run, "prev");
    return store_end(&run);
}

enum err store_read_origin(struct store *store, int64_t id, struct buf *out)
{
    struct store_run run = store_start(store, STORE_SQL_ORIGIN);
    store_bind_int(&run, id);
    bool is_found = store_step(&run);
    if (is_found)
        buf_add_span(out, store_get_column_text(&run, "origin"));
    enum err err = store_end(&run);
    if (err == ERR_OK)
        err = is_found ? out->status : ERR_NOT_FOUND;
    return err;
}

enum err store_read_keys(struct store *store, int64_t since_ms, store_key_fn *each, void *context)
{
    struct store_run run = store_start(store, STORE_SQL_KEYS);
    store_bind_int(&run, since_ms);
    bool is_wanted = true;
    while (is_wanted && store_step(&run))
        is_wanted = each(context, store_get_column_text(&run, "room"),
                         store_get_column_text(&run, "sender"), store_get_column_text(&run, "key"),
                         store_get_column_int(&run, "id"), store_get_column_int(&run, "date_ms"));
    return store_end(&run);
}
