// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// application/x-www-form-urlencoded, as browsers post it and as queries are written, and the
// percent-encoding below it (RFC 3986 §2.1). Strict: a malformed escape is an error.
// Not multipart/form-data.
#ifndef ROOMWIRE_GATEWAY_FORM_H
#define ROOMWIRE_GATEWAY_FORM_H

#include "core/buf.h"

enum { FORM_FIELDS_MAX = 32 };

struct form_field {
    struct span name, value;
};

// The decoded fields in the order they came.
struct form {
    struct buf text; // what the spans borrow from
    struct form_field fields[FORM_FIELDS_MAX];
    size_t count;
};

// Decodes `encoded`; the form owns what it holds, so `encoded` may go. Names and values are UTF-8
// without NUL. The caller finishes the form in every case.
// Errors: ERR_INVALID, ERR_TOO_LARGE (more than FORM_FIELDS_MAX fields), ERR_MEMORY.
MUST_USE enum err form_parse(struct span encoded, struct form *out_form);
void form_finish(struct form *form);

// The value of `name`; false if it is absent or given twice.
bool form_find(const struct form *form, const char *name, struct span *out_value);

// Appends `encoded` with its escapes decoded, and "+" as a space if `plus_is_space`.
// Errors: ERR_INVALID (an escape without two hexadecimal digits), or the buffer's status.
MUST_USE enum err form_decode(struct span encoded, bool plus_is_space, struct buf *out);
// Appends `plain` with everything but unreserved characters percent-encoded.
void form_encode(struct span plain, struct buf *out);

#endif
