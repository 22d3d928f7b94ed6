// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Log lines of other threads on their way to the broker's log, which only its own thread may use.
// Bounded: what does not fit is counted and dropped.
#ifndef ROOMWIRE_PLUGIN_LOG_QUEUE_H
#define ROOMWIRE_PLUGIN_LOG_QUEUE_H

#include "core/err.h"
#include "core/log.h"

struct log_queue;

// Errors: ERR_MEMORY.
MUST_USE enum err log_queue_create(struct log_queue **out_queue);
void log_queue_destroy(struct log_queue *queue); // NULL is fine

// A sink for struct log; any thread. The context is the queue.
void log_queue_write(void *queue, enum log_level level, const char *line);
// Passes on what is queued. Costs next to nothing when that is nothing.
void log_queue_drain(struct log_queue *queue, const struct log *to);

#endif
