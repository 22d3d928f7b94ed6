// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include <inttypes.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "event_reader.h"
#include "histogram.h"
#include "load.h"

enum { SETUP_S = 60, POST_MAX = 4096 };

// One publisher, by MQTT or by one HTTP connection at a time, and readers of event streams that are
// spread over the rooms.
struct sse {
    const struct load_options *options;
    struct client_settings client;
    struct client publisher; // MQTT
    int post_fd;             // HTTP; -1: none is open
    struct event_reader *readers;
    uint32_t *sent; // by room: sequence of the last message
    char *payload, *packet;
    int timer;
    bool is_sending, is_measuring;
    uint32_t next_room, packet_id;
    unsigned opened, lost;
    uint64_t next_due_ns, interval_ns;
    unsigned unanswered;             // publishes
    uint64_t published, outstanding; // deliveries that have not come
    uint64_t last_ns;                // when the last one that counts came
    uint64_t delivered, expected, duplicates, gaps;
    struct histogram latency;
};

// Those that read on.
static unsigned readers_of(const struct load_options *o, uint32_t room)
{
    unsigned count = o->subscribers - o->stalled;
    return count / o->rooms + (room < count % o->rooms);
}

// ---- publishing ----

static bool open_post(struct sse *s)
{
    const struct link_target *to = &s->options->publish_to;
    s->post_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &s->post_fd};
    return s->post_fd >= 0 &&
           connect(s->post_fd, (const struct sockaddr *)&to->address, to->address_len) == 0 &&
           epoll_ctl(s->client.epoll, EPOLL_CTL_ADD, s->post_fd, &event) == 0;
}

static void post(struct sse *s)
{
    if (s->post_fd < 0 && !open_post(s)) {
        s->lost++;
        return;
    }
    const struct load_options *o = s->options;
    const char *star = strchr(o->body, '*');
    int len = snprintf(s->packet, POST_MAX,
                       "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\n"
                       "Content-Length: %zu\r\n\r\n%.*s%.*s%s",
                       o->publish_to.path, strlen(o->body) - 1 + o->size, (int)(star - o->body),
                       o->body, (int)o->size, s->payload, star + 1);
    if (len < 0 || len >= POST_MAX || send(s->post_fd, s->packet, (size_t)len, MSG_NOSIGNAL) != len)
        s->lost++;
}

static void publish(struct sse *s, uint64_t due_ns)
{
    uint32_t room = s->next_room;
    s->next_room = (room + 1) % s->options->rooms;
    struct event_mark mark = {due_ns, ++s->sent[room], room, s->is_measuring};
    event_mark_write(&mark, s->payload);
    s->payload[EVENT_MARK_LEN] = 'x'; // in the place of its NUL
    s->published += s->is_measuring;
    s->expected += s->is_measuring ? readers_of(s->options, room) : 0;
    s->outstanding += readers_of(s->options, room);
    s->unanswered++;
    if (s->options->publish_to.path != NULL) {
        post(s);
        return;
    }
    client_choose_topic(&s->publisher, room, s->options->level);
    size_t len = wire_publish(s->packet, s->client.version, s->publisher.topic, s->client.qos,
                              (uint16_t)(s->packet_id++ % 65535 + 1), s->payload, s->options->size);
    if (!link_send(&s->publisher.link, s->client.epoll, &s->publisher, s->packet, len))
        s->lost++;
}

static void fill(struct sse *s)
{
    const struct load_options *o = s->options;
    uint64_t window = (uint64_t)o->window * readers_of(o, 0);
    while (s->is_sending && o->rate <= 0 && s->lost == 0 && s->outstanding < window &&
           (o->unanswered == 0 || s->unanswered < o->unanswered))
        publish(s, now_ns());
}

static void arm(struct sse *s)
{
    struct itimerspec at = {
        .it_value = {(time_t)(s->next_due_ns / 1000000000), (long)(s->next_due_ns % 1000000000)}};
    if (timerfd_settime(s->timer, TFD_TIMER_ABSTIME, &at, NULL) != 0)
        abort();
}

static void publish_due(struct sse *s)
{
    uint64_t ticks;
    if (read(s->timer, &ticks, sizeof ticks) < 0)
        return;
    while (s->is_sending && s->next_due_ns <= now_ns()) {
        publish(s, s->next_due_ns);
        s->next_due_ns += s->interval_ns;
    }
    if (s->is_sending)
        arm(s);
}

