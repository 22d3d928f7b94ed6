// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Any bytes as JSON. What is read is written again, and reads back as the same.
#include <stdint.h>
#include <stdlib.h>

#include "core/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Visits everything, so that a sanitizer sees what a reader of the tree would.
static size_t visit(const struct json *value, bool is_member)
{
    size_t seen = 1;
    double number;
    int64_t whole;
    if (is_member)
        seen += strlen(json_name(value));
    if (json_text(value) != NULL)
        seen += strlen(json_text(value));
    if (json_get_int(value, &whole) && !json_get_number(value, &number))
        abort();
    for (const struct json *e = json_first(value); e != NULL; e = json_next(e))
        seen += visit(e, json_is_object(value));
    return seen;
}

static void write_tree(const struct json *root, struct buf *out)
{
    struct json_writer w;
    buf_init(out, 1 << 24);
    json_writer_init(&w, out);
    json_put_tree(&w, root);
    if (out->status != ERR_OK)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json *root = NULL, *again = NULL;
    if (json_parse(span_make(data, size), &root) != ERR_OK)
        return 0;
    struct buf first, second;
    write_tree(root, &first);
    // A number beyond a double is written as null, whose text has another length.
    if (json_parse(buf_span(&first), &again) != ERR_OK)
        abort();
    write_tree(again, &second);
    if (visit(again, false) == 0 || visit(root, false) == 0 ||
        !span_equal(buf_span(&first), buf_span(&second)))
        abort();
    buf_finish(&first);
    buf_finish(&second);
    json_destroy(root);
    json_destroy(again);
    return 0;
}
