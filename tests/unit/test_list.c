// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/list.h"

enum { COUNT = 6 };

// The list is `expected`, both ways.
static void check(const struct list *list, struct list_node *const *expected, size_t count)
{
    const struct list_node *node = list->first;
    for (size_t i = 0; i < count; i++, node = node->behind)
        assert_ptr_equal(node, expected[i]);
    assert_null(node);
    node = list->last;
    for (size_t i = count; i > 0; i--, node = node->before)
        assert_ptr_equal(node, expected[i - 1]);
    assert_null(node);
}

static void nodes_stay_in_order_whichever_are_taken_out(void **state)
{
    (void)state;
    for (unsigned out = 0; out < 1u << COUNT; out++) {
        struct list list = {0};
        struct list_node nodes[COUNT], *left[COUNT];
        size_t count = 0;
        for (size_t i = 0; i < COUNT; i++)
            list_append(&list, &nodes[i]);
        for (size_t i = 0; i < COUNT; i++) {
            if (out >> i & 1)
                list_remove(&list, &nodes[i]);
            else
                left[count++] = &nodes[i];
        }
        check(&list, left, count);
        for (size_t i = 0; i < count; i++)
            assert_ptr_equal(list_take_first(&list), left[i]);
        assert_null(list_take_first(&list));
        check(&list, NULL, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_stay_in_order_whichever_are_taken_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
