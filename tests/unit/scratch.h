// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// A temporary folder for one test, removed with everything in it.
#ifndef ROOMWIRE_TESTS_UNIT_SCRATCH_H
#define ROOMWIRE_TESTS_UNIT_SCRATCH_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct scratch {
    char folder[256];
    char path[768]; // of the file named last
};

static inline int scratch_setup(void **state)
{
    struct scratch *s = calloc(1, sizeof *s);
    if (s == NULL)
        return -1;
    const char *base = getenv("TMPDIR");
    (void)snprintf(s->folder, sizeof s->folder, "%s/roomwire-test-XXXXXX", base ? base : "/tmp");
    *state = s;
    return mkdtemp(s->folder) == NULL ? -1 : 0;
}

// The path of `name` in the folder, valid until the next call.
static inline const char *scratch_path(struct scratch *s, const char *name)
{
    (void)snprintf(s->path, sizeof s->path, "%s/%s", s->folder, name);
    return s->path;
}

static inline int scratch_teardown(void **state)
{
    struct scratch *s = *state;
    DIR *dir = opendir(s->folder);
    if (dir == NULL)
        return -1;
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir))
        if (entry->d_name[0] != '.')
            (void)unlink(scratch_path(s, entry->d_name));
    (void)closedir(dir);
    int failed = rmdir(s->folder);
    free(s);
    return failed;
}

// The whole file as bytes from malloc.
static inline unsigned char *scratch_read(const char *path, size_t *out_len)
{
    FILE *in = fopen(path, "rbe");
    if (in == NULL)
        return NULL;
    (void)fseek(in, 0, SEEK_END);
    size_t len = (size_t)ftell(in);
    rewind(in);
    unsigned char *bytes = malloc(len + 1);
    *out_len = bytes ? fread(bytes, 1, len, in) : 0;
    (void)fclose(in);
    return bytes;
}

static inline int scratch_write(const char *path, const void *bytes, size_t len)
{
    FILE *out = fopen(path, "wbe");
    if (out == NULL)
        return -1;
    size_t written = fwrite(bytes, 1, len, out);
    return fclose(out) == 0 && written == len ? 0 : -1;
}

#endif
