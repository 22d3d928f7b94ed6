// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "tally_file.h"

void tally_offer(struct tally *t, uint32_t i)
{
    // Both sides exchange the flag, so either this side queues the entry again or the other one,
    // just taking it out, sees what made it idle.
    if (i >= t->capacity || !tally_is_idle(&t->entries[i]) ||
        atomic_exchange_explicit(&t->is_queued[i], 1, memory_order_acq_rel))
        return;
    uint64_t in = atomic_load_explicit(&t->queue_in, memory_order_relaxed);
    t->queue[in % t->capacity] = i;
    atomic_store_explicit(&t->queue_in, in + 1, memory_order_release);
}

// Makes the row of entry `i` if anything is pending there.
static bool fill_row(struct tally *t, struct tally_row *row, uint32_t i)
{
    if (!atomic_load_explicit(&t->is_touched[i], memory_order_relaxed))
        return false;
    (void)atomic_exchange_explicit(&t->is_touched[i], 0, memory_order_acquire);
    bool is_pending = false;
    row->entry = i;
    for (int k = 0; k < TALLY_FIELDS; k++) {
        row->before[k] = atomic_load_explicit(&t->entries[i].taken[k], memory_order_relaxed);
        row->after[k] = atomic_load_explicit(&t->entries[i].added[k], memory_order_acquire);
        is_pending = is_pending || row->after[k] != row->before[k];
    }
    return is_pending;
}

// Makes rows of what is pending in one group, from row `count` on; returns the new count.
static uint64_t fill_from_group(struct tally *t, uint32_t group, uint64_t count)
{
    if (!atomic_load_explicit(&t->is_group_touched[group], memory_order_relaxed))
        return count;
    (void)atomic_exchange_explicit(&t->is_group_touched[group], 0, memory_order_acquire);
    uint32_t end = (group + 1) * TALLY_GROUP;
    if (end > tally_total(t))
        end = tally_total(t);
    for (uint32_t i = group * TALLY_GROUP; i < end; i++) {
        if (count == t->max_batch) {
            // The others get their turn in the next batch.
            atomic_store_explicit(&t->is_group_touched[group], 1, memory_order_relaxed);
            break;
        }
        count += fill_row(t, &t->rows[count], i);
    }
    return count;
}

static uint64_t fill_rows(struct tally *t)
{
    uint64_t count = 0;
    uint32_t groups = tally_groups(t);
    // Going round, so that entries far behind get their turn even where every batch is full.
    for (uint32_t i = 0; i < groups && count < t->max_batch; i++) {
        count = fill_from_group(t, t->hand, count);
        if (count < t->max_batch)
            t->hand = (t->hand + 1) % groups;
    }
    return count;
}

static void hand_on(struct tally *t, uint64_t count, tally_count_fn *each, void *context)
{
    for (uint64_t i = 0; i < count; i++) {
        const struct tally_row *row = &t->rows[i];
        const struct tally_entry *entry = &t->entries[row->entry];
        struct meter_key key = {.hour = entry->hour,
                                .room = span_make(entry->room, entry->room_len),
                                .subject = span_make(entry->subject, entry->subject_len),
                                .face = (enum meter_face)entry->face,
                                .direction = (enum meter_direction)entry->direction};
        struct meter_count pending = {row->after[0] - row->before[0],
                                      row->after[1] - row->before[1],
                                      row->after[2] - row->before[2]};
        each(context, &key, &pending);
    }
}

bool tally_take(struct tally *tally, uint64_t *out_batch, tally_count_fn *each, void *context)
{
    struct tally_head *head = tally->head;
    if (!tally_has_batch(tally)) {
        uint64_t count = fill_rows(tally);
        if (count == 0)
            return false;
        atomic_store_explicit(&head->row_count, count, memory_order_release);
        // From here on the batch exists, whatever dies.
        uint64_t number = atomic_load_explicit(&head->settled_batch, memory_order_relaxed) + 1;
        atomic_store_explicit(&head->taken_batch, number, memory_order_release);
    }
    *out_batch = atomic_load_explicit(&head->taken_batch, memory_order_relaxed);
    hand_on(tally, atomic_load_explicit(&head->row_count, memory_order_relaxed), each, context);
    return true;
}

bool tally_is_batch_full(const struct tally *tally)
{
    return atomic_load_explicit(&tally->head->row_count, memory_order_relaxed) == tally->max_batch;
}

void tally_settle(struct tally *tally, uint64_t batch)
{
    struct tally_head *head = tally->head;
    if (!tally_has_batch(tally) ||
        atomic_load_explicit(&head->taken_batch, memory_order_relaxed) != batch)
        return;
    uint64_t count = atomic_load_explicit(&head->row_count, memory_order_relaxed);
    for (uint64_t i = 0; i < count; i++)
        for (int k = 0; k < TALLY_FIELDS; k++)
            atomic_store_explicit(&tally->entries[tally->rows[i].entry].taken[k],
                                  tally->rows[i].after[k], memory_order_release);
    atomic_store_explicit(&head->settled_batch, batch, memory_order_release);
    // Between these stores the other side may have given an entry that it was offered earlier
    // another key. If all ends right there, the batch is offered again under wrong keys, but under
    // a number that says that it is stored.
    for (uint64_t i = 0; i < count; i++)
        tally_offer(tally, (uint32_t)tally->rows[i].entry);
}
