// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/upstream_answer.h"

static void reads_a_stamp(void **state)
{
    (void)state;
    uint64_t ref;
    struct upstream_answer a;
    assert_int_equal(upstream_answer_read(span_of("{\"ref\":17,\"id\":1042,\"prev\":1039,"
                                                  "\"date_ms\":1795250400123,\"duplicate\":false}"),
                                          &ref, &a),
                     ERR_OK);
    assert_int_equal(ref, 17);
    assert_int_equal(a.err, ERR_OK);
    assert_int_equal(a.id, 1042);
    assert_int_equal(a.prev, 1039);
    assert_int_equal(a.date_ms, 1795250400123);
    assert_false(a.is_duplicate);
    assert_int_equal(
        upstream_answer_read(
            span_of("{\"ref\":1,\"id\":9,\"prev\":0,\"date_ms\":0,\"duplicate\":true}"), &ref, &a),
        ERR_OK);
    assert_true(a.is_duplicate);
    assert_string_equal(a.epoch, "");
    assert_int_equal(
        upstream_answer_read(span_of("{\"ref\":1,\"epoch\":\"1384c14348\",\"id\":9,\"prev\":0,"
                                     "\"date_ms\":0,\"duplicate\":false}"),
                             &ref, &a),
        ERR_OK);
    assert_string_equal(a.epoch, "1384c14348");
    assert_int_equal(
        upstream_answer_read(span_of("{\"ref\":1,\"epoch\":\"seventeen letters\",\"id\":9,"
                                     "\"prev\":0,\"date_ms\":0,\"duplicate\":false}"),
                             &ref, &a),
        ERR_INVALID);
}

static void reads_a_refusal(void **state)
{
    (void)state;
    static const struct {
        const char *word;
        enum err err;
    } cases[] = {{"invalid", ERR_INVALID},   {"too_large", ERR_TOO_LARGE},
                 {"full", ERR_FULL},         {"denied", ERR_DENIED},
                 {"unavailable", ERR_AGAIN}, {"not_found", ERR_NOT_FOUND},
                 {"too_many", ERR_TOO_MANY}, {"new word", ERR_AGAIN}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf json;
        buf_init(&json, 1024);
        buf_printf(&json, "{\"ref\":5,\"error\":\"%s\",\"detail\":\"why\"}", cases[i].word);
        uint64_t ref;
        struct upstream_answer a;
        assert_int_equal(upstream_answer_read(buf_span(&json), &ref, &a), ERR_OK);
        assert_int_equal(a.err, cases[i].err);
        assert_string_equal(a.detail, "why");
        assert_int_equal(a.id, 0);
        buf_finish(&json);
    }
}

static void reads_a_response(void **state)
{
    (void)state;
    uint64_t ref;
    struct upstream_answer a;
    int64_t number = 0;
    assert_int_equal(
        upstream_response_read(
            span_of("{\"responses\":[{\"command\":\"getConnection\",\"correlationData\":"
                    "\"18\",\"data\":{\"n\":7}}]}"),
            &ref, &a),
        ERR_OK);
    assert_int_equal(ref, 18);
    assert_int_equal(a.err, ERR_OK);
    assert_true(json_get_int(json_member(a.data, "n"), &number));
    assert_int_equal(number, 7);
    json_destroy(a.response);
    assert_int_equal(
        upstream_response_read(
            span_of("{\"responses\":[{\"command\":\"getConnection\",\"correlationData\":"
                    "\"19\",\"error\":\"not_found\"}]}"),
            &ref, &a),
        ERR_OK);
    assert_int_equal(ref, 19);
    assert_int_equal(a.err, ERR_NOT_FOUND);
    assert_null(a.data);
    json_destroy(a.response);
}

static void tells_other_responses_apart(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        enum err err;
    } rows[] = {
        {"{\"responses\":[{\"command\":\"storeTraffic\",\"correlationData\":\"7\"}]}",
         ERR_NOT_FOUND},
        {"{\"responses\":[{\"command\":\"listMembers\",\"correlationData\":\"0\"}]}", ERR_INVALID},
        {"{\"responses\":[{\"command\":\"listMembers\",\"correlationData\":7}]}", ERR_INVALID},
        {"{\"responses\":[{\"correlationData\":\"7\"}]}", ERR_INVALID},
        {"{\"responses\":[]}", ERR_INVALID},
        {"{}", ERR_INVALID},
        {"[", ERR_INVALID},
    };
    uint64_t ref;
    struct upstream_answer a;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (upstream_response_read(span_of(rows[i].json), &ref, &a) != rows[i].err)
            fail_msg("%s", rows[i].json);
}

static void a_long_detail_is_cut(void **state)
{
    (void)state;
    struct buf json;
    buf_init(&json, 4096);
    buf_add_text(&json, "{\"ref\":5,\"error\":\"full\",\"detail\":\"");
    for (int i = 0; i < 1000; i++)
        buf_add_char(&json, 'x');
    buf_add_text(&json, "\"}");
    uint64_t ref;
    struct upstream_answer a;
    assert_int_equal(upstream_answer_read(buf_span(&json), &ref, &a), ERR_OK);
    assert_int_equal(strlen(a.detail), sizeof a.detail - 1);
    buf_finish(&json);
}

static void anything_else_is_no_answer(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "{}",
        "[]",
        "null",
        "{\"ref\":17}",
        "{\"ref\":0,\"error\":\"full\"}",
        "{\"ref\":\"17\",\"error\":\"full\"}",
        "{\"ref\":17,\"error\":5}",
        "{\"ref\":17,\"id\":1.5,\"prev\":0,\"date_ms\":0,\"duplicate\":false}",
        "{\"ref\":17,\"id\":-1,\"prev\":0,\"date_ms\":0,\"duplicate\":false}",
        "{\"ref\":17,\"id\":1,\"prev\":0,\"date_ms\":0}",
        "{\"ref\":9007199254740992,\"error\":\"full\"}"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t ref;
        struct upstream_answer a;
        print_message("%s\n", cases[i]);
        assert_int_equal(upstream_answer_read(span_of(cases[i]), &ref, &a), ERR_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_stamp),        cmocka_unit_test(reads_a_refusal),
        cmocka_unit_test(reads_a_response),     cmocka_unit_test(tells_other_responses_apart),
        cmocka_unit_test(a_long_detail_is_cut), cmocka_unit_test(anything_else_is_no_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
