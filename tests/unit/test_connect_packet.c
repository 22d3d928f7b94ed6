// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "gateway/connect_packet.h"

// A literal with its NULs, without the one behind it.
#define BYTES(text) span_make(text, sizeof(text) - 1)
// The same for a table.
#define LITERAL(text)                                                                              \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }

enum { MAX = CONNECT_PACKET_MAX };

// Parses an exact copy, so that a sanitizer sees a read behind its end.
static enum connect_parse parse(struct span bytes, size_t max, struct connect_packet *out_packet,
                                size_t *out_consumed, const char **out_reason)
{
    char *exact = malloc(bytes.len ? bytes.len : 1);
    assert_non_null(exact);
    if (bytes.len > 0)
        memcpy(exact, bytes.ptr, bytes.len);
    struct connect_packet packet = {0};
    enum connect_parse parsed =
        connect_packet_parse(span_make(exact, bytes.len), max, &packet, out_consumed, out_reason);
    free(exact);
    if (parsed == CONNECT_PARSE_DONE) // again, to borrow from what stays
        assert_int_equal(connect_packet_parse(bytes, max, out_packet, out_consumed, out_reason),
                         CONNECT_PARSE_DONE);
    return parsed;
}

// ---- packets written by hand from the specifications ----

static const char v311_bare[] = "\x10\x0E\x00\x04MQTT\x04\x02\x00\x3C\x00\x02"
                                "c1";
static const char v311_user[] = "\x10\x15\x00\x04MQTT\x04\x82\x00\x3C\x00\x02"
                                "c1\x00\x05"
                                "alice";
static const char v311_both[] = "\x10\x19\x00\x04MQTT\x04\xC2\x00\x3C\x00\x02"
                                "c1\x00\x05"
                                "alice\x00\x02"
                                "pw";
static const char v311_no_id[] = "\x10\x0C\x00\x04MQTT\x04\x02\x00\x00\x00\x00";
static const char v311_will[] = "\x10\x1A\x00\x04MQTT\x04\x2E\x00\x3C\x00\x02"
                                "c1\x00\x03"
                                "a/b\x00\x05"
                                "\x00gone";
static const char v31_bare[] = "\x10\x10\x00\x06MQIsdp\x03\x02\x00\x3C\x00\x02"
                               "c1";
// Both flags are set and neither field is there: the length takes precedence (MQTT 3.1 §3.1).
static const char v31_flags_only[] = "\x10\x10\x00\x06MQIsdp\x03\xC2\x00\x3C\x00\x02"
                                     "c1";
static const char v31_user_only[] = "\x10\x17\x00\x06MQIsdp\x03\xC2\x00\x3C\x00\x02"
                                    "c1\x00\x05"
                                    "alice";
static const char v5_bare[] = "\x10\x0F\x00\x04MQTT\x05\x02\x00\x3C\x00\x00\x02"
                              "c1";
// Session expiry (0x11), a user property (0x26); a will with delay (0x18); user and password.
static const char v5_full[] = "\x10\x37\x00\x04MQTT\x05\xF6\x00\x3C"
                              "\x0C\x11\x00\x00\x00\x0A\x26\x00\x01k\x00\x01v"
                              "\x00\x02"
                              "c1"
                              "\x05\x18\x00\x00\x00\x01\x00\x03"
                              "a/b\x00\x04"
                              "gone\x00\x05"
                              "alice\x00\x02"
                              "pw";
// MQTT 5 allows a password without a user name (§3.1.2.9).
static const char v5_password_only[] = "\x10\x13\x00\x04MQTT\x05\x42\x00\x3C\x00\x00\x02"
                                       "c1\x00\x02"
                                       "pw";

struct sample {
    const char *name;
    struct span bytes;
    enum connect_level level;
    const char *client_id, *user_name;
    bool has_password;
};

