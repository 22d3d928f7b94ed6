// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// What a webhook answers (docs/webhooks.md), read strictly. Not what is done about it:
// hooks_carry.c.
#ifndef ROOMWIRE_GATEWAY_HOOK_ANSWER_H
#define ROOMWIRE_GATEWAY_HOOK_ANSWER_H

#include "core/json.h"

enum { HOOK_ITEMS_MAX = 64, HOOK_REASON_MAX = 100 }; // messages in one answer; bytes

// One message that the hook wants sent.
struct hook_item {
    bool is_reply;    // to the sender alone, else into a room
    struct span room; // empty: the event's own
    struct span type; // content type, may be empty
    struct span text; // the payload, or with is_base64 its base64
    bool is_base64;
};

// Everything borrows from `root`.
struct hook_answer {
    struct json *root;
    bool is_refusal;    // {"allow":false}
    struct span reason; // for it; may be empty
    size_t count;
    struct hook_item items[HOOK_ITEMS_MAX];
};

// What came of one request.
enum hook_outcome {
    HOOK_DELIVERED,
    HOOK_REFUSED, // of a connect: the client shall not be let in
    HOOK_GONE,    // the receiver does not want this event ever
    HOOK_FAILED   // to be tried again
};

// Judges status and body. A body counts if `type` says that it is JSON; it has to be right then.
// `is_connect`: the event may be refused. `has_room`: messages need not name a room.
// On DELIVERED and REFUSED `*out_answer` is the caller's to finish.
enum hook_outcome hook_answer_judge(int status, struct span type, struct span body, bool is_connect,
                                    bool has_room, struct hook_answer *out_answer);
void hook_answer_finish(struct hook_answer *answer);

#endif
