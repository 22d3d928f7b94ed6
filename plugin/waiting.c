// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "waiting.h"

#include "core/hash.h"

static bool is_same(const void *item, const void *key)
{
    return item == key;
}

bool waiting_has(const struct waiting *waiting, const void *mark)
{
    return table_find(&waiting->marks, hash_pointer(mark), is_same, mark) != NULL;
}

enum err waiting_add(struct waiting *waiting, struct waiting_limit *limit, const void *mark)
{
    if (waiting_has(waiting, mark))
        return ERR_OK;
    if (limit->count >= limit->max)
        return ERR_FULL;
    enum err err = table_add(&waiting->marks, hash_pointer(mark), (void *)mark); // never followed
    if (err != ERR_OK)
        return err;
    waiting->limit = limit;
    limit->count++;
    return ERR_OK;
}

void waiting_finish(struct waiting *waiting)
{
    if (waiting->limit != NULL)
        waiting->limit->count -= waiting->marks.count;
    table_finish(&waiting->marks);
    waiting->limit = NULL;
}