// ---- reading ----

static void take(void *context, struct event_reader *r, const struct event_mark *mark)
{
    struct sse *s = context;
    if (mark->room != r->room || mark->sequence <= r->last) {
        s->duplicates++;
        return;
    }
    s->gaps += mark->sequence - r->last - 1;
    r->last = mark->sequence;
    s->outstanding--;
    if (mark->is_measured) {
        s->delivered++;
        s->last_ns = now_ns();
        histogram_add(&s->latency, s->last_ns - mark->due_ns);
    }
}

static void reader_turn(struct sse *s, struct event_reader *r)
{
    enum event_reader_state before = r->state;
    event_reader_turn(r, take, s);
    bool is_opened = before == EVENT_READER_ASKING && r->state == EVENT_READER_OPEN;
    s->opened += is_opened;
    s->lost += r->state == EVENT_READER_LOST;
    if (is_opened && r - s->readers >= (ptrdiff_t)(s->options->subscribers - s->options->stalled))
        (void)epoll_ctl(s->client.epoll, EPOLL_CTL_DEL, r->fd, NULL); // it is there
}

static void close_post(struct sse *s)
{
    (void)close(s->post_fd); // nothing is written to it any more
    s->post_fd = -1;
}

// Counts the answers in what came (a head is never cut here: it begins a segment).
static void post_turn(struct sse *s)
{
    char text[65536 + 1];
    ssize_t len = recv(s->post_fd, text, sizeof text - 1, MSG_DONTWAIT);
    if (len <= 0) {
        s->lost += len == 0;
        return;
    }
    text[len] = '\0';
    for (const char *at = text; (at = strstr(at, "HTTP/1.1 ")) != NULL; at += 9) {
        s->unanswered--;
        s->lost += at[9] != '2';
    }
    if (strstr(text, "\r\nConnection: close\r\n") != NULL)
        close_post(s);
}

static void publisher_turn(struct sse *s, uint32_t events)
{
    struct wire_packet packet;
    client_turn(&s->publisher, &s->client, events);
    while (s->publisher.state == CLIENT_READY && link_next(&s->publisher.link, &packet)) {
        s->unanswered -= packet.type == WIRE_PUBACK;
        s->lost += packet.type == WIRE_PUBACK && packet.reason >= 128;
    }
    s->lost += s->publisher.state == CLIENT_LOST;
}

static void turn(struct sse *s, int timeout_ms)
{
    struct epoll_event events[256];
    int count = epoll_wait(s->client.epoll, events, 256, timeout_ms);
    for (int i = 0; i < count; i++) {
        void *what = events[i].data.ptr;
        if (what == NULL)
            publish_due(s);
        else if (what == &s->publisher)
            publisher_turn(s, events[i].events);
        else if (what == &s->post_fd)
            post_turn(s);
        else
            reader_turn(s, what);
    }
    fill(s);
}

static void run_for(struct sse *s, double seconds)
{
    uint64_t end = now_ns() + (uint64_t)(seconds * 1e9);
    while (now_ns() < end && s->lost == 0)
        turn(s, 10);
}

// ---- the run ----

static bool open_all(struct sse *s, double *out_seconds)
{
    const struct load_options *o = s->options;
    uint64_t start = now_ns(), deadline = start + (uint64_t)SETUP_S * 1000000000u;
    for (unsigned i = 0; i < o->subscribers; i++) {
        if (!event_reader_open(&s->readers[i], &o->subscribe_to, i % o->rooms, o->client.password,
                               s->client.epoll))
            return false;
        if (i % 16 == 15)
            turn(s, 0);
    }
    while (s->opened < o->subscribers && s->lost == 0 && now_ns() < deadline)
        turn(s, 10);
    *out_seconds = (double)(now_ns() - start) / 1e9;
    if (o->publish_to.path != NULL)
        return s->opened == o->subscribers && open_post(s);
    if (!client_start(&s->publisher, &s->client, &o->publish_to))
        return false;
    while (s->publisher.state != CLIENT_READY && s->lost == 0 && now_ns() < deadline)
        turn(s, 10);
    return s->opened == o->subscribers && s->publisher.state == CLIENT_READY;
}

