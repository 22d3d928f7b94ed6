// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "log_queue.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { QUEUE_LINES = 32 };

struct line {
    enum log_level level;
    char text[LOG_LINE_MAX];
};

struct log_queue {
    pthread_mutex_t mutex;
    _Atomic bool is_used; // read without the mutex, so that draining nothing is cheap
    size_t count;
    size_t dropped;
    struct line lines[QUEUE_LINES];
};

enum err log_queue_create(struct log_queue **out_queue)
{
    struct log_queue *queue = calloc(1, sizeof *queue);
    if (queue == NULL)
        return ERR_MEMORY;
    (void)pthread_mutex_init(&queue->mutex, NULL); // cannot fail with default attributes
    *out_queue = queue;
    return ERR_OK;
}

void log_queue_destroy(struct log_queue *queue)
{
    if (queue == NULL)
        return;
    pthread_mutex_destroy(&queue->mutex);
    free(queue);
}

void log_queue_write(void *context, enum log_level level, const char *line)
{
    struct log_queue *queue = context;
    pthread_mutex_lock(&queue->mutex);
    if (queue->count == QUEUE_LINES) {
        queue->dropped++;
    } else {
        struct line *slot = &queue->lines[queue->count++];
        slot->level = level;
        struct span text = span_of(line);
        if (text.len >= sizeof slot->text)
            text.len = sizeof slot->text - 1;
        memcpy(slot->text, text.ptr, text.len);
        slot->text[text.len] = '\0';
    }
    queue->is_used = true;
    pthread_mutex_unlock(&queue->mutex);
}

void log_queue_drain(struct log_queue *queue, const struct log *to)
{
    if (!queue->is_used)
        return;
    // The other threads log rarely, so they may wait here for the broker's log.
    pthread_mutex_lock(&queue->mutex);
    for (size_t i = 0; i < queue->count; i++)
        log_line(to, queue->lines[i].level, "%s", queue->lines[i].text);
    if (queue->dropped > 0)
        log_line(to, LOG_LEVEL_WARNING, "dropped log_lines=%zu", queue->dropped);
    queue->count = 0;
    queue->dropped = 0;
    queue->is_used = false;
    pthread_mutex_unlock(&queue->mutex);
}
