// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The posts on their way to the broker and back: handed in by worker threads, taken by the
// upstream's thread, answered on the loop they came from. Bounded in number and in time.
// Not how they travel: that is broker.h.
#ifndef ROOMWIRE_GATEWAY_OUTBOX_H
#define ROOMWIRE_GATEWAY_OUTBOX_H

#include "upstream.h"

struct outbox;

// What has to be published. Inside the outbox a NUL stands behind each text, so that its ptr is a
// C string; none may hold one before.
struct post {
    uint64_t ref;
    struct span topic;
    struct span from;
    struct span name; // empty if none; so with type and key
    struct span type;
    struct span key;
    struct span payload;
    struct span origin; // core/origin.h; only of what is kept
    enum meter_face face;
    int qos;
    bool is_retained;
    bool is_kept;    // the plugin answers with an id; else the broker's PUBACK is the answer
    bool is_command; // of the control topic: payload is a JSON object, and the plugin answers
};

// At most `max` posts wait at once, each for at most `timeout_ms`.
MUST_USE enum err outbox_create(size_t max, int64_t timeout_ms, struct outbox **out_outbox);
// No loop that has posts here may run any more; what it has of them is freed with it. NULL is fine.
void outbox_destroy(struct outbox *outbox);

// ---- any thread ----

// Takes in a copy of `post` (its ref is given here and returned). While the outbox is closed or
// full it is answered at once, over the loop. `*out_wake` says that the taking thread may be asleep
// and has to be told. 0 when out of memory: `on_answer` will not be called.
uint64_t outbox_add(struct outbox *outbox, struct loop *loop, const struct post *post,
                    int64_t now_ms, upstream_answer_fn *on_answer, void *context, bool *out_wake);
// How many wait for their answer.
size_t outbox_waiting(struct outbox *outbox);
// From the thread of the post's loop: `on_answer` will not be called any more.
void outbox_forget(struct outbox *outbox, uint64_t ref);

// ---- the taking thread ----

void outbox_open(struct outbox *outbox);
// Closes the outbox and answers every post in it with ERR_AGAIN and `unsent` or `sent`, static
// texts; what the broker has refused with that refusal.
void outbox_close(struct outbox *outbox, const char *unsent, const char *sent);
// The next queued post, which counts as sent from now on; NULL if there is none. Borrowed until
// outbox_sent or outbox_answer.
const struct post *outbox_next(struct outbox *outbox);
// Frees what was only needed for sending.
void outbox_sent(struct outbox *outbox, uint64_t ref);
// Answers a post, and takes over `answer->response`; an unknown number (it timed out) is ignored.
void outbox_answer(struct outbox *outbox, uint64_t ref, const struct upstream_answer *answer);
// The broker's PUBACK: the answer to a post that is not kept. The refusal of one that is (`err`) is
// its answer only if the plugin's word about the reason is not just behind.
void outbox_acked(struct outbox *outbox, uint64_t ref, enum err err, int64_t now_ms);
// Answers what has waited too long; returns the milliseconds until the next one will have, or -1.
int64_t outbox_expire(struct outbox *outbox, int64_t now_ms);

#endif
