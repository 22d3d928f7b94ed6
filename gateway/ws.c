// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "ws.h"

#include <stdlib.h>
#include <wslay/wslay.h>

enum { SPARE_MAX = 8 };

// What reading a frame takes. Not bound to a connection: between two frames, with nothing read
// ahead, the next reader may use it.
struct ws_frames {
    wslay_frame_context_ptr wslay;
    struct span *input; // of the call of ws_read that is running
    uint64_t fed;       // bytes that wslay took from the input,
    uint64_t used;      // and those that belong to frames that have ended: the rest waits in wslay
    uint64_t payload_len;                  // of this frame's payload, seen so far
    unsigned char control[WS_CONTROL_MAX]; // a control frame's payload, which may come in pieces
    struct ws_frames *next;                // in the pool
};

struct ws_pool {
    struct ws_frames *spare;
    int count;
};

// ---- the pool ----

enum err ws_pool_create(struct ws_pool **out_pool)
{
    struct ws_pool *pool = calloc(1, sizeof *pool);
    if (pool == NULL)
        return ERR_MEMORY;
    *out_pool = pool;
    return ERR_OK;
}

static void frames_destroy(struct ws_frames *frames)
{
    wslay_frame_context_free(frames->wslay);
    free(frames);
}

void ws_pool_destroy(struct ws_pool *pool)
{
    if (pool == NULL)
        return;
    while (pool->spare != NULL) {
        struct ws_frames *frames = pool->spare;
        pool->spare = frames->next;
        frames_destroy(frames);
    }
    free(pool);
}

static ssize_t feed(uint8_t *out, size_t len, int flags, void *context)
{
    (void)flags; // always 0, says wslay.h
    struct ws_frames *frames = context;
    struct span *input = frames->input;
    if (len > input->len)
        len = input->len;
    if (len == 0)
        return -1; // wslay then wants to read
    memcpy(out, input->ptr, len);
    *input = span_skip(*input, len);
    frames->fed += len;
    return (ssize_t)len;
}

static struct ws_frames *frames_create(void)
{
    static const struct wslay_frame_callbacks callbacks = {.recv_callback = feed};
    struct ws_frames *frames = calloc(1, sizeof *frames);
    if (frames == NULL || wslay_frame_context_init(&frames->wslay, &callbacks, frames) != 0) {
        free(frames);
        return NULL;
    }
    return frames;
}

static struct ws_frames *pool_take(struct ws_pool *pool)
{
    struct ws_frames *frames = pool->spare;
    if (frames == NULL)
        return frames_create();
    pool->spare = frames->next;
    pool->count--;
    return frames;
}

static bool is_between_frames(const struct ws_frames *frames)
{
    return frames->fed == frames->used;
}

// Only one that is between two frames can serve another connection.
static void pool_give(struct ws_pool *pool, struct ws_frames *frames)
{
    if (!is_between_frames(frames) || pool->count == SPARE_MAX) {
        frames_destroy(frames);
        return;
    }
    frames->next = pool->spare;
    pool->spare = frames;
    pool->count++;
}

// ---- reading ----

void ws_reader_init(struct ws_reader *reader, uint32_t max_message)
{
    *reader = (struct ws_reader){.max_message = max_message};
}

void ws_reader_finish(struct ws_reader *reader, struct ws_pool *pool)
{
    if (reader->frames != NULL)
        pool_give(pool, reader->frames);
    reader->frames = NULL;
}

static enum ws_kind fail(struct ws_reader *reader, struct ws_event *out_event, enum ws_code code,
                         const char *reason)
{
    reader->has_failed = true;
    *out_event = (struct ws_event){.code = code, .reason = reason};
    return WS_BAD;
}

