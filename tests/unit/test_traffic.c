// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The gateway's batches of traffic: one at a time, unchanged until answered.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/json.h"
#include "gateway/traffic.h"
#include "scratch.h"

enum { RESEND_MS = 5000 };

struct opened {
    struct tally *tally;
    struct traffic traffic;
};

static struct opened open_traffic(struct scratch *s)
{
    struct opened o;
    assert_int_equal(tally_open(scratch_path(s, "tally"), 1024, TRAFFIC_BATCH_MAX, &o.tally),
                     ERR_OK);
    traffic_init(&o.traffic, o.tally, RESEND_MS);
    return o;
}

static void close_traffic(struct opened *o)
{
    traffic_finish(&o->traffic);
    tally_close(o->tally);
}

static void count(struct opened *o, const char *subject)
{
    const struct meter_key key = {.hour = 498680,
                                  .room = span_of("lobby"),
                                  .subject = span_of(subject),
                                  .face = METER_HTML,
                                  .direction = METER_OUT};
    const struct meter_count one = {3, 4, 1200};
    tally_add(o->tally, &key, &one);
}

static char *next(struct opened *o, int64_t now_ms)
{
    struct span json;
    assert_int_equal(traffic_next(&o->traffic, now_ms, &json), ERR_OK);
    return json.len > 0 ? span_dup(json) : NULL;
}

static enum err answer(struct opened *o, const char *batch, const char *more)
{
    struct buf json;
    buf_init(&json, 1024);
    buf_printf(&json,
               "{\"responses\":[{\"command\":\"storeTraffic\",\"correlationData\":\"%s-%s\"%s}]}",
               tally_name(o->tally), batch, more);
    enum err err = traffic_answered(&o->traffic, buf_span(&json));
    buf_finish(&json);
    return err;
}

static void writes_what_the_protocol_says(void **state)
{
    struct opened o = open_traffic(*state);
    assert_null(next(&o, 0)); // nothing to tell
    count(&o, "al\"ice");
    assert_null(next(&o, 999));
    char *text = next(&o, 1000);
    assert_non_null(text);
    struct json *root;
    assert_int_equal(json_parse(span_of(text), &root), ERR_OK);
    const struct json *command = json_first(json_member(root, "commands"));
    assert_string_equal(json_text(json_member(command, "command")), "storeTraffic");
    const char *correlation = json_text(json_member(command, "correlationData"));
    assert_memory_equal(correlation, tally_name(o.tally), 16);
    assert_string_equal(correlation + 16, "-1");
    assert_string_equal(json_text(json_member(command, "source")), tally_name(o.tally));
    const struct json *first = json_first(json_member(command, "counts"));
    assert_string_equal(json_text(json_member(first, "subject")), "al\"ice");
    assert_string_equal(json_text(json_member(first, "face")), "html");
    assert_string_equal(json_text(json_member(first, "direction")), "out");
    int64_t blocks;
    assert_true(json_get_int(json_member(first, "blocks"), &blocks));
    assert_int_equal(blocks, 4);
    json_destroy(root);
    free(text);
    close_traffic(&o);
}

static void a_batch_is_sent_again_unchanged_until_it_is_answered(void **state)
{
    struct opened o = open_traffic(*state);
    count(&o, "alice");
    char *first = next(&o, 0);
    assert_non_null(first);
    count(&o, "bob");
    assert_null(next(&o, RESEND_MS - 1));
    char *again = next(&o, RESEND_MS);
    assert_non_null(again);
    assert_string_equal(first, again);
    assert_int_equal(answer(&o, "2", ""), ERR_NOT_FOUND);
    assert_int_equal(answer(&o, "1", ",\"error\":\"full\""), ERR_INVALID);
    assert_int_equal(traffic_answered(&o.traffic, span_of("x")), ERR_INVALID);
    traffic_hurry(&o.traffic); // as after a new connection
    char *third = next(&o, RESEND_MS + 1);
    assert_non_null(third);
    assert_string_equal(first, third);
    assert_int_equal(answer(&o, "1", ""), ERR_OK);
    assert_int_equal(answer(&o, "1", ""), ERR_NOT_FOUND);
    char *second = next(&o, RESEND_MS + 2);
    assert_non_null(second);
    assert_non_null(strstr(second, "\"batch\":2"));
    assert_non_null(strstr(second, "bob"));
    assert_null(strstr(second, "alice"));
    free(first);
    free(again);
    free(third);
    free(second);
    close_traffic(&o);
}

static void a_batch_outlives_the_gateway(void **state)
{
    struct opened o = open_traffic(*state);
    count(&o, "alice");
    char *before = next(&o, 0);
    close_traffic(&o);
    o = open_traffic(*state);
    char *after = next(&o, 0);
    assert_non_null(before);
    assert_non_null(after);
    assert_string_equal(before, after);
    free(before);
    free(after);
    close_traffic(&o);
}

static void the_longest_batch_fits(void **state)
{
    struct opened o = open_traffic(*state);
    char subject[METER_SUBJECT_MAX + 1] = {0};
    for (int i = 0; i < TRAFFIC_BATCH_MAX; i++) {
        memset(subject, 1, METER_SUBJECT_MAX); // escaped, each takes six bytes
        subject[0] = (char)('0' + i % 64);
        subject[1] = (char)('0' + i / 64);
        count(&o, subject);
    }
    char *text = next(&o, 0);
    assert_non_null(text);
    free(text);
    close_traffic(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(writes_what_the_protocol_says, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(a_batch_is_sent_again_unchanged_until_it_is_answered,
                                        scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(a_batch_outlives_the_gateway, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(the_longest_batch_fits, scratch_setup, scratch_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
