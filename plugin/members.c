// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "members.h"

#include <assert.h>
#include <stdlib.h>

#include "core/container.h"
#include "core/hash.h"
#include "core/table.h"
#include "session.h"

// Lives as long as it has an audience: those who are shown, the oldest first.
struct member_room {
    struct list audience; // struct membership
    size_t len;
    char name[TOPIC_ROOM_MAX + 1];
};

struct membership {
    struct members *members;
    struct session *session;
    struct membership *prev, *next; // of the same session, in one of its lists
    bool is_learned;
    bool is_shown;
    uint16_t len;
    uint32_t hash;
    struct member_room *room; // NULL: every room. Only while it is shown
    struct list_node in_audience;
    int64_t since_ms;
    char text[]; // the filter; the name of the room, if that is all that was learned
};

struct members {
    const struct topic_rooms *pattern;
    size_t max;
    struct hash_seed seed;
    struct table memberships; // by session and text
    struct table rooms;       // struct member_room by name
    struct list all_rooms;    // the audience by a wildcard
    struct list hidden;       // struct session, the longest hidden first
};

enum err members_create(const struct topic_rooms *rooms, size_t max, struct members **out_members)
{
    struct members *members = calloc(1, sizeof *members);
    if (members == NULL)
        return ERR_MEMORY;
    members->pattern = rooms;
    members->max = max;
    table_init(&members->memberships);
    table_init(&members->rooms);
    if (!hash_seed_init(&members->seed)) {
        free(members);
        return ERR_IO;
    }
    *out_members = members;
    return ERR_OK;
}

void members_destroy(struct members *members)
{
    if (members == NULL)
        return;
    assert(members->memberships.count == 0);
    table_finish(&members->memberships);
    table_finish(&members->rooms);
    free(members);
}

// ---- rooms ----

static bool has_name(const void *item, const void *key)
{
    const struct member_room *room = item;
    return span_equal(span_make(room->name, room->len), *(const struct span *)key);
}

static struct member_room *find_room(const struct members *members, struct span name)
{
    return table_find(&members->rooms, hash_bytes(&members->seed, name), has_name, &name);
}

static struct member_room *get_room(struct members *members, struct span name)
{
    struct member_room *room = find_room(members, name);
    if (room != NULL)
        return room;
    room = calloc(1, sizeof *room);
    if (room == NULL)
        return NULL;
    memcpy(room->name, name.ptr, name.len);
    room->len = name.len;
    if (table_add(&members->rooms, hash_bytes(&members->seed, name), room) == ERR_OK)
        return room;
    free(room);
    return NULL;
}

static void drop_room_if_empty(struct members *members, struct member_room *room)
{
    if (room->audience.first != NULL)
        return;
    struct span name = span_make(room->name, room->len);
    table_remove(&members->rooms, hash_bytes(&members->seed, name), room);
    free(room);
}

// ---- one subscription ----

static struct span text_of(const struct membership *m)
{
    return span_make(m->text, m->len);
}

static enum topic_reach reach_of(const struct membership *m, struct span *out_room)
{
    *out_room = text_of(m);
    return m->is_learned ? TOPIC_REACHES_ONE
                         : topic_reach(m->members->pattern, text_of(m), out_room);
}

static struct list *audience_of(struct membership *m)
{
    return m->room != NULL ? &m->room->audience : &m->members->all_rooms;
}

static enum err show(struct membership *m, int64_t now_ms)
{
    struct span name;
    enum topic_reach reach = reach_of(m, &name);
    assert(reach != TOPIC_REACHES_NONE && !m->is_shown);
    m->room = reach == TOPIC_REACHES_ONE ? get_room(m->members, name) : NULL;
    if (reach == TOPIC_REACHES_ONE && m->room == NULL)
        return ERR_MEMORY;
    list_append(audience_of(m), &m->in_audience);
    m->since_ms = now_ms;
    m->is_shown = true;
    return ERR_OK;
}

static void hide(struct membership *m)
{
    if (!m->is_shown)
        return;
    list_remove(audience_of(m), &m->in_audience);
    m->is_shown = false;
    if (m->room != NULL)
        drop_room_if_empty(m->members, m->room);
    m->room = NULL;
}

static void membership_free(struct membership *m)
{
    hide(m);
    table_remove(&m->members->memberships, m->hash, m);
    free(m);
}

// As in a list of a session's, which is then nobody's.
static void free_all(struct membership *first)
{
    while (first != NULL) {
        struct membership *next = first->next;
        membership_free(first);
        first = next;
    }
}

// ---- those of one session ----

// By the client id and not by the session, because who takes its place has the same. Half of the
// hash will do, and fits where there is room.
static uint32_t hash_of(const struct members *members, const struct session *session,
                        struct span text)
{
    return (uint32_t)hash_more(&members->seed, session->id_hash, text);
}

struct wanted {
    const struct session *session;
    bool is_learned;
    struct span text;
};

static bool is_wanted(const void *item, const void *key)
{
    const struct membership *m = item;
    const struct wanted *wanted = key;
    return m->session == wanted->session && m->is_learned == wanted->is_learned &&
           span_equal(text_of(m), wanted->text);
}

static struct membership *find(const struct members *members, const struct session *session,
                               bool is_learned, struct span text)
{
    struct wanted wanted = {session, is_learned, text};
    return table_find(&members->memberships, hash_of(members, session, text), is_wanted, &wanted);
}

static struct membership **list_of(const struct membership *m)
{
    struct memberships *all = &m->session->memberships;
    return m->is_learned ? &all->learned : &all->joined;
}

static bool is_wide(const struct membership *m)
{
    struct span room;
    return reach_of(m, &room) == TOPIC_REACHES_ALL;
}

