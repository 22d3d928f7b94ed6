// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Any bytes as the tally's file: refused, or counters that can be added to and taken to the end.
// The input is the file without most of its zeros, as in fuzz_spool.c; the head is made right.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/crc32c.h"
#include "core/mapfile.h"
#include "core/tally.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CAPACITY = 4, BATCH = 4, FILE_SIZE = 3 * MAPFILE_PAGE };

static void expect(bool is_so)
{
    if (!is_so)
        abort();
}

static void lay_pieces(uint8_t *file, const uint8_t *data, size_t size)
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

static void mend(uint8_t *file, int fd)
{
    struct mapfile_head head;
    memcpy(&head, file, sizeof head);
    memcpy(head.magic, "rwtally1", 8);
    head.version = 1;
    head.name[16] = '\0';
    head.is_open = 0;
    head.inode = mapfile_inode(fd);
    head.crc = crc32c(crc32c(crc32c(crc32c(0, head.magic, 8), &head.version, 4), head.name, 24),
                      &head.seed, 4);
    memcpy(file, &head, sizeof head);
}

static void check_count(void *context, const struct meter_key *key, const struct meter_count *count)
{
    size_t *calls = context;
    expect(key->room.len <= METER_ROOM_MAX && key->subject.len <= METER_SUBJECT_MAX);
    expect((unsigned)key->face < METER_FACE_COUNT && (unsigned)key->direction <= METER_OUT);
    expect(count->messages >= 0 && count->blocks >= 0 && count->bytes >= 0);
    expect(++*calls < 100);
}

static void use(const char *path)
{
    struct tally *tally;
    if (tally_open(path, CAPACITY, BATCH, &tally) != ERR_OK)
        return;
    struct meter_count one = {1, 1, 1};
    char subject[2] = "a";
    for (int i = 0; i < 6; i++, subject[0]++) {
        struct meter_key key = {1, span_of("lobby"), span_of(subject), METER_WS, METER_OUT};
        tally_add(tally, &key, &one);
    }
    uint64_t batch, last = 0;
    size_t calls = 0;
    while (tally_take(tally, &batch, check_count, &calls)) {
        expect(last == 0 || batch == last + 1);
        last = batch;
        tally_settle(tally, batch);
    }
    expect(calls > 0);
    tally_close(tally);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const folders[] = {"/dev/shm", "/tmp"};
    char path[64];
    int fd = -1;
    for (int i = 0; fd < 0 && i < 2; i++) {
        (void)snprintf(path, sizeof path, "%s/fuzz_tally-XXXXXX", folders[i]);
        fd = mkstemp(path);
    }
    uint8_t *file = calloc(1, FILE_SIZE);
    expect(fd >= 0 && file != NULL);
    lay_pieces(file, data, size);
    mend(file, fd);
    expect(write(fd, file, FILE_SIZE) == FILE_SIZE);
    free(file);
    expect(close(fd) == 0);
    use(path);
    expect(unlink(path) == 0);
    return 0;
}
