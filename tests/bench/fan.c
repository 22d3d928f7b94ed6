// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include <inttypes.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "histogram.h"
#include "load.h"

// The head of every payload, in our own byte order: nobody else reads it.
struct stamp {
    uint64_t due_ns;
    uint32_t publisher;
    uint32_t sequence; // from 1
    uint32_t is_measured;
};

struct publisher {
    struct client client;
    uint32_t sent;       // sequence of the last message
    uint32_t acked;      // QoS 1
    uint64_t deliveries; // of all its subscribers
    uint32_t fan;        // subscribers of its room
    uint32_t *last;      // echo: as of a subscriber
};

struct subscriber {
    struct client client;
    uint32_t *last; // sequence seen last, by publisher
};

struct fan {
    const struct load_options *options;
    struct client_settings client;
    struct publisher *publishers;
    struct subscriber *subscribers;
    char *payload, *packet;
    int timer;
    bool is_measuring, is_sending;
    uint64_t next_due_ns, interval_ns;
    unsigned turn; // whose message is next, open loop
    uint64_t published, delivered, expected, duplicates, gaps;
    struct histogram latency, lateness;
};

static bool is_ready(const struct fan *f)
{
    for (unsigned i = 0; i < f->options->publishers; i++)
        if (f->publishers[i].client.state != CLIENT_READY)
            return false;
    for (unsigned i = 0; i < f->options->subscribers; i++)
        if (f->subscribers[i].client.state != CLIENT_READY)
            return false;
    return true;
}

static void publish(struct fan *f, struct publisher *p, uint64_t due_ns)
{
    if (p->client.state != CLIENT_READY)
        return;
    struct stamp stamp = {due_ns, p->client.number, ++p->sent, f->is_measuring};
    memcpy(f->payload, &stamp, sizeof stamp);
    size_t len = wire_publish(f->packet, f->client.version, p->client.topic, f->client.qos,
                              (uint16_t)(p->sent % 65535 + 1), f->payload, f->options->size);
    if (f->is_measuring) {
        f->published++;
        f->expected += p->fan;
        histogram_add(&f->lateness, now_ns() - due_ns);
    }
    if (!link_send(&p->client.link, f->client.epoll, &p->client, f->packet, len))
        client_lose(&p->client, "the publisher's connection is lost", 0);
}

// Closed loop: a message is open until everybody has it and, with QoS 1, it is acknowledged.
static bool may_send(const struct fan *f, const struct publisher *p)
{
    uint64_t window = f->options->window;
    if (f->client.qos > 0 && p->sent - p->acked >= window)
        return false;
    return (uint64_t)p->sent * p->fan - p->deliveries < window * p->fan ||
           (p->fan == 0 && f->client.qos > 0);
}

static void fill(struct fan *f, struct publisher *p)
{
    if (f->options->rate > 0)
        return;
    while (f->is_sending && p->client.state == CLIENT_READY && may_send(f, p))
        publish(f, p, now_ns());
}

static void arm(struct fan *f)
{
    struct itimerspec at = {
        .it_value = {(time_t)(f->next_due_ns / 1000000000), (long)(f->next_due_ns % 1000000000)}};
    if (timerfd_settime(f->timer, TFD_TIMER_ABSTIME, &at, NULL) != 0)
        abort();
}

static void publish_due(struct fan *f)
{
    uint64_t ticks;
    if (read(f->timer, &ticks, sizeof ticks) < 0)
        return;
    while (f->is_sending && f->next_due_ns <= now_ns()) {
        publish(f, &f->publishers[f->turn], f->next_due_ns);
        f->turn = (f->turn + 1) % f->options->publishers;
        f->next_due_ns += f->interval_ns;
    }
    if (f->is_sending)
        arm(f);
}

