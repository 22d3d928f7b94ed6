// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "client.h"

#include <unistd.h>

uint64_t now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t); // cannot fail for this clock
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void client_choose_topic(struct client *c, unsigned room, const char *level)
{
    (void)snprintf(c->topic, sizeof c->topic, "rooms/r%u/%s", room, level); // cut if too long
}

void client_lose(struct client *c, const char *why, int reason)
{
    fprintf(stderr, "client %u: %s (reason %d)\n", c->number, why, reason);
    link_close(&c->link);
    c->state = CLIENT_LOST;
}

bool client_start(struct client *c, const struct client_settings *s,
                  const struct link_target *target)
{
    c->started_ns = now_ns();
    c->state = CLIENT_IDLE;
    if (link_open(&c->link, target, s->version, s->epoll, c))
        return true;
    client_lose(c, "cannot connect", 0);
    return false;
}

static bool send_connect(struct client *c, const struct client_settings *s)
{
    char packet[10240], id[48];
    (void)snprintf(id, sizeof id, "bench-%d-%c%u", (int)getpid(), c->is_publisher ? 'p' : 's',
                   c->number); // fits
    c->state = CLIENT_CONNECTING;
    return link_send(&c->link, s->epoll, c, packet,
                     wire_connect(packet, s->version, id, s->user, s->password));
}

static bool send_subscribe(struct client *c, const struct client_settings *s)
{
    char packet[256];
    return link_send(&c->link, s->epoll, c, packet,
                     wire_subscribe(packet, s->version, 1, c->topic, s->qos));
}

static void take(struct client *c, const struct client_settings *s, const struct wire_packet *p)
{
    if (p->type == WIRE_DISCONNECT || p->reason >= 128 ||
        (p->type == WIRE_CONNACK && p->reason != 0)) {
        client_lose(c, "refused", p->reason);
    } else if (p->type == WIRE_CONNACK) {
        c->state = c->subscribes ? CLIENT_CONNECTED : CLIENT_READY;
        if (c->subscribes && !send_subscribe(c, s))
            client_lose(c, "lost before the subscription", 0);
    } else if (p->type == WIRE_SUBACK) {
        c->state = CLIENT_READY;
    }
}

void client_turn(struct client *c, const struct client_settings *s, uint32_t events)
{
    if (c->state == CLIENT_LOST)
        return;
    if (!link_turn(&c->link, s->epoll, c, events)) {
        client_lose(c, "the connection is lost", 0);
        return;
    }
    if (c->state == CLIENT_IDLE && c->link.state == LINK_OPEN && !send_connect(c, s)) {
        client_lose(c, "lost before CONNECT", 0);
        return;
    }
    struct wire_packet packet;
    while (c->state != CLIENT_READY && c->state != CLIENT_LOST && link_next(&c->link, &packet))
        take(c, s, &packet);
}
