// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// MQTT topic names and filters (MQTT 5 §4.7), and the pattern that makes some of them rooms (P1).
// Not rights: who may use a topic is rights.h.
#ifndef ROOMWIRE_CORE_TOPIC_H
#define ROOMWIRE_CORE_TOPIC_H

#include "buf.h"
#include "err.h"
#include "span.h"

enum {
    TOPIC_ROOM_MAX = 64,
    TOPIC_LENGTH_MAX = 65535,
    TOPIC_SLASHES_MAX = 200 // Mosquitto takes more for a malformed packet and ends the connection
};

size_t topic_slashes(struct span topic);
// A name to publish to: UTF-8, no NUL, no wildcard, 1..TOPIC_LENGTH_MAX bytes, at most
// TOPIC_SLASHES_MAX slashes.
bool topic_is_name(struct span topic);
// A filter to subscribe to: the same with wildcards, those only as whole levels, "#" only last.
bool topic_is_filter(struct span filter);
// The cheap parts of the two, for text that is known to be UTF-8 without NUL: a wildcard anywhere;
// not empty, and every wildcard in a place where a filter may have it.
bool topic_has_wildcard(struct span topic);
bool topic_has_filter_shape(struct span filter);
// `filter` without a leading "$share/<group>/" (MQTT 5 §4.8.2); false if that prefix is malformed.
bool topic_strip_share(struct span *filter);
// True if a message on `topic` is for a subscriber of `filter`. A leading wildcard does not match
// a topic that starts with "$" (§4.7.2).
bool topic_matches(struct span filter, struct span topic);
// True if `wide` matches every topic that `narrow` matches; both are filters.
bool topic_covers(struct span wide, struct span narrow);
// True if some topic is matched by both filters.
bool topic_overlaps(struct span a, struct span b);

// 1..64 of A-Z a-z 0-9 . _ -, the first a letter or digit.
bool topic_is_room(struct span room);
#define TOPIC_ROOM_RULE                                                                            \
    "a room's name has 1 to 64 of A-Z a-z 0-9 . _ - and starts with a letter or digit"

// The option room_topic, taken apart. Borrows the option's text, in which the "+" lies between the
// two.
struct topic_rooms {
    struct span before; // the part before "+", ends in "/" or is empty
    struct span after;  // the part behind "+", starts with "/" or is empty
};

// Errors: ERR_INVALID unless `pattern` is a filter with exactly one "+" and no "#".
MUST_USE enum err topic_rooms_init(struct topic_rooms *rooms, struct span pattern);
// Appends the topic whose messages are kept in `room`.
void topic_write_room(const struct topic_rooms *rooms, struct span room, struct buf *out);

enum topic_kind {
    TOPIC_OTHER,   // not below the rooms at all
    TOPIC_KEPT,    // a room's messages: stamped, stored
    TOPIC_LIVE,    // anything else below a room: passed on, not stored
    TOPIC_BAD_ROOM // below the rooms, but with no valid room name
};

// What the topic name `topic` is; `*out_room` borrows from it for TOPIC_KEPT and TOPIC_LIVE, else
// it is empty. A room's own level ("rooms/lobby") is TOPIC_LIVE unless the pattern ends there.
enum topic_kind topic_classify(const struct topic_rooms *rooms, struct span topic,
                               struct span *out_room);

// Which rooms' kept messages a subscription reaches.
enum topic_reach {
    TOPIC_REACHES_NONE,
    TOPIC_REACHES_ONE, // the room `*out_room`, which borrows from the filter; else it is empty
    TOPIC_REACHES_ALL
};
// `filter` as in SUBSCRIBE, with or without "$share/<group>/".
enum topic_reach topic_reach(const struct topic_rooms *rooms, struct span filter,
                             struct span *out_room);

#endif
