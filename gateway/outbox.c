// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "outbox.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/container.h"
#include "core/hash.h"
#include "core/list.h"
#include "core/table.h"

// The plugin's answer leaves the broker one turn of its loop after the PUBACK.
enum { REFUSAL_GRACE_MS = 200 };

// How far an entry is; the first three are lists.
enum stage { QUEUED, SENT, REFUSED, ANSWERED };

// Owned by the table from outbox_add until its answer was delivered or forgotten.
struct entry {
    struct post post;
    char *bytes;           // what the post's texts and payload point into; NULL once they were sent
    struct list_node node; // in the list of its stage
    enum stage stage;
    int64_t deadline_ms;
    bool is_forgotten;

    struct outbox *outbox;
    struct loop *loop;
    struct loop_task task; // carries the answer home
    upstream_answer_fn *on_answer;
    void *context;
    struct upstream_answer answer;
};

struct outbox {
    pthread_mutex_t lock; // over everything below and all entries
    bool is_open;
    uint64_t last_ref;
    size_t waiting; // entries that are not answered yet
    size_t max;
    int64_t timeout_ms;
    // By stage, in the order of their deadlines, which is the order they came in, as every stage
    // has one fixed time of its own. What is answered is in none.
    struct list lists[ANSWERED];
    struct table entries; // by ref
};

enum err outbox_create(size_t max, int64_t timeout_ms, struct outbox **out_outbox)
{
    struct outbox *o = calloc(1, sizeof *o);
    if (o == NULL)
        return ERR_MEMORY;
    (void)pthread_mutex_init(&o->lock, NULL); // cannot fail with default attributes
    table_init(&o->entries);
    if (table_reserve(&o->entries, max) != ERR_OK) {
        outbox_destroy(o);
        return ERR_MEMORY;
    }
    o->max = max;
    o->timeout_ms = timeout_ms;
    *out_outbox = o;
    return ERR_OK;
}

static void entry_free(struct entry *e)
{
    json_destroy(e->answer.response);
    free(e->bytes);
    free(e);
}

void outbox_destroy(struct outbox *outbox)
{
    if (outbox == NULL)
        return;
    for (size_t i = 0; i < outbox->entries.capacity; i++) {
        struct entry *e = outbox->entries.slots[i].item;
        // What was answered is in a loop's hands, which frees it at its own end.
        if (e != NULL && e->stage == ANSWERED)
            e->outbox = NULL;
        else if (e != NULL)
            entry_free(e);
    }
    table_finish(&outbox->entries);
    (void)pthread_mutex_destroy(&outbox->lock); // nobody holds it any more
    free(outbox);
}

// ---- under the lock ----

static bool has_ref(const void *item, const void *key)
{
    return ((const struct entry *)item)->post.ref == *(const uint64_t *)key;
}

static struct entry *find(const struct outbox *o, uint64_t ref)
{
    return table_find(&o->entries, hash_number(ref), has_ref, &ref);
}

static void forget(struct outbox *o, const struct entry *e)
{
    table_remove(&o->entries, hash_number(e->post.ref), e);
}

static struct entry *entry_at(struct list_node *node)
{
    return CONTAINER_OF(node, struct entry, node);
}

// The first one if it may not wait longer than until `now_ms`; else NULL.
static struct entry *first_due(const struct list *list, int64_t now_ms)
{
    struct entry *e = list->first != NULL ? entry_at(list->first) : NULL;
    return e != NULL && e->deadline_ms <= now_ms ? e : NULL;
}

// To another list.
static void move(struct outbox *o, struct entry *e, enum stage stage)
{
    list_remove(&o->lists[e->stage], &e->node);
    e->stage = stage;
    list_append(&o->lists[stage], &e->node);
}

// On the loop's thread: the last stop of every entry that was not forgotten before its answer.
static void deliver(struct loop_task *task)
{
    struct entry *e = CONTAINER_OF(task, struct entry, task);
    struct outbox *o = e->outbox;
    if (o != NULL) {
        (void)pthread_mutex_lock(&o->lock);
        forget(o, e);
        (void)pthread_mutex_unlock(&o->lock);
    }
    // Forgetting happens on this same thread, so the flag cannot change any more. Without an outbox
    // everything is being taken down, and whoever asked may be gone.
    if (o != NULL && !e->is_forgotten)
        e->on_answer(e->context, &e->answer);
    entry_free(e);
}

