// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// GET /: the rooms that the caller may read, each with its last message.
#include <stdio.h>

#include "core/store.h"
#include "core/topic.h"
#include "page.h"
#include "page_handlers.h"

// The newest rooms are looked at first; who has rights to none of them still gets an answer soon.
enum {
    LOBBY_ROOMS_MAX = 100,
    LOBBY_ROOMS_LOOKED_AT_MAX = 10000,
    LOBBY_EXCERPT_MAX = 160 // bytes
};

static const char *const room_columns[] = {"room", "name", "excerpt", "date", "when", NULL};

struct lobby {
    struct page page;
    struct page_rows rooms;
    struct topic_rooms pattern;
    size_t looked_at;
    bool has_more;
    char names[LOBBY_ROOMS_MAX][TOPIC_ROOM_MAX + 1];
    size_t name_count;
};

static bool show_last(void *context, const struct message *m)
{
    struct page_rows *rooms = context;
    char date[MESSAGE_DATE_TEXT], when[PAGE_DATE_TEXT];
    message_format_date(m->date_ms, date);
    page_format_date(m->date_ms, when);
    page_rows_put(rooms, "name", m->name.len ? m->name : m->from);
    page_rows_put(rooms, "date", span_of(date));
    page_rows_put(rooms, "when", span_of(when));
    if (span_is_utf8(m->payload)) {
        size_t start = rooms->text.len;
        struct span excerpt = span_cut(m->payload, LOBBY_EXCERPT_MAX);
        buf_add_span(&rooms->text, excerpt);
        buf_add_text(&rooms->text, excerpt.len < m->payload.len ? "…" : "");
        page_rows_put_since(rooms, "excerpt", start);
    }
    return false;
}

static bool note_room(void *context, const struct store_room *room)
{
    struct lobby *lobby = context;
    if (lobby->looked_at++ == LOBBY_ROOMS_LOOKED_AT_MAX || lobby->name_count == LOBBY_ROOMS_MAX) {
        lobby->has_more = true;
        return false;
    }
    if (rights_allow_room(lobby->page.caller.token.rights, &lobby->pattern, RIGHTS_SUBSCRIBE,
                          room->room))
        snprintf(lobby->names[lobby->name_count++], sizeof *lobby->names, "%.*s",
                 (int)room->room.len, room->room.ptr);
    return true;
}

// The list first and the messages then, since two reads of one store must not overlap.
static enum err read_rooms(struct lobby *lobby, struct store *store)
{
    enum err err = store_read_rooms(store, note_room, lobby);
    for (size_t i = 0; !err && i < lobby->name_count; i++) {
        struct span room = span_of(lobby->names[i]);
        page_rows_add(&lobby->rooms);
        page_rows_put(&lobby->rooms, "room", room);
        err = store_read_last(store, room, show_last, &lobby->rooms);
        if (err == ERR_NOT_FOUND) // all its messages were trimmed
            err = ERR_OK;
    }
    return err ? err : lobby->rooms.text.status;
}

static enum err find_rooms(struct lobby *lobby)
{
    struct worker *worker = exchange_worker(lobby->page.x);
    if (!lobby->page.caller.has_token)
        return ERR_OK;
    enum err err = topic_rooms_init(&lobby->pattern, span_of(worker->gateway->config.room_topic));
    if (err)
        return err;
    struct store *store = worker_store(worker);
    return store ? read_rooms(lobby, store) : ERR_AGAIN;
}

static const char *nothing_text(const struct lobby *lobby)
{
    if (!lobby->page.caller.has_token)
        return "Sign in to see the rooms that you may read.";
    return "Nothing has been said in any room that you may read. Go to one and begin.";
}

static void send_lobby(struct lobby *lobby, enum err token_err)
{
    struct page *page = &lobby->page;
    struct exchange *x = page->x;
    struct span room = {NULL, 0};
    bool has_asked = exchange_query(x, "room", &room) == ERR_OK;
    page->rows = &lobby->rooms;
    page_set(page, "title", span_of("Rooms"));
    page_set(page, "nothing", span_of(nothing_text(lobby)));
    page_set(page, "next", span_of("/"));
    page_set(page, "reason", span_of(token_err > ERR_TOKEN_MISSING ? err_text(token_err) : ""));
    page_set(page, "asked_room", room);
    page_set(page, "room_error",
             span_of(has_asked ? "No room can be called that: up to 64 letters, digits, “.”, “_” "
                                 "and “-”, the first one a letter or a digit."
                               : ""));
    page_set_flag(page, "has_rooms", lobby->rooms.count != 0);
    page_set_flag(page, "more_rooms", lobby->has_more);
    page_set_flag(page, "guests", exchange_worker(x)->gateway->config.guests);
    page_set_flag(page, "may_bill", page->caller.token.claims.may_bill);
    if (has_asked)
        exchange_note_refusal(x, 404, ERR_NOT_FOUND, "no room can be called that");
    page_send(page, has_asked ? 404 : 200, "lobby.html");
}

// The form "Go to a room" leads here, and from here to the room.
static bool go_to_room(struct exchange *x)
{
    struct span room;
    if (exchange_query(x, "room", &room) != ERR_OK || !topic_is_room(room))
        return false;
    char location[sizeof "/rooms/" + TOPIC_ROOM_MAX];
    int len = snprintf(location, sizeof location, "/rooms/%.*s", (int)room.len, room.ptr);
    exchange_redirect(x, span_make(location, (size_t)len));
    return true;
}

void page_lobby(struct exchange *x)
{
    if (go_to_room(x))
        return;
    struct lobby lobby = {.looked_at = 0};
    enum err token_err;
    enum err err = page_init(&lobby.page, x, &token_err);
    if (err) {
        exchange_refuse(x, 500, err, NULL);
        return;
    }
    page_rows_init(&lobby.rooms, "rooms", room_columns);
    err = find_rooms(&lobby);
    if (err)
        page_refuse(&lobby.page, page_status(err), err, "The rooms cannot be read right now.",
                    span_of(""));
    else
        send_lobby(&lobby, token_err);
    page_rows_finish(&lobby.rooms);
    page_finish(&lobby.page);
}
