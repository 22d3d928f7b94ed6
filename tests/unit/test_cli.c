// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Arguments of the command line. What is said about mistakes is seen by tests/system/cli.test.mjs.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/cli.h"

enum { ARGUMENTS_MAX = 8 };

struct parsed {
    bool goes_on;
    int status;
    const char *text;
    bool flag;
    struct cli_list list;
    struct cli_words words;
    const char *config;
};

static struct parsed parse(char *const *arguments)
{
    static const struct cli_command command = {.name = "test", .usage = ""};
    struct parsed p = {.text = NULL};
    const struct cli_option options[] = {{.name = "text", .text = &p.text},
                                         {.name = "flag", .flag = &p.flag},
                                         {.name = "list", .list = &p.list},
                                         {.name = NULL}};
    char *argv[ARGUMENTS_MAX + 1] = {NULL};
    int argc = 0;
    while (arguments[argc] != NULL) {
        argv[argc] = arguments[argc];
        argc++;
    }
    p.goes_on = cli_parse(&command, argc, argv, options, &p.words, &p.config, &p.status);
    return p;
}

#define PARSE(...) parse((char *[ARGUMENTS_MAX + 1]){__VA_ARGS__})

static void options_and_words_come_in_any_order(void **state)
{
    (void)state;
    struct parsed p =
        PARSE("one", "--text", "value", "two", "--flag", "--list=a=b", "--list", "c", NULL);
    assert_true(p.goes_on);
    assert_string_equal(p.text, "value");
    assert_true(p.flag);
    assert_int_equal(p.list.count, 2);
    assert_string_equal(p.list.values[0], "a=b");
    assert_string_equal(p.list.values[1], "c");
    assert_int_equal(p.words.count, 2);
    assert_string_equal(p.words.values[1], "two");
    assert_null(p.config);
}

static void values_may_look_like_options(void **state)
{
    (void)state;
    struct parsed p = PARSE("--text", "--flag", "--config=x", "-", "--", "--flag", "-h", NULL);
    assert_true(p.goes_on);
    assert_string_equal(p.text, "--flag");
    assert_false(p.flag);
    assert_string_equal(p.config, "x");
    assert_int_equal(p.words.count, 3);
    assert_string_equal(p.words.values[0], "-");
    assert_string_equal(p.words.values[2], "-h");
    p = PARSE("--text=", NULL);
    assert_true(p.goes_on);
    assert_string_equal(p.text, "");
}

static void mistakes_are_usage_errors(void **state)
{
    (void)state;
    assert_int_equal(PARSE("--unknown", NULL).status, CLI_USAGE);
    assert_int_equal(PARSE("-x", NULL).status, CLI_USAGE);
    assert_int_equal(PARSE("--tex", "v", NULL).status, CLI_USAGE);
    assert_int_equal(PARSE("--text", NULL).status, CLI_USAGE);
    assert_int_equal(PARSE("--flag=yes", NULL).status, CLI_USAGE);
    assert_int_equal(PARSE("--text", "a", "--text", "b", NULL).status, CLI_USAGE);
    assert_int_equal(PARSE("--config", "a", "--config", "b", NULL).status, CLI_USAGE);
    assert_false(PARSE("--unknown", NULL).goes_on);
}

static void help_ends_it_well_unless_there_is_a_mistake(void **state)
{
    (void)state;
    struct parsed p = PARSE("one", "--help", NULL);
    assert_false(p.goes_on);
    assert_int_equal(p.status, CLI_OK);
    p = PARSE("-h", NULL);
    assert_false(p.goes_on);
    assert_int_equal(p.status, CLI_OK);
    assert_int_equal(PARSE("--help", "--unknown", NULL).status, CLI_USAGE);
}

static void too_many_are_refused(void **state)
{
    (void)state;
    static char *arguments[CLI_WORDS_MAX + 2];
    static const struct cli_command command = {.name = "test", .usage = ""};
    const struct cli_option none[] = {{.name = NULL}};
    struct cli_words words;
    const char *config;
    int status;
    for (int i = 0; i <= CLI_WORDS_MAX; i++)
        arguments[i] = "w";
    assert_true(cli_parse(&command, CLI_WORDS_MAX, arguments, none, &words, &config, &status));
    assert_int_equal(words.count, CLI_WORDS_MAX);
    assert_false(cli_parse(&command, CLI_WORDS_MAX + 1, arguments, none, &words, &config, &status));
    assert_int_equal(status, CLI_USAGE);
}

static void what_a_terminal_would_act_upon_is_made_visible(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 1024);
    cli_add_visible(span_of("a\x1b[31m\n\x7f \xc3\xbc \xc2\x9b \xc2\xa0"), &out);
    assert_true(span_is(buf_span(&out), "a\\x1b[31m\\x0a\\x7f \xc3\xbc \\xc2\\x9b \xc2\xa0"));
    buf_finish(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_and_words_come_in_any_order),
        cmocka_unit_test(values_may_look_like_options),
        cmocka_unit_test(mistakes_are_usage_errors),
        cmocka_unit_test(help_ends_it_well_unless_there_is_a_mistake),
        cmocka_unit_test(too_many_are_refused),
        cmocka_unit_test(what_a_terminal_would_act_upon_is_made_visible),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
