// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "subjects.h"

void subjects_init(struct subjects *subjects)
{
    table_init(&subjects->firsts);
}

void subjects_finish(struct subjects *subjects)
{
    table_finish(&subjects->firsts);
}

static bool has_subject(const void *item, const void *key)
{
    return strcmp(((const struct session *)item)->token.subject, key) == 0;
}

static uint64_t hash_of(const struct hash_seed *seed, const char *subject)
{
    return hash_bytes(seed, span_of(subject));
}

struct session *subjects_first(const struct subjects *subjects, const struct hash_seed *seed,
                               const char *subject)
{
    return table_find(&subjects->firsts, hash_of(seed, subject), has_subject, subject);
}

enum err subjects_add(struct subjects *subjects, const struct hash_seed *seed,
                      struct session *session)
{
    const char *subject = session->token.subject;
    struct session *first = subjects_first(subjects, seed, subject);
    if (first == NULL) {
        enum err err = table_add(&subjects->firsts, hash_of(seed, subject), session);
        if (err != ERR_OK)
            return err;
    } else { // behind the first, which stays in the table
        session->subject_prev = first;
        session->subject_next = first->subject_next;
        if (first->subject_next != NULL)
            first->subject_next->subject_prev = session;
        first->subject_next = session;
    }
    session->is_under_subject = true;
    return ERR_OK;
}

void subjects_remove(struct subjects *subjects, const struct hash_seed *seed,
                     struct session *session)
{
    if (!session->is_under_subject)
        return;
    struct session *next = session->subject_next;
    if (next != NULL)
        next->subject_prev = session->subject_prev;
    if (session->subject_prev != NULL) {
        session->subject_prev->subject_next = next;
    } else {
        uint64_t hash = hash_of(seed, session->token.subject);
        table_remove(&subjects->firsts, hash, session);
        if (next != NULL)
            (void)!table_add(&subjects->firsts, hash, next); // its place has just become free
    }
    session->subject_prev = session->subject_next = NULL;
    session->is_under_subject = false;
}
