// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "submission.h"

#include <inttypes.h>
#include <stdlib.h>

#include "core/base64.h"
#include "core/hash.h"
#include "form.h"
#include "input.h"

enum { JSON_VALUES_MAX = 256, KEY_ROOM = 100 + sizeof "-ffffffff-16777216" };

static enum err refuse(struct submission_refusal *refusal, int status, const char *detail)
{
    *refusal = (struct submission_refusal){status, detail};
    return ERR_INVALID;
}

static enum err check(const struct submission *s, size_t max_payload,
                      struct submission_refusal *refusal)
{
    if (s->payload.len > max_payload)
        return refuse(refusal, 413, "the message is longer than max_payload");
    if (s->type.len > 0 && !input_is_content_type(s->type))
        return refuse(refusal, 422, "the content type has to be 1 to 128 visible ASCII characters");
    if (s->key.len > 0 && !input_is_clean(s->key, MESSAGE_KEY_MAX))
        return refuse(refusal, 422,
                      "the idempotency key has to be 1 to 128 bytes of UTF-8 without control "
                      "characters");
    return ERR_OK;
}

// ---- JSON ----

static enum err read_data(struct submission *s, struct span text, size_t max_payload,
                          struct submission_refusal *refusal)
{
    buf_init(&s->bytes, max_payload);
    enum err err = base64_decode(text, &s->bytes);
    if (err == ERR_TOO_LARGE)
        return refuse(refusal, 413, "the message is longer than max_payload");
    if (err == ERR_INVALID)
        return refuse(refusal, 422, "data has to be base64 (RFC 4648 section 4, with padding)");
    s->payload = buf_span(&s->bytes);
    return err;
}

static enum err read_members(struct submission *s, const struct json *root, size_t max_payload,
                             struct submission_refusal *refusal)
{
    struct span data;
    bool has_text = json_member(root, "text") != NULL;
    bool has_data = json_member(root, "data") != NULL;
    if (has_text == has_data)
        return refuse(refusal, 422, "the object needs one of text and data");
    if (!json_get_member_text(root, "text", &s->payload) ||
        !json_get_member_text(root, "data", &data) ||
        !json_get_member_text(root, "type", &s->type) ||
        !json_get_member_text(root, "key", &s->key) ||
        !json_get_member_text(root, "from", &s->from))
        return refuse(refusal, 422, "text, data, type, key and from have to be strings");
    return has_data ? read_data(s, data, max_payload, refusal) : ERR_OK;
}

// A message has five members; a tree of hundreds of thousands of values would hold up everybody
// else on this thread.
static bool has_few_values(struct span body)
{
    int values = 0;
    bool in_string = false;
    for (size_t i = 0; i < body.len && values <= JSON_VALUES_MAX; i++) {
        char c = body.ptr[i];
        if (in_string && c == '\\')
            i++;
        else if (c == '"')
            in_string = !in_string;
        else if (!in_string && (c == ',' || c == '[' || c == '{'))
            values++;
    }
    return values <= JSON_VALUES_MAX;
}

static enum err parse(struct submission *s, struct span body, struct submission_refusal *refusal)
{
    struct json *root = NULL;
    if (!has_few_values(body))
        return refuse(refusal, 422, "the object has too many members");
    enum err err = json_parse(body, &root);
    if (err == ERR_INVALID)
        return refuse(refusal, 400,
                      "the body is no JSON text (RFC 8259), or has U+0000, which data can carry");
    if (err != ERR_OK)
        return err;
    s->kind = SUBMISSION_JSON;
    s->owned = root;
    return json_is_object(root) ? ERR_OK : refuse(refusal, 422, "the body has to be a JSON object");
}

static enum err read_json(struct submission *s, struct span body, size_t max_payload,
                          struct submission_refusal *refusal)
{
    enum err err = parse(s, body, refusal);
    return err == ERR_OK ? read_members(s, s->owned, max_payload, refusal) : err;
}

// ---- the short form ----

