// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Bytes that wait until a socket takes them, in order; no memory while there are none.
#ifndef ROOMWIRE_GATEWAY_RELAY_QUEUE_H
#define ROOMWIRE_GATEWAY_RELAY_QUEUE_H

#include "core/buf.h"

struct relay_queue {
    struct buf bytes;
    size_t taken; // at the front of `bytes`, before they are moved up
};

void relay_queue_init(struct relay_queue *queue, size_t max);
// Frees the bytes; the queue is empty and usable again afterwards.
void relay_queue_finish(struct relay_queue *queue);

// Errors: ERR_TOO_LARGE, ERR_MEMORY; the queue is of no use then.
MUST_USE enum err relay_queue_add(struct relay_queue *queue, struct span bytes);
// Drops the first `len` bytes, which must be there.
void relay_queue_take(struct relay_queue *queue, size_t len);

static inline size_t relay_queue_len(const struct relay_queue *queue)
{
    return queue->bytes.len - queue->taken;
}

// What waits, borrowed until the queue is next changed.
static inline struct span relay_queue_span(const struct relay_queue *queue)
{
    return span_make(queue->bytes.ptr + queue->taken, relay_queue_len(queue));
}

#endif
