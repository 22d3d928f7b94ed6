// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// What the tests of the store share.
#ifndef ROOMWIRE_TESTS_UNIT_STORE_TEST_H
#define ROOMWIRE_TESTS_UNIT_STORE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/store_db.h"
#include "scratch.h"

#define assert_ok(call) assert_int_equal(call, ERR_OK)

static inline struct store *open_store(struct scratch *s, enum store_mode mode)
{
    struct store *store = NULL;
    assert_ok(store_open(scratch_path(s, "log.db"), mode, NULL, &store));
    return store;
}

static inline struct message make_message(const char *room, int64_t id, int64_t prev,
                                          const char *text)
{
    return (struct message){.id = id,
                            .prev = prev,
                            .date_ms = 1795250400000 + id,
                            .room = span_of(room),
                            .from = span_of("alice"),
                            .name = span_of("Alice"),
                            .payload = span_of(text)};
}

static inline void put(struct store *store, const struct message *m)
{
    assert_ok(store_put_message(store, m, span_of("")));
}

// ---- pages ----

struct seen {
    int64_t ids[STORE_PAGE_MAX];
    int64_t prevs[STORE_PAGE_MAX];
    size_t count;
    size_t stop_at; // 0: never
};

static inline bool note(void *context, const struct message *m)
{
    struct seen *seen = context;
    seen->ids[seen->count] = m->id;
    seen->prevs[seen->count++] = m->prev;
    return seen->count != seen->stop_at;
}

static inline struct seen read_page(struct store *store, struct store_page page, bool expect_more)
{
    struct seen seen = {.count = 0};
    bool has_more = !expect_more;
    assert_ok(store_read_page(store, &page, note, &seen, &has_more));
    assert_int_equal(has_more, expect_more);
    for (size_t i = 1; i < seen.count; i++)
        assert_true(seen.ids[i] > seen.ids[i - 1]);
    return seen;
}

// Ten messages each in "a" (even ids) and "b" (odd ids).
static inline struct store *two_rooms(struct scratch *s)
{
    struct store *store = open_store(s, STORE_WRITE);
    assert_ok(store_begin(store));
    for (int64_t id = 1; id <= 20; id++) {
        struct message m = make_message(id % 2 ? "b" : "a", id, id > 2 ? id - 2 : 0, "x");
        put(store, &m);
    }
    assert_ok(store_commit(store));
    return store;
}

static inline bool compare(void *context, const struct message *m)
{
    const struct message *expected = context;
    assert_int_equal(m->id, expected->id);
    assert_int_equal(m->prev, expected->prev);
    assert_int_equal(m->date_ms, expected->date_ms);
    assert_true(span_equal(m->room, expected->room));
    assert_true(span_equal(m->from, expected->from));
    assert_true(span_equal(m->name, expected->name));
    assert_true(span_equal(m->type, expected->type));
    assert_true(span_equal(m->payload, expected->payload));
    return true;
}

static inline bool note_room(void *context, const struct store_room *room)
{
    struct buf *out = context;
    buf_printf(out, "%.*s:%d:%d ", (int)room->room.len, room->room.ptr, (int)room->last_id,
               (int)room->messages);
    return true;
}

#endif
