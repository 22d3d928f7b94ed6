// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "deliver.h"
#include "plugin.h"

static int disconnect(struct plugin *p, const struct mosquitto_evt_disconnect *ed, bool may_return)
{
    struct session *session = sessions_find(p->sessions, ed->client);
    if (p->taken_over == session)
        p->taken_over = NULL;
    if (p->resuming == session)
        deliver_end_resuming(p);
    if (session != NULL) {
        presence_depart(p, session, ed->reason);
        sessions_disconnect(p->sessions, session, may_return && !session->is_service);
    }
    return MOSQ_ERR_SUCCESS;
}

// 2.0: the connection ended, and only the client's own flags tell whether its session stays.
// 2.1: the session ended too; but a will may still be due later, with MQTT 5.
int on_disconnect(int event, void *data, void *userdata)
{
    (void)event;
    const struct mosquitto_evt_disconnect *ed = data;
    struct plugin *p = userdata;
    const struct session *session = sessions_find(p->sessions, ed->client);
    bool may_return =
        session != NULL && (session->is_v5 || (!p->api.is_2_1 && session->is_persistent));
    return disconnect(p, ed, may_return);
}

// 2.1: the connection ended, the session stays.
int on_client_offline(int event, void *data, void *userdata)
{
    (void)event;
    return disconnect(userdata, data, true);
}
