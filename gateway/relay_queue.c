// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "relay_queue.h"

#include <assert.h>

void relay_queue_init(struct relay_queue *queue, size_t max)
{
    buf_init(&queue->bytes, max);
    queue->taken = 0;
}

void relay_queue_finish(struct relay_queue *queue)
{
    buf_finish(&queue->bytes);
    queue->taken = 0;
}

enum err relay_queue_add(struct relay_queue *queue, struct span bytes)
{
    // Moved only when there is no other room, so that each byte is moved about once.
    if (queue->taken > 0 && bytes.len > queue->bytes.cap - queue->bytes.len) {
        buf_consume(&queue->bytes, queue->taken);
        queue->taken = 0;
    }
    buf_add_span(&queue->bytes, bytes);
    return queue->bytes.status;
}

void relay_queue_take(struct relay_queue *queue, size_t len)
{
    assert(len <= relay_queue_len(queue));
    queue->taken += len;
    if (queue->taken == queue->bytes.len)
        relay_queue_finish(queue);
}
