// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The MQTT CONNECT packet (MQTT 3.1 §3.1, 3.1.1 §3.1, 5 §3.1), taken apart and written again with
// another user name and, where it has none, a password. No I/O; what it reads is never copied.
// Not what the fields mean: properties, topics and UTF-8 are the broker's to judge.
#ifndef ROOMWIRE_GATEWAY_CONNECT_PACKET_H
#define ROOMWIRE_GATEWAY_CONNECT_PACKET_H

#include "core/buf.h"

enum {
    // Room for a will of 64 kB with its topic, and a token.
    CONNECT_PACKET_MAX = 128 * 1024,
    CONNECT_FIELD_MAX = 65535, // a string's or binary field's length has two bytes (MQTT 5 §1.5.4)
};

enum connect_level {
    CONNECT_LEVEL_31 = 3, // protocol name "MQIsdp"
    CONNECT_LEVEL_311 = 4,
    CONNECT_LEVEL_5 = 5
};

// Everything borrows from the bytes that were parsed.
struct connect_packet {
    enum connect_level level;
    unsigned char flags;   // as sent
    struct span body;      // the packet behind its fixed header, with nothing behind it
    struct span client_id; // may be empty
    struct span user_name; // empty if there is none
    bool has_password;
    // Places in `body`:
    size_t flags_at;
    size_t fields_at; // the user name field, or where it would be (it is first in every version)
    size_t rest_at;   // behind it: the password field, or nothing
};

enum connect_parse {
    CONNECT_PARSE_MORE, // not all there yet; ask again with more bytes behind the same ones
    CONNECT_PARSE_DONE,
    CONNECT_PARSE_BAD,     // no CONNECT that could be handed on
    CONNECT_PARSE_VERSION, // one of a version of MQTT that is not spoken here
    CONNECT_PARSE_LONG     // one that is over the limit
};

// Parses the packet that `bytes` start with. DONE: `*out_consumed` is its length. BAD, VERSION and
// LONG (more than `max` bytes behind the fixed header): `*out_reason` is a static English phrase;
// BAD and LONG are said as soon as the bytes can tell.
enum connect_parse connect_packet_parse(struct span bytes, size_t max,
                                        struct connect_packet *out_packet, size_t *out_consumed,
                                        const char **out_reason);

// Appends the packet with `user_name` in place of its own and, unless it has a password or
// `password` is empty, with `password`. All else stays byte for byte.
// Errors: ERR_TOO_LARGE (a field over CONNECT_FIELD_MAX), or the buffer's status.
MUST_USE enum err connect_packet_rewrite(const struct connect_packet *packet, struct span user_name,
                                         struct span password, struct buf *out);

// Why a client is not let in.
enum connect_refusal {
    CONNECT_NOT_AUTHORIZED, // MQTT 5: 0x87, before: 5
    CONNECT_UNAVAILABLE     // 0x88 and 3
};
enum { CONNECT_REASON_MAX = 120 };

// Appends a CONNACK that says so (MQTT 5 §3.2, 3.1.1 §3.2), to a client of MQTT 5 with `reason` as
// its Reason String, unless it is empty or longer than CONNECT_REASON_MAX.
void connect_packet_refuse(enum connect_level level, enum connect_refusal why, struct span reason,
                           struct buf *out);

#endif