static void take_delivery(struct fan *f, uint32_t *last, const struct wire_packet *packet)
{
    struct stamp stamp;
    if (packet->payload_len < sizeof stamp)
        return;
    memcpy(&stamp, packet->payload, sizeof stamp);
    if (stamp.publisher >= f->options->publishers)
        return;
    last += stamp.publisher;
    if (stamp.sequence <= *last) {
        f->duplicates++;
        return;
    }
    f->gaps += stamp.sequence - *last - 1;
    *last = stamp.sequence;
    if (stamp.is_measured) {
        f->delivered++;
        histogram_add(&f->latency, now_ns() - stamp.due_ns);
    }
    f->publishers[stamp.publisher].deliveries++;
}

static void acknowledge(struct fan *f, struct client *c, uint16_t id)
{
    char ack[4];
    if (!link_send(&c->link, f->client.epoll, c, ack, wire_puback(ack, id)))
        client_lose(c, "the subscriber's connection is lost", 0);
}

static void subscriber_turn(struct fan *f, struct client *c, uint32_t *last)
{
    struct wire_packet packet;
    while (c->state == CLIENT_READY && link_next(&c->link, &packet)) {
        if (packet.type != WIRE_PUBLISH)
            continue;
        take_delivery(f, last, &packet);
        if (packet.qos > 0)
            acknowledge(f, c, packet.id);
    }
}

static void publisher_turn(struct fan *f, struct publisher *p)
{
    struct wire_packet packet;
    while (p->client.state == CLIENT_READY && link_next(&p->client.link, &packet)) {
        if (packet.type == WIRE_PUBACK && packet.reason < 128)
            p->acked++;
        else if (packet.type == WIRE_PUBLISH) {
            take_delivery(f, p->last, &packet);
            if (packet.qos > 0)
                acknowledge(f, &p->client, packet.id);
        } else
            client_lose(&p->client, "a publish was refused", packet.reason);
    }
}

static void turn(struct fan *f, int timeout_ms)
{
    struct epoll_event events[64];
    int count = epoll_wait(f->client.epoll, events, 64, timeout_ms);
    for (int i = 0; i < count; i++) {
        struct client *c = events[i].data.ptr;
        if (c == NULL) {
            publish_due(f);
            continue;
        }
        if (c->state == CLIENT_LOST)
            continue;
        client_turn(c, &f->client, events[i].events);
        // The client is the first member of both.
        if (c->is_publisher)
            publisher_turn(f, (struct publisher *)c);
        else
            subscriber_turn(f, c, ((struct subscriber *)c)->last);
    }
    for (unsigned i = 0; i < f->options->publishers; i++)
        fill(f, &f->publishers[i]);
}

static void run_for(struct fan *f, double seconds)
{
    uint64_t end = now_ns() + (uint64_t)(seconds * 1e9);
    while (now_ns() < end)
        turn(f, 10);
}

static bool is_drained(const struct fan *f)
{
    for (unsigned i = 0; i < f->options->publishers; i++) {
        const struct publisher *p = &f->publishers[i];
        if (p->deliveries < (uint64_t)p->sent * p->fan || (f->client.qos > 0 && p->acked < p->sent))
            return false;
    }
    return true;
}

static bool connect_subscribers(struct fan *f)
{
    const struct load_options *o = f->options;
    for (unsigned i = 0; i < o->subscribers; i++) {
        struct subscriber *s = &f->subscribers[i];
        s->client.number = i;
        s->client.subscribes = true;
        client_choose_topic(&s->client, i % o->rooms, o->level);
        s->last = calloc(o->publishers, sizeof(uint32_t));
        if (s->last == NULL || !client_start(&s->client, &f->client, &o->subscribe_to))
            return false;
        turn(f, 0);
    }
    return true;
}

static bool connect_publishers(struct fan *f)
{
    const struct load_options *o = f->options;
    unsigned listeners = o->echo ? o->publishers : o->subscribers;
    for (unsigned i = 0; i < o->publishers; i++) {
        struct publisher *p = &f->publishers[i];
        p->client.number = i;
        p->client.is_publisher = true;
        p->client.subscribes = o->echo != 0;
        for (unsigned s = 0; s < listeners; s++)
            p->fan += s % o->rooms == i % o->rooms;
        client_choose_topic(&p->client, i % o->rooms, o->level);
        p->last = calloc(o->publishers, sizeof(uint32_t));
        if (p->last == NULL || !client_start(&p->client, &f->client, &o->publish_to))
            return false;
    }
    return true;
}