static void link_in(struct membership *m)
{
    struct membership **first = list_of(m);
    m->prev = NULL;
    m->next = *first;
    if (m->next != NULL)
        m->next->prev = m;
    *first = m;
    m->session->memberships.wide += is_wide(m);
}

static void drop(struct membership *m)
{
    if (m->prev != NULL)
        m->prev->next = m->next;
    else
        *list_of(m) = m->next;
    if (m->next != NULL)
        m->next->prev = m->prev;
    m->session->memberships.wide -= is_wide(m);
    membership_free(m);
}

static enum err add(struct members *members, struct session *session, bool is_learned,
                    struct span text, int64_t now_ms)
{
    while (members->memberships.count >= members->max && members->hidden.first != NULL)
        members_forget(CONTAINER_OF(members->hidden.first, struct session, memberships.in_hidden));
    if (members->memberships.count >= members->max)
        return ERR_FULL;
    assert(text.len <= TOPIC_LENGTH_MAX);
    struct membership *m = calloc(1, sizeof *m + text.len);
    if (m == NULL)
        return ERR_MEMORY;
    *m = (struct membership){.members = members,
                             .session = session,
                             .is_learned = is_learned,
                             .len = (uint16_t)text.len,
                             .hash = hash_of(members, session, text)};
    memcpy(m->text, text.ptr, text.len);
    enum err err = table_add(&members->memberships, m->hash, m);
    if (err == ERR_OK)
        err = show(m, now_ms);
    if (err != ERR_OK) {
        membership_free(m);
        return err;
    }
    link_in(m);
    return ERR_OK;
}

enum err members_join(struct members *members, struct session *session, struct span filter,
                      int64_t now_ms)
{
    struct span room;
    if (topic_reach(members->pattern, filter, &room) == TOPIC_REACHES_NONE ||
        find(members, session, false, filter) != NULL)
        return ERR_OK;
    return add(members, session, false, filter, now_ms);
}

// A filter that reaches but this room and is not its topic goes unnoticed: then the session is
// among the members twice.
enum err members_learn(struct members *members, struct session *session, struct span topic,
                       int64_t now_ms)
{
    struct span room;
    if (session->memberships.wide > 0 ||
        topic_classify(members->pattern, topic, &room) != TOPIC_KEPT ||
        find(members, session, true, room) != NULL || find(members, session, false, topic) != NULL)
        return ERR_OK;
    return add(members, session, true, room, now_ms);
}

static void drop_if(struct membership *m)
{
    if (m != NULL)
        drop(m);
}

void members_leave(struct members *members, struct session *session, struct span filter)
{
    struct span room;
    drop_if(find(members, session, false, filter));
    switch (topic_reach(members->pattern, filter, &room)) {
    case TOPIC_REACHES_NONE:
        break;
    case TOPIC_REACHES_ONE:
        drop_if(find(members, session, true, room));
        break;
    case TOPIC_REACHES_ALL:
        free_all(session->memberships.learned);
        session->memberships.learned = NULL;
        break;
    }
}

// ---- all of a session ----

static void hide_all(struct membership *first)
{
    for (struct membership *m = first; m != NULL; m = m->next)
        hide(m);
}

void members_hide(struct session *session)
{
    struct memberships *all = &session->memberships;
    const struct membership *any = all->joined != NULL ? all->joined : all->learned;
    hide_all(all->joined);
    hide_all(all->learned);
    if (any == NULL || all->hidden_in != NULL)
        return;
    all->hidden_in = any->members;
    list_append(&all->hidden_in->hidden, &all->in_hidden);
}

// It is not among the hidden ones any more.
static void unhide(struct session *session)
{
    struct memberships *all = &session->memberships;
    if (all->hidden_in == NULL)
        return;
    list_remove(&all->hidden_in->hidden, &all->in_hidden);
    all->hidden_in = NULL;
}

static void show_all(struct membership *first, int64_t now_ms)
{
    for (struct membership *m = first; m != NULL; m = m->next)
        if (!m->is_shown)
            (void)!show(m, now_ms); // it is missing where there is no memory
}

void members_show(struct session *session, int64_t now_ms)
{
    unhide(session);
    show_all(session->memberships.joined, now_ms);
    show_all(session->memberships.learned, now_ms);
}

void members_drop(struct memberships memberships)
{
    free_all(memberships.joined);
    free_all(memberships.learned);
}

void members_forget(struct session *session)
{
    unhide(session);
    members_drop(session->memberships);
    session->memberships = (struct memberships){0};
}

struct memberships members_take(struct session *session)
{
    unhide(session);
    struct memberships all = session->memberships;
    hide_all(all.joined);
    hide_all(all.learned);
    session->memberships = (struct memberships){0};
    return all;
}

static void give_all(struct session *session, struct membership *first)
{
    for (struct membership *m = first; m != NULL; m = m->next) {
        assert(m->session->id_hash == session->id_hash); // or they would not be found any more
        m->session = session;
    }
}

void members_give(struct session *session, struct memberships memberships)
{
    assert(session->memberships.joined == NULL && session->memberships.learned == NULL);
    session->memberships = memberships;
    give_all(session, memberships.joined);
    give_all(session, memberships.learned);
}

// ---- asking ----

static bool each_of(const struct list *audience, members_each_fn *each, void *context)
{
    for (struct list_node *node = audience->first; node != NULL; node = node->behind) {
        const struct membership *m = CONTAINER_OF(node, struct membership, in_audience);
        if (!each(context, m->session, m->since_ms))
            return false;
    }
    return true;
}

void members_each(const struct members *members, struct span room, members_each_fn *each,
                  void *context)
{
    const struct member_room *found = find_room(members, room);
    if (found == NULL || each_of(&found->audience, each, context))
        (void)each_of(&members->all_rooms, each, context); // stopped or not, it was the last
}
