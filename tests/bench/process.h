// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// What the measured programs use, as /proc tells.
#ifndef ROOMWIRE_BENCH_PROCESS_H
#define ROOMWIRE_BENCH_PROCESS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { PROCESS_MAX = 8 };

struct processes {
    pid_t pids[PROCESS_MAX];
    size_t count;
};

// Processor time of all threads that live, in nanoseconds (/proc/PID/task/TID/schedstat).
uint64_t process_cpu_ns(const struct processes *p);
// Memory, shared pages divided among their users (Pss of /proc/PID/smaps_rollup), in bytes.
uint64_t process_memory(const struct processes *p);

#endif