// The entry is in no list any more; sends it home.
static void send_home(struct outbox *o, struct entry *e, const struct upstream_answer *answer)
{
    e->answer = *answer;
    free(e->bytes);
    e->bytes = NULL;
    if (e->is_forgotten) {
        // Its loop may be gone by now.
        forget(o, e);
        entry_free(e);
        return;
    }
    e->task.run = deliver;
    loop_post(e->loop, &e->task);
}

static void answer_entry(struct outbox *o, struct entry *e, const struct upstream_answer *answer)
{
    list_remove(&o->lists[e->stage], &e->node);
    e->stage = ANSWERED;
    o->waiting--;
    send_home(o, e, answer);
}

static struct upstream_answer failure(enum err err, const char *detail)
{
    struct upstream_answer answer = {.err = err};
    (void)snprintf(answer.detail, sizeof answer.detail, "%s", detail);
    return answer;
}

// ---- any thread ----

// Copies `text` to `*at`, with a NUL behind it, and moves `*at` on.
static struct span keep(char **at, struct span text)
{
    char *kept = *at;
    if (text.len > 0)
        memcpy(kept, text.ptr, text.len);
    kept[text.len] = '\0';
    *at += text.len + 1;
    return span_make(kept, text.len);
}

static bool copy_post(struct entry *e, const struct post *post)
{
    e->post = *post;
    struct span *const fields[] = {&e->post.topic, &e->post.from,   &e->post.name,   &e->post.type,
                                   &e->post.key,   &e->post.origin, &e->post.payload};
    size_t size = 0;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        size += fields[i]->len + 1;
    char *at = malloc(size);
    if (at == NULL)
        return false;
    e->bytes = at;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        *fields[i] = keep(&at, *fields[i]);
    return true;
}

// Takes the entry over: queues it, or answers it at once. Gives its number, 0 without memory.
static uint64_t enter(struct outbox *o, struct entry *e, bool *out_wake)
{
    uint64_t ref = e->post.ref = ++o->last_ref;
    if (table_add(&o->entries, hash_number(ref), e) != ERR_OK) {
        entry_free(e);
        return 0;
    }
    if (o->is_open && o->waiting < o->max) {
        *out_wake = o->lists[QUEUED].first == NULL;
        e->stage = QUEUED;
        list_append(&o->lists[QUEUED], &e->node);
        o->waiting++;
        return ref;
    }
    struct upstream_answer answer =
        failure(ERR_AGAIN, o->is_open ? "too many posts are waiting for the broker"
                                      : "the broker is not connected");
    e->stage = ANSWERED;
    send_home(o, e, &answer);
    return ref;
}

uint64_t outbox_add(struct outbox *outbox, struct loop *loop, const struct post *post,
                    int64_t now_ms, upstream_answer_fn *on_answer, void *context, bool *out_wake)
{
    *out_wake = false;
    struct entry *e = calloc(1, sizeof *e);
    if (e == NULL || !copy_post(e, post)) {
        free(e);
        return 0;
    }
    e->outbox = outbox;
    e->loop = loop;
    e->on_answer = on_answer;
    e->context = context;
    e->deadline_ms = now_ms + outbox->timeout_ms;

    (void)pthread_mutex_lock(&outbox->lock);
    uint64_t ref = enter(outbox, e, out_wake);
    (void)pthread_mutex_unlock(&outbox->lock);
    return ref;
}

size_t outbox_waiting(struct outbox *outbox)
{
    (void)pthread_mutex_lock(&outbox->lock);
    size_t waiting = outbox->waiting;
    (void)pthread_mutex_unlock(&outbox->lock);
    return waiting;
}

void outbox_forget(struct outbox *outbox, uint64_t ref)
{
    (void)pthread_mutex_lock(&outbox->lock);
    struct entry *e = find(outbox, ref);
    if (e != NULL)
        e->is_forgotten = true;
    (void)pthread_mutex_unlock(&outbox->lock);
}

