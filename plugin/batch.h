// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// One transaction of the writer: records from the spool, counts from the tally, and how far both
// are stored with it, so that each is stored exactly once whatever dies when.
#ifndef ROOMWIRE_PLUGIN_BATCH_H
#define ROOMWIRE_PLUGIN_BATCH_H

#include "writer.h"

struct batch;

// Errors: ERR_MEMORY.
MUST_USE enum err batch_create(const struct writer_setup *setup, struct batch **out_batch);
void batch_destroy(struct batch *batch); // NULL is fine

// Stores what the spool has (a bounded number of records), and a batch of the tally if
// `with_tally`; then releases it and moves the watermark. On an error nothing is stored and nothing
// released. Errors: those of the store.
MUST_USE enum err batch_store(struct batch *batch, bool with_tally);
// The spool's last record that is stored.
uint64_t batch_stored(const struct batch *batch);
// True if the last transaction stored as much of the tally as goes into one.
bool batch_has_more_tally(const struct batch *batch);

// store_trim in a transaction of its own; readers are told if anything went. `*out_more` says that
// there may be more to remove.
MUST_USE enum err batch_trim(struct batch *batch, const struct store_ages *before, int limit,
                             bool *out_more);

#endif
