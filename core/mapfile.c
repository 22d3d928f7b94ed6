// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "mapfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crc32c.h"

enum { MAGIC_LEN = sizeof((struct mapfile_head *)0)->magic };

_Static_assert(sizeof(struct mapfile_head) <= 512, "the head must fit into one sector");

enum err mapfile_allocate(int fd, size_t size)
{
    int failed = posix_fallocate(fd, 0, (off_t)size);
    if (failed == 0)
        return ERR_OK;
    errno = failed;
    return failed == ENOSPC || failed == EDQUOT || failed == EFBIG ? ERR_FULL : ERR_IO;
}

static enum err map(struct mapfile *file, size_t size)
{
    void *base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file->fd, 0);
    if (base == MAP_FAILED)
        return ERR_IO;
    file->base = base;
    file->size = size;
    return ERR_OK;
}

// Names this run of the machine; empty where it cannot be known.
static void read_boot(char out[MAPFILE_BOOT_TEXT])
{
    memset(out, 0, MAPFILE_BOOT_TEXT);
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    ssize_t len = read(fd, out, MAPFILE_BOOT_TEXT - 1);
    (void)close(fd); // only read from
    if (len <= 0)
        out[0] = '\0';
}

static uint32_t head_crc(const struct mapfile_head *head)
{
    uint32_t crc = crc32c(0, head->magic, MAGIC_LEN);
    crc = crc32c(crc, &head->version, sizeof head->version);
    crc = crc32c(crc, head->name, sizeof head->name);
    return crc32c(crc, &head->seed, sizeof head->seed);
}

uint64_t mapfile_inode(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 ? (uint64_t)st.st_ino : 0;
}

// A fresh name and seed.
static enum err give_name(struct mapfile *file)
{
    struct {
        uint64_t name;
        uint32_t seed;
    } fresh;
    memset(&fresh, 0, sizeof fresh);
    if (getrandom(&fresh, sizeof fresh, 0) != (ssize_t)sizeof fresh)
        return ERR_IO;
    struct mapfile_head *head = mapfile_head(file);
    (void)snprintf(head->name, sizeof head->name, "%016llx", (unsigned long long)fresh.name);
    head->seed = fresh.seed;
    head->crc = head_crc(head);
    return ERR_OK;
}

// A file that was just made, or whose maker died before it was adopted.
static enum err create(struct mapfile *file, uint32_t version, size_t size)
{
    enum err err = mapfile_allocate(file->fd, size);
    if (err != ERR_OK) {
        (void)!ftruncate(file->fd, 0); // gives back what little there was; the error stands anyway
        return err;
    }
    err = map(file, size);
    if (err != ERR_OK)
        return err;
    struct mapfile_head *head = mapfile_head(file);
    // The checksum covers the magic, which itself is written by mapfile_adopt.
    memcpy(head->magic, file->magic, MAGIC_LEN);
    head->version = version;
    err = give_name(file);
    memset(head->magic, 0, MAGIC_LEN);
    file->is_new = true;
    return err;
}

static enum err check(struct mapfile *file, uint32_t version)
{
    const struct mapfile_head *head = mapfile_head(file);
    if (memcmp(head->magic, file->magic, MAGIC_LEN) != 0)
        return ERR_CORRUPT;
    if (head->version > version)
        return ERR_VERSION;
    if (head->version != version || head->crc != head_crc(head) ||
        memchr(head->name, '\0', sizeof head->name) == NULL)
        return ERR_CORRUPT;
    char boot[MAPFILE_BOOT_TEXT];
    read_boot(boot);
    bool is_same_boot = boot[0] != '\0' && memcmp(boot, head->boot, sizeof boot) == 0;
    file->has_lost = head->inode != mapfile_inode(file->fd) || (head->is_open && !is_same_boot);
    return ERR_OK;
}

