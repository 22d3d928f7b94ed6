// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/bill.h"
#include "scratch.h"

#define assert_ok(call) assert_int_equal(call, ERR_OK)

static const int64_t now_ms = 1795250400123; // 2026-11-21T08:40:00.123Z
enum { NOW_HOUR = 498680, TODAY_HOUR = NOW_HOUR - 8, MONTH_HOUR = TODAY_HOUR - 20 * 24 };

static struct store *open_store(struct scratch *s)
{
    struct store *store;
    assert_ok(store_open(scratch_path(s, "log.db"), STORE_WRITE, NULL, &store));
    return store;
}

static void count(struct store *store, int64_t hour, const char *room, const char *subject,
                  enum meter_face face, enum meter_direction direction, int64_t messages,
                  int64_t bytes_each)
{
    struct meter_key key = {hour, span_of(room), span_of(subject), face, direction};
    struct meter_count sum = {0};
    for (int64_t i = 0; i < messages; i++)
        meter_count_message(&sum, bytes_each);
    assert_ok(store_add_traffic(store, &key, &sum));
}

static const struct bill_line *find(const struct bill_table *table, const char *name)
{
    for (size_t i = 0; i < table->count; i++)
        if (span_is(table->lines[i].name, name))
            return &table->lines[i];
    fail_msg("no line %s", name);
    return NULL;
}

static void test_900_bytes_to_three_subscribers_cost_40_microdollars(void **state)
{
    struct store *store = open_store(*state);
    struct bill bill;
    count(store, NOW_HOUR, "lobby", "alice", METER_HTTP, METER_IN, 1, 900);
    count(store, NOW_HOUR, "lobby", "bob", METER_MQTT, METER_OUT, 1, 900);
    count(store, NOW_HOUR, "lobby", "bob", METER_WS, METER_OUT, 1, 900);
    count(store, NOW_HOUR, "lobby", "carol", METER_WS, METER_OUT, 1, 900);
    assert_ok(bill_make(store, now_ms, &bill));
    const struct bill_period *const periods[2] = {&bill.today, &bill.month};
    for (int i = 0; i < 2; i++) {
        const struct bill_period *p = periods[i];
        assert_int_equal(p->total.in.blocks, 2);
        assert_int_equal(p->total.out.blocks, 6);
        assert_int_equal(p->total.in.messages, 1);
        assert_int_equal(p->total.out.messages, 3);
        assert_int_equal(p->total.out.bytes, 2700);
        assert_int_equal(p->total.cost_microdollars, 40);
        assert_int_equal(p->tables[BILL_ROOMS].count, 1);
        assert_int_equal(p->tables[BILL_PEOPLE].count, 3);
        assert_int_equal(p->tables[BILL_FACES].count, 3);
        assert_int_equal(find(&p->tables[BILL_PEOPLE], "bob")->out.blocks, 4);
        assert_int_equal(find(&p->tables[BILL_PEOPLE], "alice")->in.blocks, 2);
        assert_int_equal(find(&p->tables[BILL_FACES], "ws")->cost_microdollars, 20);
        assert_true(span_is(p->tables[BILL_FACES].lines[0].name, "ws")); // the dearest
        assert_false(p->tables[BILL_FACES].has_rest);
    }
    bill_finish(&bill);
    store_close(store);
}

static void test_days_and_months_begin_at_midnight_utc(void **state)
{
    struct store *store = open_store(*state);
    struct bill bill;
    count(store, TODAY_HOUR - 1, "yesterday", "a", METER_MQTT, METER_IN, 1, 1);
    count(store, TODAY_HOUR, "today", "a", METER_MQTT, METER_IN, 1, 1);
    count(store, TODAY_HOUR + 23, "today", "a", METER_MQTT, METER_IN, 1, 1);
    count(store, TODAY_HOUR + 24, "tomorrow", "a", METER_MQTT, METER_IN, 1, 1);
    count(store, MONTH_HOUR - 1, "october", "a", METER_MQTT, METER_IN, 1, 1);
    count(store, MONTH_HOUR, "first", "a", METER_MQTT, METER_IN, 1, 1);
    count(store, MONTH_HOUR + 30 * 24 - 1, "last", "a", METER_MQTT, METER_IN, 1, 1);
    count(store, MONTH_HOUR + 30 * 24, "december", "a", METER_MQTT, METER_IN, 1, 1);
    assert_ok(bill_make(store, now_ms, &bill));
    assert_int_equal(bill.today.since_ms, 1795219200000);
    assert_int_equal(bill.today.until_ms, 1795305600000);
    assert_int_equal(bill.month.since_ms, 1793491200000);
    assert_int_equal(bill.month.until_ms, 1796083200000);
    assert_int_equal(bill.today.tables[BILL_ROOMS].count, 1);
    assert_int_equal(find(&bill.today.tables[BILL_ROOMS], "today")->in.messages, 2);
    assert_int_equal(bill.month.tables[BILL_ROOMS].count, 5);
    assert_int_equal(bill.month.total.in.messages, 6);
    bill_finish(&bill);
    // December has 31 days, and its next month is in another year.
    assert_ok(bill_make(store, 1798000000000, &bill));
    assert_int_equal(bill.month.since_ms, 1796083200000);
    assert_int_equal(bill.month.until_ms, 1798761600000);
    bill_finish(&bill);
    store_close(store);
}