static bool connect_all(struct fan *f)
{
    if (!connect_subscribers(f) || !connect_publishers(f))
        return false;
    uint64_t end = now_ns() + 10000000000u;
    while (!is_ready(f) && now_ns() < end)
        turn(f, 10);
    return is_ready(f);
}

static void begin_sending(struct fan *f)
{
    f->is_sending = true;
    if (f->options->rate <= 0)
        return;
    f->interval_ns = (uint64_t)(1e9 / f->options->rate);
    f->next_due_ns = now_ns() + f->interval_ns;
    arm(f);
}

static void print(const struct fan *f, double seconds, double cpu_s)
{
    unsigned lost = 0;
    for (unsigned i = 0; i < f->options->publishers; i++)
        lost += f->publishers[i].client.state == CLIENT_LOST;
    for (unsigned i = 0; i < f->options->subscribers; i++)
        lost += f->subscribers[i].client.state == CLIENT_LOST;
    printf("{\"published\":%" PRIu64 ",\"delivered\":%" PRIu64 ",\"expected\":%" PRIu64
           ",\"duplicates\":%" PRIu64 ",\"gaps\":%" PRIu64 ",\"lost_clients\":%u"
           ",\"publishes_per_s\":%.1f,\"deliveries_per_s\":%.1f,\"cpu_us_per_publish\":%.3f"
           ",\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f,\"late_p99_ms\":%.3f}\n",
           f->published, f->delivered, f->expected, f->duplicates, f->gaps, lost,
           (double)f->published / seconds, (double)f->delivered / seconds,
           f->published ? cpu_s * 1e6 / (double)f->published : 0.0,
           (double)histogram_at(&f->latency, 0.5) / 1e6,
           (double)histogram_at(&f->latency, 0.99) / 1e6, (double)f->latency.max_ns / 1e6,
           (double)histogram_at(&f->lateness, 0.99) / 1e6);
}

static void measure(struct fan *f)
{
    const struct load_options *o = f->options;
    begin_sending(f);
    run_for(f, o->warmup_s);
    uint64_t cpu_ns = process_cpu_ns(&o->measured), start = now_ns();
    f->is_measuring = true;
    run_for(f, o->seconds);
    f->is_sending = false;
    uint64_t end = now_ns() + (uint64_t)(o->drain_s * 1e9);
    while (!is_drained(f) && now_ns() < end)
        turn(f, 10);
    double seconds = (double)(now_ns() - start) / 1e9;
    // What the servers still do for these messages belongs to them.
    run_for(f, 0.3);
    print(f, seconds, (double)(process_cpu_ns(&o->measured) - cpu_ns) / 1e9);
}

int load_fan(const struct load_options *o)
{
    struct fan f = {.options = o, .client = o->client};
    f.publishers = calloc(o->publishers, sizeof *f.publishers);
    f.subscribers = calloc(o->subscribers, sizeof *f.subscribers);
    f.payload = calloc(1, o->size);
    f.packet = malloc(o->size + 256);
    f.timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    int status = 1;
    if (f.publishers == NULL || f.subscribers == NULL || f.payload == NULL || f.packet == NULL ||
        f.timer < 0 || epoll_ctl(f.client.epoll, EPOLL_CTL_ADD, f.timer, &event) != 0)
        goto done;
    if (!connect_all(&f)) {
        fprintf(stderr, "not every client could connect and subscribe\n");
        goto done;
    }
    measure(&f);
    status = 0;
done:
    for (unsigned i = 0; f.publishers != NULL && i < o->publishers; i++) {
        link_close(&f.publishers[i].client.link);
        free(f.publishers[i].last);
    }
    for (unsigned i = 0; f.subscribers != NULL && i < o->subscribers; i++) {
        link_close(&f.subscribers[i].client.link);
        free(f.subscribers[i].last);
    }
    free(f.publishers);
    free(f.subscribers);
    free(f.payload);
    free(f.packet);
    if (f.timer >= 0)
        close(f.timer);
    return status;
}
