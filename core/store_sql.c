// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "store_db.h"

// clang-format off
#define TRAFFIC_SUMS                                                                               \
    " sum(iif(direction = 0, messages, 0)) AS messages_in,"                                        \
    " sum(iif(direction = 0, blocks, 0)) AS blocks_in,"                                            \
    " sum(iif(direction = 0, bytes, 0)) AS bytes_in,"                                              \
    " sum(iif(direction = 1, messages, 0)) AS messages_out,"                                       \
    " sum(iif(direction = 1, blocks, 0)) AS blocks_out,"                                           \
    " sum(iif(direction = 1, bytes, 0)) AS bytes_out"                                              \
    " FROM traffic WHERE hour >= ?1 AND hour < ?2"
#define TRAFFIC_BY(column)                                                                         \
    "SELECT " column " AS name," TRAFFIC_SUMS                                                      \
    " GROUP BY " column " ORDER BY sum(blocks) DESC, " column

// store_messages.c knows the order of these columns.
// Without "OR FAIL" SQLite would keep every page that a statement of many rows changes, to undo it.
#define PUT_MESSAGES                                                                               \
    "INSERT OR FAIL INTO messages"                                                                 \
    " (id, room_id, prev, date_ms, sender, name, type, payload) VALUES "
#define MESSAGE_ROW "(?, ?, ?, ?, ?, ?, ?, ?)"
#define MESSAGE_ROWS_4 MESSAGE_ROW "," MESSAGE_ROW "," MESSAGE_ROW "," MESSAGE_ROW
#define MESSAGE_ROWS_16                                                                            \
    MESSAGE_ROWS_4 "," MESSAGE_ROWS_4 "," MESSAGE_ROWS_4 "," MESSAGE_ROWS_4

// And of these.
#define PAGE                                                                                       \
    "SELECT id, prev, date_ms, sender, name, type, payload FROM messages"                          \
    " WHERE room_id = (SELECT room_id FROM rooms WHERE room = ?1)"

// The next rows by id: how many of them stay, because they are neither too old nor of the future.
#define LOOK_AT(table)                                                                             \
    "SELECT count(*) AS count, coalesce(max(id), 0) AS last,"                                      \
    " coalesce(sum(date_ms BETWEEN ?2 AND ?3), 0) AS staying"                                      \
    " FROM (SELECT id, date_ms FROM " table " WHERE id > ?1 ORDER BY id LIMIT ?4)"
// As many as asked, and what is as old as the last of them.
#define TRIM_OLDEST(table, time)                                                                   \
    "DELETE FROM " table " WHERE " time " < ?1 AND " time " <="                                    \
    " coalesce((SELECT " time " FROM " table " ORDER BY " time " LIMIT 1 OFFSET ?2 - 1), ?1)"
#define TRIM(table) "DELETE FROM " table " WHERE id > ? AND id <= ? AND date_ms < ?"