static void test_an_empty_bill_is_a_bill(void **state)
{
    struct store *store = open_store(*state);
    struct bill bill;
    struct buf out;
    buf_init(&out, 100000);
    assert_ok(bill_make(store, now_ms, &bill));
    assert_int_equal(bill.month.total.cost_microdollars, 0);
    bill_write_text(&bill, &out);
    assert_int_equal(out.status, ERR_OK);
    buf_finish(&out);
    bill_finish(&bill);
    store_close(store);
}

static void test_more_names_than_lines_are_summed_up(void **state)
{
    struct store *store = open_store(*state);
    struct bill bill;
    assert_ok(store_begin(store));
    for (int i = 0; i < BILL_LINES_MAX + 500; i++) {
        char subject[16];
        (void)snprintf(subject, sizeof subject, "s%d", i);
        count(store, NOW_HOUR, "lobby", subject, METER_MQTT, METER_IN, 1, i);
    }
    assert_ok(store_commit(store));
    assert_ok(bill_make(store, now_ms, &bill));
    const struct bill_table *people = &bill.today.tables[BILL_PEOPLE];
    assert_int_equal(people->count, BILL_LINES_MAX);
    assert_true(people->has_rest);
    assert_true(span_is(people->lines[BILL_LINES_MAX - 1].name, "(other)"));
    assert_int_equal(people->lines[BILL_LINES_MAX - 1].in.messages, 501);
    struct bill_line sum = {0};
    for (size_t i = 0; i < people->count; i++) {
        sum.in.blocks += people->lines[i].in.blocks;
        sum.in.bytes += people->lines[i].in.bytes;
        sum.cost_microdollars += people->lines[i].cost_microdollars;
    }
    assert_int_equal(sum.in.blocks, bill.today.total.in.blocks);
    assert_int_equal(sum.in.bytes, bill.today.total.in.bytes);
    assert_int_equal(sum.cost_microdollars, bill.today.total.cost_microdollars);
    bill_finish(&bill);
    store_close(store);
}

static int64_t figure(const struct json *line, const char *name)
{
    int64_t value = -1;
    assert_true(json_get_int(json_member(line, name), &value));
    return value;
}

static void test_json_has_the_figures_under_their_names(void **state)
{
    struct store *store = open_store(*state);
    struct bill bill;
    count(store, NOW_HOUR, "lobby", "alice \"a\"", METER_SSE, METER_OUT, 3, 900);
    count(store, NOW_HOUR, "", "alice \"a\"", METER_MQTT, METER_IN, 1, 0);
    assert_ok(bill_make(store, now_ms, &bill));
    struct buf out;
    struct json_writer w;
    struct json *root;
    buf_init(&out, 100000);
    json_writer_init(&w, &out);
    bill_write_json(&bill, &w);
    assert_int_equal(json_parse(buf_span(&out), &root), ERR_OK);
    assert_string_equal(json_text(json_member(root, "date")), "2026-11-21T08:40:00.123Z");
    const struct json *today = json_member(root, "today");
    assert_string_equal(json_text(json_member(today, "since")), "2026-11-21T00:00:00.000Z");
    assert_string_equal(json_text(json_member(today, "until")), "2026-11-22T00:00:00.000Z");
    const struct json *total = json_member(today, "total");
    assert_int_equal(figure(total, "messages_in"), 1);
    assert_int_equal(figure(total, "messages_out"), 3);
    assert_int_equal(figure(total, "blocks_in"), 1);
    assert_int_equal(figure(total, "blocks_out"), 6);
    assert_int_equal(figure(total, "bytes_in"), 0);
    assert_int_equal(figure(total, "bytes_out"), 2700);
    assert_int_equal(figure(total, "cost_microdollars"), 35);
    const struct json *room = json_first(json_member(today, "rooms"));
    assert_string_equal(json_text(json_member(room, "name")), "lobby");
    assert_int_equal(figure(room, "blocks_out"), 6);
    assert_string_equal(json_text(json_member(json_next(room), "name")), "");
    const struct json *person = json_first(json_member(today, "people"));
    assert_string_equal(json_text(json_member(person, "name")), "alice \"a\"");
    assert_null(json_next(person));
    const struct json *face = json_first(json_member(json_member(root, "month"), "faces"));
    assert_string_equal(json_text(json_member(face, "name")), "sse");
    json_destroy(root);
    buf_finish(&out);
    bill_finish(&bill);
    store_close(store);
}

