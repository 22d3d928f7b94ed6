// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Who reads which room over HTTP, on whichever worker: streams and live pages while they last, and
// those who read by single requests for a while after each. For the members of a room (members.h).
// Not who reads by MQTT, which the plugin knows; nor what readers are sent (hub.h).
#ifndef ROOMWIRE_GATEWAY_READERS_H
#define ROOMWIRE_GATEWAY_READERS_H

#include "core/meter.h"
#include "core/token.h"

// All functions may be called from any thread. Times are dates in milliseconds since 1970.
struct readers;
struct reader; // one subject on one face of one room, however often

// Whoever read by a single request is remembered for `linger_ms`, at most `max_lingering` of them;
// beyond it the longest gone is forgotten. Errors: ERR_MEMORY, ERR_IO (no random seed).
MUST_USE enum err readers_create(size_t max_lingering, int64_t linger_ms,
                                 struct readers **out_readers);
void readers_destroy(struct readers *readers); // NULL is fine

// Somebody begins to read. NULL without memory: then he is missing among the members, and there is
// nothing to leave.
struct reader *readers_join(struct readers *readers, struct span room, const struct token *token,
                            enum meter_face face, int64_t now_ms);
// And ends; who `lingers` is remembered as after a single request. NULL is fine.
void readers_leave(struct readers *readers, struct reader *reader, bool lingers, int64_t now_ms);
// Reads by a single request, which others may follow.
void readers_note(struct readers *readers, struct span room, const struct token *token,
                  enum meter_face face, int64_t now_ms);

// One member as the readers know him; the texts are borrowed during the call.
struct reader_facts {
    const char *subject;
    const char *name; // "" if none
    enum meter_face face;
    int64_t since_ms;
};
// Calls `each` for every reader of `room`, the earliest first, until it gives false. `each` must
// not call back in here.
typedef bool readers_each_fn(void *context, const struct reader_facts *reader);
void readers_each(struct readers *readers, struct span room, int64_t now_ms, readers_each_fn *each,
                  void *context);

#endif
