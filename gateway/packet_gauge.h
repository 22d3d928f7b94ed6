// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Walks along a stream of MQTT packets, cut anywhere, by their lengths alone (MQTT 5 §2.1), so that
// a packet beyond the limit is seen before the broker makes room for it.
// Not a parser of packets, and nothing is held back or changed.
#ifndef ROOMWIRE_GATEWAY_PACKET_GAUGE_H
#define ROOMWIRE_GATEWAY_PACKET_GAUGE_H

#include <stdint.h>

#include "core/err.h"
#include "core/span.h"

// Zeroed before its first use.
struct packet_gauge {
    uint32_t body_left;         // bytes of the packet's body still to come
    unsigned char type;         // the last packet's first byte; 0: none began yet
    unsigned char length_bytes; // bytes of the remaining length seen; 0: all of it
    bool is_in_head;            // the first byte was seen, its remaining length not all
};

// Takes in the next bytes of the stream. Errors: ERR_TOO_LARGE (a packet with more than `max` bytes
// in all), ERR_INVALID (a remaining length of more than four bytes).
MUST_USE enum err packet_gauge_feed(struct packet_gauge *gauge, struct span bytes, size_t max);

// True if the stream ends behind a whole DISCONNECT packet.
bool packet_gauge_has_disconnected(const struct packet_gauge *gauge);

#endif
