// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// WebSocket frames (RFC 6455 §5), the server's side: a client's bytes in, payload and control
// events out; and the heads of frames to send. Reading is done by wslay, which no other file
// includes. No I/O, and not the handshake, which is ws_handshake.h.
#ifndef ROOMWIRE_GATEWAY_WS_H
#define ROOMWIRE_GATEWAY_WS_H

#include <stdint.h>

#include "core/err.h"
#include "core/span.h"

enum {
    WS_CONTROL_MAX = 125, // payload of a control frame (RFC 6455 §5.5)
    WS_HEAD_MAX = 10,     // of a frame from server to client
    WS_CONTROL_FRAME_MAX = 2 + WS_CONTROL_MAX
};

enum ws_opcode {
    WS_OPCODE_BINARY = 0x2,
    WS_OPCODE_CLOSE = 0x8,
    WS_OPCODE_PING = 0x9,
    WS_OPCODE_PONG = 0xA
};

// RFC 6455 §7.4.1 and IANA's registry.
enum ws_code {
    WS_CODE_NONE = 0, // a Close frame without a code
    WS_CODE_NORMAL = 1000,
    WS_CODE_GOING_AWAY = 1001,
    WS_CODE_PROTOCOL_ERROR = 1002,
    WS_CODE_UNSUPPORTED_DATA = 1003,
    WS_CODE_INVALID_DATA = 1007,
    WS_CODE_POLICY = 1008,
    WS_CODE_TOO_BIG = 1009,
    WS_CODE_INTERNAL = 1011,
    WS_CODE_SERVICE_RESTART = 1012,
    WS_CODE_TRY_AGAIN_LATER = 1013
};

// Reading a frame takes 4 kB, which would be most of what an idle connection costs. So a reader
// has them only while bytes of an unfinished frame wait, and the readers of a thread take turns.
struct ws_pool;
MUST_USE enum err ws_pool_create(struct ws_pool **out_pool);
void ws_pool_destroy(struct ws_pool *pool); // NULL is fine; every reader was finished before

struct ws_frames;

// One connection's reading. Initialised with ws_reader_init.
struct ws_reader {
    struct ws_frames *frames; // NULL between two frames
    uint64_t message_len;     // payload of the unfinished message, so far
    uint32_t max_message;
    bool is_in_message; // a fragment came, and its last one not yet
    bool has_failed;
};

enum ws_kind {
    WS_MORE, // all bytes are taken in
    WS_DATA, // a piece of a binary message's payload; where messages begin and end is not told
    WS_PING, // the payload has to go back in a Pong frame
    WS_PONG,
    WS_CLOSE, // a well-formed Close frame with `code`; nothing behind it counts
    WS_BAD // the connection has to be failed with `code` (RFC 6455 §7.1.7); nothing more is read
};

struct ws_event {
    struct span payload; // DATA, PING, PONG; borrowed until the next call with the same pool
    enum ws_code code;   // CLOSE (the client's), BAD (what to answer)
    const char *reason;  // BAD: a static English phrase
};

// `max_message` is the longest message in bytes, over all its fragments.
void ws_reader_init(struct ws_reader *reader, uint32_t max_message);
void ws_reader_finish(struct ws_reader *reader, struct ws_pool *pool);

// Reads on to the next event, and cuts what it took off the front of `*input`. To be called until
// it says MORE, CLOSE or BAD.
enum ws_kind ws_read(struct ws_reader *reader, struct ws_pool *pool, struct span *input,
                     struct ws_event *out_event);

// Writes the head of an unfragmented frame; returns its length.
size_t ws_write_head(enum ws_opcode opcode, uint64_t payload_len, unsigned char out[WS_HEAD_MAX]);
// Writes a whole control frame; a payload over WS_CONTROL_MAX is cut. Returns its length.
size_t ws_write_control(enum ws_opcode opcode, struct span payload,
                        unsigned char out[WS_CONTROL_FRAME_MAX]);
// Writes a Close frame; `reason` is UTF-8 and cut where it does not fit.
size_t ws_write_close(enum ws_code code, const char *reason,
                      unsigned char out[WS_CONTROL_FRAME_MAX]);

#endif
