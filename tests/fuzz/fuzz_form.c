// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Form bodies and queries: what is decoded is UTF-8 without NUL, and means the same when it is
// encoded and decoded again.
#include <stdint.h>
#include <stdlib.h>

#include "gateway/form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool is_so)
{
    if (!is_so)
        abort();
}

static bool is_text(struct span s)
{
    return span_is_utf8(s) && (s.len == 0 || memchr(s.ptr, '\0', s.len) == NULL);
}

static void check_again(const struct form *form)
{
    struct buf encoded;
    struct form again;
    buf_init(&encoded, (size_t)16 * 1024 * 1024);
    for (size_t i = 0; i < form->count; i++) {
        form_encode(form->fields[i].name, &encoded);
        buf_add_char(&encoded, '=');
        form_encode(form->fields[i].value, &encoded);
        buf_add_char(&encoded, '&');
    }
    require(encoded.status == ERR_OK);
    require(form_parse(buf_span(&encoded), &again) == ERR_OK && again.count == form->count);
    for (size_t i = 0; i < form->count; i++)
        require(span_equal(form->fields[i].name, again.fields[i].name) &&
                span_equal(form->fields[i].value, again.fields[i].value));
    form_finish(&again);
    buf_finish(&encoded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct form form;
    struct span value;
    enum err err = form_parse(span_make(data, size), &form);
    require(err == ERR_OK || err == ERR_INVALID || err == ERR_TOO_LARGE);
    if (err == ERR_OK) {
        for (size_t i = 0; i < form.count; i++)
            require(is_text(form.fields[i].name) && is_text(form.fields[i].value));
        (void)form_find(&form, "text", &value);
        check_again(&form);
    }
    form_finish(&form);
    return 0;
}
