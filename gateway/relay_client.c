// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include <stdlib.h>

#include "relay_parts.h"

// ---- writing ----

void relay_client_drop(struct relay *relay)
{
    relay_queue_finish(&relay->to_client);
    free(relay->late_pong);
    relay->late_pong = NULL;
    ws_reader_finish(&relay->reader, relay->list->pool);
    if (relay->client != NULL)
        conn_close(relay->client);
    relay->client = NULL;
}

// The client is gone without a Close frame; what it had sent is still for the broker.
static void lose_client(struct relay *relay)
{
    relay_client_drop(relay);
    relay_end(relay, WS_CODE_NONE, "");
}

// Writes until the socket takes no more (with TLS a call takes one record). False if it is broken.
static bool write_all(struct relay *relay, struct iovec *parts, int count, size_t *out_written)
{
    enum conn_result result = CONN_OK;
    *out_written = 0;
    while (count > 0) {
        size_t written = 0;
        result = conn_write(relay->client, parts, count, &written);
        if (result != CONN_OK || written == 0)
            break;
        *out_written += written;
        while (count > 0 && written >= parts->iov_len) {
            written -= parts->iov_len;
            parts++;
            count--;
        }
        if (count > 0) {
            parts->iov_base = (char *)parts->iov_base + written;
            parts->iov_len -= written;
        }
    }
    return result == CONN_OK || result == CONN_AGAIN;
}

static void queue(struct relay *relay, struct span bytes)
{
    // Broken off rather than ended: a Close frame would not fit either.
    if (relay->client != NULL && relay_queue_add(&relay->to_client, bytes) != ERR_OK)
        lose_client(relay);
}

// Sends head and payload; what the socket does not take waits.
static void send_frame(struct relay *relay, struct span head, struct span payload)
{
    if (relay->client == NULL)
        return;
    size_t written = 0;
    if (relay_queue_len(&relay->to_client) == 0) {
        // sendmsg only reads what the parts point to.
        struct iovec parts[2] = {{(void *)(uintptr_t)head.ptr, head.len},
                                 {(void *)(uintptr_t)payload.ptr, payload.len}};
        if (!write_all(relay, parts, payload.len > 0 ? 2 : 1, &written)) {
            lose_client(relay);
            return;
        }
    }
    if (written < head.len)
        queue(relay, span_skip(head, written));
    written -= written < head.len ? written : head.len;
    if (written < payload.len)
        queue(relay, span_skip(payload, written));
}

void relay_client_send(struct relay *relay, struct span payload)
{
    unsigned char head[WS_HEAD_MAX];
    size_t len = ws_write_head(WS_OPCODE_BINARY, payload.len, head);
    send_frame(relay, span_make(head, len), payload);
}

static void send_control(struct relay *relay, enum ws_opcode opcode, struct span payload)
{
    unsigned char frame[WS_CONTROL_FRAME_MAX];
    size_t len = ws_write_control(opcode, payload, frame);
    send_frame(relay, span_make(frame, len), (struct span){NULL, 0});
}

void relay_client_send_close(struct relay *relay, enum ws_code code, const char *reason)
{
    unsigned char frame[WS_CONTROL_FRAME_MAX];
    size_t len = ws_write_close(code, reason, frame);
    send_frame(relay, span_make(frame, len), (struct span){NULL, 0});
}

// To a client that does not read only the latest ping is answered (RFC 6455 §5.5.3), so that pings
// cannot make the queue grow.
static void answer_ping(struct relay *relay, struct span payload)
{
    if (!relay_queue_is_full(relay, &relay->to_client)) {
        send_control(relay, WS_OPCODE_PONG, payload);
        return;
    }
    if (relay->late_pong == NULL)
        relay->late_pong = malloc(1 + WS_CONTROL_MAX);
    if (relay->late_pong == NULL)
        return; // the client does not read anyway
    relay->late_pong[0] = (unsigned char)payload.len;
    if (payload.len > 0)
        memcpy(relay->late_pong + 1, payload.ptr, payload.len);
}

static void send_late_pong(struct relay *relay)
{
    unsigned char *pong = relay->late_pong;
    if (pong == NULL || relay->phase == RELAY_ENDING) // nothing goes out behind a Close frame
        return;
    relay->late_pong = NULL;
    send_control(relay, WS_OPCODE_PONG, span_make(pong + 1, pong[0]));
    free(pong);
}

static void flush(struct relay *relay)
{
    struct span waiting = relay_queue_span(&relay->to_client);
    struct iovec part = {(void *)(uintptr_t)waiting.ptr, waiting.len};
    size_t written = 0;
    if (!write_all(relay, &part, 1, &written)) {
        lose_client(relay);
        return;
    }
    if (written > 0) {
        relay_queue_take(&relay->to_client, written);
        relay_note_progress(relay);
    }
    if (!relay_queue_is_full(relay, &relay->to_client))
        send_late_pong(relay);
}

// ---- reading ----

static void deliver(struct relay *relay, struct span payload)
{
    if (payload.len == 0)
        return;
    if (relay->phase == RELAY_GATHERING)
        relay_connect_gather(relay, payload);
    else if (relay->phase == RELAY_ASKING)
        relay_connect_hold(relay, payload);
    else if (relay->phase == RELAY_DIALLING || relay->phase == RELAY_OPEN)
        relay_broker_send(relay, payload);
}

// The payload of all frames of one read goes to the broker in one write.
void relay_client_take(struct relay *relay, struct span input)
{
    char payload[RELAY_READ_SIZE];
    size_t len = 0;
    struct ws_event event;
    enum ws_kind kind = WS_MORE;
    while (relay->phase != RELAY_ENDING) {
        kind = ws_read(&relay->reader, relay->list->pool, &input, &event);
        if (kind == WS_PING) {
            answer_ping(relay, event.payload);
        } else if (kind == WS_DATA) {
            if (event.payload.len > sizeof payload - len) {
                deliver(relay, span_make(payload, len));
                len = 0;
            }
            memcpy(payload + len, event.payload.ptr, event.payload.len);
            len += event.payload.len;
        } else if (kind != WS_PONG) {
            break;
        }
    }
    deliver(relay, span_make(payload, len));
    if (relay->phase == RELAY_ENDING)
        return;
    if (kind == WS_CLOSE)
        relay_end(relay, event.code, "");
    else if (kind == WS_BAD)
        relay_fail(relay, event.code, event.reason);
}

static void read_some(struct relay *relay)
{
    char bytes[RELAY_READ_SIZE];
    size_t len = 0;
    switch (conn_read(relay->client, bytes, sizeof bytes, &len)) {
    case CONN_OK:
        relay_client_take(relay, span_make(bytes, len));
        break;
    case CONN_AGAIN:
        break;
    case CONN_CLOSED:
    case CONN_FAILED:
        lose_client(relay);
        break;
    }
}

void relay_client_ready(void *owner, bool readable, bool writable)
{
    struct relay *relay = owner;
    bool has_waiting = relay_queue_len(&relay->to_client) > 0;
    if (writable && has_waiting)
        flush(relay);
    if (relay->client != NULL && readable) {
        if (relay_reads_client(relay))
            read_some(relay);
        else if (writable && !has_waiting) // woken for what was not asked for: it is broken
            lose_client(relay);
    }
    relay_settle(relay);
}
