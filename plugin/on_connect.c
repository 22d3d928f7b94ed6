// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "plugin.h"

// Mosquitto 2.1, when a CONNECT was accepted in every respect. In 2.0 the next tick has to do.
int on_connect(int event, void *data, void *userdata)
{
    (void)event;
    const struct broker_connect *ed = data;
    struct plugin *p = userdata;
    struct session *session = sessions_find(p->sessions, ed->client);
    if (session != NULL)
        presence_arrive(p, session);
    return MOSQ_ERR_SUCCESS;
}