// RFC 6455 §5.2, §5.4: what a frame's head says against the frames before it.
static const char *judge_head(const struct ws_reader *reader, const struct wslay_frame_iocb *frame,
                              enum ws_code *out_code)
{
    *out_code = WS_CODE_PROTOCOL_ERROR;
    if (!frame->mask)
        return "a frame without a mask";
    if (frame->rsv != 0)
        return "a reserved bit is set";
    switch (frame->opcode) {
    case WSLAY_CONTINUATION_FRAME:
        return reader->is_in_message ? NULL : "a continuation without a beginning";
    case WSLAY_BINARY_FRAME:
        return reader->is_in_message ? "a message inside another" : NULL;
    case WSLAY_TEXT_FRAME:
        *out_code = WS_CODE_UNSUPPORTED_DATA; // MQTT 5 §6.0: only binary frames
        return "a text frame";
    case WSLAY_CONNECTION_CLOSE:
    case WSLAY_PING:
    case WSLAY_PONG:
        return NULL;
    default:
        return "a reserved opcode";
    }
}

static enum ws_kind begin_frame(struct ws_reader *reader, const struct wslay_frame_iocb *frame,
                                struct ws_event *out_event)
{
    enum ws_code code;
    const char *reason = judge_head(reader, frame, &code);
    if (reason != NULL)
        return fail(reader, out_event, code, reason);
    if (wslay_is_ctrl_frame(frame->opcode))
        return WS_MORE;
    if (frame->payload_length > reader->max_message - reader->message_len)
        return fail(reader, out_event, WS_CODE_TOO_BIG, "a message that is too long");
    reader->message_len += frame->payload_length;
    reader->is_in_message = true;
    return WS_MORE;
}