// The key of what was said at `when`: "<when>-<hash of the text>-<its length>".
static enum err make_key(struct submission *s, const struct json *when)
{
    int64_t number;
    if (when == NULL)
        return ERR_OK;
    buf_init(&s->bytes, KEY_ROOM);
    if (json_get_int(when, &number))
        buf_add_int(&s->bytes, number);
    else if (json_text(when) != NULL)
        buf_add_text(&s->bytes, json_text(when));
    else
        return ERR_INVALID;
    buf_printf(&s->bytes, "-%08" PRIx32 "-%zu", hash_fnv(s->payload), s->payload.len);
    s->key = buf_span(&s->bytes);
    return s->bytes.status;
}

static enum err read_short(struct submission *s, struct span body,
                           struct submission_refusal *refusal)
{
    enum err err = parse(s, body, refusal);
    if (err != ERR_OK)
        return err;
    if (json_text(json_member(s->owned, "m")) == NULL ||
        !json_get_member_text(s->owned, "m", &s->payload) ||
        !json_get_member_text(s->owned, "n", &s->from))
        return refuse(refusal, 422, "the object needs m, a string; n has to be one if it is there");
    err = make_key(s, json_member(s->owned, "t"));
    return err == ERR_INVALID || err == ERR_TOO_LARGE
               ? refuse(refusal, 422, "t has to be a whole number or a string of 100 bytes at most")
               : err;
}

// ---- forms ----

static enum err read_form(struct submission *s, struct span body,
                          struct submission_refusal *refusal)
{
    struct form *form = calloc(1, sizeof *form);
    if (form == NULL)
        return ERR_MEMORY;
    s->kind = SUBMISSION_FORM;
    s->owned = form;
    enum err err = form_parse(body, form);
    if (err == ERR_MEMORY)
        return err;
    if (err != ERR_OK)
        return refuse(refusal, 400, "the body is no application/x-www-form-urlencoded UTF-8 text");
    if (!form_find(form, "text", &s->payload))
        return refuse(
            refusal, 422,
            "the form needs one field text; plain bytes need a Content-Type of their own");
    // Each may be missing; then its span stays empty.
    (void)form_find(form, "key", &s->key);
    (void)form_find(form, "from", &s->from);
    (void)form_find(form, "csrf", &s->csrf);
    return ERR_OK;
}

// ---- all ----

static enum err read_any(struct submission *s, struct span content_type, struct span body,
                         size_t max_payload, struct submission_refusal *refusal)
{
    if (input_is_media_type(content_type, "application/json"))
        return read_json(s, body, max_payload, refusal);
    if (input_is_media_type(content_type, "application/x-www-form-urlencoded"))
        return read_form(s, body, refusal);
    if (input_is_media_type(content_type, "multipart/form-data"))
        return refuse(refusal, 415,
                      "send a form as application/x-www-form-urlencoded, or JSON, or plain bytes");
    s->kind = SUBMISSION_RAW;
    s->payload = body;
    s->type = content_type;
    return ERR_OK;
}

// What was read is given out if it is also within the limits.
static enum err finish_reading(struct submission *s, enum err err, size_t max_payload,
                               struct submission *out_submission,
                               struct submission_refusal *out_refusal)
{
    if (err == ERR_OK)
        err = check(s, max_payload, out_refusal);
    if (err == ERR_OK)
        *out_submission = *s;
    else
        submission_finish(s);
    return err;
}

enum err submission_read(struct span content_type, struct span body, size_t max_payload,
                         struct submission *out_submission, struct submission_refusal *out_refusal)
{
    struct submission s = {.kind = SUBMISSION_RAW};
    return finish_reading(&s, read_any(&s, content_type, body, max_payload, out_refusal),
                          max_payload, out_submission, out_refusal);
}

enum err submission_read_short(struct span body, size_t max_payload,
                               struct submission *out_submission,
                               struct submission_refusal *out_refusal)
{
    struct submission s = {.kind = SUBMISSION_RAW};
    return finish_reading(&s, read_short(&s, body, out_refusal), max_payload, out_submission,
                          out_refusal);
}

void submission_finish(struct submission *submission)
{
    if (submission->kind == SUBMISSION_JSON)
        json_destroy(submission->owned);
    if (submission->kind == SUBMISSION_FORM && submission->owned != NULL) {
        form_finish(submission->owned);
        free(submission->owned);
    }
    buf_finish(&submission->bytes);
    *submission = (struct submission){.kind = SUBMISSION_RAW};
}
