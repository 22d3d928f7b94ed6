// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include <inttypes.h>
#include <sys/epoll.h>

#include "histogram.h"
#include "load.h"

struct storm {
    const struct load_options *options;
    struct client *clients;
    unsigned started, ready, lost;
    struct histogram setup;
};

static void start_some(struct storm *s)
{
    const struct load_options *o = s->options;
    while (s->started < o->connections && s->started - s->ready - s->lost < o->at_once) {
        struct client *c = &s->clients[s->started];
        c->number = s->started++;
        c->subscribes = o->subscribers > 0;
        client_choose_topic(c, c->number % o->rooms, o->level);
        if (!client_start(c, &o->client, &o->subscribe_to))
            s->lost++;
    }
}

static void turn(struct storm *s, int timeout_ms)
{
    struct epoll_event events[64];
    int count = epoll_wait(s->options->client.epoll, events, 64, timeout_ms);
    for (int i = 0; i < count; i++) {
        struct client *c = events[i].data.ptr;
        enum client_state before = c->state;
        client_turn(c, &s->options->client, events[i].events);
        if (c->state == before)
            continue;
        if (c->state == CLIENT_READY) {
            s->ready++;
            histogram_add(&s->setup, now_ns() - c->started_ns);
        } else if (c->state == CLIENT_LOST) {
            s->lost++;
        }
    }
}

static void print(const struct storm *s, double seconds, unsigned held, int64_t bytes, double cpu_s)
{
    double made = s->ready ? (double)s->ready : 1;
    printf("{\"connected\":%u,\"held\":%u,\"connections_per_s\":%.1f,\"p50_ms\":%.3f"
           ",\"p99_ms\":%.3f,\"cpu_us_each\":%.2f,\"bytes_each\":%.0f}\n",
           s->ready, held, made / seconds, (double)histogram_at(&s->setup, 0.5) / 1e6,
           (double)histogram_at(&s->setup, 0.99) / 1e6, cpu_s * 1e6 / made, (double)bytes / made);
}

static void measure(struct storm *s)
{
    const struct load_options *o = s->options;
    uint64_t memory = process_memory(&o->measured), cpu_ns = process_cpu_ns(&o->measured);
    uint64_t start = now_ns(), deadline = start + 60000000000u;
    while (s->ready + s->lost < o->connections && now_ns() < deadline) {
        start_some(s);
        turn(s, 10);
    }
    double seconds = (double)(now_ns() - start) / 1e9;
    double cpu_s = (double)(process_cpu_ns(&o->measured) - cpu_ns) / 1e9;
    uint64_t end = now_ns() + (uint64_t)(o->hold_s * 1e9);
    while (now_ns() < end)
        turn(s, 10);
    unsigned held = 0;
    for (unsigned i = 0; i < s->started; i++)
        held += s->clients[i].state == CLIENT_READY;
    print(s, seconds, held, (int64_t)process_memory(&o->measured) - (int64_t)memory, cpu_s);
}

int load_storm(const struct load_options *o)
{
    struct storm s = {.options = o};
    s.clients = calloc(o->connections, sizeof *s.clients);
    if (s.clients == NULL)
        return 1;
    measure(&s);
    for (unsigned i = 0; i < s.started; i++)
        link_close(&s.clients[i].link);
    free(s.clients);
    return 0;
}
