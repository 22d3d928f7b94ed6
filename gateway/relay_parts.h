// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The inside of the relay, shared by relay*.c and nobody else: one WebSocket connection, its
// connection to the broker, and what passes between them.
//
//     relay.c         opens and ends it, decides what each side waits for
//     relay_client.c  the WebSocket: frames in, frames out
//     relay_broker.c  the unix socket: dialling, reading, writing
//     relay_connect.c the CONNECT packet: gathering and introducing
//     relay_ask.c     connect hooks, which may refuse it
//     relay_pace.c    brokers with much to say, read in turns rather than packet by packet
#ifndef ROOMWIRE_GATEWAY_RELAY_PARTS_H
#define ROOMWIRE_GATEWAY_RELAY_PARTS_H

#include "conn.h"
#include "connect_packet.h"
#include "gateway.h"
#include "hooks.h"
#include "packet_gauge.h"
#include "relay_queue.h"
#include "ws.h"

enum { RELAY_READ_SIZE = 65536 };

enum relay_phase {
    RELAY_GATHERING, // the client's CONNECT is not all there
    RELAY_ASKING,    // it waits for what connect hooks say
    RELAY_DIALLING,  // it waits for the broker to take the connection
    RELAY_OPEN,
    RELAY_ENDING, // what waits is still delivered, nothing more is read
    RELAY_BURIED
};

// What is needed only until CONNECT has gone to the broker.
struct relay_opening {
    struct buf token;            // of the upgrade request; empty if it had none
    struct buf gathered;         // the client's first bytes
    struct hook_ask *ask;        // while ASKING
    struct buf path, user_agent; // of the upgrade request, if there are webhooks
    int64_t deadline_ms;         // by the loop's clock
    int64_t retry_ms;            // before the next attempt to reach the broker
    int fd;                      // the socket for it; -1 before the first
};

// There may be tens of thousands, nearly all of them idle: they hold no buffers then.
struct relay {
    struct relay_list *list;
    struct relay *next, **link; // in the list; link is what points here
    struct conn *client;        // NULL once it was closed
    struct loop_watch broker;   // fd -1 before and after the connection
    struct ws_reader reader;
    struct packet_gauge gauge; // of what the client sent behind CONNECT
    struct relay_queue to_client, to_broker;
    struct relay_opening *opening; // while GATHERING, ASKING or DIALLING
    unsigned char *late_pong;      // length and payload: a ping that came while to_client was full
    struct loop_timer timer; // the phase's time limit; OPEN: that of a side that takes no byte
    struct loop_task burial;
    struct relay *next_paced, **paced_link; // while `paced_link` is set the pace reads the broker
    int64_t burst_ms; // the millisecond in which the broker was read so often and brought so much;
    uint32_t burst_reads, burst_bytes; // one to come: not before it again
    enum relay_phase phase;
    bool is_broker_watched; // in the loop, which is not so while nothing is wanted of it
    bool is_broker_deaf;    // it takes no more bytes, but may have sent some
};

// One worker's.
struct relay_list {
    struct worker *worker;
    struct ws_pool *pool;
    struct relay *first;
    struct loop_watch ticker; // a timerfd, running while there are paced relays
    struct relay *paced;
};

static inline const struct config *relay_config(const struct relay *relay)
{
    return &relay->list->worker->gateway->config;
}

static inline bool relay_queue_is_full(const struct relay *relay, const struct relay_queue *queue)
{
    return relay_queue_len(queue) >= (size_t)relay_config(relay)->max_relay_buffer;
}

static inline bool relay_reads_client(const struct relay *relay)
{
    return relay->phase == RELAY_GATHERING ||
           (relay->phase == RELAY_OPEN && !relay_queue_is_full(relay, &relay->to_broker));
}

// ---- relay.c ----

// To be called last in every callback: closes what has nothing to wait for any more, and says what
// to wake for.
void relay_settle(struct relay *relay);
// Ends both sides once what waits for them is delivered; the client's with a Close frame.
void relay_end(struct relay *relay, enum ws_code code, const char *reason);
// The same for a fault of the client's or ours, with a line in the log.
void relay_fail(struct relay *relay, enum ws_code code, const char *reason);
// Bytes were taken from a side's queue: its time begins anew.
void relay_note_progress(struct relay *relay);

// ---- relay_client.c ----

void relay_client_ready(void *owner, bool readable, bool writable);
// Takes in bytes that came from the client.
void relay_client_take(struct relay *relay, struct span input);
// Sends the broker's bytes as one frame.
void relay_client_send(struct relay *relay, struct span payload);
void relay_client_send_close(struct relay *relay, enum ws_code code, const char *reason);
// Closes the connection; what waits for it is dropped.
void relay_client_drop(struct relay *relay);

// ---- relay_broker.c ----

// Connects, now or after a while, and sends what waits.
void relay_broker_dial(struct relay *relay);
void relay_broker_send(struct relay *relay, struct span bytes);
// Says what the broker's socket is watched for; with neither it is not watched at all.
void relay_broker_want(struct relay *relay, bool read, bool write);
void relay_broker_drop(struct relay *relay);

// Reads what there is and sends it to the client; how many bytes it was.
size_t relay_broker_read(struct relay *relay);

// ---- relay_pace.c ----

MUST_USE enum err relay_pace_create(struct relay_list *list); // ERR_IO
void relay_pace_destroy(struct relay_list *list);
// The broker was read since it had something, `len` bytes: it is paced from now on if that happens
// too often.
void relay_pace_note(struct relay *relay, size_t len);
void relay_pace_leave(struct relay *relay);

static inline bool relay_is_paced(const struct relay *relay)
{
    return relay->paced_link != NULL;
}

// ---- relay_connect.c ----

MUST_USE enum err relay_opening_create(const struct relay_list *list, struct span token,
                                       struct relay_opening **out_opening);
void relay_opening_destroy(struct relay_opening *opening); // NULL is fine
// Takes the client's first bytes; when CONNECT is complete it goes on with asking or dialling.
void relay_connect_gather(struct relay *relay, struct span bytes);
// Takes bytes behind a CONNECT that waits for an answer.
void relay_connect_hold(struct relay *relay, struct span bytes);
// Goes on with the CONNECT that was gathered.
void relay_connect_let_in(struct relay *relay);

// ---- relay_ask.c ----

// Keeps what the upgrade request says of the client, for the hooks.
void relay_ask_prepare(struct relay *relay, struct exchange *x);
// Asks the connect hooks about a client: the phase is ASKING then, or the relay ends, if its token
// is not good. False if there is nobody to ask.
bool relay_ask_begin(struct relay *relay, const struct connect_packet *packet);
// The time for an answer is over.
void relay_ask_expire(struct relay *relay);

#endif
