// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// What a topic is to us, with the last one remembered: the checks and deliveries of one message all
// ask about the same.
#ifndef ROOMWIRE_PLUGIN_TOPICS_H
#define ROOMWIRE_PLUGIN_TOPICS_H

#include "rooms.h"

struct topic_view {
    enum topic_kind kind;
    struct span room;   // its name; empty unless TOPIC_KEPT or TOPIC_LIVE
    struct room *known; // the room, if it has kept messages; else NULL
};

enum { TOPICS_TEXT_MAX = 256 }; // longer ones are taken apart each time

struct topics {
    struct topic_rooms pattern;
    const struct rooms *rooms;
    struct topic_view last;
    size_t last_len;
    char last_text[TOPICS_TEXT_MAX]; // what `last` borrows from
};

// `pattern` as in topic_rooms_init, and its errors.
MUST_USE enum err topics_init(struct topics *topics, const char *pattern,
                              const struct rooms *rooms);
// Borrowed until the next call; its room's name also from `topic`.
const struct topic_view *topics_view(struct topics *topics, const char *topic);
// True for what only the broker and this plugin publish on, whatever a token says.
bool topics_is_reserved(const char *topic);
// A room was made: look again.
void topics_forget(struct topics *topics);

#endif
