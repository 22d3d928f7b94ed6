// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "topics.h"

enum err topics_init(struct topics *topics, const char *pattern, const struct rooms *rooms)
{
    *topics = (struct topics){.rooms = rooms};
    return topic_rooms_init(&topics->pattern, span_of(pattern));
}

void topics_forget(struct topics *topics)
{
    topics->last_len = 0;
}

const struct topic_view *topics_view(struct topics *topics, const char *topic)
{
    struct span text = span_of(topic);
    if (text.len == topics->last_len && text.len > 0 &&
        memcmp(text.ptr, topics->last_text, text.len) == 0)
        return &topics->last;
    topics->last_len = 0;
    if (text.len < sizeof topics->last_text) {
        memcpy(topics->last_text, text.ptr, text.len);
        topics->last_len = text.len;
        text.ptr = topics->last_text; // the view outlives the caller's text
    }
    struct topic_view *view = &topics->last;
    *view = (struct topic_view){0};
    view->kind = topic_classify(&topics->pattern, text, &view->room);
    if (view->room.len > 0)
        view->known = rooms_find(topics->rooms, view->room);
    return view;
}

bool topics_is_reserved(const char *topic)
{
    static const char *const prefixes[] = {"$CONTROL/", "$aws/", "$roomwire/"};
    if (topic[0] != '$') // nearly all are not
        return false;
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
        if (span_starts_with(span_of(topic), span_of(prefixes[i])))
            return true;
    return false;
}
