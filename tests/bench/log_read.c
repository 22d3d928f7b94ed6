// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// roomwire_log_read DATABASE ROOMS SECONDS: how often one thread can read the last 50 messages of a
// random room with one prepared statement and nothing else. The reference for the gateway, so it
// shares no code with it. Prints JSON.
#include <sqlite3.h>
#include <stdint.h>
#include <stdlib.h>

static const char query[] =
    "SELECT id, prev, date_ms, sender, name, type, payload FROM messages"
    " WHERE room_id = (SELECT room_id FROM rooms WHERE room = ?1) ORDER BY id DESC LIMIT 50";

static double now_s(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t); // cannot fail for this clock
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

// Every column is looked at; the sum keeps the compiler from leaving that out.
static long long read_page(sqlite3_stmt *statement, const char *room, long long *sum)
{
    long long rows = 0;
    sqlite3_bind_text(statement, 1, room, -1, SQLITE_STATIC);
    while (sqlite3_step(statement) == SQLITE_ROW) {
        for (int column = 0; column < 3; column++)
            *sum += sqlite3_column_int64(statement, column);
        for (int column = 3; column < 7; column++) {
            const unsigned char *text = sqlite3_column_blob(statement, column);
            *sum += sqlite3_column_bytes(statement, column) + (text ? *text : 0);
        }
        rows++;
    }
    sqlite3_reset(statement);
    return rows;
}

static void measure(sqlite3_stmt *statement, unsigned long rooms, double seconds)
{
    uint64_t random = 88172645463325252u; // xorshift, the same rooms each time
    long long queries = 0, rows = 0, sum = 0;
    double start = now_s(), end = start + seconds;
    while (now_s() < end) {
        char room[32];
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (void)snprintf(room, sizeof room, "r%lu", (unsigned long)(random % rooms)); // fits
        rows += read_page(statement, room, &sum);
        queries++;
    }
    printf("{\"queries_per_s\":%.1f,\"rows_per_query\":%.2f,\"sum\":%lld}\n",
           (double)queries / (now_s() - start), (double)rows / (double)queries, sum);
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    unsigned long rooms = strtoul(argv[2], NULL, 10);
    double seconds = strtod(argv[3], NULL);
    sqlite3 *database = NULL;
    sqlite3_stmt *statement = NULL;
    int status = 1;
    if (rooms > 0 && seconds > 0 &&
        sqlite3_open_v2(argv[1], &database, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK &&
        sqlite3_prepare_v2(database, query, -1, &statement, NULL) == SQLITE_OK) {
        measure(statement, rooms, seconds);
        status = 0;
    } else {
        fprintf(stderr, "%s: %s\n", argv[1], sqlite3_errmsg(database));
    }
    sqlite3_finalize(statement);
    sqlite3_close(database);
    return status;
}
