// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "core/clock.h"
#include "deliver.h"
#include "plugin.h"
#include "stopping.h"

enum {
    KICKS_PER_TICK = 500, // so that many expiring at once do not stop the loop for long
    TICK_MS = 50          // 2.1 calls again so soon; 2.0 does at every turn
};

static void kick(struct plugin *p, struct session *session)
{
    static const char *const why[] = {[SESSION_KICK_EXPIRED] = "the token expired",
                                      [SESSION_KICK_REFUSED] = "refused on reload",
                                      [SESSION_KICK_ASKED] = "asked to"};
    if (session->kick == SESSION_KICK_NONE)
        session->kick = SESSION_KICK_EXPIRED;
    struct refusal refusal = {.what = "connection",
                              .client_id = session->client_id,
                              .subject = session->is_service ? NULL : session->token.subject,
                              .why = why[session->kick]};
    refuse_log(&p->refusals, &p->log, p->now_ms, &refusal);
    p->is_kicking = true;
    // With its will. The broker calls on_acl and on_disconnect meanwhile.
    (void)mosquitto_kick_client_by_clientid(session->client_id, true);
    p->is_kicking = false;
}

static void kick_expired(struct plugin *p)
{
    for (int i = 0; i < KICKS_PER_TICK; i++) {
        struct session *session = sessions_due(p->sessions, p->now_ms / 1000);
        if (session == NULL)
            return;
        sessions_undue(p->sessions, session);
        // By the client id another one would be kicked, if this one was taken over.
        if (session->is_newest)
            kick(p, session);
    }
}

int on_tick(int event, void *data, void *userdata)
{
    (void)event;
    struct mosquitto_evt_tick *ed = data;
    struct plugin *p = userdata;
    p->now_ms = clock_real_ms();
    p->taken_over = NULL;
    deliver_end_resuming(p);
    p->is_reloading = false;
    p->serial++;
    stopping_listen();
    // 2.0 comes here behind the packets of each turn, also of the last one; 2.1 before them.
    p->is_leaving = stopping_is_told();
    presence_arrive_all(p);
    kick_expired(p);
    will_flush(p);
    sessions_sweep(p->sessions);
    log_cap_sum_up(&p->refusals, &p->log, p->now_ms);
    log_queue_drain(p->log_queue, &p->log);
    if (p->api.is_2_1)
        ed->next_ns = TICK_MS; // named next_ms there
    return MOSQ_ERR_SUCCESS;
}
