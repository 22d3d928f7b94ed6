// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// What the gateway delivered, on its way from its own tally to the plugin: one numbered batch at a
// time, sent again under its number until it is answered (docs/protocol.md, "Traffic that the
// gateway delivered"). Driven by the upstream's thread, which does the sending.
#ifndef ROOMWIRE_GATEWAY_TRAFFIC_H
#define ROOMWIRE_GATEWAY_TRAFFIC_H

#include "core/buf.h"
#include "core/tally.h"

#define TRAFFIC_COMMAND "storeTraffic"

enum { TRAFFIC_BATCH_MAX = 256 }; // counters; for tally_open

struct traffic {
    struct tally *tally;
    struct buf json;   // the batch under way
    uint64_t batch;    // its number; 0 for none
    int64_t sent_ms;   // when it was first sent
    int64_t due_ms;    // when something is to be sent next
    int64_t resend_ms; // how long an answer is waited for
};

void traffic_init(struct traffic *traffic, struct tally *tally, int64_t resend_ms);
void traffic_finish(struct traffic *traffic);

// Milliseconds until traffic_next has something to say; 0 for now.
int64_t traffic_wait_ms(const struct traffic *traffic, int64_t now_ms);
// When due, the batch to be sent now, borrowed until the next call; an empty span if there is none.
// Errors: ERR_MEMORY, ERR_TOO_LARGE; it is tried again later.
MUST_USE enum err traffic_next(struct traffic *traffic, int64_t now_ms, struct span *out_json);
// The connection is new, or time is short: what there is, is due now.
void traffic_hurry(struct traffic *traffic);
// Takes the plugin's answer. ERR_OK: the batch is settled. ERR_NOT_FOUND: about another batch.
// ERR_INVALID: refused or no such answer; the batch stays and is sent again later.
MUST_USE enum err traffic_answered(struct traffic *traffic, struct span json);

#endif
