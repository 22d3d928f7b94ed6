// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "connect_packet.h"

#include <stdint.h>

enum {
    FIXED_HEADER = 0x10, // packet type 1, and flags that are reserved as 0 (MQTT 5 §3.1.1)
    FLAG_RESERVED = 0x01,
    FLAG_WILL = 0x04,
    FLAG_WILL_QOS = 0x18,
    FLAG_WILL_RETAIN = 0x20,
    FLAG_PASSWORD = 0x40,
    FLAG_USER_NAME = 0x80,
    LENGTH_BYTES_MAX = 4,
    LENGTH_MAX = 268435455
};

// A place in the packet's body. Taking from it is sticky: once `reason` is set all that follows
// gives nothing, so a reader of many fields checks once at its end.
struct cursor {
    struct span body;
    size_t at;
    const char *reason;
};

static unsigned char byte_at(struct span bytes, size_t at)
{
    return (unsigned char)bytes.ptr[at];
}

static struct span take(struct cursor *c, size_t len)
{
    if (c->reason == NULL && len > c->body.len - c->at)
        c->reason = "a field reaches beyond the packet";
    if (c->reason != NULL)
        return (struct span){NULL, 0};
    struct span taken = span_make(c->body.ptr + c->at, len);
    c->at += len;
    return taken;
}

static unsigned char take_byte(struct cursor *c)
{
    struct span taken = take(c, 1);
    return taken.len == 1 ? byte_at(taken, 0) : 0;
}

// A string or binary field: two bytes of length, and so many bytes (MQTT 5 §1.5.4, §1.5.6).
static struct span take_field(struct cursor *c)
{
    struct span len = take(c, 2);
    if (len.len != 2)
        return len;
    return take(c, (size_t)byte_at(len, 0) << 8 | byte_at(len, 1));
}

// Reads a variable byte integer (MQTT 5 §1.5.5) at the start of `bytes`. Its length in bytes;
// 0 if more are needed, -1 if it goes on behind its fourth byte.
static int read_length(struct span bytes, size_t *out_value)
{
    size_t value = 0;
    for (size_t i = 0; i < LENGTH_BYTES_MAX; i++) {
        if (i == bytes.len)
            return 0;
        value |= (size_t)(byte_at(bytes, i) & 0x7F) << (7 * i);
        if ((byte_at(bytes, i) & 0x80) == 0) {
            *out_value = value;
            return (int)i + 1;
        }
    }
    return -1;
}

static int length_bytes(size_t value)
{
    int count = 1;
    while (value >>= 7)
        count++;
    return count;
}

// Properties are passed over as a whole.
static void skip_properties(struct cursor *c)
{
    size_t len = 0;
    if (c->reason != NULL)
        return;
    int taken = read_length(span_skip(c->body, c->at), &len);
    if (taken <= 0 || taken != length_bytes(len)) {
        c->reason = "a malformed property length";
        return;
    }
    (void)take(c, (size_t)taken + len);
}

static const char other_version[] = "an unknown version of MQTT";

static void take_protocol(struct cursor *c, struct connect_packet *packet)
{
    struct span name = take_field(c);
    unsigned char level = take_byte(c);
    if (c->reason != NULL)
        return;
    bool is_known =
        level == CONNECT_LEVEL_31
            ? span_is(name, "MQIsdp")
            : (level == CONNECT_LEVEL_311 || level == CONNECT_LEVEL_5) && span_is(name, "MQTT");
    if (is_known)
        packet->level = (enum connect_level)level;
    else
        c->reason = span_is(name, "MQTT") || span_is(name, "MQIsdp") ? other_version
                                                                     : "an unknown protocol name";
}

// MQTT 3.1 left bit 0 and what the will's bits mean without a will undefined.
static const char *judge_flags(unsigned char flags, enum connect_level level)
{
    if ((flags & FLAG_WILL_QOS) == FLAG_WILL_QOS)
        return "a will of QoS 3";
    if (level != CONNECT_LEVEL_31 && (flags & FLAG_RESERVED))
        return "the reserved flag is set";
    if (level != CONNECT_LEVEL_31 && !(flags & FLAG_WILL) &&
        (flags & (FLAG_WILL_QOS | FLAG_WILL_RETAIN)))
        return "flags of a will without a will";
    if (level != CONNECT_LEVEL_5 && (flags & FLAG_PASSWORD) && !(flags & FLAG_USER_NAME))
        return "a password without a user name"; // MQTT 3.1.1 §3.1.2.9
    return NULL;
}

static void take_flags(struct cursor *c, struct connect_packet *packet)
{
    packet->flags_at = c->at;
    packet->flags = take_byte(c);
    if (c->reason == NULL)
        c->reason = judge_flags(packet->flags, packet->level);
}

static void take_will(struct cursor *c, const struct connect_packet *packet)
{
    if (!(packet->flags & FLAG_WILL))
        return;
    if (packet->level == CONNECT_LEVEL_5)
        skip_properties(c);
    (void)take_field(c); // topic
    (void)take_field(c); // payload
}

// In MQTT 3.1 the packet's length "takes precedence" over the two flags: a field may be missing
// although its flag is set (MQTT 3.1 §3.1).
static bool is_announced(const struct cursor *c, const struct connect_packet *packet, int flag)
{
    if (!(packet->flags & flag))
        return false;
    return packet->level != CONNECT_LEVEL_31 || c->at < c->body.len;
}