static const struct sample samples[] = {
    {"3.1.1", {v311_bare, sizeof v311_bare - 1}, CONNECT_LEVEL_311, "c1", "", false},
    {"3.1.1 user", {v311_user, sizeof v311_user - 1}, CONNECT_LEVEL_311, "c1", "alice", false},
    {"3.1.1 both", {v311_both, sizeof v311_both - 1}, CONNECT_LEVEL_311, "c1", "alice", true},
    {"3.1.1 no id", {v311_no_id, sizeof v311_no_id - 1}, CONNECT_LEVEL_311, "", "", false},
    {"3.1.1 will", {v311_will, sizeof v311_will - 1}, CONNECT_LEVEL_311, "c1", "", false},
    {"3.1", {v31_bare, sizeof v31_bare - 1}, CONNECT_LEVEL_31, "c1", "", false},
    {"3.1 flags", {v31_flags_only, sizeof v31_flags_only - 1}, CONNECT_LEVEL_31, "c1", "", false},
    {"3.1 user", {v31_user_only, sizeof v31_user_only - 1}, CONNECT_LEVEL_31, "c1", "alice", false},
    {"5", {v5_bare, sizeof v5_bare - 1}, CONNECT_LEVEL_5, "c1", "", false},
    {"5 full", {v5_full, sizeof v5_full - 1}, CONNECT_LEVEL_5, "c1", "alice", true},
    {"5 pw", {v5_password_only, sizeof v5_password_only - 1}, CONNECT_LEVEL_5, "c1", "", true},
};

enum { SAMPLE_COUNT = sizeof samples / sizeof samples[0] };

static void every_version_is_taken_apart(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLE_COUNT; i++) {
        const struct sample *sample = &samples[i];
        struct connect_packet packet = {0};
        size_t consumed = 0;
        const char *reason = "";
        print_message("%s\n", sample->name);
        assert_int_equal(parse(sample->bytes, MAX, &packet, &consumed, &reason),
                         CONNECT_PARSE_DONE);
        assert_int_equal(consumed, sample->bytes.len);
        assert_int_equal(packet.level, sample->level);
        assert_true(span_is(packet.client_id, sample->client_id));
        assert_true(span_is(packet.user_name, sample->user_name));
        assert_int_equal(packet.has_password, sample->has_password);
    }
}

static void a_packet_cut_anywhere_asks_for_more(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLE_COUNT; i++) {
        for (size_t cut = 0; cut < samples[i].bytes.len; cut++) {
            struct connect_packet packet = {0};
            size_t consumed = 0;
            const char *reason = "";
            assert_int_equal(
                parse(span_make(samples[i].bytes.ptr, cut), MAX, &packet, &consumed, &reason),
                CONNECT_PARSE_MORE);
        }
    }
}

static void what_follows_the_packet_is_left(void **state)
{
    (void)state;
    static const char two[] = "\x10\x0C\x00\x04MQTT\x04\x02\x00\x00\x00\x00\xC0\x00";
    struct connect_packet packet = {0};
    size_t consumed = 0;
    const char *reason = "";
    assert_int_equal(parse(BYTES(two), MAX, &packet, &consumed, &reason), CONNECT_PARSE_DONE);
    assert_int_equal(consumed, sizeof two - 1 - 2);
}

