// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "members.h"

#include <stdio.h>
#include <stdlib.h>

#include "auth.h"
#include "core/hash.h"
#include "core/table.h"
#include "page_handlers.h"
#include "readers.h"

struct members_query {
    struct worker *worker;
    members_done_fn *done;
    void *context;
    uint64_t number; // upstream's; 0 once it is answered
    struct hash_seed seed;
    struct table by_subject; // struct member
    struct member_list list;
    size_t max;
    enum err err; // the first that went wrong here
    size_t len;
    char room[TOPIC_ROOM_MAX + 1];
};

// ---- merging ----

static bool has_subject(const void *item, const void *key)
{
    return strcmp(((const struct member *)item)->subject, key) == 0;
}

// NULL if there is no room for another one.
static struct member *get_member(struct members_query *q, const char *subject)
{
    uint64_t hash = hash_bytes(&q->seed, span_of(subject));
    struct member *member = table_find(&q->by_subject, hash, has_subject, subject);
    if (member != NULL)
        return member;
    if (q->list.count == q->max) {
        q->list.has_more = true;
        return NULL;
    }
    member = &q->list.members[q->list.count];
    (void)snprintf(member->subject, sizeof member->subject, "%s", subject);
    q->err = table_add(&q->by_subject, hash, member);
    if (q->err != ERR_OK)
        return NULL;
    q->list.count++;
    return member;
}

static struct member *merge(struct members_query *q, const char *subject, const char *name,
                            int64_t since_ms)
{
    struct member *member = get_member(q, subject);
    if (member == NULL)
        return NULL;
    if (member->name[0] == '\0')
        (void)snprintf(member->name, sizeof member->name, "%s", name);
    if (member->since_ms == 0 || since_ms < member->since_ms)
        member->since_ms = since_ms;
    return member;
}

static bool take_reader(void *context, const struct reader_facts *reader)
{
    struct member *member = merge(context, reader->subject, reader->name, reader->since_ms);
    if (member != NULL)
        member->has_face[reader->face] = true;
    return member != NULL;
}

static void take_faces(struct member *member, const struct json *faces)
{
    enum meter_face face;
    for (const struct json *e = json_first(faces); e != NULL; e = json_next(e))
        if (meter_face_from_name(span_of(json_text(e)), &face))
            member->has_face[face] = true;
}

static void take_plugins(struct members_query *q, const struct json *data)
{
    bool has_more;
    const struct json *e = json_first(json_member(data, "members"));
    for (; q->err == ERR_OK && e != NULL; e = json_next(e)) {
        const char *subject = json_text(json_member(e, "subject"));
        const char *name = json_text(json_member(e, "name"));
        int64_t since_ms;
        if (subject == NULL || !json_get_int(json_member(e, "since_ms"), &since_ms))
            continue;
        struct member *member = merge(q, subject, name != NULL ? name : "", since_ms);
        if (member != NULL)
            take_faces(member, json_member(e, "faces"));
    }
    if (json_get_bool(json_member(data, "more"), &has_more) && has_more)
        q->list.has_more = true;
}

static int compare(const void *a, const void *b)
{
    const struct member *one = a, *other = b;
    if (one->since_ms != other->since_ms)
        return one->since_ms < other->since_ms ? -1 : 1;
    return strcmp(one->subject, other->subject);
}

// ---- asking ----

static void query_destroy(struct members_query *q)
{
    table_finish(&q->by_subject);
    free(q->list.members);
    free(q);
}

static void on_answer(void *context, const struct upstream_answer *answer)
{
    struct members_query *q = context;
    struct worker *worker = q->worker;
    q->number = 0;
    if (answer->err == ERR_OK)
        take_plugins(q, answer->data);
    if (q->err == ERR_OK)
        readers_each(worker->gateway->readers, span_make(q->room, q->len),
                     loop_date_ms(worker->loop), take_reader, q);
    qsort(q->list.members, q->list.count, sizeof *q->list.members, compare);
    q->done(q->context, q->err != ERR_OK ? q->err : answer->err, &q->list);
    query_destroy(q);
}

