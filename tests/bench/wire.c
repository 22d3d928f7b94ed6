// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "wire.h"

static char *put_u16(char *at, size_t value)
{
    *at++ = (char)(value >> 8);
    *at++ = (char)(value & 0xff);
    return at;
}

static char *put_text(char *at, const char *text)
{
    size_t len = strlen(text);
    at = put_u16(at, len);
    memcpy(at, text, len);
    return at + len;
}

// MQTT 5 §1.5.5
static char *put_length(char *at, size_t len)
{
    do {
        unsigned digit = len % 128;
        len /= 128;
        *at++ = (char)(digit | (len ? 128u : 0u));
    } while (len);
    return at;
}

static size_t get_u16(const char *at)
{
    return (size_t)(unsigned char)at[0] << 8 | (unsigned char)at[1];
}

// The number of bytes of a length, 0 if it is not complete.
static size_t get_length(const char *at, size_t available, size_t *out_len)
{
    size_t value = 0;
    for (size_t i = 0; i < available && i < 4; i++) {
        value |= ((size_t)(unsigned char)at[i] & 127) << (7 * i);
        if (!(at[i] & 128)) {
            *out_len = value;
            return i + 1;
        }
    }
    return 0;
}

size_t wire_connect(char *out, int version, const char *client, const char *user,
                    const char *password)
{
    size_t body =
        10 + (size_t)(version == 5) + 2 + strlen(client) + 2 + strlen(user) + 2 + strlen(password);
    *out = 0x10;
    char *at = put_length(out + 1, body);
    at = put_text(at, "MQTT");
    *at++ = (char)version;
    *at++ = (char)0xc2; // user name, password, clean start
    at = put_u16(at, 600);
    if (version == 5)
        *at++ = 0;
    at = put_text(at, client);
    at = put_text(at, user);
    at = put_text(at, password);
    return (size_t)(at - out);
}

size_t wire_subscribe(char *out, int version, uint16_t id, const char *filter, int qos)
{
    *out = (char)0x82;
    char *at = put_length(out + 1, 2 + (size_t)(version == 5) + 2 + strlen(filter) + 1);
    at = put_u16(at, id);
    if (version == 5)
        *at++ = 0;
    at = put_text(at, filter);
    *at++ = (char)qos;
    return (size_t)(at - out);
}

size_t wire_publish(char *out, int version, const char *topic, int qos, uint16_t id,
                    const char *payload, size_t payload_len)
{
    size_t body = 2 + strlen(topic) + (qos ? 2u : 0u) + (size_t)(version == 5) + payload_len;
    *out = (char)(0x30 | qos << 1);
    char *at = put_length(out + 1, body);
    at = put_text(at, topic);
    if (qos)
        at = put_u16(at, id);
    if (version == 5)
        *at++ = 0;
    memcpy(at, payload, payload_len);
    return (size_t)(at - out) + payload_len;
}

size_t wire_puback(char *out, uint16_t id)
{
    out[0] = 0x40;
    out[1] = 2;
    put_u16(out + 2, id);
    return 4;
}

static void read_publish(const char *body, size_t len, int version, struct wire_packet *p)
{
    size_t at = 2 + get_u16(body);
    if (p->qos) {
        p->id = (uint16_t)get_u16(body + at);
        at += 2;
    }
    size_t properties = 0;
    if (version == 5)
        at += get_length(body + at, len - at, &properties);
    at += properties;
    p->payload = body + at;
    p->payload_len = len - at;
}

size_t wire_read(const char *bytes, size_t len, int version, struct wire_packet *out_packet)
{
    size_t body_len;
    size_t digits = len < 2 ? 0 : get_length(bytes + 1, len - 1, &body_len);
    if (digits == 0 || len < 1 + digits + body_len)
        return 0;
    const char *body = bytes + 1 + digits;
    unsigned first = (unsigned char)bytes[0];
    struct wire_packet p = {.type = (enum wire_type)(first >> 4), .qos = (int)(first >> 1 & 3)};
    if (p.type == WIRE_PUBLISH)
        read_publish(body, body_len, version, &p);
    else if (p.type == WIRE_CONNACK)
        p.reason = (unsigned char)body[1];
    else if (p.type == WIRE_DISCONNECT)
        p.reason = body_len ? (unsigned char)body[0] : 0;
    else if (body_len >= 2)
        p.id = (uint16_t)get_u16(body);
    if (p.type == WIRE_SUBACK)
        p.reason = (unsigned char)body[body_len - 1];
    if (p.type == WIRE_PUBACK && body_len > 2)
        p.reason = (unsigned char)body[2];
    *out_packet = p;
    return 1 + digits + body_len;
}
