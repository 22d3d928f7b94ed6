// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// One post on its way: given to the upstream, awaited, and forgotten in order if the caller goes
// away. Whoever starts one answers the exchange.
#ifndef ROOMWIRE_GATEWAY_POSTING_H
#define ROOMWIRE_GATEWAY_POSTING_H

#include "auth.h"
#include "submission.h"
#include "upstream.h"

// What came of it. Lives during the callback.
struct posting_outcome {
    struct exchange *x;
    const struct message *message; // stamped; the first one where the key was seen before
    const char *epoch;
    bool is_kept;      // false: a topic that nobody keeps; the message has no stamp
    bool is_duplicate; // the key was seen before
    bool is_gone;      // a duplicate whose first message is not there any more: only id is known
};

// Answers the exchange.
typedef void posting_done_fn(const struct posting_outcome *outcome);

// Publishes what was submitted in the caller's name; takes over caller and submission, whose body
// is the exchange's. `topic` is NULL for the kept topic of `room`. `done` is called once the
// database has the message; on any error the exchange is refused and `done` is not called.
void posting_start(struct exchange *x, struct caller *caller, struct submission *submission,
                   struct span room, const struct upstream_topic *topic, enum meter_face face,
                   posting_done_fn *done);

// The idempotency key may come in the header, in the body, or in both if it is the same. False if
// the exchange was refused.
bool posting_read_key(struct exchange *x, struct submission *submission);

// The Content-Type of a body that is taken as it is; empty if there is none, and for what curl says
// of every body unasked. False if the exchange was refused.
bool posting_read_type(struct exchange *x, struct span *out_type);

// The status that says over HTTP why a post was refused, or that nobody knows.
int posting_status(enum err err);

#endif