#define DAY "today,2026-11-21T00:00:00.000Z,2026-11-22T00:00:00.000Z,"
#define MONTH "month,2026-11-01T00:00:00.000Z,2026-12-01T00:00:00.000Z,"
#define FIGURES ",0,3,0,6,0,2700,30\r\n"
#define LINES(period)                                                                              \
    period "total,\"\"" FIGURES period "room,\"lobby\"" FIGURES period                             \
           "person,\"'=1+\"\"a\"\",b\"" FIGURES period "face,\"sse\"" FIGURES
static const char csv[] =
    "period,since,until,by,name,messages_in,messages_out,blocks_in,blocks_out,bytes_in,bytes_out,"
    "cost_microdollars\r\n" LINES(DAY) LINES(MONTH);

static void test_csv_is_one_table_with_quoted_names(void **state)
{
    struct store *store = open_store(*state);
    struct bill bill;
    count(store, NOW_HOUR, "lobby", "=1+\"a\",b", METER_SSE, METER_OUT, 3, 900);
    assert_ok(bill_make(store, now_ms, &bill));
    struct buf out;
    buf_init(&out, 100000);
    bill_write_csv(&bill, &out);
    buf_add_char(&out, '\0');
    assert_int_equal(out.status, ERR_OK);
    assert_string_equal(out.ptr, csv);
    buf_finish(&out);
    bill_finish(&bill);
    store_close(store);
}

// U+202E turns the direction of writing around; in bytes, since a literal of it would do so here.
static const char turning[] = {(char)0xE2, (char)0x80, (char)0xAE, 0};
static const char turned[] = {(char)0xE2, (char)0x80, (char)0xAE, 't', 'x', 't', 0};

static void test_text_shows_no_control_characters(void **state)
{
    struct store *store = open_store(*state);
    struct bill bill;
    count(store, NOW_HOUR, "lobby", "\x1b[2J evil", METER_SSE, METER_OUT, 3, 900);
    count(store, NOW_HOUR, "", turned, METER_SSE, METER_OUT, 1, 900);
    count(store, NOW_HOUR, "", "\xC3\x9Cmit", METER_SSE, METER_OUT, 1, 900);
    assert_ok(bill_make(store, now_ms, &bill));
    struct buf out;
    buf_init(&out, 100000);
    bill_write_text(&bill, &out);
    buf_add_char(&out, '\0');
    assert_int_equal(out.status, ERR_OK);
    assert_null(strchr(out.ptr, 0x1b));
    assert_null(strstr(out.ptr, turning));
    assert_non_null(strstr(out.ptr, "\\x1b[2J\\x20evil"));
    assert_non_null(strstr(out.ptr, "  \xC3\x9Cmit            "));
    assert_non_null(strstr(out.ptr, "(outside rooms)"));
    assert_non_null(strstr(out.ptr, "$0.000050\n"));
    buf_finish(&out);
    bill_finish(&bill);
    store_close(store);
}

static void test_costs_have_six_digits_behind_the_point(void **state)
{
    (void)state;
    char text[BILL_COST_TEXT];
    bill_format_cost(0, text);
    assert_string_equal(text, "$0.000000");
    bill_format_cost(12000005, text);
    assert_string_equal(text, "$12.000005");
    bill_format_cost(INT64_MAX, text);
    assert_string_equal(text, "$9223372036854.775807");
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        EACH(test_900_bytes_to_three_subscribers_cost_40_microdollars),
        EACH(test_days_and_months_begin_at_midnight_utc),
        EACH(test_an_empty_bill_is_a_bill),
        EACH(test_more_names_than_lines_are_summed_up),
        EACH(test_json_has_the_figures_under_their_names),
        EACH(test_csv_is_one_table_with_quoted_names),
        EACH(test_text_shows_no_control_characters),
        EACH(test_costs_have_six_digits_behind_the_point),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
