// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/origin.h"

static void expect(const struct origin *origin, const char *json)
{
    struct buf out;
    buf_init(&out, ORIGIN_MAX);
    origin_write(origin, &out);
    assert_int_equal(out.status, ERR_OK);
    assert_true(span_is(buf_span(&out), json));
    buf_finish(&out);
}

static void test_what_is_not_known_is_left_out(void **state)
{
    (void)state;
    struct origin origin = {0};
    expect(&origin, "");
    origin.source_ip = span_of("::1");
    expect(&origin, "{\"source_ip\":\"::1\"}");
    origin.user_agent = span_of("a \"b\" \\ ü");
    origin.path = span_of("/rooms/x/messages");
    origin.method = span_of("POST");
    expect(&origin, "{\"method\":\"POST\",\"path\":\"/rooms/x/messages\",\"source_ip\":\"::1\","
                    "\"user_agent\":\"a \\\"b\\\" \\\\ ü\"}");
}

static void test_it_reads_back(void **state)
{
    (void)state;
    struct json *root;
    struct origin origin;
    assert_int_equal(
        origin_read(span_of("{\"path\":\"/x\",\"user_agent\":\"u\",\"later\":1}"), &root, &origin),
        ERR_OK);
    assert_int_equal(origin.method.len, 0);
    assert_true(span_is(origin.path, "/x"));
    assert_int_equal(origin.source_ip.len, 0);
    assert_true(span_is(origin.user_agent, "u"));
    json_destroy(root);
    assert_int_equal(origin_read(span_of("{"), &root, &origin), ERR_INVALID);
}

// A message is kept in any case.
static void test_what_does_not_fit_is_nothing(void **state)
{
    (void)state;
    static char path[ORIGIN_MAX];
    memset(path, 'p', sizeof path);
    struct origin origin = {.source_ip = span_of("::1"), .path = span_make(path, sizeof path)};
    expect(&origin, "");
}

static void test_addresses_lose_their_port(void **state)
{
    (void)state;
    assert_true(span_is(origin_ip(span_of("1.2.3.4:80")), "1.2.3.4"));
    assert_true(span_is(origin_ip(span_of("[::1]:80")), "::1"));
    assert_true(span_is(origin_ip(span_of("odd")), "odd"));
    assert_int_equal(origin_ip(span_of("")).len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_not_known_is_left_out),
        cmocka_unit_test(test_it_reads_back),
        cmocka_unit_test(test_what_does_not_fit_is_nothing),
        cmocka_unit_test(test_addresses_lose_their_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
