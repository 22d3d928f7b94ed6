// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// What the tests of the spool share: records whose contents follow from their numbers.
#ifndef ROOMWIRE_TESTS_UNIT_SPOOL_TEST_H
#define ROOMWIRE_TESTS_UNIT_SPOOL_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/spool.h"
#include "scratch.h"

#define assert_ok(call) assert_int_equal(call, ERR_OK)

enum { RING = 4096 };

static inline struct spool *open_spool(struct scratch *s, size_t size)
{
    struct spool *spool = NULL;
    assert_ok(spool_open(scratch_path(s, "spool"), size, &spool));
    return spool;
}

// Record `number` has contents and a length that follow from it.
static inline size_t fill(uint64_t number, char *out)
{
    size_t len = (size_t)(number * 37 % 300);
    for (size_t i = 0; i < len; i++)
        out[i] = (char)(number + i);
    return len;
}

static inline enum err append(struct spool *spool, uint64_t number)
{
    char bytes[300];
    size_t len = fill(number, bytes);
    struct span parts[2] = {{bytes, len / 2}, {bytes + len / 2, len - len / 2}};
    uint64_t given;
    enum err err = spool_append(spool, parts, 2, &given);
    if (err == ERR_OK)
        assert_int_equal(given, number);
    return err;
}

// Takes the record after `after`, which must be the next one and whole.
static inline bool take(struct spool *spool, uint64_t after)
{
    struct span record;
    uint64_t number;
    if (!spool_next(spool, after, &record, &number))
        return false;
    char bytes[300];
    size_t len = fill(after + 1, bytes);
    assert_int_equal(number, after + 1);
    assert_true(span_equal(record, span_make(bytes, len)));
    return true;
}

// How many records from `first` on the ring gives, each of which must be whole.
static inline uint64_t count_records(struct spool *spool, uint64_t first)
{
    uint64_t n = first;
    while (take(spool, n - 1))
        n++;
    return n - first;
}

#endif
