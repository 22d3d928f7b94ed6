// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "watermark.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hash.h"
#include "mapfile.h"

enum { SLOT_COUNT = 4096, VERSION = 1 };
static const char magic[8] = {'r', 'w', 'm', 'a', 'r', 'k', '0', '1'};

// The whole file, shared by one writer and any number of readers in other processes.
struct marks {
    char magic[8];
    _Atomic uint64_t version; // written last when the file is made: readers wait for it
    _Atomic uint64_t generation;
    _Atomic int64_t committed;
    _Alignas(64) _Atomic int64_t accepted[SLOT_COUNT];
};
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "processes share these without locks");

struct watermark {
    struct marks *marks;
};

static enum err map(int fd, int protection, struct watermark **out)
{
    void *base = mmap(NULL, sizeof(struct marks), protection, MAP_SHARED, fd, 0);
    if (base == MAP_FAILED)
        return ERR_IO;
    struct watermark *w = malloc(sizeof *w);
    if (w == NULL) {
        (void)munmap(base, sizeof(struct marks)); // valid since mmap
        return ERR_MEMORY;
    }
    w->marks = base;
    *out = w;
    return ERR_OK;
}

// A generation that no reader has seen, whatever became of the file in between.
static enum err begin_generation(struct marks *marks)
{
    uint64_t fresh;
    if (getrandom(&fresh, sizeof fresh, 0) != (ssize_t)sizeof fresh)
        return ERR_IO;
    atomic_store_explicit(&marks->generation, fresh, memory_order_release);
    return ERR_OK;
}

enum err watermark_create(const char *path, int64_t last_id, struct watermark **out)
{
    // An existing file is kept, since readers have it mapped.
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0)
        return errno == ENOSPC || errno == EDQUOT ? ERR_FULL : ERR_IO;
    struct watermark *w = NULL;
    enum err err = mapfile_allocate(fd, sizeof(struct marks));
    if (err == ERR_OK)
        err = map(fd, PROT_READ | PROT_WRITE, &w);
    (void)close(fd); // the mapping holds the file
    if (err != ERR_OK)
        return err;
    err = begin_generation(w->marks);
    if (err != ERR_OK) {
        watermark_close(w);
        return err;
    }
    memcpy(w->marks->magic, magic, sizeof magic);
    for (size_t i = 0; i < SLOT_COUNT; i++)
        atomic_store_explicit(&w->marks->accepted[i], last_id, memory_order_relaxed);
    atomic_store_explicit(&w->marks->committed, last_id, memory_order_release);
    atomic_store_explicit(&w->marks->version, VERSION, memory_order_release);
    *out = w;
    return ERR_OK;
}

enum err watermark_open(const char *path, struct watermark **out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    struct stat st;
    struct watermark *w = NULL;
    enum err err = fstat(fd, &st) == 0 ? ERR_OK : ERR_IO;
    if (err == ERR_OK && (size_t)st.st_size < sizeof(struct marks))
        err = ERR_NOT_FOUND; // its writer is at it
    if (err == ERR_OK)
        err = map(fd, PROT_READ, &w);
    (void)close(fd); // the mapping holds the file
    if (err != ERR_OK)
        return err;
    uint64_t version = atomic_load_explicit(&w->marks->version, memory_order_acquire);
    if (version == 0)
        err = ERR_NOT_FOUND;
    else if (version != VERSION || memcmp(w->marks->magic, magic, sizeof magic) != 0)
        err = ERR_VERSION;
    if (err != ERR_OK) {
        watermark_close(w);
        return err;
    }
    *out = w;
    return ERR_OK;
}

void watermark_close(struct watermark *w)
{
    if (w == NULL)
        return;
    (void)munmap(w->marks, sizeof *w->marks); // valid since map()
    free(w);
}

// Any spread over the slots will do; both ends must use the same one.
static size_t slot_of(struct span room)
{
    uint32_t hash = hash_fnv(room);
    return (hash ^ hash >> 16) % SLOT_COUNT;
}

void watermark_accept(struct watermark *w, struct span room, int64_t id)
{
    atomic_store_explicit(&w->marks->accepted[slot_of(room)], id, memory_order_release);
}

void watermark_commit(struct watermark *w, int64_t id)
{
    atomic_store_explicit(&w->marks->committed, id, memory_order_release);
}

void watermark_invalidate(struct watermark *w)
{
    atomic_fetch_add_explicit(&w->marks->generation, 1, memory_order_acq_rel);
}

int64_t watermark_accepted(const struct watermark *w, struct span room)
{
    return atomic_load_explicit(&w->marks->accepted[slot_of(room)], memory_order_acquire);
}

int64_t watermark_committed(const struct watermark *w)
{
    return atomic_load_explicit(&w->marks->committed, memory_order_acquire);
}

uint64_t watermark_generation(const struct watermark *w)
{
    return atomic_load_explicit(&w->marks->generation, memory_order_acquire);
}
