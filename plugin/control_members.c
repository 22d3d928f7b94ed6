// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The members of a room by MQTT: one for each subject, however many connections it has.
#include <stdlib.h>

#include "control.h"
#include "core/hash.h"

enum {
    LIMIT_MAX = 1000,
    LOOKS_PER_MEMBER = 10 // subscriptions looked at: the broker's loop has more to do
};

struct member {
    const struct token *token;
    bool has_face[METER_FACE_COUNT];
    int64_t since_ms;
};

struct gathering {
    const struct plugin *p;
    struct span room;
    struct hash_seed seed;
    struct table by_subject; // struct member
    struct member *members;
    size_t count, limit, looks;
    bool has_more;
    enum err err;
};

static bool has_subject(const void *item, const void *key)
{
    return strcmp(((const struct member *)item)->token->subject, key) == 0;
}

static struct member *get_member(struct gathering *g, const struct session *session)
{
    const char *subject = session->token.subject;
    uint64_t hash = hash_bytes(&g->seed, span_of(subject));
    struct member *member = table_find(&g->by_subject, hash, has_subject, subject);
    if (member != NULL)
        return member;
    g->has_more = g->count == g->limit;
    if (g->has_more)
        return NULL;
    member = &g->members[g->count];
    member->token = &session->token;
    g->err = table_add(&g->by_subject, hash, member);
    if (g->err != ERR_OK)
        return NULL;
    g->count++;
    return member;
}

// Subscriptions outlive a right that SIGHUP took away, but nothing is delivered to them.
static bool is_member(const struct gathering *g, const struct session *session)
{
    return session->state == SESSION_CONNECTED && session->kick == SESSION_KICK_NONE &&
           rights_allow_room(session->token.rights, &g->p->topics.pattern, RIGHTS_SUBSCRIBE,
                             g->room);
}

static bool take(void *context, const struct session *session, int64_t since_ms)
{
    struct gathering *g = context;
    g->has_more = g->looks++ == g->limit * LOOKS_PER_MEMBER;
    if (g->has_more)
        return false;
    if (!is_member(g, session))
        return true;
    struct member *member = get_member(g, session);
    if (member == NULL)
        return false;
    if (member->since_ms == 0 || since_ms < member->since_ms)
        member->since_ms = since_ms;
    member->has_face[session->face] = true;
    return true;
}

static void write_member(const struct member *member, struct json_writer *w)
{
    json_begin_object(w);
    json_field_text(w, "subject", span_of(member->token->subject));
    json_field_text(w, "name", span_of(member->token->name));
    json_key(w, "faces");
    json_begin_array(w);
    for (int face = 0; face < METER_FACE_COUNT; face++)
        if (member->has_face[face])
            json_put_text(w, span_of(meter_face_name((enum meter_face)face)));
    json_end_array(w);
    json_field_int(w, "since_ms", member->since_ms);
    json_end_object(w);
}

static void write_members(const struct gathering *g, struct json_writer *w)
{
    json_begin_object(w);
    json_key(w, "members");
    json_begin_array(w);
    for (size_t i = 0; i < g->count; i++)
        write_member(&g->members[i], w);
    json_end_array(w);
    json_field_bool(w, "more", g->has_more);
    json_end_object(w);
}

enum err control_list_members(struct plugin *p, const struct json *command,
                              struct json_writer *data)
{
    struct gathering g = {.p = p};
    int64_t limit;
    if (!control_text(command, "room", &g.room) || !topic_is_room(g.room) ||
        !control_amount(command, "limit", &limit) || limit < 1 || limit > LIMIT_MAX)
        return ERR_INVALID;
    g.limit = (size_t)limit;
    g.members = calloc(g.limit, sizeof *g.members);
    if (g.members == NULL)
        return ERR_MEMORY;
    table_init(&g.by_subject);
    g.err = hash_seed_init(&g.seed) ? ERR_OK : ERR_IO;
    if (g.err == ERR_OK)
        members_each(p->members, g.room, take, &g);
    if (g.err == ERR_OK)
        write_members(&g, data);
    table_finish(&g.by_subject);
    free(g.members);
    return g.err;
}
