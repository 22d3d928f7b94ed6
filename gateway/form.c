// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "form.h"

enum err form_decode(struct span encoded, bool plus_is_space, struct buf *out)
{
    // Decoded text is never longer.
    char *at = buf_reserve(out, encoded.len);
    if (at == NULL)
        return out->status;
    size_t len = 0;
    for (size_t i = 0; i < encoded.len; i++) {
        char c = encoded.ptr[i];
        if (c == '+' && plus_is_space)
            c = ' ';
        if (c == '%') {
            int high = i + 2 < encoded.len ? span_hex_value(encoded.ptr[i + 1]) : -1;
            int low = i + 2 < encoded.len ? span_hex_value(encoded.ptr[i + 2]) : -1;
            if (high < 0 || low < 0)
                return ERR_INVALID;
            c = (char)(high * 16 + low);
            i += 2;
        }
        at[len++] = c;
    }
    buf_grow(out, len);
    return ERR_OK;
}

void form_encode(struct span plain, struct buf *out)
{
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < plain.len; i++) {
        unsigned char c = (unsigned char)plain.ptr[i];
        if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
            c == '-' || c == '.' || c == '_' || c == '~') {
            buf_add_char(out, (char)c);
            continue;
        }
        buf_add_char(out, '%');
        buf_add_char(out, hex[c >> 4]);
        buf_add_char(out, hex[c & 15]);
    }
}

static enum err decode_part(struct span encoded, struct buf *text, struct span *out_part)
{
    size_t start = text->len;
    enum err err = form_decode(encoded, true, text);
    if (err != ERR_OK)
        return err;
    *out_part = span_make(text->ptr + start, text->len - start);
    if (!span_is_utf8(*out_part) || memchr(out_part->ptr, '\0', out_part->len) != NULL)
        return ERR_INVALID;
    return ERR_OK;
}

static enum err take_pair(struct span pair, struct form *form)
{
    if (form->count == FORM_FIELDS_MAX)
        return ERR_TOO_LARGE;
    struct form_field *field = &form->fields[form->count++];
    struct span name = pair, value = span_of("");
    const char *mark = memchr(pair.ptr, '=', pair.len);
    if (mark != NULL) {
        name.len = (size_t)(mark - pair.ptr);
        value = span_skip(pair, name.len + 1);
    }
    enum err err = decode_part(name, &form->text, &field->name);
    return err == ERR_OK ? decode_part(value, &form->text, &field->value) : err;
}

enum err form_parse(struct span encoded, struct form *out_form)
{
    out_form->count = 0;
    buf_init(&out_form->text, encoded.len + 1);
    // All of the room at once: the spans borrow from it, so it must not move.
    if (buf_reserve(&out_form->text, encoded.len + 1) == NULL)
        return out_form->text.status;
    struct span rest = encoded, pair;
    while (span_split(&rest, '&', &pair)) {
        if (pair.len == 0)
            continue; // "a=b&" and "&&" say nothing
        enum err err = take_pair(pair, out_form);
        if (err != ERR_OK)
            return err;
    }
    return ERR_OK;
}

void form_finish(struct form *form)
{
    buf_finish(&form->text);
    form->count = 0;
}

bool form_find(const struct form *form, const char *name, struct span *out_value)
{
    const struct form_field *found = NULL;
    for (size_t i = 0; i < form->count; i++) {
        if (!span_is(form->fields[i].name, name))
            continue;
        if (found != NULL)
            return false;
        found = &form->fields[i];
    }
    if (found != NULL)
        *out_value = found->value;
    return found != NULL;
}
