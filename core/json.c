// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "json.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>

#include "base64.h"

// `struct json` is cJSON by another name, so that no other file depends on it.
static const cJSON *node(const struct json *value)
{
    return (const cJSON *)value;
}

static const struct json *value_of(const cJSON *item)
{
    return (const struct json *)item;
}

static size_t count_digits(struct span text, size_t at)
{
    size_t start = at;
    while (at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9')
        at++;
    return at - start;
}

// Where the number that starts at `at` ends (RFC 8259 §6); 0 if it is none. cJSON takes whatever
// strtod does, "01" and "1." and "-.5" among them.
static size_t number_end(struct span text, size_t at)
{
    if (text.ptr[at] == '-')
        at++;
    size_t digits = count_digits(text, at);
    if (digits == 0 || (digits > 1 && text.ptr[at] == '0'))
        return 0;
    at += digits;
    if (at < text.len && text.ptr[at] == '.') {
        digits = count_digits(text, at + 1);
        if (digits == 0)
            return 0;
        at += 1 + digits;
    }
    if (at < text.len && (text.ptr[at] == 'e' || text.ptr[at] == 'E')) {
        at++;
        if (at < text.len && (text.ptr[at] == '+' || text.ptr[at] == '-'))
            at++;
        digits = count_digits(text, at);
        if (digits == 0)
            return 0;
        at += digits;
    }
    return at;
}

// True if four hexadecimal digits follow at `at`, and not those of U+0000, which C strings cannot
// carry. cJSON takes any other character for a zero.
static bool is_code_unit(struct span text, size_t at)
{
    if (text.len - at < 4 || memcmp(text.ptr + at, "0000", 4) == 0)
        return false;
    for (size_t i = 0; i < 4; i++)
        if (span_hex_value(text.ptr[at + i]) < 0)
            return false;
    return true;
}

// Where the string whose quote stands at `at` ends; 0 if it does not, or holds what cJSON lets pass
// and RFC 8259 §7 does not.
static size_t string_end(struct span text, size_t at)
{
    for (at++; at < text.len && text.ptr[at] != '"'; at++) {
        if ((unsigned char)text.ptr[at] < ' ')
            return 0;
        if (text.ptr[at] != '\\')
            continue;
        at++;
        if (at < text.len && text.ptr[at] == 'u' && !is_code_unit(text, at + 1))
            return 0;
    }
    return at < text.len ? at + 1 : 0;
}

// The part of the grammar that cJSON is too generous with, and the nesting, which it recurses into.
static bool is_acceptable(struct span text)
{
    int depth = 0;
    size_t at = 0;
    while (at < text.len) {
        char c = text.ptr[at];
        size_t end = at + 1;
        if (c == '"')
            end = string_end(text, at);
        else if (c == '-' || (c >= '0' && c <= '9'))
            end = number_end(text, at);
        else if (c == '{' || c == '[')
            depth++;
        else if (c == '}' || c == ']')
            depth--;
        // cJSON skips every byte up to the space, RFC 8259 §2 only these four; and the byte order
        // mark of §8.1, which is no ASCII either.
        else if ((c < ' ' && c != '\t' && c != '\n' && c != '\r') || (unsigned char)c > '~')
            return false;
        if (end == 0 || depth > JSON_DEPTH_MAX)
            return false;
        at = end;
    }
    return true;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

// Sorted, because anybody can send an object of thousands of members.
static enum err check_names(const cJSON *object)
{
    size_t count = (size_t)cJSON_GetArraySize(object), i = 0;
    if (count < 2)
        return ERR_OK;
    const char **names = malloc(count * sizeof *names);
    if (names == NULL)
        return ERR_MEMORY;
    const cJSON *member;
    cJSON_ArrayForEach(member, object) names[i++] = member->string;
    qsort(names, count, sizeof *names, compare_names);
    enum err err = ERR_OK;
    for (i = 1; i < count; i++)
        if (strcmp(names[i - 1], names[i]) == 0)
            err = ERR_INVALID;
    free(names);
    return err;
}

// Two members of one name would let two readers see two different things.
static enum err check_all_names(const cJSON *item)
{
    enum err err = cJSON_IsObject(item) ? check_names(item) : ERR_OK;
    const cJSON *child = item->child;
    for (; err == ERR_OK && child != NULL; child = child->next)
        err = check_all_names(child);
    return err;
}

enum err json_parse(struct span text, struct json **out_root)
{
    static const char space[] = " \t\r\n";
    if (text.len == 0 || !span_is_utf8(text) || !is_acceptable(text))
        return ERR_INVALID;
    const char *end = NULL;
    cJSON *root = cJSON_ParseWithLengthOpts(text.ptr, text.len, &end, false);
    if (root == NULL)
        return ERR_INVALID;
    while (end < text.ptr + text.len && *end != '\0' && strchr(space, *end) != NULL)
        end++;
    enum err err = end == text.ptr + text.len ? check_all_names(root) : ERR_INVALID;
    if (err != ERR_OK) {
        cJSON_Delete(root);
        return err;
    }
    *out_root = (struct json *)root;
    return ERR_OK;
}

void json_destroy(struct json *root)
{
    cJSON_Delete((cJSON *)root);
}

bool json_is_object(const struct json *value)
{
    return cJSON_IsObject(node(value));
}

bool json_is_array(const struct json *value)
{
    return cJSON_IsArray(node(value));
}

bool json_is_null(const struct json *value)
{
    return cJSON_IsNull(node(value));
}

const struct json *json_member(const struct json *value, const char *name)
{
    if (!json_is_object(value))
        return NULL;
    return value_of(cJSON_GetObjectItemCaseSensitive(node(value), name));
}

const struct json *json_first(const struct json *value)
{
    return json_is_object(value) || json_is_array(value) ? value_of(node(value)->child) : NULL;
}

const struct json *json_next(const struct json *element)
{
    return value_of(node(element)->next);
}

const char *json_name(const struct json *member)
{
    return node(member)->string;
}

const char *json_text(const struct json *value)
{
    return cJSON_GetStringValue(node(value));
}

bool json_get_number(const struct json *value, double *out_number)
{
    if (!cJSON_IsNumber(node(value)) || !isfinite(node(value)->valuedouble))
        return false;
    *out_number = node(value)->valuedouble;
    return true;
}

bool json_get_int(const struct json *value, int64_t *out_number)
{
    const double limit = 9007199254740992.0; // 2^53: beyond it doubles skip whole numbers
    double number;
    if (!json_get_number(value, &number) || number != floor(number) || fabs(number) >= limit)
        return false;
    *out_number = (int64_t)number;
    return true;
}

bool json_get_bool(const struct json *value, bool *out_flag)
{
    if (!cJSON_IsBool(node(value)))
        return false;
    *out_flag = cJSON_IsTrue(node(value));
    return true;
}

struct span json_member_text(const struct json *value, const char *name)
{
    return span_of(json_text(json_member(value, name)));
}

bool json_get_member_text(const struct json *value, const char *name, struct span *out_text)
{
    *out_text = json_member_text(value, name);
    return out_text->ptr != NULL || json_member(value, name) == NULL;
}

void json_writer_init(struct json_writer *w, struct buf *out)
{
    *w = (struct json_writer){.out = out};
}

// Puts the comma between two values of one array or object.
static void separate(struct json_writer *w)
{
    if (w->needs_comma)
        buf_add_char(w->out, ',');
    w->needs_comma = true;
}

static void begin(struct json_writer *w, char bracket)
{
    separate(w);
    buf_add_char(w->out, bracket);
    w->needs_comma = false;
}

static void end(struct json_writer *w, char bracket)
{
    buf_add_char(w->out, bracket);
    w->needs_comma = true;
}

void json_begin_object(struct json_writer *w)
{
    begin(w, '{');
}

void json_end_object(struct json_writer *w)
{
    end(w, '}');
}

void json_begin_array(struct json_writer *w)
{
    begin(w, '[');
}

void json_end_array(struct json_writer *w)
{
    end(w, ']');
}

void json_key(struct json_writer *w, const char *name)
{
    separate(w);
    buf_add_char(w->out, '"');
    buf_add_text(w->out, name);
    buf_add_text(w->out, "\":");
    w->needs_comma = false;
}

static void escape(struct buf *out, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    switch (c) {
    case '"':
        buf_add_text(out, "\\\"");
        break;
    case '\\':
        buf_add_text(out, "\\\\");
        break;
    case '\n':
        buf_add_text(out, "\\n");
        break;
    case '\r':
        buf_add_text(out, "\\r");
        break;
    case '\t':
        buf_add_text(out, "\\t");
        break;
    default:
        buf_add_text(out, "\\u00");
        buf_add_char(out, hex[c >> 4]);
        buf_add_char(out, hex[c & 15]);
    }
}

void json_put_text(struct json_writer *w, struct span utf8)
{
    separate(w);
    buf_add_char(w->out, '"');
    size_t start = 0;
    for (size_t i = 0; i < utf8.len; i++) {
        unsigned char c = (unsigned char)utf8.ptr[i];
        if (c >= ' ' && c != '"' && c != '\\' && c != 0x7F)
            continue;
        buf_add(w->out, utf8.ptr + start, i - start);
        escape(w->out, c);
        start = i + 1;
    }
    if (start < utf8.len)
        buf_add(w->out, utf8.ptr + start, utf8.len - start);
    buf_add_char(w->out, '"');
}

void json_put_int(struct json_writer *w, int64_t value)
{
    separate(w);
    buf_add_int(w->out, value);
}

void json_put_bool(struct json_writer *w, bool value)
{
    separate(w);
    buf_add_text(w->out, value ? "true" : "false");
}

void json_put_null(struct json_writer *w)
{
    separate(w);
    buf_add_text(w->out, "null");
}

void json_put_base64(struct json_writer *w, struct span bytes)
{
    separate(w);
    buf_add_char(w->out, '"');
    base64_encode(bytes, w->out);
    buf_add_char(w->out, '"');
}

void json_put_raw(struct json_writer *w, struct span json)
{
    separate(w);
    buf_add_span(w->out, json);
}

void json_put_tree(struct json_writer *w, const struct json *value)
{
    char *text = cJSON_PrintUnformatted(node(value));
    if (text == NULL) {
        w->out->status = ERR_MEMORY;
        return;
    }
    json_put_raw(w, span_of(text));
    cJSON_free(text);
}

void json_field_text(struct json_writer *w, const char *name, struct span text)
{
    json_key(w, name);
    json_put_text(w, text);
}

void json_field_int(struct json_writer *w, const char *name, int64_t value)
{
    json_key(w, name);
    json_put_int(w, value);
}

void json_field_bool(struct json_writer *w, const char *name, bool value)
{
    json_key(w, name);
    json_put_bool(w, value);
}