static const struct malformed {
    const char *what;
    struct span bytes;
    const char *reason;
} malformed[] = {
    {"another packet first", LITERAL("\xC0\x00"), "the first packet is not CONNECT"},
    {"reserved flags of the fixed header", LITERAL("\x11\x00"), "the first packet is not CONNECT"},
    {"HTTP", LITERAL("GET / HTTP/1.1"), "the first packet is not CONNECT"},
    {"remaining length of five bytes", LITERAL("\x10\x80\x80\x80\x80\x01"),
     "a malformed remaining length"},
    {"nothing in it", LITERAL("\x10\x00"), "a field reaches beyond the packet"},
    {"unknown protocol name", LITERAL("\x10\x0C\x00\x04MQXX\x04\x02\x00\x00\x00\x00"),
     "an unknown protocol name"},
    {"protocol name in lower case", LITERAL("\x10\x0C\x00\x04mqtt\x04\x02\x00\x00\x00\x00"),
     "an unknown protocol name"},
    {"reserved flag, 3.1.1", LITERAL("\x10\x0C\x00\x04MQTT\x04\x03\x00\x00\x00\x00"),
     "the reserved flag is set"},
    {"reserved flag, 5", LITERAL("\x10\x0D\x00\x04MQTT\x05\x03\x00\x00\x00\x00\x00"),
     "the reserved flag is set"},
    {"will QoS without will", LITERAL("\x10\x0C\x00\x04MQTT\x04\x0A\x00\x00\x00\x00"),
     "flags of a will without a will"},
    {"will retain without will", LITERAL("\x10\x0C\x00\x04MQTT\x04\x22\x00\x00\x00\x00"),
     "flags of a will without a will"},
    {"will of QoS 3", LITERAL("\x10\x10\x00\x04MQTT\x04\x1E\x00\x00\x00\x00\x00\x00\x00\x00"),
     "a will of QoS 3"},
    {"will missing", LITERAL("\x10\x0C\x00\x04MQTT\x04\x06\x00\x00\x00\x00"),
     "a field reaches beyond the packet"},
    {"will payload missing", LITERAL("\x10\x0E\x00\x04MQTT\x04\x06\x00\x00\x00\x00\x00\x00"),
     "a field reaches beyond the packet"},
    {"password without user name, 3.1.1",
     LITERAL("\x10\x0F\x00\x04MQTT\x04\x42\x00\x00\x00\x00\x00\x01p"),
     "a password without a user name"},
    {"password without user name, 3.1",
     LITERAL("\x10\x11\x00\x06MQIsdp\x03\x42\x00\x00\x00\x00\x00\x01p"),
     "a password without a user name"},
    {"user name missing, 3.1.1", LITERAL("\x10\x0C\x00\x04MQTT\x04\x82\x00\x00\x00\x00"),
     "a field reaches beyond the packet"},
    {"half a user name, 3.1", LITERAL("\x10\x0F\x00\x06MQIsdp\x03\x82\x00\x00\x00\x00\x00"),
     "a field reaches beyond the packet"},
    {"password missing, 5", LITERAL("\x10\x10\x00\x04MQTT\x05\xC2\x00\x00\x00\x00\x00\x00\x01u"),
     "a field reaches beyond the packet"},
    {"client id beyond the packet", LITERAL("\x10\x0C\x00\x04MQTT\x04\x02\x00\x00\x00\x01"),
     "a field reaches beyond the packet"},
    {"user name beyond the packet",
     LITERAL("\x10\x0F\x00\x04MQTT\x04\x82\x00\x00\x00\x00\xFF\xFFu"),
     "a field reaches beyond the packet"},
    {"bytes behind the last field", LITERAL("\x10\x0D\x00\x04MQTT\x04\x02\x00\x00\x00\x00x"),
     "bytes behind the last field"},
    {"no keep alive", LITERAL("\x10\x08\x00\x04MQTT\x04\x02"), "a field reaches beyond the packet"},
    {"properties beyond the packet", LITERAL("\x10\x0D\x00\x04MQTT\x05\x02\x00\x00\x05\x00\x00"),
     "a field reaches beyond the packet"},
    {"property length not in its shortest form",
     LITERAL("\x10\x0E\x00\x04MQTT\x05\x02\x00\x00\x80\x00\x00\x00"),
     "a malformed property length"},
    {"property length of five bytes",
     LITERAL("\x10\x11\x00\x04MQTT\x05\x02\x00\x00\x80\x80\x80\x80\x01\x00\x00"),
     "a malformed property length"},
    {"property length cut", LITERAL("\x10\x0B\x00\x04MQTT\x05\x02\x00\x00\x80"),
     "a malformed property length"},
    {"remaining length not in its shortest form, 5",
     LITERAL("\x10\x8D\x00\x00\x04MQTT\x05\x02\x00\x00\x00\x00\x00"),
     "a malformed remaining length"},
};

