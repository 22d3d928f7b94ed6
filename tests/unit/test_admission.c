// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// How many connections: in total, from one address, and what counts as one address.
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "gateway/admission.h"

static enum err enter(struct admission *a, const char *address, struct admission_peer **out_peer)
{
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    struct sockaddr_in in = {.sin_family = AF_INET};
    if (inet_pton(AF_INET, address, &in.sin_addr) == 1)
        return admission_enter(a, (const struct sockaddr *)&in, out_peer);
    assert_int_equal(inet_pton(AF_INET6, address, &in6.sin6_addr), 1);
    return admission_enter(a, (const struct sockaddr *)&in6, out_peer);
}

static void the_total_is_held(void **state)
{
    (void)state;
    struct admission *a;
    struct admission_peer *one, *two, *three;
    assert_int_equal(admission_create(2, 10, &a), ERR_OK);
    assert_int_equal(enter(a, "10.0.0.1", &one), ERR_OK);
    assert_int_equal(enter(a, "10.0.0.2", &two), ERR_OK);
    assert_int_equal(enter(a, "10.0.0.3", &three), ERR_FULL);
    assert_int_equal(admission_total(a), 2);
    admission_leave(a, one);
    assert_int_equal(enter(a, "10.0.0.3", &three), ERR_OK);
    admission_leave(a, two);
    admission_leave(a, three);
    assert_int_equal(admission_total(a), 0);
    admission_destroy(a);
}

static void what_counts_as_one_address(void **state)
{
    (void)state;
    static const struct {
        const char *first, *second;
        bool is_same;
    } rows[] = {
        {"10.0.0.1", "10.0.0.1", true},
        {"10.0.0.1", "10.0.0.2", false},
        {"10.0.0.1", "::ffff:10.0.0.1", true},
        {"::ffff:10.0.0.1", "::ffff:10.0.0.2", false},
        {"2001:db8:0:1::1", "2001:db8:0:1:ffff::2", true},
        {"2001:db8:0:1::1", "2001:db8:0:2::1", false},
        {"::1", "127.0.0.1", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct admission *a;
        struct admission_peer *first, *second;
        assert_int_equal(admission_create(100, 1, &a), ERR_OK);
        assert_int_equal(enter(a, rows[i].first, &first), ERR_OK);
        assert_int_equal(enter(a, rows[i].second, &second), rows[i].is_same ? ERR_AGAIN : ERR_OK);
        admission_destroy(a);
    }
}

static void many_addresses_come_and_go(void **state)
{
    (void)state;
    enum { COUNT = 20000 };
    struct admission *a;
    struct admission_peer **peers = calloc(COUNT, sizeof *peers);
    assert_non_null(peers);
    assert_int_equal(admission_create(COUNT, 1, &a), ERR_OK);
    for (int round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < COUNT; i++) {
            struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(i)};
            assert_int_equal(admission_enter(a, (const struct sockaddr *)&in, &peers[i]), ERR_OK);
        }
        for (uint32_t i = 0; i < COUNT; i++)
            admission_leave(a, peers[(i * 7919u) % COUNT]); // in another order
        assert_int_equal(admission_total(a), 0);
    }
    admission_destroy(a);
    free(peers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_total_is_held),
        cmocka_unit_test(what_counts_as_one_address),
        cmocka_unit_test(many_addresses_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
