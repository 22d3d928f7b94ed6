// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "deliver.h"

struct session_room *deliver_room(struct session *session, const struct topic_view *view,
                                  const char *topic)
{
    if (view->kind != TOPIC_KEPT || view->known == NULL)
        return NULL;
    // Rooms lie in arrays, so neighbours differ in the bits above their size.
    size_t slot = (size_t)((uintptr_t)view->known / sizeof(struct room)) % SESSION_ROOMS;
    struct session_room *room = &session->rooms[slot];
    if (room->room != view->known) {
        bool may_read =
            session->is_service || rights_allow_delivery(session->token.rights, span_of(topic));
        *room = (struct session_room){.room = view->known, .may_read = may_read};
    }
    return room;
}

void deliver_count_out(struct plugin *p, struct session *session, struct session_room *room,
                       const struct topic_view *view, size_t bytes)
{
    if (session->is_service)
        return; // its deliveries to readers are counted where they are written
    struct meter_key key = {.hour = meter_hour(p->now_ms),
                            .room = view->room,
                            .subject = span_of(session->token.subject),
                            .face = session->face,
                            .direction = METER_OUT};
    struct meter_count one = {0};
    meter_count_message(&one, (int64_t)bytes);
    if (room != NULL)
        tally_add_at(p->tally, &room->out, &key, &one);
    else
        tally_add(p->tally, &key, &one);
}

void deliver_end_resuming(struct plugin *p)
{
    if (p->resuming != NULL)
        waiting_finish(&p->resuming->waiting); // counted, or dropped by the broker
    p->resuming = NULL;
}

void deliver_count_in(struct plugin *p, struct span subject, enum meter_face face,
                      const struct topic_view *view, size_t bytes)
{
    struct meter_key key = {.hour = meter_hour(p->now_ms),
                            .room = view->room,
                            .subject = subject,
                            .face = face,
                            .direction = METER_IN};
    struct meter_count one = {0};
    meter_count_message(&one, (int64_t)bytes);
    tally_add(p->tally, &key, &one);
}
