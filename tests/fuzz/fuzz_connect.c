// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Whatever is taken for a CONNECT packet has to be one still after its rewriting, with the same
// client id, and every shorter piece of it has to ask for more.
#include <stdint.h>
#include <stdlib.h>

#include "gateway/connect_packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OUT_MAX = 2 * CONNECT_PACKET_MAX };

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void check_pieces(struct span packet)
{
    for (size_t cut = 0; cut < packet.len && cut < 300; cut++) {
        struct connect_packet unused;
        size_t consumed = 0;
        const char *reason = NULL;
        check(connect_packet_parse(span_make(packet.ptr, cut), CONNECT_PACKET_MAX, &unused,
                                   &consumed, &reason) == CONNECT_PARSE_MORE);
    }
}

static void check_rewritten(const struct connect_packet *packet, struct span password)
{
    struct buf out;
    struct connect_packet again = {0};
    size_t consumed = 0;
    const char *reason = NULL;
    buf_init(&out, OUT_MAX);
    check(connect_packet_rewrite(packet, span_of("rw1 intro"), password, &out) == ERR_OK);
    check(connect_packet_parse(buf_span(&out), OUT_MAX, &again, &consumed, &reason) ==
          CONNECT_PARSE_DONE);
    check(consumed == out.len && again.level == packet->level);
    check(span_is(again.user_name, "rw1 intro") && span_equal(again.client_id, packet->client_id));
    check(again.has_password == (packet->has_password || password.len > 0));
    buf_finish(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct connect_packet packet = {0};
    size_t consumed = 0;
    const char *reason = NULL;
    enum connect_parse parsed = connect_packet_parse(span_make(data, size), CONNECT_PACKET_MAX,
                                                     &packet, &consumed, &reason);
    check(parsed != CONNECT_PARSE_BAD || reason != NULL);
    if (parsed != CONNECT_PARSE_DONE)
        return 0;
    check(consumed <= size);
    check_pieces(span_make(data, consumed));
    check_rewritten(&packet, span_of("a token"));
    check_rewritten(&packet, span_of(""));
    return 0;
}
