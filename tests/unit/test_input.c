// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/input.h"

static void clean_texts_have_no_controls(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_clean;
    } cases[] = {
        {"alice", true},
        {"", false},
        {"J\xC3\xBCrgen", true},
        {"\xF0\x9F\x98\x80", true},
        {"a\nb", false},
        {"a\x1F", false},
        {"a\x7F", false},
        {"a\xC2\x85", false},         // U+0085, a C1 control
        {"a\xC2\xA0", true},          // U+00A0
        {"\xEF\xB7\x90", false},      // U+FDD0
        {"\xEF\xBF\xBE", false},      // U+FFFE
        {"\xF0\x9F\xBF\xBF", false},  // U+1FFFF
        {"\xF4\x8F\xBF\xBD", true},   // U+10FFFD
        {"\xC0\x80", false},          // overlong
        {"\xED\xA0\x80", false},      // surrogate
        {"1234567890123456", true},   // as long as allowed
        {"12345678901234567", false}, // one longer
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        print_message("case %zu\n", i);
        assert_int_equal(input_is_clean(span_of(cases[i].text), 16), cases[i].is_clean);
    }
    assert_false(input_is_clean(span_make("a\0b", 3), 16));
}

static void only_places_on_this_site_are_gone_to(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        bool is_local;
    } cases[] = {
        {"/", true},
        {"/rooms/lobby", true},
        {"/rooms/lobby?before=7#m7", true},
        {"", false},
        {"rooms/lobby", false},
        {"//evil.example/", false},
        {"/\\evil.example/", false},
        {"/a\\b", false},
        {"\\/evil.example", false},
        {"/\t/evil.example", false},
        {"/\n/evil.example", false},
        {"/rooms/\r\nSet-Cookie: a=b", false},
        {"/a b", false},
        {"/\xC3\xBC", false},
        {"https://evil.example/", false},
        {"javascript:alert(1)", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        print_message("%s\n", cases[i].path);
        assert_int_equal(input_is_local_path(span_of(cases[i].path)), cases[i].is_local);
    }
}

static void media_types_are_compared_without_parameters(void **state)
{
    (void)state;
    assert_true(input_is_media_type(span_of("application/json"), "application/json"));
    assert_true(
        input_is_media_type(span_of("Application/JSON ; charset=utf-8"), "application/json"));
    assert_false(input_is_media_type(span_of("application/jsonp"), "application/json"));
    assert_false(input_is_media_type(span_of("text/plain; application/json"), "application/json"));
    assert_false(input_is_media_type(span_of(""), "application/json"));
}

static void pages_are_read_strictly(void **state)
{
    (void)state;
    static const struct {
        const char *before, *after, *limit;
        struct store_page page; // limit 0: refused
    } cases[] = {
        {"", "", "", {.before = 0, .after = -1, .limit = 50}},
        {"7", "", "", {.before = 7, .after = -1, .limit = 50}},
        {"", "0", "1000", {.before = 0, .after = 0, .limit = 1000}},
        {"", "9007199254740991", "1", {.before = 0, .after = 9007199254740991, .limit = 1}},
        {"", "9007199254740992", "1", {.limit = 0}},
        {"0", "", "", {.limit = 0}},
        {"1", "1", "", {.limit = 0}},
        {"-1", "", "", {.limit = 0}},
        {"", "+1", "", {.limit = 0}},
        {"", "1.0", "", {.limit = 0}},
        {"", "0x10", "", {.limit = 0}},
        {" 1", "", "", {.limit = 0}},
        {"", "", "0", {.limit = 0}},
        {"", "", "1001", {.limit = 0}},
        {"", "", "18446744073709551617", {.limit = 0}},
        {"", "", "ten", {.limit = 0}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct store_page page = {.limit = 0};
        const char *why = "";
        enum err err = input_page(span_of(cases[i].before), span_of(cases[i].after),
                                  span_of(cases[i].limit), &page, &why);
        print_message("case %zu: %s\n", i, why);
        if (cases[i].page.limit == 0) {
            assert_int_equal(err, ERR_INVALID);
            assert_true(strlen(why) > 0);
            continue;
        }
        assert_int_equal(err, ERR_OK);
        assert_int_equal(page.before, cases[i].page.before);
        assert_int_equal(page.after, cases[i].page.after);
        assert_int_equal(page.limit, cases[i].page.limit);
    }
}

static void parameters_are_noticed_in_any_state(void **state)
{
    (void)state;
    assert_true(input_has_parameter(span_of("before=1"), "before"));
    assert_true(input_has_parameter(span_of("a=1&before"), "before"));
    assert_true(input_has_parameter(span_of("before=%zz&x"), "before"));
    assert_false(input_has_parameter(span_of("xbefore=1&beforex=2"), "before"));
    assert_false(input_has_parameter(span_of(""), "before"));
}

static void flags_and_keys(void **state)
{
    (void)state;
    bool flag = true;
    assert_int_equal(input_flag(span_of(""), &flag), ERR_OK);
    assert_false(flag);
    assert_int_equal(input_flag(span_of("true"), &flag), ERR_OK);
    assert_true(flag);
    assert_int_equal(input_flag(span_of("0"), &flag), ERR_OK);
    assert_false(flag);
    assert_int_equal(input_flag(span_of("yes"), &flag), ERR_INVALID);
    assert_int_equal(input_flag(span_of("TRUE"), &flag), ERR_INVALID);
    assert_true(span_is(input_unquote(span_of("\"k1\"")), "k1"));
    assert_true(span_is(input_unquote(span_of("k1")), "k1"));
    assert_true(span_is(input_unquote(span_of("\"")), "\""));
    assert_true(span_is(input_unquote(span_of("\"\"")), ""));
}

static void content_types_are_ascii(void **state)
{
    (void)state;
    char longest[MESSAGE_TYPE_MAX + 1];
    memset(longest, 'a', sizeof longest);
    assert_true(input_is_content_type(span_make(longest, MESSAGE_TYPE_MAX)));
    assert_false(input_is_content_type(span_make(longest, MESSAGE_TYPE_MAX + 1)));
    assert_false(input_is_content_type(span_of("")));
    assert_false(input_is_content_type(span_of("text/\xC3\xBC")));
    assert_false(input_is_content_type(span_of("text/plain\t")));
    assert_true(input_is_content_type(span_of("text/plain; charset=\"utf-8\"")));
}

static void user_agents_are_cut_between_characters(void **state)
{
    (void)state;
    char text[ORIGIN_AGENT_MAX + 2];
    assert_true(span_is(input_user_agent(span_of("curl/8.1")), "curl/8.1"));
    assert_int_equal(input_user_agent(span_of("")).len, 0);
    assert_int_equal(input_user_agent(span_of("a\tb")).len, 0);
    assert_int_equal(input_user_agent(span_of("caf\xE9")).len, 0);
    memset(text, 'x', sizeof text);
    assert_int_equal(input_user_agent(span_make(text, sizeof text)).len, ORIGIN_AGENT_MAX);
    memcpy(text + ORIGIN_AGENT_MAX - 1, "\xC3\xBC", 2);
    assert_int_equal(input_user_agent(span_make(text, sizeof text)).len, ORIGIN_AGENT_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clean_texts_have_no_controls),
        cmocka_unit_test(only_places_on_this_site_are_gone_to),
        cmocka_unit_test(media_types_are_compared_without_parameters),
        cmocka_unit_test(pages_are_read_strictly),
        cmocka_unit_test(parameters_are_noticed_in_any_state),
        cmocka_unit_test(flags_and_keys),
        cmocka_unit_test(content_types_are_ascii),
        cmocka_unit_test(user_agents_are_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
