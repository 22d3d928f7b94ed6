// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// What the fuzz targets of mapped files share. Their input is a file of three pages without most of
// its zeros: pieces of (offset: 2 bytes, length: 1 byte, bytes), laid over it. Checksums are then
// made right, or else hardly any input would come past them.
#ifndef ROOMWIRE_TESTS_MAPPED_INPUT_H
#define ROOMWIRE_TESTS_MAPPED_INPUT_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/crc32c.h"
#include "core/mapfile.h"

enum { FILE_SIZE = 3 * MAPFILE_PAGE };

static inline void expect(bool is_so)
{
    if (!is_so)
        abort();
}

static inline void lay_pieces(uint8_t *file, const uint8_t *data, size_t size)
{
    while (size >= 3) {
        size_t at = (size_t)(data[0] << 8 | data[1]) % FILE_SIZE, len = data[2];
        data += 3;
        size -= 3;
        if (len > size)
            len = size;
        if (len > FILE_SIZE - at)
            len = FILE_SIZE - at;
        memcpy(file + at, data, len);
        data += len;
        size -= len;
    }
}

// The head's checksum, over what is in it.
static inline void mend_head(uint8_t *file, struct mapfile_head *head)
{
    head->crc = crc32c(crc32c(crc32c(crc32c(0, head->magic, 8), &head->version, 4), head->name, 24),
                       &head->seed, 4);
    memcpy(file, head, sizeof *head);
}

// Lays the input over a file of its own, lets `mend`, if any, make it right, and `use` use it.
static inline void with_file(const uint8_t *data, size_t size, void (*mend)(uint8_t *file, int fd),
                             void (*use)(const char *path))
{
    static const char *const folders[] = {"/dev/shm", "/tmp"};
    char path[64];
    int fd = -1;
    for (int i = 0; fd < 0 && i < 2; i++) {
        (void)snprintf(path, sizeof path, "%s/roomwire_fuzz-XXXXXX", folders[i]);
        fd = mkstemp(path);
    }
    uint8_t *file = calloc(1, FILE_SIZE);
    expect(fd >= 0 && file != NULL);
    lay_pieces(file, data, size);
    if (mend != NULL)
        mend(file, fd);
    expect(write(fd, file, FILE_SIZE) == FILE_SIZE);
    free(file);
    expect(close(fd) == 0);
    use(path);
    expect(unlink(path) == 0);
}

#endif
