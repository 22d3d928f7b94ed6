// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// What happens once when the writer's side starts: ring and database are brought together, and
// where accepted messages are missing (an older database was put in place, the ring was lost, the
// machine lost power) the log gets a new epoch, so that no reader takes a cut for the whole.
// Not the replay itself: the caller then takes the records after `replay_after` as always.
#ifndef ROOMWIRE_CORE_RESUME_H
#define ROOMWIRE_CORE_RESUME_H

#include "spool.h"
#include "store.h"

enum { RESUME_SOURCE_TEXT = 24 }; // bytes for "spool:", 16 hex digits and a NUL

struct resume {
    char source[RESUME_SOURCE_TEXT]; // the ring's name in store_set_source
    bool is_renewed;                 // the log has a new epoch
    uint64_t replay_after;           // records up to this number are stored
    int64_t stored_id;               // the largest id in the database
    // Ids up to this one may have been given; records that are still in the ring not counted.
    int64_t last_id;
};

// Errors: those of the store.
MUST_USE enum err resume_log(struct store *store, struct spool *spool, struct resume *out_resume);

#endif
