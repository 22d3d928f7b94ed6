// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Any bytes as the spool's file: refused, or a ring that gives its records, takes new ones, and
// gives those after it was opened again. The input is as mapped_input.h says.
#include <stdint.h>

#include "core/crc32c.h"
#include "core/spool.h"
#include "mapped_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SLOT_AT = 512, SECOND_SLOT_AT = 1024, SLOT_LEN = 40, FRAME = 16 };

static void put_crc(uint8_t *at, uint32_t crc)
{
    memcpy(at, &crc, sizeof crc);
}

// The head's checksum, the slots', and those of the frames in a row from the ring's start.
static void mend(uint8_t *file, int fd)
{
    struct mapfile_head head;
    memcpy(&head, file, sizeof head);
    memcpy(head.magic, "rwspool1", 8);
    head.version = 1;
    head.name[16] = '\0';
    if (head.inode % 2 == 0) // else it is a copy
        head.inode = mapfile_inode(fd);
    mend_head(file, &head);
    for (size_t at = SLOT_AT; at <= SECOND_SLOT_AT; at += SLOT_AT)
        put_crc(file + at + SLOT_LEN, crc32c(0, file + at, SLOT_LEN));
    for (size_t at = MAPFILE_PAGE; at + FRAME <= FILE_SIZE;) {
        uint32_t len;
        memcpy(&len, file + at + 4, sizeof len);
        size_t counted = len == UINT32_MAX ? 0 : len;
        if (counted > FILE_SIZE - at - FRAME)
            break;
        put_crc(file + at, crc32c(head.seed, file + at + 4, FRAME - 4 + counted));
        at += (FRAME + counted + 15) / 16 * 16;
    }
}

static uint64_t read_all(struct spool *spool)
{
    struct span record;
    uint64_t number = spool_released(spool), next, sum = 0, count = 0;
    while (spool_next(spool, number, &record, &next)) {
        expect(next == number + 1);
        number = next;
        for (size_t i = 0; i < record.len; i++)
            sum += (unsigned char)record.ptr[i]; // a sanitizer watches
        expect(++count < FILE_SIZE);
    }
    expect(number == spool_last(spool));
    return sum;
}

static void use(const char *path)
{
    struct spool *spool;
    if (spool_open(path, MAPFILE_PAGE, &spool) != ERR_OK)
        return;
    (void)read_all(spool); // only that it ends matters
    uint64_t number = spool_last(spool), given = 0;
    if (number > UINT64_MAX / 2 || spool_used(spool) > spool_size(spool)) {
        spool_close(spool);
        return;
    }
    struct span part = span_make("fresh", 5);
    bool was_erased = spool_has_lost(spool); // what lies behind the end, and might follow on
    bool is_full = spool_append(spool, &part, 1, &given) == ERR_FULL;
    expect(is_full || given == number + 1);
    spool_close(spool);
    expect(spool_open(path, MAPFILE_PAGE, &spool) == ERR_OK);
    expect(spool_last(spool) >= number + !is_full);
    expect(spool_last(spool) == number + !is_full || !was_erased);
    (void)read_all(spool); // as above
    spool_release(spool, spool_last(spool), 1);
    expect(spool_used(spool) == 0);
    spool_close(spool);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool is_mended = size > 0 && data[0] % 4 != 0; // sometimes as it is
    with_file(data, size, is_mended ? mend : NULL, use);
    return 0;
}
