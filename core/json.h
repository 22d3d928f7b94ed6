// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// All JSON (RFC 8259): reading into a tree (cJSON, which no other file includes), and a streaming
// writer for what goes out.
// Not a schema: what a member means is decided by whoever reads it.
#ifndef ROOMWIRE_CORE_JSON_H
#define ROOMWIRE_CORE_JSON_H

#include <stdint.h>

#include "buf.h"

// ---- reading ----

// One value of a parsed tree. Borrowed from the tree's root, which json_destroy frees.
struct json;

enum { JSON_DEPTH_MAX = 32 };

// Parses one JSON text: UTF-8, nothing behind the value, at most JSON_DEPTH_MAX deep, no object
// with two members of one name, no U+0000 in a string (C strings could not carry it).
// Errors: ERR_INVALID, ERR_MEMORY.
MUST_USE enum err json_parse(struct span text, struct json **out_root);
void json_destroy(struct json *root); // NULL is fine

bool json_is_object(const struct json *value); // these take NULL for "absent": false
bool json_is_array(const struct json *value);
bool json_is_null(const struct json *value);

// The member `name` of an object; NULL if absent or `value` is no object (or NULL).
const struct json *json_member(const struct json *value, const char *name);
// The elements of an array or the members of an object, in order; NULL at the end.
const struct json *json_first(const struct json *value);
const struct json *json_next(const struct json *element);
const char *json_name(const struct json *member); // of an object's member

const char *json_text(const struct json *value);                    // NULL if no string
bool json_get_number(const struct json *value, double *out_number); // finite, or false
bool json_get_int(const struct json *value, int64_t *out_number);   // whole, |n| < 2^53
bool json_get_bool(const struct json *value, bool *out_flag);

// The string that the member `name` is; empty if it is absent or no string.
struct span json_member_text(const struct json *value, const char *name);
// The same; false if it is there and no string.
bool json_get_member_text(const struct json *value, const char *name, struct span *out_text);

// ---- writing ----

// Writes one JSON value into `out`, without white space. Errors are the buffer's sticky status.
// Misuse (a value where a name is due) is the caller's mistake and not checked.
struct json_writer {
    struct buf *out;
    bool needs_comma;
};

void json_writer_init(struct json_writer *w, struct buf *out);
void json_begin_object(struct json_writer *w);
void json_end_object(struct json_writer *w);
void json_begin_array(struct json_writer *w);
void json_end_array(struct json_writer *w);
void json_key(struct json_writer *w, const char *name); // `name` needs no escapes
void json_put_text(struct json_writer *w, struct span utf8);
void json_put_int(struct json_writer *w, int64_t value);
void json_put_bool(struct json_writer *w, bool value);
void json_put_null(struct json_writer *w);
void json_put_base64(struct json_writer *w, struct span bytes); // RFC 4648 §4, as a string
void json_put_raw(struct json_writer *w, struct span json);     // one finished JSON value
void json_put_tree(struct json_writer *w, const struct json *value);
// A member: json_key and its value.
void json_field_text(struct json_writer *w, const char *name, struct span text);
void json_field_int(struct json_writer *w, const char *name, int64_t value);
void json_field_bool(struct json_writer *w, const char *name, bool value);

#endif
