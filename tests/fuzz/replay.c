// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Feeds every file of the folders given to a fuzz target, once, without a fuzzer: so the seeds
// (and every crash ever found, kept as a seed) are part of the ordinary tests.
#include <dirent.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SEED_MAX = 1024 * 1024 };

static int replay_file(const char *path)
{
    FILE *in = fopen(path, "rbe");
    if (in == NULL)
        return -1;
    uint8_t *data = malloc(SEED_MAX);
    size_t size = data ? fread(data, 1, SEED_MAX, in) : 0;
    (void)fclose(in); // only read from
    // An exact copy, so that a sanitizer sees a read behind its end.
    uint8_t *exact = malloc(size ? size : 1);
    if (data == NULL || exact == NULL)
        abort();
    memcpy(exact, data, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    free(data);
    return 0;
}

static int replay_folder(const char *folder)
{
    DIR *dir = opendir(folder);
    if (dir == NULL)
        return -1;
    int count = 0;
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        char path[PATH_MAX];
        int len = snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (entry->d_name[0] == '.' || len < 0 || (size_t)len >= sizeof path)
            continue;
        if (replay_file(path) == 0)
            count++;
    }
    (void)closedir(dir); // only read from
    return count;
}

int main(int argc, char **argv)
{
    int total = 0;
    for (int i = 1; i < argc; i++) {
        int count = replay_folder(argv[i]);
        if (count <= 0) {
            fprintf(stderr, "%s: no seeds\n", argv[i]);
            return 1;
        }
        total += count;
    }
    printf("%d seeds replayed\n", total);
    return total > 0 ? 0 : 1;
}
