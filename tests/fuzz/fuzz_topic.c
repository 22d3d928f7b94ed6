// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Two topics or filters, cut at the first line end, judged by every relation; the relations have to
// agree with each other.
#include <stdint.h>
#include <stdlib.h>

#include "core/introduction.h"
#include "core/topic.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
    if (!holds)
        abort();
}

static void try_classify(struct span topic)
{
    static const char *const patterns[] = {"rooms/+/messages", "+", "+/x", "a/b/+"};
    for (size_t i = 0; i < 4; i++) {
        struct topic_rooms rooms;
        struct span room;
        demand(topic_rooms_init(&rooms, span_of(patterns[i])) == ERR_OK);
        enum topic_kind kind = topic_classify(&rooms, topic, &room);
        demand((kind == TOPIC_KEPT || kind == TOPIC_LIVE) == (room.len > 0));
        demand(room.len == 0 || topic_is_room(room));
        demand(kind != TOPIC_KEPT || topic_matches(span_of(patterns[i]), topic));
    }
    struct topic_rooms rooms;
    if (topic_rooms_init(&rooms, topic) == ERR_OK)
        demand(rooms.before.len + 1 + rooms.after.len == topic.len);
}

static void try_relations(struct span a, struct span b)
{
    bool is_shared = topic_overlaps(a, b), is_covered = topic_covers(a, b);
    demand(is_shared == topic_overlaps(b, a));
    demand(topic_covers(a, a) && topic_covers(b, b) && topic_overlaps(a, a));
    demand(!is_covered || is_shared); // every filter matches something
    if (topic_is_name(b)) {
        demand(topic_matches(a, b) == is_covered);
        demand(topic_matches(a, b) == is_shared);
    }
}

static void try_introduction(struct span username, struct span client_id)
{
    struct introduction got;
    if (introduction_read(username, client_id, span_of("secret"), &got) != ERR_OK)
        return;
    struct buf again;
    buf_init(&again, username.len);
    demand(introduction_write(&got, client_id, span_of("secret"), &again) == ERR_OK);
    demand(span_equal(buf_span(&again), username));
    buf_finish(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span rest = span_make(data, size), a, b = span_make("", 0);
    if (size == 0)
        return 0;
    (void)span_split(&rest, '\n', &a); // size is not 0, so there is a part
    if (rest.ptr != NULL)
        b = rest;
    demand(!topic_is_name(a) || topic_is_filter(a));
    demand(topic_is_name(a) == (topic_is_filter(a) && !topic_has_wildcard(a)));
    try_classify(a);
    try_introduction(a, b);
    // The relations must bear any bytes, but promise something for filters alone.
    (void)topic_matches(a, b);
    (void)topic_covers(a, b);
    (void)topic_overlaps(a, b);
    if (topic_is_filter(a) && topic_is_filter(b))
        try_relations(a, b);
    (void)topic_strip_share(&a); // false is as good
    return 0;
}
