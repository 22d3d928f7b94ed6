// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Who is in a room: what the plugin says of MQTT and what the workers know of HTTP, merged to one
// member for each subject; and GET /rooms/<room>/members.
#ifndef ROOMWIRE_GATEWAY_MEMBERS_H
#define ROOMWIRE_GATEWAY_MEMBERS_H

#include "exchange.h"
#include "upstream.h"

struct member {
    char subject[TOKEN_SUBJECT_MAX + 1];
    char name[TOKEN_NAME_MAX + 1]; // "" if none
    bool has_face[METER_FACE_COUNT];
    int64_t since_ms; // of the longest of them
};

// Sorted by since_ms.
struct member_list {
    struct member *members;
    size_t count;
    bool has_more; // than max_members; or the plugin did not look at all
};

// Asks for the members of `room`; `done` is called once on the worker's loop, with the list or with
// why the plugin could not be asked (then the list has those over HTTP alone). The list is borrowed
// during the call. NULL when out of memory: `done` will not be called.
struct members_query;
typedef void members_done_fn(void *context, enum err err, const struct member_list *list);
struct members_query *members_ask(struct worker *worker, struct span room, members_done_fn *done,
                                  void *context);
// `done` will not be called any more.
void members_forget(struct members_query *query);

void members_get(struct exchange *x);

#endif