static void take_credentials(struct cursor *c, struct connect_packet *packet)
{
    packet->fields_at = c->at;
    if (is_announced(c, packet, FLAG_USER_NAME))
        packet->user_name = take_field(c);
    packet->rest_at = c->at;
    packet->has_password = is_announced(c, packet, FLAG_PASSWORD);
    if (packet->has_password)
        (void)take_field(c);
    if (c->reason == NULL && c->at != c->body.len)
        c->reason = "bytes behind the last field";
}

static const char *parse_body(struct span body, struct connect_packet *out_packet)
{
    struct cursor c = {.body = body};
    struct connect_packet packet = {.level = CONNECT_LEVEL_311, .body = body};
    take_protocol(&c, &packet);
    take_flags(&c, &packet);
    (void)take(&c, 2); // keep alive
    if (packet.level == CONNECT_LEVEL_5)
        skip_properties(&c);
    packet.client_id = take_field(&c);
    take_will(&c, &packet);
    take_credentials(&c, &packet);
    if (c.reason == NULL)
        *out_packet = packet;
    return c.reason;
}

static enum connect_parse bad(const char *reason, const char **out_reason)
{
    *out_reason = reason;
    return CONNECT_PARSE_BAD;
}

enum connect_parse connect_packet_parse(struct span bytes, size_t max,
                                        struct connect_packet *out_packet, size_t *out_consumed,
                                        const char **out_reason)
{
    if (bytes.len == 0)
        return CONNECT_PARSE_MORE;
    if (byte_at(bytes, 0) != FIXED_HEADER)
        return bad("the first packet is not CONNECT", out_reason);
    size_t len = 0;
    int taken = read_length(span_skip(bytes, 1), &len);
    if (taken < 0)
        return bad("a malformed remaining length", out_reason);
    if (taken == 0)
        return CONNECT_PARSE_MORE;
    if (len > max) {
        *out_reason = "a CONNECT packet that is too long";
        return CONNECT_PARSE_LONG;
    }
    size_t head = 1 + (size_t)taken;
    if (bytes.len - head < len)
        return CONNECT_PARSE_MORE;
    const char *reason = parse_body(span_make(bytes.ptr + head, len), out_packet);
    if (reason == other_version) {
        *out_reason = reason;
        return CONNECT_PARSE_VERSION;
    }
    // Only MQTT 5 asks for the shortest form of the length (§1.5.5).
    if (reason == NULL && out_packet->level == CONNECT_LEVEL_5 && taken != length_bytes(len))
        reason = "a malformed remaining length";
    if (reason != NULL)
        return bad(reason, out_reason);
    *out_consumed = head + len;
    return CONNECT_PARSE_DONE;
}

static void add_length(struct buf *out, size_t value)
{
    do {
        size_t rest = value >> 7;
        buf_add_char(out, (char)(unsigned char)((value & 0x7F) | (rest ? 0x80u : 0u)));
        value = rest;
    } while (value > 0);
}

static void add_field(struct buf *out, struct span field)
{
    buf_add_char(out, (char)(unsigned char)(field.len >> 8));
    buf_add_char(out, (char)(unsigned char)(field.len & 0xFF));
    buf_add_span(out, field);
}

enum err connect_packet_rewrite(const struct connect_packet *packet, struct span user_name,
                                struct span password, struct buf *out)
{
    if (user_name.len > CONNECT_FIELD_MAX || password.len > CONNECT_FIELD_MAX)
        return ERR_TOO_LARGE;
    bool adds_password = !packet->has_password && password.len > 0;
    struct span before = span_make(packet->body.ptr, packet->fields_at);
    struct span behind = span_skip(packet->body, packet->rest_at);
    size_t len =
        before.len + 2 + user_name.len + behind.len + (adds_password ? 2 + password.len : 0);
    if (len > LENGTH_MAX)
        return ERR_TOO_LARGE;
    // In MQTT 3.1 a flag may stand there without its field, which is no longer the last one now.
    unsigned flags = (packet->flags & ~(unsigned)FLAG_PASSWORD) | FLAG_USER_NAME;
    if (packet->has_password || adds_password)
        flags |= FLAG_PASSWORD;

    buf_add_char(out, FIXED_HEADER);
    add_length(out, len);
    buf_add(out, before.ptr, packet->flags_at);
    buf_add_char(out, (char)(unsigned char)flags);
    buf_add_span(out, span_skip(before, packet->flags_at + 1));
    add_field(out, user_name);
    buf_add_span(out, behind);
    if (adds_password)
        add_field(out, password);
    return out->status;
}

// ---- CONNACK ----

enum { CONNACK = 0x20, REASON_STRING = 0x1F };

void connect_packet_refuse(enum connect_level level, enum connect_refusal why, struct span reason,
                           struct buf *out)
{
    bool is_denied = why == CONNECT_NOT_AUTHORIZED;
    bool has_reason = reason.len > 0 && reason.len <= CONNECT_REASON_MAX;
    buf_add_char(out, CONNACK);
    if (level != CONNECT_LEVEL_5) {
        buf_add(out, is_denied ? "\x02\x00\x05" : "\x02\x00\x03", 3);
        return;
    }
    size_t properties = has_reason ? 3 + reason.len : 0; // one byte's worth, as is all of it
    buf_add_char(out, (char)(3 + properties));
    buf_add(out, is_denied ? "\x00\x87" : "\x00\x88", 2);
    buf_add_char(out, (char)properties);
    if (!has_reason)
        return;
    buf_add_char(out, REASON_STRING);
    buf_add_char(out, '\0'); // the high byte of its length
    buf_add_char(out, (char)reason.len);
    buf_add_span(out, reason);
}