static void malformed_packets_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++) {
        struct connect_packet packet = {0};
        size_t consumed = 0;
        const char *reason = NULL;
        print_message("%s\n", malformed[i].what);
        assert_int_equal(parse(malformed[i].bytes, MAX, &packet, &consumed, &reason),
                         CONNECT_PARSE_BAD);
        assert_string_equal(reason, malformed[i].reason);
    }
}

static void other_versions_are_told_apart(void **state)
{
    (void)state;
    static const struct span others[] = {
        LITERAL("\x10\x0C\x00\x04MQTT\x03\x02\x00\x00\x00\x00"),
        LITERAL("\x10\x0E\x00\x06MQIsdp\x04\x02\x00\x00\x00\x00"),
        LITERAL("\x10\x0C\x00\x04MQTT\x06\x02\x00\x00\x00\x00"),
        LITERAL("\x10\x0C\x00\x04MQTT\x84\x02\x00\x00\x00\x00"), // a bridge's
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct connect_packet packet = {0};
        size_t consumed = 0;
        const char *reason = NULL;
        assert_int_equal(parse(others[i], MAX, &packet, &consumed, &reason), CONNECT_PARSE_VERSION);
        assert_string_equal(reason, "an unknown version of MQTT");
    }
}

static void another_packet_is_refused_by_its_first_byte(void **state)
{
    (void)state;
    struct connect_packet packet = {0};
    size_t consumed = 0;
    const char *reason = NULL;
    for (unsigned first = 0; first < 256; first++) {
        char byte = (char)(unsigned char)first;
        assert_int_equal(parse(span_make(&byte, 1), MAX, &packet, &consumed, &reason),
                         first == 0x10 ? CONNECT_PARSE_MORE : CONNECT_PARSE_BAD);
    }
}

static void a_packet_over_the_limit_is_refused_by_its_head(void **state)
{
    (void)state;
    struct connect_packet packet = {0};
    size_t consumed = 0;
    const char *reason = NULL;
    assert_int_equal(parse(BYTES("\x10\x65"), 100, &packet, &consumed, &reason),
                     CONNECT_PARSE_LONG);
    assert_int_equal(parse(BYTES("\x10\x64"), 100, &packet, &consumed, &reason),
                     CONNECT_PARSE_MORE);
    assert_int_equal(parse(BYTES("\x10\xFF\xFF\xFF\x7F"), MAX, &packet, &consumed, &reason),
                     CONNECT_PARSE_LONG);
}

// MQTT 3.1.1 does not ask for the shortest form.
static void a_long_length_is_fine_in_311(void **state)
{
    (void)state;
    struct connect_packet packet = {0};
    size_t consumed = 0;
    const char *reason = NULL;
    struct buf out;
    buf_init(&out, 1000);
    struct span bytes = BYTES("\x10\x8C\x80\x80\x00\x00\x04MQTT\x04\x02\x00\x00\x00\x00");
    assert_int_equal(parse(bytes, MAX, &packet, &consumed, &reason), CONNECT_PARSE_DONE);
    assert_int_equal(consumed, bytes.len);
    assert_int_equal(connect_packet_rewrite(&packet, BYTES("u"), BYTES(""), &out), ERR_OK);
    assert_true(
        span_equal(buf_span(&out), BYTES("\x10\x0F\x00\x04MQTT\x04\x82\x00\x00\x00\x00\x00\x01u")));
    buf_finish(&out);
}

// ---- rewriting ----

static void assert_rewritten(struct span bytes, struct span password, struct span wanted)
{
    struct connect_packet packet = {0};
    size_t consumed = 0;
    const char *reason = "";
    struct buf out;
    buf_init(&out, 1000);
    assert_int_equal(parse(bytes, MAX, &packet, &consumed, &reason), CONNECT_PARSE_DONE);
    assert_int_equal(connect_packet_rewrite(&packet, BYTES("intro"), password, &out), ERR_OK);
    assert_true(span_equal(buf_span(&out), wanted));
    buf_finish(&out);
}

