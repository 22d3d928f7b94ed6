// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The sessions of each subject, for what is posted to a subject rather than to one client.
// Only session.c uses this; others ask sessions_first_of.
#ifndef ROOMWIRE_PLUGIN_SUBJECTS_H
#define ROOMWIRE_PLUGIN_SUBJECTS_H

#include "core/hash.h"
#include "core/table.h"
#include "session.h"

// Invariant: a session is in the table if it is the first of its subject; the others hang on it.
struct subjects {
    struct table firsts;
};

void subjects_init(struct subjects *subjects);
void subjects_finish(struct subjects *subjects); // the sessions stay the caller's

// The subject must not change while the session is in here. Errors: ERR_MEMORY.
MUST_USE enum err subjects_add(struct subjects *subjects, const struct hash_seed *seed,
                               struct session *session);
// Nothing happens if it is not there.
void subjects_remove(struct subjects *subjects, const struct hash_seed *seed,
                     struct session *session);
struct session *subjects_first(const struct subjects *subjects, const struct hash_seed *seed,
                               const char *subject);

#endif
