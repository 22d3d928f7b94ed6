// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "resume.h"

#include <stdio.h>

// Where ids were given that nobody remembers, the next ones keep this far away from them.
enum { ID_GAP = 1000000 };

// The ring and the database do not tell one story: something was accepted that neither has.
static bool has_gap(const struct spool *spool, uint64_t stored, int64_t stored_id)
{
    bool is_older_database = stored < spool_released(spool);
    bool is_other_ring = stored == 0 && stored_id > 0;
    return is_older_database || is_other_ring || spool_has_lost(spool);
}

// A new epoch, and the mark that the gap is seen to, both or neither.
static enum err renew(struct store *store, const char *source, uint64_t number)
{
    enum err err = store_begin(store);
    if (err != ERR_OK)
        return err;
    err = store_renew_epoch(store);
    if (err == ERR_OK)
        err = store_set_source(store, source, number);
    if (err == ERR_OK)
        err = store_commit(store);
    if (err != ERR_OK)
        store_rollback(store);
    return err;
}

enum err resume_log(struct store *store, struct spool *spool, struct resume *out_resume)
{
    struct resume r = {.is_renewed = false};
    (void)snprintf(r.source, sizeof r.source, "spool:%s", spool_name(spool));
    enum err err = store_source(store, r.source, &r.replay_after);
    if (err == ERR_OK)
        err = store_last_id(store, &r.stored_id);
    if (err != ERR_OK)
        return err;
    int64_t mark = (int64_t)spool_mark(spool);
    r.last_id = r.stored_id > mark ? r.stored_id : mark;
    if (has_gap(spool, r.replay_after, r.stored_id)) {
        if (r.replay_after < spool_released(spool))
            r.replay_after = spool_released(spool);
        if (r.replay_after == 0 && spool_last(spool) == 0)
            r.replay_after = 1; // else the database knows this ring from its first commit on
        err = renew(store, r.source, r.replay_after);
        if (err != ERR_OK)
            return err;
        r.last_id += ID_GAP;
        r.is_renewed = true;
    }
    spool_resume(spool, r.replay_after, (uint64_t)r.last_id);
    *out_resume = r;
    return ERR_OK;
}