static void user_name_and_password_come_in_where_none_were(void **state)
{
    (void)state;
    assert_rewritten(BYTES(v311_bare), BYTES("tok"),
                     BYTES("\x10\x1A\x00\x04MQTT\x04\xC2\x00\x3C\x00\x02"
                           "c1\x00\x05intro\x00\x03tok"));
    assert_rewritten(BYTES(v31_bare), BYTES("tok"),
                     BYTES("\x10\x1C\x00\x06MQIsdp\x03\xC2\x00\x3C\x00\x02"
                           "c1\x00\x05intro\x00\x03tok"));
    assert_rewritten(BYTES(v5_bare), BYTES("tok"),
                     BYTES("\x10\x1B\x00\x04MQTT\x05\xC2\x00\x3C\x00\x00\x02"
                           "c1\x00\x05intro\x00\x03tok"));
    assert_rewritten(BYTES(v311_no_id), BYTES("tok"),
                     BYTES("\x10\x18\x00\x04MQTT\x04\xC2\x00\x00\x00\x00\x00\x05intro\x00\x03tok"));
}

static void the_own_user_name_is_replaced(void **state)
{
    (void)state;
    assert_rewritten(BYTES(v311_user), BYTES("tok"),
                     BYTES("\x10\x1A\x00\x04MQTT\x04\xC2\x00\x3C\x00\x02"
                           "c1\x00\x05intro\x00\x03tok"));
    assert_rewritten(BYTES(v31_user_only), BYTES("tok"),
                     BYTES("\x10\x1C\x00\x06MQIsdp\x03\xC2\x00\x3C\x00\x02"
                           "c1\x00\x05intro\x00\x03tok"));
}

static void the_own_password_stays(void **state)
{
    (void)state;
    assert_rewritten(BYTES(v311_both), BYTES("tok"),
                     BYTES("\x10\x19\x00\x04MQTT\x04\xC2\x00\x3C\x00\x02"
                           "c1\x00\x05intro\x00\x02pw"));
    assert_rewritten(BYTES(v5_password_only), BYTES("tok"),
                     BYTES("\x10\x1A\x00\x04MQTT\x05\xC2\x00\x3C\x00\x00\x02"
                           "c1\x00\x05intro\x00\x02pw"));
}

// An empty password is one, too: its owner did not want the token's.
static void an_own_empty_password_stays(void **state)
{
    (void)state;
    assert_rewritten(BYTES("\x10\x10\x00\x04MQTT\x04\xC2\x00\x3C\x00\x00\x00\x00\x00\x00"),
                     BYTES("tok"),
                     BYTES("\x10\x15\x00\x04MQTT\x04\xC2\x00\x3C\x00\x00\x00\x05intro\x00\x00"));
}

static void without_a_token_no_password_comes_in(void **state)
{
    (void)state;
    assert_rewritten(BYTES(v311_bare), BYTES(""),
                     BYTES("\x10\x15\x00\x04MQTT\x04\x82\x00\x3C\x00\x02"
                           "c1\x00\x05intro"));
    // The flag of a password that is not there has to go: its field would no longer be the last.
    assert_rewritten(BYTES(v31_flags_only), BYTES(""),
                     BYTES("\x10\x17\x00\x06MQIsdp\x03\x82\x00\x3C\x00\x02"
                           "c1\x00\x05intro"));
}

