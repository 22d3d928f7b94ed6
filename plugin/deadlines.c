// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "deadlines.h"

#include <stdlib.h>

#include "session.h"

void deadlines_init(struct deadlines *deadlines)
{
    *deadlines = (struct deadlines){0};
}

void deadlines_finish(struct deadlines *deadlines)
{
    free(deadlines->heap);
    deadlines_init(deadlines);
}

static void place(struct deadlines *d, size_t at, struct session *session)
{
    d->heap[at] = session;
    session->heap_at = at + 1;
}

static void move_up(struct deadlines *d, size_t at)
{
    struct session *session = d->heap[at];
    while (at > 0 && d->heap[(at - 1) / 2]->deadline_s > session->deadline_s) {
        place(d, at, d->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    place(d, at, session);
}

static void move_down(struct deadlines *d, size_t at)
{
    struct session *session = d->heap[at];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= d->count)
            break;
        if (child + 1 < d->count && d->heap[child + 1]->deadline_s < d->heap[child]->deadline_s)
            child++;
        if (d->heap[child]->deadline_s >= session->deadline_s)
            break;
        place(d, at, d->heap[child]);
        at = child;
    }
    place(d, at, session);
}

static enum err grow(struct deadlines *d)
{
    size_t capacity = d->capacity ? d->capacity * 2 : 64;
    struct session **heap = realloc(d->heap, capacity * sizeof(struct session *));
    if (heap == NULL)
        return ERR_MEMORY;
    d->heap = heap;
    d->capacity = capacity;
    return ERR_OK;
}

enum err deadlines_add(struct deadlines *d, struct session *session)
{
    if (session->deadline_s == 0)
        return ERR_OK;
    if (d->count == d->capacity) {
        enum err err = grow(d);
        if (err != ERR_OK)
            return err;
    }
    d->count++;
    place(d, d->count - 1, session);
    move_up(d, d->count - 1);
    return ERR_OK;
}

void deadlines_drop(struct deadlines *d, struct session *session)
{
    if (session->heap_at == 0)
        return;
    size_t at = session->heap_at - 1;
    session->heap_at = 0;
    struct session *last = d->heap[--d->count];
    if (last == session)
        return;
    place(d, at, last);
    move_up(d, at);
    move_down(d, last->heap_at - 1);
}

struct session *deadlines_first(const struct deadlines *d)
{
    return d->count > 0 ? d->heap[0] : NULL;
}
