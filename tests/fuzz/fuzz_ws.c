// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The first byte says how the rest is cut; what is read must not depend on it.
#include <stdint.h>
#include <stdlib.h>

#include "core/buf.h"
#include "gateway/packet_gauge.h"
#include "gateway/ws.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MESSAGE_MAX = 5000, TRANSCRIPT_MAX = 4 * 1024 * 1024 };

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void write_down(enum ws_kind kind, const struct ws_event *event, struct buf *out)
{
    if (kind == WS_DATA) {
        buf_add_span(out, event->payload);
        return;
    }
    check(event->payload.len <= WS_CONTROL_MAX);
    check((kind == WS_BAD) == (event->reason != NULL));
    buf_printf(out, "<%d %d ", (int)kind, (int)event->code);
    buf_add_span(out, event->payload);
    buf_add_char(out, '>');
}

static void transcribe(struct span bytes, size_t step, struct buf *out)
{
    struct ws_pool *pool;
    struct ws_reader reader;
    check(ws_pool_create(&pool) == ERR_OK);
    ws_reader_init(&reader, MESSAGE_MAX);
    enum ws_kind kind = WS_MORE;
    while (bytes.len > 0 && kind != WS_BAD && kind != WS_CLOSE) {
        size_t len = bytes.len < step ? bytes.len : step;
        struct span input = span_make(bytes.ptr, len);
        struct ws_event event;
        do {
            kind = ws_read(&reader, pool, &input, &event);
            if (kind != WS_MORE)
                write_down(kind, &event, out);
        } while (kind != WS_MORE && kind != WS_BAD && kind != WS_CLOSE);
        bytes = span_skip(bytes, len);
    }
    ws_reader_finish(&reader, pool);
    ws_pool_destroy(pool);
}

static void gauge(struct span stream, size_t step)
{
    struct packet_gauge at_once = {0}, in_steps = {0};
    enum err wanted = packet_gauge_feed(&at_once, stream, MESSAGE_MAX);
    enum err got = ERR_OK;
    while (stream.len > 0 && got == ERR_OK) {
        size_t len = stream.len < step ? stream.len : step;
        got = packet_gauge_feed(&in_steps, span_make(stream.ptr, len), MESSAGE_MAX);
        stream = span_skip(stream, len);
    }
    check(got == wanted);
    check(packet_gauge_has_disconnected(&at_once) == packet_gauge_has_disconnected(&in_steps));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    size_t step = data[0] ? data[0] : 4096;
    struct span bytes = span_make(data + 1, size - 1);
    struct buf at_once, in_steps;
    buf_init(&at_once, TRANSCRIPT_MAX);
    buf_init(&in_steps, TRANSCRIPT_MAX);
    transcribe(bytes, size, &at_once);
    transcribe(bytes, step, &in_steps);
    check(span_equal(buf_span(&at_once), buf_span(&in_steps)));
    gauge(buf_span(&at_once), step);
    buf_finish(&at_once);
    buf_finish(&in_steps);
    return 0;
}