static void will_and_properties_stay_byte_for_byte(void **state)
{
    (void)state;
    assert_rewritten(BYTES(v311_will), BYTES("tok"),
                     BYTES("\x10\x26\x00\x04MQTT\x04\xEE\x00\x3C\x00\x02"
                           "c1\x00\x03"
                           "a/b\x00\x05"
                           "\x00gone\x00\x05intro\x00\x03tok"));
    assert_rewritten(BYTES(v5_full), BYTES("tok"),
                     BYTES("\x10\x37\x00\x04MQTT\x05\xF6\x00\x3C"
                           "\x0C\x11\x00\x00\x00\x0A\x26\x00\x01k\x00\x01v"
                           "\x00\x02"
                           "c1"
                           "\x05\x18\x00\x00\x00\x01\x00\x03"
                           "a/b\x00\x04"
                           "gone\x00\x05intro\x00\x02pw"));
}

// The remaining length grows over every step of its encoding.
static void the_remaining_length_is_encoded_anew(void **state)
{
    (void)state;
    static const size_t lengths[] = {1, 90, 110, 120, 127, 128, 16000, 16300, 16384, 65535};
    struct connect_packet packet = {0}, again = {0};
    size_t consumed = 0;
    const char *reason = "";
    char *name = malloc(CONNECT_FIELD_MAX);
    assert_non_null(name);
    memset(name, 'n', CONNECT_FIELD_MAX);
    assert_int_equal(parse(BYTES(v311_bare), MAX, &packet, &consumed, &reason), CONNECT_PARSE_DONE);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct buf out;
        buf_init(&out, 200000);
        struct span wanted = span_make(name, lengths[i]);
        assert_int_equal(connect_packet_rewrite(&packet, wanted, BYTES("tok"), &out), ERR_OK);
        assert_int_equal(parse(buf_span(&out), MAX, &again, &consumed, &reason),
                         CONNECT_PARSE_DONE);
        assert_int_equal(consumed, out.len);
        assert_true(span_equal(again.user_name, wanted));
        buf_finish(&out);
    }
    free(name);
}

static void a_field_that_cannot_be_written_is_an_error(void **state)
{
    (void)state;
    struct connect_packet packet = {0};
    size_t consumed = 0;
    const char *reason = "";
    struct buf out;
    buf_init(&out, 200000);
    char *long_name = calloc(1, CONNECT_FIELD_MAX + 1);
    assert_non_null(long_name);
    struct span too_long = span_make(long_name, CONNECT_FIELD_MAX + 1);
    assert_int_equal(parse(BYTES(v311_bare), MAX, &packet, &consumed, &reason), CONNECT_PARSE_DONE);
    assert_int_equal(connect_packet_rewrite(&packet, too_long, BYTES(""), &out), ERR_TOO_LARGE);
    assert_int_equal(connect_packet_rewrite(&packet, BYTES("u"), too_long, &out), ERR_TOO_LARGE);
    assert_int_equal(out.len, 0);
    free(long_name);
    buf_finish(&out);

    buf_init(&out, 10);
    assert_int_equal(connect_packet_rewrite(&packet, BYTES("u"), BYTES("p"), &out), ERR_TOO_LARGE);
    buf_finish(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_version_is_taken_apart),
        cmocka_unit_test(a_packet_cut_anywhere_asks_for_more),
        cmocka_unit_test(what_follows_the_packet_is_left),
        cmocka_unit_test(malformed_packets_are_refused),
        cmocka_unit_test(other_versions_are_told_apart),
        cmocka_unit_test(another_packet_is_refused_by_its_first_byte),
        cmocka_unit_test(a_packet_over_the_limit_is_refused_by_its_head),
        cmocka_unit_test(a_long_length_is_fine_in_311),
        cmocka_unit_test(user_name_and_password_come_in_where_none_were),
        cmocka_unit_test(the_own_user_name_is_replaced),
        cmocka_unit_test(the_own_password_stays),
        cmocka_unit_test(an_own_empty_password_stays),
        cmocka_unit_test(without_a_token_no_password_comes_in),
        cmocka_unit_test(will_and_properties_stay_byte_for_byte),
        cmocka_unit_test(the_remaining_length_is_encoded_anew),
        cmocka_unit_test(a_field_that_cannot_be_written_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