// Codes that may stand in a Close frame (RFC 6455 §7.4.2 and IANA's registry).
static bool is_close_code(unsigned code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

static enum ws_kind take_close(struct ws_reader *reader, struct span payload,
                               struct ws_event *out_event)
{
    unsigned code = WS_CODE_NONE;
    if (payload.len > 0) {
        if (payload.len >= 2)
            code = (unsigned)(unsigned char)payload.ptr[0] << 8 | (unsigned char)payload.ptr[1];
        if (!is_close_code(code))
            return fail(reader, out_event, WS_CODE_PROTOCOL_ERROR, "a malformed close code");
        if (!span_is_utf8(span_skip(payload, 2)))
            return fail(reader, out_event, WS_CODE_INVALID_DATA, "a close reason not in UTF-8");
    }
    reader->has_failed = true; // whatever follows a Close frame is not read
    *out_event = (struct ws_event){.code = (enum ws_code)code};
    return WS_CLOSE;
}

static enum ws_kind end_control(struct ws_reader *reader, unsigned char opcode,
                                struct ws_event *out_event)
{
    struct ws_frames *frames = reader->frames;
    struct span payload = span_make(frames->control, (size_t)frames->payload_len);
    frames->payload_len = 0;
    if (opcode == WSLAY_CONNECTION_CLOSE)
        return take_close(reader, payload, out_event);
    *out_event = (struct ws_event){.payload = payload};
    return opcode == WSLAY_PING ? WS_PING : WS_PONG;
}

// The bytes of a whole masked frame. wslay takes a length in its shortest form only.
static uint64_t frame_size(uint64_t payload_len)
{
    uint64_t extended = payload_len < 126 ? 0 : payload_len < 65536 ? 2 : 8;
    return 2 + extended + 4 + payload_len;
}

// Takes in one piece of a frame, which may be all of it; WS_MORE if there is nothing to tell yet.
static enum ws_kind take_piece(struct ws_reader *reader, const struct wslay_frame_iocb *frame,
                               struct ws_event *out_event)
{
    struct ws_frames *frames = reader->frames;
    if (frames->payload_len == 0 && begin_frame(reader, frame, out_event) == WS_BAD)
        return WS_BAD;
    bool is_control = wslay_is_ctrl_frame(frame->opcode);
    // wslay has refused control frames over 125 bytes (RFC 6455 §5.5).
    if (is_control && frame->data_length > 0)
        memcpy(frames->control + frames->payload_len, frame->data, frame->data_length);
    frames->payload_len += frame->data_length;
    bool is_last = frames->payload_len == frame->payload_length;
    if (is_last)
        frames->used += frame_size(frame->payload_length);
    if (is_control)
        return is_last ? end_control(reader, frame->opcode, out_event) : WS_MORE;

    if (is_last) {
        frames->payload_len = 0;
        reader->is_in_message = !frame->fin;
        if (frame->fin)
            reader->message_len = 0;
    }
    if (frame->data_length == 0)
        return WS_MORE;
    *out_event = (struct ws_event){.payload = span_make(frame->data, frame->data_length)};
    return WS_DATA;
}

enum ws_kind ws_read(struct ws_reader *reader, struct ws_pool *pool, struct span *input,
                     struct ws_event *out_event)
{
    while (!reader->has_failed) {
        if (reader->frames == NULL) {
            if (input->len == 0)
                return WS_MORE;
            reader->frames = pool_take(pool);
            if (reader->frames == NULL)
                return fail(reader, out_event, WS_CODE_INTERNAL, "out of memory");
        }
        reader->frames->input = input;
        struct wslay_frame_iocb frame = {0};
        ssize_t got = wslay_frame_recv(reader->frames->wslay, &frame);
        if (got == WSLAY_ERR_WANT_READ) {
            // The payload that was handed out last was read by now, so the place of it may go.
            if (is_between_frames(reader->frames))
                ws_reader_finish(reader, pool);
            if (input->len == 0)
                return WS_MORE;
            continue;
        }
        if (got < 0)
            return fail(reader, out_event, WS_CODE_PROTOCOL_ERROR, "a malformed frame");
        enum ws_kind kind = take_piece(reader, &frame, out_event);
        if (kind != WS_MORE)
            return kind;
    }
    return WS_MORE;
}

// ---- writing ----

static void put_be(unsigned char *out, uint64_t value, int count)
{
    for (int i = 0; i < count; i++)
        out[i] = (unsigned char)(value >> (8 * (count - 1 - i)));
}

size_t ws_write_head(enum ws_opcode opcode, uint64_t payload_len, unsigned char out[WS_HEAD_MAX])
{
    out[0] = (unsigned char)(0x80u | opcode);
    if (payload_len < 126) {
        out[1] = (unsigned char)payload_len;
        return 2;
    }
    if (payload_len < 65536) {
        out[1] = 126;
        put_be(out + 2, payload_len, 2);
        return 4;
    }
    out[1] = 127;
    put_be(out + 2, payload_len, 8);
    return WS_HEAD_MAX;
}

size_t ws_write_control(enum ws_opcode opcode, struct span payload,
                        unsigned char out[WS_CONTROL_FRAME_MAX])
{
    size_t len = payload.len < WS_CONTROL_MAX ? payload.len : WS_CONTROL_MAX;
    size_t head = ws_write_head(opcode, len, out);
    if (len > 0)
        memcpy(out + head, payload.ptr, len);
    return head + len;
}

size_t ws_write_close(enum ws_code code, const char *reason,
                      unsigned char out[WS_CONTROL_FRAME_MAX])
{
    unsigned char payload[WS_CONTROL_MAX];
    if (code == WS_CODE_NONE)
        return ws_write_control(WS_OPCODE_CLOSE, (struct span){NULL, 0}, out);
    put_be(payload, (uint64_t)code, 2);
    struct span text = span_of(reason);
    if (text.len > WS_CONTROL_MAX - 2)
        text.len = WS_CONTROL_MAX - 2;
    while (!span_is_utf8(text))
        text.len--; // the cut went through a character
    if (text.len > 0)
        memcpy(payload + 2, text.ptr, text.len);
    return ws_write_control(WS_OPCODE_CLOSE, span_make(payload, 2 + text.len), out);
}
