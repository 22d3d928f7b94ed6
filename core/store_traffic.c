// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "store_db.h"

enum err store_add_traffic(struct store *store, const struct meter_key *key,
                           const struct meter_count *count)
{
    enum err err = store_note_traffic(store, key, count);
    return err == ERR_OK ? store_settle_pending(store) : err;
}

static enum store_sql sql_for(enum store_group group)
{
    switch (group) {
    case STORE_BY_ROOM:
        return STORE_SQL_TRAFFIC_BY_ROOM;
    case STORE_BY_SUBJECT:
        return STORE_SQL_TRAFFIC_BY_SUBJECT;
    case STORE_BY_FACE:
        return STORE_SQL_TRAFFIC_BY_FACE;
    case STORE_TOTAL:
        break;
    }
    return STORE_SQL_TRAFFIC_TOTAL;
}

static struct span name_of(const struct store_run *run, enum store_group group)
{
    if (group != STORE_BY_FACE)
        return store_get_column_text(run, "name");
    int64_t face = store_get_column_int(run, "name");
    if (face < 0 || face >= METER_FACE_COUNT)
        return span_of("unknown"); // a newer version counted it
    return span_of(meter_face_name((enum meter_face)face));
}

static struct store_traffic read_traffic(const struct store_run *run, enum store_group group)
{
    return (struct store_traffic){
        .name = name_of(run, group),
        .in = {.messages = store_get_column_int(run, "messages_in"),
               .blocks = store_get_column_int(run, "blocks_in"),
               .bytes = store_get_column_int(run, "bytes_in")},
        .out = {.messages = store_get_column_int(run, "messages_out"),
                .blocks = store_get_column_int(run, "blocks_out"),
                .bytes = store_get_column_int(run, "bytes_out")},
    };
}

enum err store_read_traffic(struct store *store, enum store_group group, int64_t since_hour,
                            int64_t until_hour, store_traffic_fn *each, void *context)
{
    struct store_run run = store_start(store, sql_for(group));
    store_bind_int(&run, since_hour);
    store_bind_int(&run, until_hour);
    bool is_wanted = true;
    while (is_wanted && store_step(&run)) {
        struct store_traffic traffic = read_traffic(&run, group);
        is_wanted = each(context, &traffic);
    }
    return store_end(&run);
}