static uint64_t ask_plugin(struct members_query *q)
{
    struct upstream_command command;
    upstream_command_begin(&command, "listMembers", 256);
    json_field_text(&command.w, "room", span_make(q->room, q->len));
    json_field_int(&command.w, "limit", (int64_t)q->max);
    return upstream_ask(q->worker->gateway->upstream, q->worker->loop, &command, on_answer, q);
}

struct members_query *members_ask(struct worker *worker, struct span room, members_done_fn *done,
                                  void *context)
{
    struct members_query *q = calloc(1, sizeof *q);
    if (q == NULL)
        return NULL;
    q->worker = worker;
    q->done = done;
    q->context = context;
    q->max = (size_t)worker->gateway->config.max_members;
    q->len = room.len;
    memcpy(q->room, room.ptr, room.len);
    table_init(&q->by_subject);
    q->list.members = calloc(q->max, sizeof *q->list.members);
    if (q->list.members != NULL && hash_seed_init(&q->seed))
        q->number = ask_plugin(q);
    if (q->number != 0)
        return q;
    query_destroy(q);
    return NULL;
}

void members_forget(struct members_query *query)
{
    upstream_forget(query->worker->gateway->upstream, query->number);
    query_destroy(query);
}

// ---- GET /rooms/<room>/members ----

struct request {
    struct exchange *x;
    struct span room; // borrows from the exchange
    struct members_query *query;
};

static void write_member(const struct member *member, struct json_writer *w)
{
    char since[MESSAGE_DATE_TEXT];
    json_begin_object(w);
    json_field_text(w, "subject", span_of(member->subject));
    if (member->name[0] != '\0')
        json_field_text(w, "name", span_of(member->name));
    json_key(w, "faces");
    json_begin_array(w);
    for (int face = 0; face < METER_FACE_COUNT; face++)
        if (member->has_face[face])
            json_put_text(w, span_of(meter_face_name((enum meter_face)face)));
    json_end_array(w);
    message_format_date(member->since_ms, since);
    json_field_text(w, "since", span_of(since));
    json_end_object(w);
}

static void write_list(struct span room, const struct member_list *list, struct buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_begin_object(&w);
    json_field_text(&w, "room", room);
    json_key(&w, "members");
    json_begin_array(&w);
    for (size_t i = 0; i < list->count; i++)
        write_member(&list->members[i], &w);
    json_end_array(&w);
    json_field_bool(&w, "more", list->has_more);
    json_end_object(&w);
}

static void on_members(void *context, enum err err, const struct member_list *list)
{
    enum { MEMBER_TEXT = 2048 }; // every byte of subject and name escaped
    struct request *request = context;
    struct buf body;
    buf_init(&body, 1024 + list->count * MEMBER_TEXT);
    if (err == ERR_OK) {
        write_list(request->room, list, &body);
        err = body.status;
    }
    if (err == ERR_OK) {
        exchange_add_field(request->x, "Cache-Control", span_of("no-store"));
        exchange_answer(request->x, 200, "application/json", buf_span(&body));
    } else {
        exchange_refuse(request->x, 503, err, "the broker cannot be asked now");
    }
    buf_finish(&body);
    free(request);
}

static void on_cancel(void *context)
{
    struct request *request = context;
    members_forget(request->query);
    free(request);
}

void members_get(struct exchange *x)
{
    struct caller caller;
    struct span room = exchange_part(x);
    if (!exchange_prefers_json(x)) {
        page_members(x);
        return;
    }
    if (!topic_is_room(room)) {
        exchange_refuse(x, 400, ERR_INVALID, TOPIC_ROOM_RULE);
        return;
    }
    if (!auth_admit(x, RIGHTS_SUBSCRIBE, room, &caller))
        return;
    caller_finish(&caller);
    struct request *request = calloc(1, sizeof *request);
    if (request != NULL) {
        *request = (struct request){.x = x, .room = room};
        request->query = members_ask(exchange_worker(x), room, on_members, request);
    }
    if (request == NULL || request->query == NULL) {
        free(request);
        exchange_refuse(x, 503, ERR_MEMORY, NULL);
        return;
    }
    exchange_on_cancel(x, on_cancel, request);
}
