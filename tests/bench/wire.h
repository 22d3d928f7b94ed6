// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// As much of MQTT 3.1.1 and 5 as a load generator says and hears. Trusts the server it talks to.
#ifndef ROOMWIRE_BENCH_WIRE_H
#define ROOMWIRE_BENCH_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum wire_type {
    WIRE_CONNACK = 2,
    WIRE_PUBLISH = 3,
    WIRE_PUBACK = 4,
    WIRE_SUBACK = 9,
    WIRE_DISCONNECT = 14
};

struct wire_packet {
    enum wire_type type;
    int qos;             // of a PUBLISH
    uint16_t id;         // of PUBLISH with QoS 1, PUBACK, SUBACK
    int reason;          // of CONNACK, SUBACK, PUBACK, DISCONNECT; 0x80 and above are errors
    const char *payload; // of a PUBLISH, borrowed from the buffer
    size_t payload_len;
};

// Each writes one packet to `out`, which must have room, and returns its length.
// `version` is 4 (MQTT 3.1.1) or 5.
size_t wire_connect(char *out, int version, const char *client, const char *user,
                    const char *password);
size_t wire_subscribe(char *out, int version, uint16_t id, const char *filter, int qos);
size_t wire_publish(char *out, int version, const char *topic, int qos, uint16_t id,
                    const char *payload, size_t payload_len);
size_t wire_puback(char *out, uint16_t id);

// Reads one packet; returns its length, 0 if more bytes are needed.
size_t wire_read(const char *bytes, size_t len, int version, struct wire_packet *out_packet);

#endif
