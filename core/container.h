// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Callbacks are given what is embedded in their owner: a timer, a task, a reader.
#ifndef ROOMWIRE_CORE_CONTAINER_H
#define ROOMWIRE_CORE_CONTAINER_H

#include <stddef.h>

// The `type` whose `member` is at `pointer`.
#define CONTAINER_OF(pointer, type, member)                                                        \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif
