// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/ws_handshake.h"

static const char *const protocols[] = {"mqtt", "mqttv3.1", NULL};

#define START "GET /mqtt HTTP/1.1\r\nHost: h\r\n"
#define UPGRADE "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define PROTOCOL "Sec-WebSocket-Protocol: mqtt\r\n"
#define END "\r\n"

static int check(const char *text, struct ws_handshake *out_handshake)
{
    struct http_head head;
    size_t consumed;
    int status;
    const char *reason = NULL;
    assert_int_equal(http_head_parse(span_of(text), 16384, &head, &consumed, &status, &reason),
                     HTTP_PARSE_DONE);
    status = ws_handshake_check(&head, protocols, out_handshake, &reason);
    assert_true(status == 0 || reason != NULL);
    return status;
}

static void each_requirement_has_its_status(void **state)
{
    (void)state;
    static const struct {
        const char *what, *text;
        int status;
    } table[] = {
        {"all there", START UPGRADE VERSION KEY PROTOCOL END, 0},
        {"fields in any case",
         START "connection: UPGRADE\r\nupgrade: WebSocket\r\n" VERSION KEY PROTOCOL END, 0},
        {"other method", "POST /mqtt HTTP/1.1\r\nHost: h\r\n" UPGRADE VERSION KEY PROTOCOL END,
         405},
        {"HTTP/1.0", "GET /mqtt HTTP/1.0\r\nHost: h\r\n" UPGRADE VERSION KEY PROTOCOL END, 426},
        {"no upgrade at all", START END, 426},
        {"no Connection", START "Upgrade: websocket\r\n" VERSION KEY PROTOCOL END, 426},
        {"no Upgrade", START "Connection: upgrade\r\n" VERSION KEY PROTOCOL END, 426},
        {"another Upgrade",
         START "Connection: upgrade\r\nUpgrade: h2c\r\n" VERSION KEY PROTOCOL END, 426},
        {"no version", START UPGRADE KEY PROTOCOL END, 426},
        {"version 8", START UPGRADE "Sec-WebSocket-Version: 8\r\n" KEY PROTOCOL END, 426},
        {"version 13, 8", START UPGRADE "Sec-WebSocket-Version: 13, 8\r\n" KEY PROTOCOL END, 426},
        {"no key", START UPGRADE VERSION PROTOCOL END, 400},
        {"empty key", START UPGRADE VERSION "Sec-WebSocket-Key:\r\n" PROTOCOL END, 400},
        {"key of 15 bytes",
         START UPGRADE VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j\r\n" PROTOCOL END, 400},
        {"key of 17 bytes",
         START UPGRADE VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZWU=\r\n" PROTOCOL END, 400},
        {"key not in base64",
         START UPGRADE VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZ!==\r\n" PROTOCOL END, 400},
        {"a very long key",
         START UPGRADE VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQdGhlIHNhbXBsZSBub25jZQ"
                               "dGhlIHNhbXBsZSBub25jZQdGhlIHNhbXBsZSBub25jZQ==\r\n" PROTOCOL END,
         400},
        {"no subprotocol", START UPGRADE VERSION KEY END, 400},
        {"another subprotocol",
         START UPGRADE VERSION KEY "Sec-WebSocket-Protocol: wamp, MQTT\r\n" END, 400},
        {"a body", START UPGRADE VERSION KEY PROTOCOL "Content-Length: 1\r\n" END, 400},
        {"a chunked body", START UPGRADE VERSION KEY PROTOCOL "Transfer-Encoding: chunked\r\n" END,
         400},
        {"an empty body", START UPGRADE VERSION KEY PROTOCOL "Content-Length: 0\r\n" END, 0},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct ws_handshake handshake;
        print_message("%s\n", table[i].what);
        assert_int_equal(check(table[i].text, &handshake), table[i].status);
    }
}

// The example of RFC 6455 §1.3.
static void the_answer_is_that_of_the_specification(void **state)
{
    (void)state;
    struct ws_handshake handshake;
    struct buf out;
    buf_init(&out, 1000);
    assert_int_equal(check(START UPGRADE VERSION KEY PROTOCOL END, &handshake), 0);
    assert_string_equal(handshake.accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    ws_handshake_answer(&handshake, &out);
    assert_true(span_is(buf_span(&out), "HTTP/1.1 101 Switching Protocols\r\n"
                                        "Upgrade: websocket\r\n"
                                        "Connection: Upgrade\r\n"
                                        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
                                        "Sec-WebSocket-Protocol: mqtt\r\n\r\n"));
    buf_finish(&out);
}

static void the_client_s_first_known_subprotocol_is_chosen(void **state)
{
    (void)state;
    static const struct {
        const char *offer, *chosen;
    } table[] = {
        {"Sec-WebSocket-Protocol: mqttv3.1\r\n", "mqttv3.1"},
        {"Sec-WebSocket-Protocol: wamp,mqttv3.1 , mqtt\r\n", "mqttv3.1"},
        {"Sec-WebSocket-Protocol: mqtt,mqttv3.1\r\n", "mqtt"},
        {"Sec-WebSocket-Protocol: ,, mqtt\r\n", "mqtt"},
        {"Sec-WebSocket-Protocol: wamp\r\nSec-WebSocket-Protocol: mqtt\r\n", "mqtt"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct ws_handshake handshake;
        struct buf text;
        buf_init(&text, 1000);
        buf_add_text(&text, START UPGRADE VERSION KEY);
        buf_add_text(&text, table[i].offer);
        buf_add(&text, END "\0", 3);
        assert_int_equal(check(text.ptr, &handshake), 0);
        assert_string_equal(handshake.protocol, table[i].chosen);
        buf_finish(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_requirement_has_its_status),
        cmocka_unit_test(the_answer_is_that_of_the_specification),
        cmocka_unit_test(the_client_s_first_known_subprotocol_is_chosen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