static void measure(struct sse *s, double setup_s, double bytes_each)
{
    const struct load_options *o = s->options;
    s->is_sending = o->seconds > 0;
    if (o->rate > 0) {
        s->interval_ns = (uint64_t)(1e9 / o->rate);
        s->next_due_ns = now_ns() + s->interval_ns;
        arm(s);
    }
    run_for(s, o->warmup_s);
    uint64_t cpu_ns = process_cpu_ns(&o->measured), memory = process_memory(&o->measured);
    uint64_t start = now_ns();
    s->is_measuring = true;
    run_for(s, o->seconds);
    s->is_sending = false;
    uint64_t end = now_ns() + (uint64_t)(o->drain_s * 1e9);
    while (s->outstanding > 0 && s->lost == 0 && now_ns() < end)
        turn(s, 10);
    double seconds = s->last_ns > start ? (double)(s->last_ns - start) / 1e9 : 1; // else: none
    run_for(s, 0.3); // what the servers still do for these messages belongs to them
    double cpu_s = (double)(process_cpu_ns(&o->measured) - cpu_ns) / 1e9;
    int64_t grown = (int64_t)process_memory(&o->measured) - (int64_t)memory;
    printf("{\"published\":%" PRIu64 ",\"delivered\":%" PRIu64 ",\"expected\":%" PRIu64
           ",\"duplicates\":%" PRIu64 ",\"gaps\":%" PRIu64 ",\"lost_clients\":%u"
           ",\"setup_s\":%.3f,\"bytes_each\":%.0f,\"publishes_per_s\":%.1f"
           ",\"deliveries_per_s\":%.1f,\"cpu_s_per_million\":%.3f,\"p50_ms\":%.3f"
           ",\"p99_ms\":%.3f,\"max_ms\":%.3f,\"bytes_grown\":%" PRId64 "}\n",
           s->published, s->delivered, s->expected, s->duplicates, s->gaps, s->lost, setup_s,
           bytes_each, (double)s->published / seconds, (double)s->delivered / seconds,
           s->delivered ? cpu_s * 1e6 / (double)s->delivered : 0.0,
           (double)histogram_at(&s->latency, 0.5) / 1e6,
           (double)histogram_at(&s->latency, 0.99) / 1e6, (double)s->latency.max_ns / 1e6, grown);
}

static bool prepare(struct sse *s)
{
    const struct load_options *o = s->options;
    s->readers = calloc(o->subscribers, sizeof *s->readers);
    s->sent = calloc(o->rooms, sizeof *s->sent);
    s->payload = malloc(o->size + EVENT_MARK_LEN + 1);
    s->packet = malloc(o->size + POST_MAX);
    s->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    if (s->readers == NULL || s->sent == NULL || s->payload == NULL || s->packet == NULL)
        return false;
    memset(s->payload, 'x', o->size + EVENT_MARK_LEN + 1);
    for (unsigned i = 0; i < o->subscribers; i++)
        s->readers[i].fd = -1;
    return s->timer >= 0 && epoll_ctl(s->client.epoll, EPOLL_CTL_ADD, s->timer, &event) == 0;
}

int load_sse(const struct load_options *o)
{
    struct sse s = {.options = o, .client = o->client, .post_fd = -1, .timer = -1};
    uint64_t memory = process_memory(&o->measured);
    double setup_s = 0;
    int status = 1;
    if (o->subscribe_to.path != NULL && o->subscribers > 0 && o->size > EVENT_MARK_LEN &&
        prepare(&s) && open_all(&s, &setup_s)) {
        double bytes =
            (double)((int64_t)process_memory(&o->measured) - (int64_t)memory) / o->subscribers;
        measure(&s, setup_s, bytes);
        status = 0;
    } else {
        fprintf(stderr, "not every reader and publisher could connect: %u of %u\n", s.opened,
                o->subscribers);
    }
    for (unsigned i = 0; s.readers != NULL && i < o->subscribers; i++)
        event_reader_close(&s.readers[i]);
    link_close(&s.publisher.link);
    if (s.post_fd >= 0)
        close_post(&s);
    if (s.timer >= 0)
        (void)close(s.timer); // only read from
    free(s.readers);
    free(s.sent);
    free(s.payload);
    free(s.packet);
    return status;
}
