// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <time.h>

#include "core/json.h"

static struct json *parse(const char *text)
{
    struct json *root = NULL;
    if (json_parse(span_of(text), &root) != ERR_OK)
        fail_msg("%s", text);
    return root;
}

static void accept(const char *text)
{
    json_destroy(parse(text));
}

static void refuse_span(struct span text)
{
    struct json *root = NULL;
    if (json_parse(text, &root) != ERR_INVALID)
        fail_msg("accepted: %.*s", (int)text.len, text.ptr);
}

static void refuse(const char *text)
{
    refuse_span(span_of(text));
}

// ---- reading: the grammar of RFC 8259 ----

static void numbers_are_those_of_rfc_8259(void **state)
{
    (void)state;
    static const char *const good[] = {"0",
                                       "-0",
                                       "1",
                                       "-1",
                                       "10",
                                       "1.5",
                                       "0.5",
                                       "-0.25",
                                       "1e5",
                                       "1E5",
                                       "1e+5",
                                       "1e-5",
                                       "1.5e-3",
                                       "[1,2,-3]",
                                       " 1 ",
                                       "1e400",
                                       "123456789012345678901234567890"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        accept(good[i]);
    static const char *const bad[] = {"01",        "00",    "-01",  "-",          "--1", "+1",
                                      ".5",        "-.5",   "1.",   "1.e5",       "1e",  "1e+",
                                      "1e5.5",     "1.5.5", "0x10", "1-2",        "1 2", "Infinity",
                                      "-Infinity", "NaN",   "[01]", "{\"a\":1.}", "1_0"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        refuse(bad[i]);
}

static void strings_are_utf8_without_nul_or_raw_control(void **state)
{
    (void)state;
    static const char *const good[] = {"\"\"",
                                       "\"a\"",
                                       "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
                                       "\"\\u00e9\"",
                                       "\"\\ud83d\\ude00\"",
                                       "\"\xc3\xa9\"",
                                       "\"\x7f\"",
                                       "\"\\\\u0000\"",
                                       "\"\\u0001\""};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        accept(good[i]);
    static const char *const bad[] = {"\"",
                                      "\"\\\"",
                                      "\"a",
                                      "'a'",
                                      "\"\\x\"",
                                      "\"\\u12\"",
                                      "\"\\u00g0\"",
                                      "\"\\uzzzz\"",
                                      "\"\\u 000\"",
                                      "\"\\u000\"",
                                      "\"\\u\"",
                                      "\"\\ud800\"",
                                      "\"\\udc00\"",
                                      "\"\\ud800\\u0041\"",
                                      "\"\n\"",
                                      "\"\t\"",
                                      "\"\x01\"",
                                      "\"\\u0000\"",
                                      "\"a\\u0000b\"",
                                      "{\"\\u0000\":1}",
                                      "\"\\\\\\u0000\"",
                                      "\"\xff\"",
                                      "\"\xc0\x80\"",
                                      "\"\xed\xa0\x80\"",
                                      "\"\xc3\"",
                                      "\"\\"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        refuse(bad[i]);
    refuse_span(span_make("\"a\0b\"", 5));
}

static void nothing_stands_beside_the_value(void **state)
{
    (void)state;
    accept(" \t\r\n{} \t\r\n");
    static const char *const bad[] = {"",     " ",          "{}{}",           "{}x",   "x{}",
                                      "[]]",  "{},",        "\xef\xbb\xbf{}", "\f{}",  "{}\f",
                                      "\v{}", "{}\xc2\xa0", "// x\n{}",       "/**/{}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        refuse(bad[i]);
    refuse_span(span_make("{}\0", 3));
    refuse_span(span_make("\0{}", 3));
    refuse_span(span_make("{}\0{}", 5));
}

static void structure_is_strict(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "[1,]",     "[,1]",      "[1 2]",     "{\"a\":1,}",  "{,}", "{\"a\" 1}", "{a:1}",
        "{\"a\":}", "{1:2}",     "{\"a\"}",   "[",           "]",   "{",         "}",
        "[}",       "{]",        "[1",        "{\"a\":1",    "tru", "True",      "TRUE",
        "nul",      "undefined", "truefalse", "[true false]"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        refuse(bad[i]);
}

// A text that is only part of a buffer must be read no further.
static void every_cut_of_a_text_is_refused(void **state)
{
    (void)state;
    static const char text[] = "{\"a\":[1,-2.5e3,\"x\\u00e9\\n\",true,null],\"b\":{\"c\":\"\"}}";
    for (size_t len = 0; len < sizeof text - 1; len++) {
        char *exact = malloc(len ? len : 1);
        assert_non_null(exact);
        memcpy(exact, text, len);
        refuse_span(span_make(exact, len));
        free(exact);
    }
    accept(text);
}

static void nesting_is_limited(void **state)
{
    (void)state;
    for (int depth = JSON_DEPTH_MAX; depth <= JSON_DEPTH_MAX + 1; depth++) {
        struct buf text;
        struct json *root = NULL;
        buf_init(&text, 1024);
        for (int i = 0; i < depth; i++)
            buf_add_text(&text, i % 2 ? "{\"a\":" : "[");
        buf_add_char(&text, '1');
        for (int i = depth - 1; i >= 0; i--)
            buf_add_char(&text, i % 2 ? '}' : ']');
        assert_int_equal(json_parse(buf_span(&text), &root),
                         depth <= JSON_DEPTH_MAX ? ERR_OK : ERR_INVALID);
        json_destroy(root);
        buf_finish(&text);
    }
    accept("\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"");
}

static void members_have_one_name_each(void **state)
{
    (void)state;
    accept("{\"a\":1,\"b\":2,\"A\":3,\"\":4}");
    accept("[{\"a\":1},{\"a\":1}]");
    accept("{\"a\":{\"a\":{\"a\":1}}}");
    refuse("{\"a\":1,\"a\":1}");
    refuse("{\"b\":1,\"a\":1,\"c\":2,\"a\":2}");
    refuse("{\"a\":1,\"\\u0061\":2}");
    refuse("{\"\":1,\"\":2}");
    refuse("[{\"x\":[{\"a\":1,\"a\":2}]}]");
}

// Anybody may send one. Compared pair by pair, this one would take many times the limit.
static void objects_of_many_members_are_read_in_time(void **state)
{
    enum { OBJECT_SIZE = 524288 };
    (void)state;
    struct buf text;
    struct json *root = NULL;
    buf_init(&text, 1 << 20);
    buf_add_char(&text, '{');
    for (int i = 0; text.len < OBJECT_SIZE; i++)
        buf_printf(&text, "%s\"%x\":1", i ? "," : "", i);
    buf_add_char(&text, '}');
    clock_t start = clock();
    assert_int_equal(json_parse(buf_span(&text), &root), ERR_OK);
    assert_true(clock() - start < 5 * CLOCKS_PER_SEC);
    json_destroy(root);
    text.len--;
    buf_add_text(&text, ",\"0\":1}");
    assert_int_equal(json_parse(buf_span(&text), &root), ERR_INVALID);
    buf_finish(&text);
}

// ---- reading: values ----

static void members_and_elements_are_found(void **state)
{
    (void)state;
    struct json *root = parse("{\"a\":[1,\"x\"],\"A\":null,\"o\":{\"k\":true}}");
    assert_true(json_is_object(root));
    assert_true(json_is_array(json_member(root, "a")));
    assert_true(json_is_null(json_member(root, "A")));
    assert_null(json_member(root, "b"));
    assert_null(json_member(json_member(root, "b"), "c"));
    assert_null(json_member(json_member(root, "a"), "a"));
    const struct json *element = json_first(json_member(root, "a"));
    element = json_next(element);
    assert_string_equal(json_text(element), "x");
    assert_null(json_next(element));
    assert_string_equal(json_name(json_first(root)), "a");
    assert_null(json_first(element));
    json_destroy(root);
    assert_false(json_is_object(NULL));
    assert_false(json_is_array(NULL));
    assert_false(json_is_null(NULL));
    assert_null(json_text(NULL));
    json_destroy(NULL);
}

static void numbers_are_read_with_their_limits(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_number, is_int;
        int64_t value;
    } rows[] = {
        {"0", true, true, 0},
        {"-0", true, true, 0},
        {"-7", true, true, -7},
        {"7.0", true, true, 7},
        {"7e2", true, true, 700},
        {"9007199254740991", true, true, 9007199254740991},
        {"-9007199254740991", true, true, -9007199254740991},
        {"9007199254740992", true, false, 0},
        {"1e300", true, false, 0},
        {"7.5", true, false, 0},
        {"1e999", false, false, 0},
        {"-1e999", false, false, 0},
        {"\"7\"", false, false, 0},
        {"true", false, false, 0},
        {"null", false, false, 0},
        {"[7]", false, false, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct json *root = parse(rows[i].text);
        double number = 0;
        int64_t value = 0;
        assert_int_equal(json_get_number(root, &number), rows[i].is_number);
        assert_int_equal(json_get_int(root, &value), rows[i].is_int);
        assert_int_equal(value, rows[i].value);
        json_destroy(root);
    }
    int64_t value;
    double number;
    assert_false(json_get_int(NULL, &value));
    assert_false(json_get_number(NULL, &number));
}

static void flags_are_only_true_and_false(void **state)
{
    (void)state;
    bool flag = false;
    struct json *root = parse("[true,false,1,\"true\",null]");
    const struct json *e = json_first(root);
    assert_true(json_get_bool(e, &flag) && flag);
    assert_true(json_get_bool(e = json_next(e), &flag) && !flag);
    assert_false(json_get_bool(e = json_next(e), &flag));
    assert_false(json_get_bool(e = json_next(e), &flag));
    assert_false(json_get_bool(json_next(e), &flag));
    assert_false(json_get_bool(NULL, &flag));
    json_destroy(root);
}

// ---- writing ----

static void writer_puts_commas_and_escapes(void **state)
{
    (void)state;
    struct buf out;
    struct json_writer w;
    buf_init(&out, 4096);
    json_writer_init(&w, &out);
    json_begin_object(&w);
    json_key(&w, "a");
    json_begin_array(&w);
    json_put_int(&w, INT64_MIN);
    json_put_bool(&w, true);
    json_put_null(&w);
    json_begin_object(&w);
    json_end_object(&w);
    json_begin_array(&w);
    json_end_array(&w);
    json_end_array(&w);
    json_key(&w, "b");
    json_put_text(&w, span_make("q\"\\\n\r\t\x01\x1f\x7f\0\xc3\xa9/<", 14));
    json_key(&w, "c");
    json_put_base64(&w, span_make("\0\xff", 2));
    json_key(&w, "d");
    json_put_raw(&w, span_of("{\"x\":1}"));
    json_key(&w, "e");
    json_put_text(&w, span_make(NULL, 0));
    json_end_object(&w);
    assert_int_equal(out.status, ERR_OK);
    assert_true(span_is(buf_span(&out),
                        "{\"a\":[-9223372036854775808,true,null,{},[]],"
                        "\"b\":\"q\\\"\\\\\\n\\r\\t\\u0001\\u001f\\u007f\\u0000\xc3\xa9/<\","
                        "\"c\":\"AP8=\",\"d\":{\"x\":1},\"e\":\"\"}"));
    buf_finish(&out);
}

static void every_character_reads_back_as_written(void **state)
{
    (void)state;
    for (int c = 1; c < 128; c++) {
        char text[3] = {'x', (char)c, '\0'};
        struct buf out;
        struct json_writer w;
        buf_init(&out, 64);
        json_writer_init(&w, &out);
        json_put_text(&w, span_of(text));
        buf_add_char(&out, '\0');
        struct json *root = parse(out.ptr);
        assert_string_equal(json_text(root), text);
        json_destroy(root);
        buf_finish(&out);
    }
}

static void trees_are_written_as_they_were_read(void **state)
{
    (void)state;
    static const char text[] = "{\"a\":[1,-2.5,\"x\\n\",true,null,{}],\"b\":\"\xc3\xa9\"}";
    struct json *root = parse(text);
    struct buf out, small;
    struct json_writer w;
    buf_init(&out, 1024);
    json_writer_init(&w, &out);
    json_begin_array(&w);
    json_put_int(&w, 1);
    json_put_tree(&w, root);
    json_end_array(&w);
    struct span array = buf_span(&out);
    assert_int_equal(array.len, strlen("[1,]") + strlen(text));
    assert_true(span_starts_with(array, span_of("[1,")));
    assert_true(span_starts_with(span_skip(array, strlen("[1,")), span_of(text)));
    buf_finish(&out);
    buf_init(&small, 5);
    json_writer_init(&w, &small);
    json_put_tree(&w, root);
    assert_int_equal(small.status, ERR_TOO_LARGE);
    buf_finish(&small);
    json_destroy(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_those_of_rfc_8259),
        cmocka_unit_test(strings_are_utf8_without_nul_or_raw_control),
        cmocka_unit_test(nothing_stands_beside_the_value),
        cmocka_unit_test(structure_is_strict),
        cmocka_unit_test(every_cut_of_a_text_is_refused),
        cmocka_unit_test(nesting_is_limited),
        cmocka_unit_test(members_have_one_name_each),
        cmocka_unit_test(objects_of_many_members_are_read_in_time),
        cmocka_unit_test(members_and_elements_are_found),
        cmocka_unit_test(numbers_are_read_with_their_limits),
        cmocka_unit_test(flags_are_only_true_and_false),
        cmocka_unit_test(writer_puts_commas_and_escapes),
        cmocka_unit_test(every_character_reads_back_as_written),
        cmocka_unit_test(trees_are_written_as_they_were_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
