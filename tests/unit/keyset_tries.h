// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// What the tests of key sets share: one that is made, filled and asked, each in a line.
#ifndef ROOMWIRE_TESTS_KEYSET_TRIES_H
#define ROOMWIRE_TESTS_KEYSET_TRIES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/keyset.h"

#define TEXT "header.payload" // what is signed

static inline struct keyset *new_set(const char *accepted)
{
    struct keyset *keys = NULL;
    struct buf why;
    buf_init(&why, 256);
    assert_int_equal(keyset_create(accepted, &keys, &why), ERR_OK);
    buf_finish(&why);
    return keys;
}

// Adds by `add` and throws the reason away.
typedef enum err add_fn(struct keyset *keys, struct span content, struct buf *why);
static inline enum err add(struct keyset *keys, add_fn *adding, const char *content)
{
    struct buf why;
    buf_init(&why, 1024);
    enum err err = adding(keys, span_of(content), &why);
    assert_int_equal(why.len == 0, err == ERR_OK);
    buf_finish(&why);
    return err;
}

static inline enum err verify(const struct keyset *keys, const char *alg, const char *kid,
                              const struct buf *signature)
{
    return keyset_verify(keys, span_of(alg), span_of(kid), span_of(TEXT), buf_span(signature));
}

#endif
