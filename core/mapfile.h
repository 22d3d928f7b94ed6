// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// A file of fixed size, mapped into memory and owned by one process: what spool and tally have in
// common. It is allocated on disk in advance, so that no store into it can hit a full disk
// (SIGBUS), and it knows whether the machine went down while it was in use (by the boot id in
// /proc/sys/kernel/random; where that is hidden, every end without mapfile_close counts as such).
#ifndef ROOMWIRE_CORE_MAPFILE_H
#define ROOMWIRE_CORE_MAPFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

enum { MAPFILE_PAGE = 4096, MAPFILE_NAME_TEXT = 17, MAPFILE_BOOT_TEXT = 40 };

// The front of the file; its owner uses what follows it.
struct mapfile_head {
    char magic[8]; // written last, so a file without it was never finished
    uint32_t version;
    uint32_t crc; // of magic, version, name and seed
    char name[24];
    uint32_t seed; // random; keeps bytes chosen by others from looking like ours
    uint32_t is_open;
    uint64_t inode; // where it was made: a copy has another one
    char boot[MAPFILE_BOOT_TEXT];
};

struct mapfile {
    int fd;
    unsigned char *base;
    size_t size;
    const char *magic;
    bool is_new; // zeros behind the head; to be filled in, then mapfile_adopt
    bool
        has_lost; // stores of the last owner may be missing: the machine went down, or it is a copy
};

// Opens the file, or creates it with `size` bytes. `magic` is a literal of 8 characters.
// Errors: ERR_IO, ERR_FULL (no disk space), ERR_CORRUPT, ERR_VERSION, ERR_AGAIN (another process
// has it).
MUST_USE enum err mapfile_open(const char *path, const char *magic, uint32_t version, size_t size,
                               struct mapfile *out_file);
// The owner has seen to everything: from here on it is as found. Clears has_lost.
void mapfile_adopt(struct mapfile *file);
// Writes the adopted file to disk and marks it closed in good order; else only lets go of it.
void mapfile_close(struct mapfile *file);
// Lets go of the file as it is.
void mapfile_abandon(struct mapfile *file);
// Gives the file another size; `base` may change. On an error it is as it was.
// Errors: ERR_IO, ERR_FULL.
MUST_USE enum err mapfile_resize(struct mapfile *file, size_t size);

static inline struct mapfile_head *mapfile_head(const struct mapfile *file)
{
    return (struct mapfile_head *)(void *)file->base;
}

// What tells a file from its copies.
uint64_t mapfile_inode(int fd);
// Allocates `size` bytes of `fd` on disk. Errors: ERR_IO, ERR_FULL.
MUST_USE enum err mapfile_allocate(int fd, size_t size);

#endif
