// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Forms and percent-encoding: what is decoded, what is refused, and that both ways fit together.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gateway/form.h"

static void every_form_has_its_outcome(void **state)
{
    (void)state;
    static const struct {
        const char *encoded;
        enum err err;
        const char *decoded; // name=value pairs, each ended by ";"
    } rows[] = {
        {"", ERR_OK, ""},
        {"a=b", ERR_OK, "a=b;"},
        {"a=b&c=d", ERR_OK, "a=b;c=d;"},
        {"a", ERR_OK, "a=;"},
        {"a=", ERR_OK, "a=;"},
        {"=b", ERR_OK, "=b;"},
        {"&&a=b&", ERR_OK, "a=b;"},
        {"a=b=c", ERR_OK, "a=b=c;"},
        {"text=a+b%20c%2Bd", ERR_OK, "text=a b c+d;"},
        {"%61%62=%26%3d", ERR_OK, "ab=&=;"},
        {"e=%F0%9F%98%80", ERR_OK, "e=\xF0\x9F\x98\x80;"},
        {"a=%c3%a9", ERR_OK, "a=\xC3\xA9;"},
        {"a=%", ERR_INVALID, ""},
        {"a=%4", ERR_INVALID, ""},
        {"a=%4g", ERR_INVALID, ""},
        {"a=%g4", ERR_INVALID, ""},
        {"%=b", ERR_INVALID, ""},
        {"a=%u0041", ERR_INVALID, ""},
        {"a=%00", ERR_INVALID, ""},
        {"a%00=b", ERR_INVALID, ""},
        {"a=%ff", ERR_INVALID, ""},
        {"a=%c3", ERR_INVALID, ""},       // half a character
        {"a=%c0%80", ERR_INVALID, ""},    // NUL in two bytes
        {"a=%ed%a0%80", ERR_INVALID, ""}, // half a surrogate pair
        {"a=\xff", ERR_INVALID, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct form form;
        enum err err = form_parse(span_of(rows[i].encoded), &form);
        assert_int_equal(err, rows[i].err);
        if (err == ERR_OK) {
            struct buf text;
            buf_init(&text, 1024);
            for (size_t k = 0; k < form.count; k++) {
                buf_add_span(&text, form.fields[k].name);
                buf_add_char(&text, '=');
                buf_add_span(&text, form.fields[k].value);
                buf_add_char(&text, ';');
            }
            assert_true(span_is(buf_span(&text), rows[i].decoded));
            buf_finish(&text);
        }
        form_finish(&form);
    }
}

static void finds_what_is_given_once(void **state)
{
    (void)state;
    struct form form;
    struct span value;
    assert_int_equal(form_parse(span_of("a=1&b=2&a=3&c"), &form), ERR_OK);
    assert_true(form_find(&form, "b", &value));
    assert_true(span_is(value, "2"));
    assert_true(form_find(&form, "c", &value));
    assert_int_equal(value.len, 0);
    assert_false(form_find(&form, "a", &value));
    assert_false(form_find(&form, "d", &value));
    form_finish(&form);
}

static void counts_its_fields(void **state)
{
    (void)state;
    char text[2 * (FORM_FIELDS_MAX + 1)];
    for (size_t i = 0; i <= FORM_FIELDS_MAX; i++) {
        text[2 * i] = 'a';
        text[2 * i + 1] = '&';
    }
    struct form form;
    assert_int_equal(form_parse(span_make(text, (size_t)2 * FORM_FIELDS_MAX), &form), ERR_OK);
    assert_int_equal(form.count, FORM_FIELDS_MAX);
    form_finish(&form);
    assert_int_equal(form_parse(span_make(text, sizeof text), &form), ERR_TOO_LARGE);
    form_finish(&form);
}

static void encodes_what_it_decodes(void **state)
{
    (void)state;
    char all[256];
    for (size_t i = 0; i < sizeof all; i++)
        all[i] = (char)i;
    struct buf encoded, decoded;
    buf_init(&encoded, 1024);
    buf_init(&decoded, 1024);
    form_encode(span_make(all, sizeof all), &encoded);
    assert_null(memchr(encoded.ptr, ' ', encoded.len));
    assert_null(memchr(encoded.ptr, '/', encoded.len));
    assert_int_equal(form_decode(buf_span(&encoded), false, &decoded), ERR_OK);
    assert_true(span_equal(buf_span(&decoded), span_make(all, sizeof all)));
    buf_finish(&encoded);
    buf_finish(&decoded);
}

static void a_plus_is_a_space_in_forms_alone(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 16);
    assert_int_equal(form_decode(span_of("a+b"), false, &out), ERR_OK);
    assert_true(span_is(buf_span(&out), "a+b"));
    buf_finish(&out);
}

static void a_full_buffer_is_told(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 2);
    assert_int_equal(form_decode(span_of("abc"), false, &out), ERR_TOO_LARGE);
    buf_finish(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_has_its_outcome),
        cmocka_unit_test(finds_what_is_given_once),
        cmocka_unit_test(counts_its_fields),
        cmocka_unit_test(encodes_what_it_decodes),
        cmocka_unit_test(a_plus_is_a_space_in_forms_alone),
        cmocka_unit_test(a_full_buffer_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
