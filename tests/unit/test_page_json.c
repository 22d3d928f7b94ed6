// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "gateway/page_json.h"
#include "store_test.h"

enum { LONG = 100000, PAYLOAD_MAX = 131072 };

// `count` messages of `len` bytes `fill` behind `*last_id`.
static void add(struct store *store, int count, char fill, size_t len, int64_t *last_id)
{
    static char payload[LONG];
    memset(payload, fill, len);
    assert_ok(store_begin(store));
    for (int i = 0; i < count; i++) {
        struct message m = make_message("a", *last_id + 1, *last_id, "");
        m.payload = span_make(payload, len);
        put(store, &m);
        ++*last_id;
    }
    assert_ok(store_commit(store));
}

// As many messages as a page may have.
static struct history_facts write_page(struct store *store, int64_t after, struct buf *out)
{
    struct history_facts facts;
    struct store_page page = {.room = span_of("a"), .after = after, .limit = STORE_PAGE_MAX};
    struct json *root = NULL;
    bool has_more = false;
    assert_ok(page_json_write(store, &page, PAGE_JSON_WHOLE, out, &facts));
    assert_ok(json_parse(buf_span(out), &root));
    assert_true(json_get_bool(json_member(root, "more"), &has_more));
    assert_int_equal(has_more, facts.has_more);
    json_destroy(root);
    return facts;
}

static int64_t messages_rendered;

void __real_message_write_json(const struct message *m, const char *epoch, struct json_writer *w);
void __wrap_message_write_json(const struct message *m, const char *epoch, struct json_writer *w);
void __wrap_message_write_json(const struct message *m, const char *epoch, struct json_writer *w)
{
    messages_rendered++;
    __real_message_write_json(m, epoch, w);
}

// A thousand short messages, and behind them some that are long and six times as long once escaped:
// whoever leaves out one after the other from the oldest on writes the long ones a thousand times.
static void the_newest_fit_where_they_are_the_longest(void **state)
{
    struct store *store = open_store(*state, STORE_WRITE);
    struct buf out;
    int64_t last_id = 0;
    buf_init(&out, page_json_max(PAYLOAD_MAX));
    add(store, 980, 'x', 10, &last_id);
    add(store, 14, '\x01', LONG, &last_id);
    messages_rendered = 0;
    struct history_facts facts = write_page(store, -1, &out);
    assert_int_equal(facts.last_id, last_id);
    assert_int_equal(facts.first_id, last_id + 1 - facts.count.messages);
    assert_true(facts.has_more);
    assert_in_range(facts.count.messages, 9, 13); // 13 would fit
    assert_in_range(messages_rendered, 1, 4000);
    facts = write_page(store, 0, &out);
    assert_int_equal(facts.first_id, 1);
    assert_in_range(facts.count.messages, 980 + 9, 980 + 13);
    assert_true(facts.has_more);
    buf_finish(&out);
    store_close(store);
}

static void long_messages_without_escapes_fill_a_page(void **state)
{
    struct store *store = open_store(*state, STORE_WRITE);
    struct buf out;
    int64_t last_id = 0;
    buf_init(&out, page_json_max(PAYLOAD_MAX));
    add(store, 100, 'x', LONG, &last_id);
    for (int64_t after = -1; after <= 0; after++) {
        struct history_facts facts = write_page(store, after, &out);
        assert_true(facts.has_more);
        assert_in_range(facts.count.messages, 83, 84); // of eight megabytes
    }
    buf_finish(&out);
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_newest_fit_where_they_are_the_longest, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(long_messages_without_escapes_fill_a_page, scratch_setup,
                                        scratch_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
