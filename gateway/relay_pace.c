// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Mosquitto writes each packet by itself. Woken for every one of them, the gateway would spend most
// of its time on being woken, and so would the client. A broker that has something to say several
// times in one millisecond is therefore taken out of the loop's descriptors and read at a steady
// pace, all that came since in one piece, for as long as that is more than a packet: one that waits
// for the client's answer to each would only be slowed down.
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "relay_parts.h"

enum {
    BURST_READS = 4,       // in one millisecond,
    SMALL_READ_MAX = 4096, // and of so many bytes each: larger ones are worth being woken for
    PACE_NS = 250 * 1000,
    HOLD_OFF_MS = 16, // until the pace is tried again where it did not pay
    GAIN = 2          // a paced read has to bring so many times an unpaced one's bytes
};

// Stops with 0. Fails for programmer mistakes only.
static void tick_every(const struct relay_list *list, long ns)
{
    struct itimerspec when = {.it_interval.tv_nsec = ns, .it_value.tv_nsec = ns};
    (void)timerfd_settime(list->ticker.fd, 0, &when, NULL);
}

static void read_paced(struct relay *relay)
{
    size_t len = 0;
    if (!relay_queue_is_full(relay, &relay->to_client))
        len = relay_broker_read(relay);
    if (len * relay->burst_reads >= (size_t)GAIN * relay->burst_bytes)
        return;
    relay_pace_leave(relay);
    if (len > 0)
        relay->burst_ms = loop_now_ms(relay->list->worker->loop) + HOLD_OFF_MS;
}

static void on_tick(struct loop_watch *watch, uint32_t events)
{
    (void)events; // only ever EPOLLIN
    struct relay_list *list = CONTAINER_OF(watch, struct relay_list, ticker);
    uint64_t count;
    if (read(watch->fd, &count, sizeof count) != sizeof count)
        return; // stopped meanwhile
    struct relay *next;
    for (struct relay *relay = list->paced; relay != NULL; relay = next) {
        next = relay->next_paced;
        read_paced(relay);
        relay_settle(relay);
    }
    if (list->paced == NULL)
        tick_every(list, 0);
}

enum err relay_pace_create(struct relay_list *list)
{
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    list->ticker = (struct loop_watch){fd, EPOLLIN, on_tick};
    if (fd >= 0 && loop_add(list->worker->loop, &list->ticker) == ERR_OK)
        return ERR_OK;
    if (fd >= 0)
        (void)close(fd); // nothing is lost by it
    return ERR_IO;
}

void relay_pace_destroy(struct relay_list *list)
{
    loop_remove(list->worker->loop, &list->ticker);
    (void)close(list->ticker.fd); // nothing is lost by it
}

static void enter(struct relay *relay)
{
    struct relay_list *list = relay->list;
    if (list->paced == NULL)
        tick_every(list, PACE_NS);
    relay->next_paced = list->paced;
    relay->paced_link = &list->paced;
    if (relay->next_paced != NULL)
        relay->next_paced->paced_link = &relay->next_paced;
    list->paced = relay;
}

void relay_pace_note(struct relay *relay, size_t len)
{
    int64_t now_ms = loop_now_ms(relay->list->worker->loop);
    if (now_ms < relay->burst_ms || len > SMALL_READ_MAX) // held off, or no packet by itself
        return;
    if (now_ms > relay->burst_ms) {
        relay->burst_ms = now_ms;
        relay->burst_reads = 0;
        relay->burst_bytes = 0;
    }
    relay->burst_reads++;
    relay->burst_bytes += (uint32_t)len;
    if (relay->burst_reads >= BURST_READS && relay->broker.fd >= 0 && !relay_is_paced(relay))
        enter(relay);
}

void relay_pace_leave(struct relay *relay)
{
    if (!relay_is_paced(relay))
        return;
    *relay->paced_link = relay->next_paced;
    if (relay->next_paced != NULL)
        relay->next_paced->paced_link = relay->paced_link;
    relay->paced_link = NULL;
}
