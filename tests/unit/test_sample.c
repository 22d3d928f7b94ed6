// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// roomwire.conf at the top of the repository: it names every option of the table, commented out
// with its default or set, nothing else, and can be loaded.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/config.h"
#include "scratch.h"

// What `./dev run` and most installations set; the sample shows a value that is not the default.
static const char *const set_in_sample[][2] = {{"secret_file", "jwt.secret"}};

static struct buf read_sample(void)
{
    size_t len = 0;
    unsigned char *bytes = scratch_read("roomwire.conf", &len);
    assert_non_null(bytes);
    struct buf text;
    buf_init(&text, 65536);
    buf_add(&text, bytes, len);
    free(bytes);
    assert_int_equal(text.status, ERR_OK);
    return text;
}

// Takes "name = value" or "# name = value" apart; prose has no such shape.
static bool read_line(struct span line, struct span *out_name, struct span *out_value)
{
    if (span_starts_with(line, span_of("# ")))
        line = span_skip(line, 2);
    if (!span_split(&line, '=', out_name))
        return false;
    bool has_value = line.ptr != NULL && line.ptr[-1] == '=';
    *out_name = span_trim(*out_name);
    *out_value = span_trim(line);
    for (size_t i = 0; i < out_name->len; i++)
        if ((out_name->ptr[i] < 'a' || out_name->ptr[i] > 'z') && out_name->ptr[i] != '_')
            return false;
    return has_value && out_name->len > 0;
}

// How often the sample has the option, and with which value.
static int find(struct span text, struct span name, struct span *out_value)
{
    int count = 0;
    struct span line, found, value;
    while (span_split(&text, '\n', &line))
        if (read_line(line, &found, &value) && span_equal(found, name)) {
            *out_value = value;
            count++;
        }
    return count;
}

static struct span expected_value(struct span name, struct span initial)
{
    for (size_t i = 0; i < sizeof set_in_sample / sizeof set_in_sample[0]; i++)
        if (span_is(name, set_in_sample[i][0]))
            return span_of(set_in_sample[i][1]);
    return initial;
}

static void shows_every_option_with_its_default(void **state)
{
    (void)state;
    struct buf sample = read_sample(), table;
    buf_init(&table, 65536);
    config_describe(&table);
    struct span rest = buf_span(&table), line, name, initial, value = {0};
    int options = 0;
    while (span_split(&rest, '\n', &line)) {
        if (line.len == 0 || line.ptr[0] == ' ' || !read_line(line, &name, &initial))
            continue;
        options++;
        print_message("%.*s\n", (int)name.len, name.ptr);
        assert_int_equal(find(buf_span(&sample), name, &value), 1);
        assert_true(span_equal(value, expected_value(name, initial)));
    }
    assert_true(options > 40);
    buf_finish(&table);
    buf_finish(&sample);
}

static void shows_nothing_else(void **state)
{
    (void)state;
    struct buf sample = read_sample(), why;
    struct config config;
    assert_int_equal(config_init(&config), ERR_OK);
    buf_init(&why, 1024);
    struct span rest = buf_span(&sample), line, name, value;
    while (span_split(&rest, '\n', &line)) {
        if (!read_line(line, &name, &value))
            continue;
        char *option = span_dup(name), *text = span_dup(value);
        print_message("%s = %s\n", option, text);
        assert_int_equal(config_set(&config, option, text, &why), ERR_OK);
        free(option);
        free(text);
    }
    buf_finish(&why);
    config_finish(&config);
    buf_finish(&sample);
}

static void can_be_loaded(void **state)
{
    (void)state;
    struct config config;
    struct buf why;
    buf_init(&why, 1024);
    assert_int_equal(config_load("roomwire.conf", &config, &why), ERR_OK);
    assert_string_equal(config.listen, "127.0.0.1:8080");
    config_finish(&config);
    buf_finish(&why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_every_option_with_its_default),
        cmocka_unit_test(shows_nothing_else),
        cmocka_unit_test(can_be_loaded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
