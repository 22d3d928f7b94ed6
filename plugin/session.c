// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "session.h"

#include <assert.h>
#include <stdlib.h>

#include "core/container.h"
#include "core/hash.h"
#include "deadlines.h"
#include "subjects.h"

struct sessions {
    struct hash_seed seed;
    struct table by_client;
    struct table by_id; // the newest of each client id
    struct subjects by_subject;
    struct deadlines deadlines;
    struct list connected; // in the order they were added
    struct list offline;   // the longest gone first
    struct list ended;
    size_t max_offline, offline_count;
    uint64_t connections; // ever made
};

enum err sessions_create(size_t max_offline, struct sessions **out_sessions)
{
    struct sessions *sessions = calloc(1, sizeof *sessions);
    if (sessions == NULL)
        return ERR_MEMORY;
    sessions->max_offline = max_offline;
    table_init(&sessions->by_client);
    table_init(&sessions->by_id);
    subjects_init(&sessions->by_subject);
    deadlines_init(&sessions->deadlines);
    if (!hash_seed_init(&sessions->seed)) {
        sessions_destroy(sessions);
        return ERR_IO;
    }
    *out_sessions = sessions;
    return ERR_OK;
}

static void session_free(struct session *session)
{
    if (!session->is_service)
        token_finish(&session->token);
    members_forget(session);
    waiting_finish(&session->waiting);
    free(session->client_id);
    free(session->broker_username);
    free(session->own_username);
    free(session->user_agent);
    free(session);
}

void sessions_destroy(struct sessions *sessions)
{
    if (sessions == NULL)
        return;
    for (size_t i = 0; i < sessions->by_client.capacity; i++)
        if (sessions->by_client.slots[i].item != NULL)
            session_free(sessions->by_client.slots[i].item);
    table_finish(&sessions->by_client);
    table_finish(&sessions->by_id);
    subjects_finish(&sessions->by_subject);
    deadlines_finish(&sessions->deadlines);
    free(sessions);
}

static bool has_client(const void *item, const void *key)
{
    return ((const struct session *)item)->client == key;
}

struct session *sessions_find(const struct sessions *sessions, const void *client)
{
    return table_find(&sessions->by_client, hash_pointer(client), has_client, client);
}

static bool has_id(const void *item, const void *key)
{
    return strcmp(((const struct session *)item)->client_id, key) == 0;
}

struct session *sessions_find_id(const struct sessions *sessions, const char *client_id)
{
    uint64_t hash = hash_bytes(&sessions->seed, span_of(client_id));
    return table_find(&sessions->by_id, hash, has_id, client_id);
}

struct session *sessions_first_of(const struct sessions *sessions, const char *subject)
{
    return subjects_first(&sessions->by_subject, &sessions->seed, subject);
}

struct session *sessions_next_of(const struct session *session)
{
    return session->subject_next;
}

// NULL for none.
static struct session *session_at(struct list_node *node)
{
    return node != NULL ? CONTAINER_OF(node, struct session, in_list) : NULL;
}

struct session *sessions_first_connected(const struct sessions *sessions)
{
    return session_at(sessions->connected.first);
}

struct session *sessions_next_connected(const struct session *session)
{
    return session_at(session->in_list.behind);
}

static struct list *list_of(struct sessions *sessions, enum session_state state)
{
    switch (state) {
    case SESSION_CONNECTED:
        return &sessions->connected;
    case SESSION_OFFLINE:
        return &sessions->offline;
    case SESSION_ENDED:
        break;
    }
    return &sessions->ended;
}

static void enter_list(struct sessions *sessions, struct session *session, enum session_state state)
{
    session->state = state;
    list_append(list_of(sessions, state), &session->in_list);
    sessions->offline_count += state == SESSION_OFFLINE;
}

static void leave_list(struct sessions *sessions, struct session *session)
{
    list_remove(list_of(sessions, session->state), &session->in_list);
    sessions->offline_count -= session->state == SESSION_OFFLINE;
}

static void end(struct sessions *sessions, struct session *session)
{
    if (session->state == SESSION_ENDED)
        return;
    leave_list(sessions, session);
    enter_list(sessions, session, SESSION_ENDED);
}

static void set_newest(struct sessions *sessions, struct session *session, bool is_newest)
{
    if (session->is_newest && !is_newest)
        table_remove(&sessions->by_id, session->id_hash, session);
    session->is_newest = is_newest;
}

void sessions_remove(struct sessions *sessions, struct session *session)
{
    leave_list(sessions, session);
    set_newest(sessions, session, false);
    deadlines_drop(&sessions->deadlines, session);
    subjects_remove(&sessions->by_subject, &sessions->seed, session);
    table_remove(&sessions->by_client, hash_pointer(session->client), session);
    session_free(session);
}

static char *copy_text(const char *text)
{
    return span_dup(span_of(text));
}

