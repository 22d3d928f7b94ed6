// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "members.h"

#include <assert.h>
#include <stdlib.h>

#include "core/hash.h"
#include "core/table.h"
#include "session.h"

// Those who are shown, the oldest first.
struct audience {
    struct membership *first, *last;
};

// Lives as long as it has an audience.
struct member_room {
    struct audience audience;
    size_t len;
    char name[TOPIC_ROOM_MAX + 1];
};

struct membership {
    struct members *members;
    struct session *session;
    struct membership *next; // of the same session
    bool is_learned;         // `filter` is but one topic of what was subscribed to
    bool is_shown;
    struct member_room *room; // NULL: every room. Only while it is shown
    struct membership *before, *behind;
    int64_t since_ms;
    size_t len;
    char filter[];
};

struct members {
    const struct topic_rooms *pattern;
    size_t count, max;
    struct hash_seed seed;
    struct table rooms;        // struct member_room by name
    struct audience all_rooms; // by a wildcard
};

enum err members_create(const struct topic_rooms *rooms, size_t max, struct members **out_members)
{
    struct members *members = calloc(1, sizeof *members);
    if (members == NULL)
        return ERR_MEMORY;
    members->pattern = rooms;
    members->max = max;
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
    assert(members->count == 0);
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

static struct span filter_of(const struct membership *m)
{
    return span_make(m->filter, m->len);
}

static struct audience *audience_of(struct membership *m)
{
    return m->room != NULL ? &m->room->audience : &m->members->all_rooms;
}

static enum err show(struct membership *m, int64_t now_ms)
{
    struct span name;
    enum topic_reach reach = topic_reach(m->members->pattern, filter_of(m), &name);
    assert(reach != TOPIC_REACHES_NONE && !m->is_shown);
    m->room = reach == TOPIC_REACHES_ONE ? get_room(m->members, name) : NULL;
    if (reach == TOPIC_REACHES_ONE && m->room == NULL)
        return ERR_MEMORY;
    struct audience *audience = audience_of(m);
    m->before = audience->last;
    m->behind = NULL;
    if (audience->last != NULL)
        audience->last->behind = m;
    else
        audience->first = m;
    audience->last = m;
    m->since_ms = now_ms;
    m->is_shown = true;
    return ERR_OK;
}

static void hide(struct membership *m)
{
    if (!m->is_shown)
        return;
    struct audience *audience = audience_of(m);
    if (m->before != NULL)
        m->before->behind = m->behind;
    else
        audience->first = m->behind;
    if (m->behind != NULL)
        m->behind->before = m->before;
    else
        audience->last = m->before;
    m->is_shown = false;
    if (m->room != NULL)
        drop_room_if_empty(m->members, m->room);
    m->room = NULL;
}

static void membership_free(struct membership *m)
{
    hide(m);
    m->members->count--;
    free(m);
}

static enum err add(struct members *members, struct session *session, struct span filter,
                    bool is_learned, int64_t now_ms)
{
    if (members->count >= members->max)
        return ERR_FULL;
    struct membership *m = calloc(1, sizeof *m + filter.len);
    if (m == NULL)
        return ERR_MEMORY;
    *m = (struct membership){.members = members,
                             .session = session,
                             .next = session->memberships,
                             .is_learned = is_learned,
                             .len = filter.len};
    memcpy(m->filter, filter.ptr, filter.len);
    enum err err = show(m, now_ms);
    if (err != ERR_OK) {
        free(m);
        return err;
    }
    members->count++;
    session->memberships = m;
    return ERR_OK;
}

enum err members_join(struct members *members, struct session *session, struct span filter,
                      int64_t now_ms)
{
    struct span room;
    if (topic_reach(members->pattern, filter, &room) == TOPIC_REACHES_NONE)
        return ERR_OK;
    for (const struct membership *m = session->memberships; m != NULL; m = m->next)
        if (span_equal(filter_of(m), filter))
            return ERR_OK;
    return add(members, session, filter, false, now_ms);
}

// True if the subscription delivers what is published on `topic`.
static bool delivers(struct span filter, struct span topic)
{
    return topic_strip_share(&filter) && topic_matches(filter, topic);
}

enum err members_learn(struct members *members, struct session *session, struct span topic,
                       int64_t now_ms)
{
    for (const struct membership *m = session->memberships; m != NULL; m = m->next)
        if (delivers(filter_of(m), topic))
            return ERR_OK;
    return add(members, session, topic, true, now_ms);
}

void members_leave(struct session *session, struct span filter)
{
    struct membership **place = &session->memberships;
    while (*place != NULL) {
        struct membership *m = *place;
        if (span_equal(filter_of(m), filter) || (m->is_learned && delivers(filter, filter_of(m)))) {
            *place = m->next;
            membership_free(m);
        } else {
            place = &m->next;
        }
    }
}

// ---- all of a session ----

void members_hide(struct session *session)
{
    for (struct membership *m = session->memberships; m != NULL; m = m->next)
        hide(m);
}

void members_show(struct session *session, int64_t now_ms)
{
    for (struct membership *m = session->memberships; m != NULL; m = m->next)
        if (!m->is_shown)
            (void)!show(m, now_ms); // it is missing where there is no memory
}

void members_drop(struct membership *memberships)
{
    while (memberships != NULL) {
        struct membership *next = memberships->next;
        membership_free(memberships);
        memberships = next;
    }
}

void members_forget(struct session *session)
{
    members_drop(session->memberships);
    session->memberships = NULL;
}

struct membership *members_take(struct session *session)
{
    struct membership *all = session->memberships;
    members_hide(session);
    session->memberships = NULL;
    return all;
}

void members_give(struct session *session, struct membership *memberships)
{
    assert(session->memberships == NULL);
    session->memberships = memberships;
    for (struct membership *m = memberships; m != NULL; m = m->next)
        m->session = session;
}

// ---- asking ----

static bool each_of(const struct audience *audience, members_each_fn *each, void *context)
{
    for (const struct membership *m = audience->first; m != NULL; m = m->behind)
        if (!each(context, m->session, m->since_ms))
            return false;
    return true;
}

void members_each(const struct members *members, struct span room, members_each_fn *each,
                  void *context)
{
    const struct member_room *found = find_room(members, room);
    if (found == NULL || each_of(&found->audience, each, context))
        (void)each_of(&members->all_rooms, each, context); // stopped or not, it was the last
}
