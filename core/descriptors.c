// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "descriptors.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/resource.h>
#include <unistd.h>

void descriptors_reserve(size_t count)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    if (count > limit.rlim_cur)
        count = limit.rlim_cur;
    if (count < 1 || count > INT_MAX)
        return;
    int some = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int last = some < 0 ? -1 : fcntl(some, F_DUPFD_CLOEXEC, (int)count - 1);
    if (last >= 0)
        (void)close(last); // the table stays as large as it is
    if (some >= 0)
        (void)close(some); // nothing was written to it
}