static struct session *session_make(const struct session_data *data)
{
    struct session *session = calloc(1, sizeof *session);
    if (session == NULL)
        return NULL;
    session->client_id = copy_text(data->client_id);
    session->broker_username = copy_text(data->broker_username);
    session->own_username = copy_text(data->own_username);
    bool has_agent = data->user_agent != NULL && *data->user_agent != '\0';
    session->user_agent = has_agent ? copy_text(data->user_agent) : NULL; // without memory: unknown
    session->is_service = true; // until the token has moved in
    if (session->client_id == NULL || session->broker_username == NULL ||
        session->own_username == NULL) {
        session_free(session);
        return NULL;
    }
    struct span address = span_of(data->address);
    if (address.len > INTRODUCTION_ADDRESS_MAX)
        address.len = INTRODUCTION_ADDRESS_MAX;
    if (address.len > 0)
        memcpy(session->address, address.ptr, address.len);
    session->client = data->client;
    session->face = data->face;
    session->is_v5 = data->is_v5;
    session->is_persistent = data->is_persistent;
    session->deadline_s = data->deadline_s;
    session->connected_ms = session->active_ms = data->now_ms;
    return session;
}

// Gives the session its token. Without memory for the index it works, but what is posted to its
// subject does not reach it.
static void take_token(struct sessions *sessions, struct session *session, struct token *token)
{
    session->token = *token;
    (void)!subjects_add(&sessions->by_subject, &sessions->seed, session);
}

// Puts a session into both tables and among the deadlines, or into none of them.
static enum err enter(struct sessions *sessions, struct session *session)
{
    session->id_hash = hash_bytes(&sessions->seed, span_of(session->client_id));
    enum err err = table_add(&sessions->by_client, hash_pointer(session->client), session);
    if (err != ERR_OK)
        return err;
    err = deadlines_add(&sessions->deadlines, session);
    if (err == ERR_OK) {
        struct session *older = sessions_find_id(sessions, session->client_id);
        err = table_add(&sessions->by_id, session->id_hash, session);
        if (err == ERR_OK && older != NULL) {
            set_newest(sessions, older, false);
            if (older->state == SESSION_OFFLINE)
                end(sessions, older); // the broker hands its session to the new client
        }
    }
    if (err != ERR_OK) {
        deadlines_drop(&sessions->deadlines, session);
        table_remove(&sessions->by_client, hash_pointer(session->client), session);
        return err;
    }
    session->is_newest = true;
    return ERR_OK;
}

enum err sessions_add(struct sessions *sessions, const struct session_data *data,
                      struct session **out_session)
{
    struct session *stale = sessions_find(sessions, data->client);
    if (stale != NULL)
        sessions_remove(sessions, stale);
    struct session *session = session_make(data);
    if (session == NULL)
        return ERR_MEMORY;
    enum err err = enter(sessions, session);
    if (err != ERR_OK) {
        session_free(session);
        return err;
    }
    session->is_service = data->token == NULL;
    if (data->token != NULL)
        take_token(sessions, session, data->token);
    session->connection = ++sessions->connections;
    enter_list(sessions, session, SESSION_CONNECTED);
    *out_session = session;
    return ERR_OK;
}

void sessions_renew(struct sessions *sessions, struct session *session, struct token *token,
                    int64_t deadline_s)
{
    assert(!session->is_service);
    subjects_remove(&sessions->by_subject, &sessions->seed, session);
    token_finish(&session->token);
    take_token(sessions, session, token);
    session->kick = SESSION_KICK_NONE;
    memset(session->rooms, 0, sizeof session->rooms);
    deadlines_drop(&sessions->deadlines, session);
    session->deadline_s = deadline_s;
    // Without memory it is not kicked on time, but its ACL checks look at the deadline too.
    (void)!deadlines_add(&sessions->deadlines, session);
}

void sessions_disconnect(struct sessions *sessions, struct session *session, bool may_return)
{
    if (session->state == SESSION_ENDED)
        return;
    deadlines_drop(&sessions->deadlines, session);
    if (!may_return || !session->is_newest) {
        end(sessions, session);
        return;
    }
    if (session->state == SESSION_OFFLINE)
        return;
    leave_list(sessions, session);
    enter_list(sessions, session, SESSION_OFFLINE);
    if (sessions->offline_count > sessions->max_offline)
        end(sessions, session_at(sessions->offline.first));
}

void sessions_sweep(struct sessions *sessions)
{
    while (sessions->ended.first != NULL)
        sessions_remove(sessions, session_at(sessions->ended.first));
}

struct session *sessions_due(const struct sessions *sessions, int64_t now_s)
{
    struct session *first = deadlines_first(&sessions->deadlines);
    return first != NULL && first->deadline_s <= now_s ? first : NULL;
}

void sessions_expire(struct sessions *sessions, struct session *session, enum session_kick kick)
{
    deadlines_drop(&sessions->deadlines, session);
    session->kick = kick;
    session->deadline_s = 1;
    (void)!deadlines_add(&sessions->deadlines, session); // as in sessions_renew
}

void sessions_undue(struct sessions *sessions, struct session *session)
{
    deadlines_drop(&sessions->deadlines, session);
}

size_t sessions_count(const struct sessions *sessions)
{
    return sessions->by_client.count;
}

size_t sessions_offline(const struct sessions *sessions)
{
    return sessions->offline_count;
}
