// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Room for file descriptors, made before it is needed.
// Not the limit on them: RLIMIT_NOFILE is whoever's who starts the program.
#ifndef ROOMWIRE_CORE_DESCRIPTORS_H
#define ROOMWIRE_CORE_DESCRIPTORS_H

#include <stddef.h>

// Makes the process's table of descriptors large enough for `count` of them, as far as
// RLIMIT_NOFILE allows. To be called before the first thread is started: in a process that has
// threads, Linux lets whoever opens the descriptor that no longer fits wait for all processors
// (synchronize_rcu, fs/file.c), 10 ms and more at 64, 128, 256 ... descriptors.
// It is a matter of speed alone, so nothing is said where it cannot be done.
void descriptors_reserve(size_t count);

#endif
