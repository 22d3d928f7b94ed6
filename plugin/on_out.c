// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "deliver.h"
#include "plugin.h"

// Mosquitto 2.1, each time a PUBLISH is about to be sent. An error would leave the broker waiting
// for an acknowledgement of what it never sent, so this never refuses.
int on_out(int event, void *data, void *userdata)
{
    (void)event;
    const struct mosquitto_evt_message *ed = data;
    struct plugin *p = userdata;
    struct session *session = sessions_find(p->sessions, ed->client);
    if (session == NULL)
        return MOSQ_ERR_SUCCESS;
    const struct topic_view *view = topics_view(&p->topics, ed->topic);
    struct session_room *room = deliver_room(session, view, ed->topic);
    deliver_count_out(p, session, room, view, ed->payloadlen);
    return MOSQ_ERR_SUCCESS;
}