// ---- the taking thread ----

void outbox_open(struct outbox *outbox)
{
    (void)pthread_mutex_lock(&outbox->lock);
    outbox->is_open = true;
    (void)pthread_mutex_unlock(&outbox->lock);
}

// The broker will not answer any more; what is said of that depends on how far the entry came.
static void give_up(struct outbox *o, struct entry *e, const char *unsent, const char *sent)
{
    struct upstream_answer answer = e->answer; // of what was REFUSED
    if (e->stage != REFUSED)
        answer = failure(ERR_AGAIN, e->stage == QUEUED ? unsent : sent);
    answer_entry(o, e, &answer);
}

void outbox_close(struct outbox *outbox, const char *unsent, const char *sent)
{
    (void)pthread_mutex_lock(&outbox->lock);
    outbox->is_open = false;
    struct entry *e;
    for (int stage = 0; stage < ANSWERED; stage++)
        while ((e = first_due(&outbox->lists[stage], INT64_MAX)) != NULL)
            give_up(outbox, e, unsent, sent);
    (void)pthread_mutex_unlock(&outbox->lock);
}

const struct post *outbox_next(struct outbox *outbox)
{
    (void)pthread_mutex_lock(&outbox->lock);
    struct entry *e = first_due(&outbox->lists[QUEUED], INT64_MAX);
    if (e != NULL)
        move(outbox, e, SENT);
    (void)pthread_mutex_unlock(&outbox->lock);
    // Only this thread answers entries that wait, so it cannot go away meanwhile.
    return e != NULL ? &e->post : NULL;
}

void outbox_sent(struct outbox *outbox, uint64_t ref)
{
    (void)pthread_mutex_lock(&outbox->lock);
    struct entry *e = find(outbox, ref);
    if (e != NULL && e->stage == SENT) {
        free(e->bytes);
        e->bytes = NULL;
    }
    (void)pthread_mutex_unlock(&outbox->lock);
}

void outbox_answer(struct outbox *outbox, uint64_t ref, const struct upstream_answer *answer)
{
    (void)pthread_mutex_lock(&outbox->lock);
    struct entry *e = find(outbox, ref);
    bool is_awaited = e != NULL && (e->stage == SENT || e->stage == REFUSED);
    if (is_awaited)
        answer_entry(outbox, e, answer);
    (void)pthread_mutex_unlock(&outbox->lock);
    if (!is_awaited)
        json_destroy(answer->response);
}

void outbox_acked(struct outbox *outbox, uint64_t ref, enum err err, int64_t now_ms)
{
    struct upstream_answer answer = failure(err, err == ERR_OK ? "" : "refused by the broker");
    (void)pthread_mutex_lock(&outbox->lock);
    struct entry *e = find(outbox, ref);
    if (e != NULL && e->stage == SENT) {
        if (!e->post.is_kept && !e->post.is_command) {
            answer_entry(outbox, e, &answer);
        } else if (err != ERR_OK) {
            move(outbox, e, REFUSED);
            e->deadline_ms = now_ms + REFUSAL_GRACE_MS;
            e->answer = answer;
        }
    }
    (void)pthread_mutex_unlock(&outbox->lock);
}

int64_t outbox_expire(struct outbox *outbox, int64_t now_ms)
{
    int64_t next_ms = -1;
    (void)pthread_mutex_lock(&outbox->lock);
    for (int stage = 0; stage < ANSWERED; stage++) {
        const struct list *list = &outbox->lists[stage];
        struct entry *e;
        while ((e = first_due(list, now_ms)) != NULL)
            give_up(outbox, e, "the broker is too slow; the message was not sent",
                    "the broker did not answer in time; the message may have been kept");
        e = first_due(list, INT64_MAX);
        if (e != NULL && (next_ms < 0 || e->deadline_ms - now_ms < next_ms))
            next_ms = e->deadline_ms - now_ms;
    }
    (void)pthread_mutex_unlock(&outbox->lock);
    return next_ms;
}
