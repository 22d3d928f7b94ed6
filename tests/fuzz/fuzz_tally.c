// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Any bytes as the tally's file: refused, or counters that can be added to and taken to the end.
// The input is as mapped_input.h says.
#include <stdint.h>

#include "core/tally.h"
#include "mapped_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CAPACITY = 4, BATCH = 4 };

static void mend(uint8_t *file, int fd)
{
    struct mapfile_head head;
    memcpy(&head, file, sizeof head);
    memcpy(head.magic, "rwtally1", 8);
    head.version = 1;
    head.name[16] = '\0';
    head.is_open = 0;
    head.inode = mapfile_inode(fd);
    mend_head(file, &head);
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
    with_file(data, size, mend, use);
    return 0;
}