// True if nothing but zeros lies where head and first contents go: its maker died early.
static bool is_unfinished(const struct mapfile *file)
{
    if (mapfile_head(file)->magic[0] != '\0')
        return false;
    for (size_t i = MAPFILE_PAGE; i < file->size && i < 2 * (size_t)MAPFILE_PAGE; i++)
        if (file->base[i] != 0)
            return false;
    return true;
}

static enum err open_existing(struct mapfile *file, uint32_t version, size_t size, size_t found)
{
    if (found < 2 * (size_t)MAPFILE_PAGE)
        return ERR_CORRUPT;
    // A copy may have holes, which would have to be filled on the day when the disk is full.
    enum err err = mapfile_allocate(file->fd, found);
    if (err == ERR_OK)
        err = map(file, found);
    if (err != ERR_OK)
        return err;
    if (!is_unfinished(file))
        return check(file, version);
    (void)munmap(file->base, file->size); // valid since map()
    file->base = NULL;
    if (ftruncate(file->fd, 0) != 0)
        return ERR_IO;
    return create(file, version, size);
}

void mapfile_abandon(struct mapfile *file)
{
    if (file->base != NULL)
        (void)munmap(file->base, file->size); // valid since map()
    (void)close(file->fd);                    // nothing was written through it
    *file = (struct mapfile){.fd = -1};
}

enum err mapfile_open(const char *path, const char *magic, uint32_t version, size_t size,
                      struct mapfile *out_file)
{
    struct mapfile file = {.fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640), .magic = magic};
    if (file.fd < 0)
        return errno == ENOSPC || errno == EDQUOT ? ERR_FULL : ERR_IO;
    enum err err;
    struct stat st;
    if (flock(file.fd, LOCK_EX | LOCK_NB) != 0)
        err = errno == EWOULDBLOCK ? ERR_AGAIN : ERR_IO;
    else if (fstat(file.fd, &st) != 0)
        err = ERR_IO;
    else if (st.st_nlink == 0)
        err = ERR_AGAIN; // its owner removed it between our open and our lock
    else if (st.st_size == 0)
        err = create(&file, version, size);
    else
        err = open_existing(&file, version, size, (size_t)st.st_size);
    if (err != ERR_OK) {
        int failed = errno;
        mapfile_abandon(&file);
        errno = failed;
        return err;
    }
    *out_file = file;
    return ERR_OK;
}

void mapfile_adopt(struct mapfile *file)
{
    struct mapfile_head *head = mapfile_head(file);
    read_boot(head->boot);
    head->inode = mapfile_inode(file->fd);
    head->is_open = 1;
    // After a kill the stores before this one are all there.
    atomic_signal_fence(memory_order_seq_cst);
    memcpy(head->magic, file->magic, MAGIC_LEN);
    // Else a power loss could leave a file that seems closed though it was in use.
    (void)msync(file->base, MAPFILE_PAGE, MS_SYNC); // best effort: a failing disk shows elsewhere
    file->is_new = false;
    file->has_lost = false;
}

void mapfile_close(struct mapfile *file)
{
    bool is_adopted = !file->is_new && !file->has_lost;
    // Closed in good order means that the contents are on disk before the mark that says so.
    if (is_adopted && msync(file->base, file->size, MS_SYNC) == 0) {
        mapfile_head(file)->is_open = 0;
        (void)msync(file->base, MAPFILE_PAGE, MS_SYNC); // best effort: else it counts as lost
    }
    mapfile_abandon(file);
}

enum err mapfile_resize(struct mapfile *file, size_t size)
{
    enum err err = size > file->size ? mapfile_allocate(file->fd, size) : ERR_OK;
    if (err != ERR_OK) {
        (void)!ftruncate(file->fd, (off_t)file->size); // best effort; the mapped part stays
        return err;
    }
    void *base = mremap(file->base, file->size, size, MREMAP_MAYMOVE);
    if (base == MAP_FAILED)
        return ERR_IO;
    file->base = base;
    file->size = size;
    // Larger than needed does no harm.
    (void)!ftruncate(file->fd, (off_t)size);
    return ERR_OK;
}
