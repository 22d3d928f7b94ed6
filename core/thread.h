// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Threads beside the main one, which alone is sent the signals of the process.
#ifndef ROOMWIRE_CORE_THREAD_H
#define ROOMWIRE_CORE_THREAD_H

#include <pthread.h>

#include "err.h"

// Starts a thread with all signals blocked; to be joined. Errors: ERR_MEMORY.
MUST_USE enum err thread_start(pthread_t *out_thread, void *(*run)(void *), void *context);

#endif
