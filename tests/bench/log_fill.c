// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// roomwire_log_fill DATABASE ROOMS MESSAGES: a log of that many messages, scattered over the rooms,
// 100 bytes each, written as the plugin's writer would.
#include <stdlib.h>

#include "core/store.h"

enum { BATCH = 10000 };

// The room of message `id`: any multiplier without a common factor scatters well enough.
static long long room_of(long long id, long long rooms)
{
    return id * 7919 % rooms;
}

static enum err put_batch(struct store *store, int64_t *prev, int64_t first, int64_t end,
                          int64_t rooms)
{
    char room[32], payload[101];
    memset(payload, 'x', sizeof payload);
    enum err err = store_begin(store);
    for (int64_t id = first; err == ERR_OK && id < end; id++) {
        long long number = room_of(id, rooms);
        (void)snprintf(room, sizeof room, "r%lld", number); // fits
        (void)snprintf(payload, sizeof payload, "message %lld ", (long long)id);
        payload[strlen(payload)] = 'x'; // the rest of the 100 bytes
        struct message m = {.id = id,
                            .prev = prev[number],
                            .date_ms = 1795250000000 + id,
                            .room = span_of(room),
                            .from = span_of("alice"),
                            .payload = span_make(payload, 100)};
        err = store_put_message(store, &m, span_make(NULL, 0));
        prev[number] = id;
    }
    return err == ERR_OK ? store_commit(store) : err;
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    long long rooms = strtoll(argv[2], NULL, 10), messages = strtoll(argv[3], NULL, 10);
    if (rooms < 1 || rooms > 1000000 || messages < 1)
        return 2;
    struct log log = {.write = log_to_stderr, .level = LOG_LEVEL_WARNING};
    struct store *store = NULL;
    int64_t *prev = calloc((size_t)rooms, sizeof *prev);
    enum err err = prev == NULL ? ERR_MEMORY : store_open(argv[1], STORE_WRITE, &log, &store);
    for (int64_t id = 1; err == ERR_OK && id <= messages; id += BATCH)
        err = put_batch(store, prev, id, id + BATCH <= messages ? id + BATCH : messages + 1, rooms);
    store_close(store);
    free(prev);
    if (err != ERR_OK)
        fprintf(stderr, "%s: %s\n", argv[1], err_text(err));
    return err == ERR_OK ? 0 : 1;
}
