// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "process.h"

#include <dirent.h>

static uint64_t thread_cpu_ns(pid_t pid, const char *thread)
{
    char path[320];
    (void)snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", (int)pid, thread); // fits
    FILE *in = fopen(path, "re");
    char line[256];
    if (in == NULL)
        return 0; // the thread ended just now
    uint64_t ns = fgets(line, sizeof line, in) == NULL ? 0 : strtoull(line, NULL, 10);
    (void)fclose(in); // only read from
    return ns;
}

uint64_t process_cpu_ns(const struct processes *p)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < p->count; i++) {
        char path[64];
        (void)snprintf(path, sizeof path, "/proc/%d/task", (int)p->pids[i]); // fits
        DIR *dir = opendir(path);
        if (dir == NULL)
            continue;
        for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir))
            if (entry->d_name[0] != '.')
                sum += thread_cpu_ns(p->pids[i], entry->d_name);
        (void)closedir(dir); // only read from
    }
    return sum;
}

uint64_t process_memory(const struct processes *p)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < p->count; i++) {
        char path[64], line[256];
        (void)snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)p->pids[i]); // fits
        FILE *in = fopen(path, "re");
        if (in == NULL)
            continue;
        while (fgets(line, sizeof line, in) != NULL)
            if (strncmp(line, "Pss:", 4) == 0)
                sum += strtoull(line + 4, NULL, 10) * 1024;
        (void)fclose(in); // only read from
    }
    return sum;
}
