// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "hook_answer.h"

#include "core/base64.h"
#include "core/topic.h"
#include "input.h"

// ---- items ----

static bool is_base64(struct span text)
{
    struct buf bytes;
    buf_init(&bytes, text.len);
    bool is_good = base64_decode(text, &bytes) == ERR_OK;
    buf_finish(&bytes);
    return is_good;
}

static bool read_payload(const struct json *object, struct hook_item *item)
{
    item->is_base64 = json_member(object, "data") != NULL;
    if (item->is_base64 == (json_member(object, "text") != NULL)) // neither or both
        return false;
    if (!json_get_member_text(object, item->is_base64 ? "data" : "text", &item->text))
        return false;
    return !item->is_base64 || is_base64(item->text);
}

static bool read_item(const struct json *object, bool is_reply, bool has_room,
                      struct hook_item *item)
{
    item->is_reply = is_reply;
    if (!json_is_object(object) || !read_payload(object, item) ||
        !json_get_member_text(object, "room", &item->room) ||
        !json_get_member_text(object, "type", &item->type))
        return false;
    if (item->type.len > 0 && !input_is_content_type(item->type))
        return false;
    if (item->room.len > 0 ? !topic_is_room(item->room) : !has_room && !is_reply)
        return false;
    return true;
}

// Reads one object or an array of them; there may be none.
static bool read_items(struct hook_answer *answer, const char *name, bool is_reply, bool has_room)
{
    const struct json *value = json_member(answer->root, name);
    const struct json *item = json_is_array(value) ? json_first(value) : value;
    for (; item != NULL; item = json_is_array(value) ? json_next(item) : NULL) {
        if (answer->count == HOOK_ITEMS_MAX ||
            !read_item(item, is_reply, has_room, &answer->items[answer->count]))
            return false;
        answer->count++;
    }
    return true;
}

// ---- the whole ----

static bool read_verdict(struct hook_answer *answer)
{
    const struct json *allow = json_member(answer->root, "allow");
    bool is_allowed = true;
    if (allow != NULL && !json_get_bool(allow, &is_allowed))
        return false;
    answer->is_refusal = !is_allowed;
    if (!json_get_member_text(answer->root, "reason", &answer->reason))
        return false;
    if (!input_is_clean(answer->reason, HOOK_REASON_MAX))
        answer->reason = (struct span){0}; // it is only for people
    return true;
}

static bool read_body(struct span type, struct span body, bool has_room, struct hook_answer *answer)
{
    *answer = (struct hook_answer){.root = NULL};
    if (body.len == 0 || !input_is_media_type(type, "application/json"))
        return true;
    if (json_parse(body, &answer->root) != ERR_OK)
        return false;
    if (read_verdict(answer) && read_items(answer, "publish", false, has_room) &&
        read_items(answer, "reply", true, has_room))
        return true;
    hook_answer_finish(answer);
    return false;
}

void hook_answer_finish(struct hook_answer *answer)
{
    json_destroy(answer->root);
    *answer = (struct hook_answer){.root = NULL};
}

enum hook_outcome hook_answer_judge(int status, struct span type, struct span body, bool is_connect,
                                    bool has_room, struct hook_answer *out_answer)
{
    if (status == 410)
        return HOOK_GONE;
    bool is_refused = is_connect && (status == 401 || status == 403);
    if (!is_refused && (status < 200 || status > 299))
        return HOOK_FAILED;
    if (!read_body(type, body, has_room, out_answer)) {
        if (!is_refused)
            return HOOK_FAILED;
        *out_answer = (struct hook_answer){.root = NULL}; // the status says enough
    }
    return is_refused || (is_connect && out_answer->is_refusal) ? HOOK_REFUSED : HOOK_DELIVERED;
}
