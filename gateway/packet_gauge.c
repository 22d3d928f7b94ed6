// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "packet_gauge.h"

enum { TYPE_DISCONNECT = 14, LENGTH_BYTES_MAX = 4 };

static enum err take_length_byte(struct packet_gauge *gauge, unsigned char byte, size_t max)
{
    gauge->body_left |= (uint32_t)(byte & 0x7F) << (7 * gauge->length_bytes);
    gauge->length_bytes++;
    if (byte & 0x80)
        return gauge->length_bytes < LENGTH_BYTES_MAX ? ERR_OK : ERR_INVALID;
    size_t whole = (size_t)1 + gauge->length_bytes + gauge->body_left;
    gauge->length_bytes = 0;
    gauge->is_in_head = false;
    return whole <= max ? ERR_OK : ERR_TOO_LARGE;
}

enum err packet_gauge_feed(struct packet_gauge *gauge, struct span bytes, size_t max)
{
    enum err err = ERR_OK;
    while (bytes.len > 0 && err == ERR_OK) {
        unsigned char byte = (unsigned char)bytes.ptr[0];
        size_t taken = 1;
        if (gauge->is_in_head) {
            err = take_length_byte(gauge, byte, max);
        } else if (gauge->body_left > 0) {
            taken = bytes.len < gauge->body_left ? bytes.len : gauge->body_left;
            gauge->body_left -= (uint32_t)taken;
        } else {
            gauge->type = byte;
            gauge->is_in_head = true;
        }
        bytes = span_skip(bytes, taken);
    }
    return err;
}

bool packet_gauge_has_disconnected(const struct packet_gauge *gauge)
{
    return gauge->type >> 4 == TYPE_DISCONNECT && !gauge->is_in_head && gauge->body_left == 0;
}