const char *const store_sql_texts[STORE_SQL_COUNT] = {
    [STORE_SQL_BEGIN] = "BEGIN IMMEDIATE",
    [STORE_SQL_BEGIN_READ] = "BEGIN",
    [STORE_SQL_COMMIT] = "COMMIT",
    [STORE_SQL_ROLLBACK] = "ROLLBACK",
    [STORE_SQL_EPOCH] = "SELECT epoch FROM log",
    [STORE_SQL_RENEW_EPOCH] = "UPDATE log SET epoch = lower(hex(randomblob(5)))",
    // Not from the messages: the last ones may have been trimmed.
    [STORE_SQL_LAST_ID] = "SELECT coalesce(max(last_id), 0) AS id FROM rooms",
    [STORE_SQL_SOURCE] = "SELECT number FROM sources WHERE name = ?",
    [STORE_SQL_SET_SOURCE] = "INSERT OR REPLACE INTO sources (name, number) VALUES (?, ?)",

    [STORE_SQL_ROOM] = "SELECT room_id FROM rooms WHERE room = ?",
    [STORE_SQL_MAKE_ROOM] = "INSERT INTO rooms (room, last_id, messages) VALUES (?, 0, 0)",
    [STORE_SQL_UPDATE_ROOM] =
        "UPDATE rooms SET last_id = ?, messages = messages + ? WHERE room_id = ?",
    [STORE_SQL_PUT_MESSAGE] = PUT_MESSAGES MESSAGE_ROW,
    [STORE_SQL_PUT_MESSAGES] = PUT_MESSAGES MESSAGE_ROWS_16,
    // A key may come again once its lifetime is over.
    [STORE_SQL_PUT_KEY] =
        "INSERT OR REPLACE INTO keys (room_id, sender, key, id, date_ms) VALUES (?, ?, ?, ?, ?)",
    [STORE_SQL_PUT_ORIGIN] =
        "INSERT OR REPLACE INTO origins (id, date_ms, origin) VALUES (?, ?, ?)",
    [STORE_SQL_LOOK_AT_MESSAGES] = LOOK_AT("messages"),
    [STORE_SQL_TRIM_MESSAGES] = TRIM("messages"),
    [STORE_SQL_LOOK_AT_ORIGINS] = LOOK_AT("origins"),
    [STORE_SQL_TRIM_ORIGINS] = TRIM("origins"),
    [STORE_SQL_TRIM_KEYS] = TRIM_OLDEST("keys", "date_ms"),
    [STORE_SQL_TRIM_TRAFFIC] = TRIM_OLDEST("traffic", "hour"),

    // One row more than asked says that there are further ones.
    [STORE_SQL_PAGE_BEFORE] = PAGE " AND id < ?2 ORDER BY id DESC LIMIT ?3 + 1",
    [STORE_SQL_PAGE_AFTER] = PAGE " AND id < ?2 AND id > ?4 ORDER BY id LIMIT ?3 + 1",

    [STORE_SQL_ROOMS] = "SELECT room, last_id, messages FROM rooms ORDER BY last_id DESC",
    // None is ever removed, so they are numbered without a gap.
    [STORE_SQL_COUNT_ROOMS] = "SELECT coalesce(max(room_id), 0) AS rooms FROM rooms",
    [STORE_SQL_ROOM_LAST_ID] = "SELECT last_id FROM rooms WHERE room = ?",
    // The ids are all in an index; of the messages one alone is looked at.
    [STORE_SQL_BEFORE_LATEST] =
        "SELECT prev FROM messages WHERE id = (SELECT min(id) FROM (SELECT id FROM messages"
        " WHERE room_id = (SELECT room_id FROM rooms WHERE room = ?) ORDER BY id DESC LIMIT ?))",
    [STORE_SQL_KEYS] =
        "SELECT room, sender, key, id, date_ms FROM keys JOIN rooms USING (room_id)"
        " WHERE date_ms >= ? ORDER BY date_ms",
    [STORE_SQL_ORIGIN] = "SELECT origin FROM origins WHERE id = ?",

    [STORE_SQL_ADD_TRAFFIC] =
        "INSERT INTO traffic (hour, room, subject, face, direction, messages, blocks, bytes)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (hour, room, subject, face, direction) DO UPDATE SET"
        " messages = messages + excluded.messages, blocks = blocks + excluded.blocks,"
        " bytes = bytes + excluded.bytes",
    [STORE_SQL_TRAFFIC_BY_ROOM] = TRAFFIC_BY("room"),
    [STORE_SQL_TRAFFIC_BY_SUBJECT] = TRAFFIC_BY("subject"),
    [STORE_SQL_TRAFFIC_BY_FACE] = TRAFFIC_BY("face"),
    [STORE_SQL_TRAFFIC_TOTAL] = "SELECT '' AS name," TRAFFIC_SUMS " HAVING count(*) > 0",

    [STORE_SQL_HOOK_SET_EPOCH] = "UPDATE log SET epoch = ?",
    [STORE_SQL_HOOK_CAP_SINCE] = "UPDATE hooks SET since_id = ?1 WHERE since_id > ?1",
    [STORE_SQL_HOOK_CAP_POSITIONS] = "UPDATE positions SET id = ?1 WHERE id > ?1",
    [STORE_SQL_HOOK_ENTER] =
        "INSERT INTO hooks (url, since_id) VALUES (?, ?) ON CONFLICT (url) DO UPDATE SET since_id ="
        " iif(excluded.since_id < 0 OR since_id < 0, excluded.since_id, since_id)",
    [STORE_SQL_HOOK_FIND] = "SELECT hook_id FROM hooks WHERE url = ?",
    [STORE_SQL_HOOKS] = "SELECT hook_id FROM hooks ORDER BY hook_id",
    [STORE_SQL_HOOK_REMOVE] = "DELETE FROM hooks WHERE hook_id = ?",
    [STORE_SQL_HOOK_REMOVE_POSITIONS] = "DELETE FROM positions WHERE hook_id = ?",
    [STORE_SQL_HOOK_REMOVE_EVENTS] = "DELETE FROM events WHERE hook_id = ?",
    [STORE_SQL_HOOK_POSITION] =
        "SELECT coalesce((SELECT id FROM positions WHERE hook_id = ?1 AND room = ?2), since_id)"
        " AS id FROM hooks WHERE hook_id = ?1",
    [STORE_SQL_HOOK_SET_POSITION] =
        "INSERT INTO positions (hook_id, room, id) VALUES (?, ?, ?)"
        " ON CONFLICT (hook_id, room) DO UPDATE SET id = max(id, excluded.id)",
    [STORE_SQL_HOOK_PUT_EVENT] =
        "INSERT INTO events (hook_id, client, kind, name, date_ms, json)"
        " VALUES (?, ?, ?, ?, ?, ?)",
    [STORE_SQL_HOOK_FIRST_EVENT] =
        "SELECT event_id, kind, name, date_ms, json FROM events WHERE hook_id = ? AND client = ?"
        " ORDER BY event_id LIMIT 1",
    [STORE_SQL_HOOK_REMOVE_EVENT] = "DELETE FROM events WHERE event_id = ?",
    [STORE_SQL_HOOK_COUNT_EVENTS] = "SELECT count(*) AS count FROM events",
    [STORE_SQL_HOOK_CLIENTS] = "SELECT DISTINCT hook_id, client FROM events",
    [STORE_SQL_HOOK_PUT_CONNECTION] =
        "INSERT INTO connections (version, client, session, principal, source_ip)"
        " VALUES (?, ?, ?, ?, ?) ON CONFLICT (version) DO NOTHING",
    [STORE_SQL_HOOK_REMOVE_CONNECTION] = "DELETE FROM connections WHERE version = ?",
    [STORE_SQL_HOOK_NEXT_CONNECTION] =
        "SELECT version, client, session, principal, source_ip FROM connections"
        " WHERE version > ? AND version <= ? ORDER BY version LIMIT 1",
    [STORE_SQL_HOOK_OLDER_CONNECTION] =
        "SELECT version, client, session, principal, source_ip FROM connections"
        " WHERE client = ? AND version < ? ORDER BY version LIMIT 1",
};
// clang-format on
