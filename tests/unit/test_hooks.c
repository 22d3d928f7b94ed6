// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The pure parts of webhooks: signatures, events, answers, waiting times, and their options.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// cmocka needs what is above.
#include <cmocka.h>

#include "gateway/connect_packet.h"
#include "gateway/hook_sign.h"
#include "gateway/hooks_parts.h"
#include "scratch.h"

#define assert_ok(call) assert_int_equal(call, ERR_OK)

// Ends the text in `b` and compares it.
static void assert_text(struct buf *b, const char *expected)
{
    buf_add_char(b, '\0');
    assert_ok(b->status);
    assert_string_equal(b->ptr, expected);
    buf_finish(b);
}

// ---- signatures ----

// The example of the Standard Webhooks specification and its libraries.
#define SPEC_SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

static struct secret load_secret(struct scratch *s, const char *text)
{
    struct secret secret;
    struct buf why;
    const char *path = scratch_path(s, "hook.secret");
    buf_init(&why, 4096);
    assert_int_equal(scratch_write(path, text, strlen(text)), 0);
    assert_ok(hook_secret_load(path, &secret, &why));
    buf_finish(&why);
    return secret;
}

static void test_the_signature_is_that_of_standard_webhooks(void **state)
{
    struct secret secret = load_secret(*state, SPEC_SECRET "\n");
    struct buf signature;
    buf_init(&signature, 100);
    assert_int_equal(secret.len, 24);
    assert_ok(hook_sign(secret_span(&secret), span_of("msg_p5jXN8AQM9LWM0D4loKWxJek"), 1614265330,
                        span_of("{\"test\": 2432232314}"), &signature));
    assert_text(&signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    secret_finish(&secret);
}

static void test_a_secret_without_prefix_is_taken_as_it_is(void **state)
{
    struct secret secret = load_secret(*state, "0123456789abcdef");
    assert_true(span_is(secret_span(&secret), "0123456789abcdef"));
    secret_finish(&secret);
}

static void test_bad_secrets_are_refused(void **state)
{
    static const char *const bad[] = {"short", "whsec_", "whsec_AAAA",
                                      "whsec_!!!!!!!!!!!!!!!!!!!!"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct secret secret;
        struct buf why;
        const char *path = scratch_path(*state, "hook.secret");
        buf_init(&why, 4096);
        assert_int_equal(scratch_write(path, bad[i], strlen(bad[i])), 0);
        assert_int_equal(hook_secret_load(path, &secret, &why), ERR_INVALID);
        assert_true(why.len > 0);
        buf_finish(&why);
    }
}

// ---- events ----

static void test_a_message_is_told_with_its_context(void **state)
{
    (void)state;
    struct buf out;
    struct message m = {.id = 7,
                        .prev = 5,
                        .date_ms = 0,
                        .room = span_of("lobby"),
                        .from = span_of("a\"b"),
                        .payload = span_of("hi")};
    buf_init(&out, 4096);
    const struct hook_context context = {
        .origin = {.method = span_of("PUBLISH"), .path = span_of("rooms/lobby/messages")},
        .request_id = span_of("e1-7"),
        .principal = m.from};
    hook_event_write_message(&m, "e1", &context, &out);
    assert_text(&out, "{\"type\":\"message\",\"context\":{\"method\":\"PUBLISH\","
                      "\"path\":\"rooms/lobby/messages\",\"source_ip\":null,\"user_agent\":null,"
                      "\"request_id\":\"e1-7\",\"principal\":\"a\\\"b\"},\"message\":{\"id\":7,"
                      "\"prev\":5,\"epoch\":\"e1\",\"room\":\"lobby\",\"from\":\"a\\\"b\","
                      "\"date\":\"1970-01-01T00:00:00.000Z\",\"text\":\"hi\"}}");
}

static const char lifecycle[] =
    "{\"clientId\":\"lamp\",\"timestamp\":1000,\"eventType\":\"disconnected\","
    "\"sessionIdentifier\":\"e1-01\",\"principalIdentifier\":\"alice\","
    "\"versionNumber\":1795250400123001,\"disconnectReason\":\"CONNECTION_LOST\"}";

static void test_a_lifecycle_event_is_told(void **state)
{
    (void)state;
    struct json *root;
    struct hook_client client;
    struct buf out;
    char name[HOOKS_NAME_MAX + 1];
    assert_ok(json_parse(span_of(lifecycle), &root));
    assert_ok(hook_event_read_presence(root, &client));
    assert_false(client.is_relayed);
    assert_int_equal(client.version, 1795250400123001);
    hooks_name_of_client(&client, name);
    assert_string_equal(name, "e1-01-disconnect");
    buf_init(&out, 4096);
    hook_event_write_client(&client, &out);
    assert_text(&out, "{\"type\":\"disconnect\",\"context\":{\"method\":\"DISCONNECT\","
                      "\"path\":null,\"source_ip\":null,\"user_agent\":null,"
                      "\"request_id\":\"e1-01\",\"principal\":\"alice\"},\"clientId\":\"lamp\","
                      "\"date\":\"1970-01-01T00:00:01.000Z\",\"reason\":\"CONNECTION_LOST\"}");
    json_destroy(root);
}

static void test_other_lifecycle_events_are_not(void **state)
{
    (void)state;
    static const char *const others[] = {
        "{}",
        "[]",
        ("{\"clientId\":\"a\",\"timestamp\":1,\"eventType\":\"subscribed\","
         "\"sessionIdentifier\":\"x\",\"versionNumber\":1}"),
        ("{\"clientId\":\"a\",\"timestamp\":1,\"eventType\":\"connected\","
         "\"versionNumber\":1}"),
        ("{\"timestamp\":1,\"eventType\":\"connected\",\"sessionIdentifier\":\"x\","
         "\"versionNumber\":1}"),
        ("{\"clientId\":\"a\",\"eventType\":\"connected\",\"sessionIdentifier\":\"x\","
         "\"versionNumber\":1}"),
        ("{\"clientId\":\"a\",\"timestamp\":1,\"eventType\":\"connected\","
         "\"sessionIdentifier\":\"x\"}"),
        ("{\"clientId\":\"a\",\"timestamp\":1,\"eventType\":\"connected\","
         "\"sessionIdentifier\":\"x\",\"versionNumber\":0}"),
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct json *root;
        struct hook_client client;
        assert_ok(json_parse(span_of(others[i]), &root));
        assert_int_equal(hook_event_read_presence(root, &client), ERR_INVALID);
        json_destroy(root);
    }
}

// ---- answers ----

static enum hook_outcome judge(int status, const char *type, const char *body, bool is_connect)
{
    struct hook_answer answer;
    enum hook_outcome outcome =
        hook_answer_judge(status, span_of(type), span_of(body), is_connect, false, &answer);
    if (outcome == HOOK_DELIVERED || outcome == HOOK_REFUSED)
        hook_answer_finish(&answer);
    return outcome;
}

static void test_status_and_body_say_what_came_of_it(void **state)
{
    (void)state;
    static const char json[] = "application/json; charset=utf-8";
    static const struct {
        int status;
        const char *type, *body;
        enum hook_outcome for_connect, for_others;
    } tries[] = {
        {200, "", "", HOOK_DELIVERED, HOOK_DELIVERED},
        {204, "", "", HOOK_DELIVERED, HOOK_DELIVERED},
        {200, "text/plain", "OK", HOOK_DELIVERED, HOOK_DELIVERED},
        {200, json, "", HOOK_DELIVERED, HOOK_DELIVERED},
        {200, json, "{}", HOOK_DELIVERED, HOOK_DELIVERED},
        {200, json, "\"fine\"", HOOK_DELIVERED, HOOK_DELIVERED},
        {200, json, "OK", HOOK_FAILED, HOOK_FAILED},
        {200, json, "{\"allow\":true}", HOOK_DELIVERED, HOOK_DELIVERED},
        {200, json, "{\"allow\":false}", HOOK_REFUSED, HOOK_DELIVERED},
        {200, json, "{\"allow\":\"no\"}", HOOK_FAILED, HOOK_FAILED},
        {401, "", "", HOOK_REFUSED, HOOK_FAILED},
        {403, json, "nonsense", HOOK_REFUSED, HOOK_FAILED},
        {410, "", "", HOOK_GONE, HOOK_GONE},
        {100, "", "", HOOK_FAILED, HOOK_FAILED},
        {302, "", "", HOOK_FAILED, HOOK_FAILED},
        {404, "", "", HOOK_FAILED, HOOK_FAILED},
        {429, "", "", HOOK_FAILED, HOOK_FAILED},
        {500, json, "{}", HOOK_FAILED, HOOK_FAILED},
    };
    for (size_t i = 0; i < sizeof tries / sizeof tries[0]; i++) {
        assert_int_equal(judge(tries[i].status, tries[i].type, tries[i].body, true),
                         tries[i].for_connect);
        assert_int_equal(judge(tries[i].status, tries[i].type, tries[i].body, false),
                         tries[i].for_others);
    }
}

static void test_messages_of_an_answer_are_read(void **state)
{
    (void)state;
    static const char body[] =
        "{\"publish\":[{\"text\":\"a\"},{\"room\":\"other\",\"data\":\"/w==\","
        "\"type\":\"x/y\"}],\"reply\":{\"text\":\"\"}}";
    struct hook_answer answer;
    assert_int_equal(
        hook_answer_judge(200, span_of("application/json"), span_of(body), false, true, &answer),
        HOOK_DELIVERED);
    assert_int_equal(answer.count, 3);
    assert_true(span_is(answer.items[0].text, "a"));
    assert_int_equal(answer.items[0].room.len, 0);
    assert_true(span_is(answer.items[1].room, "other"));
    assert_true(span_is(answer.items[1].type, "x/y"));
    assert_true(answer.items[1].is_base64 && !answer.items[1].is_reply);
    assert_true(answer.items[2].is_reply && answer.items[2].text.len == 0);
    hook_answer_finish(&answer);
}

static void test_messages_of_a_wrong_shape_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{\"publish\":\"text\"}",
        "{\"publish\":[1]}",
        "{\"publish\":{}}",
        "{\"publish\":{\"text\":1}}",
        "{\"publish\":{\"text\":\"a\",\"data\":\"AA==\"}}",
        "{\"publish\":{\"data\":\"A\"}}",
        "{\"publish\":{\"text\":\"a\",\"room\":\"a/b\"}}",
        "{\"publish\":{\"text\":\"a\",\"room\":1}}",
        "{\"publish\":{\"text\":\"a\",\"type\":\"\\n\"}}",
        "{\"reply\":{\"text\":null}}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct hook_answer answer;
        assert_int_equal(hook_answer_judge(200, span_of("application/json"), span_of(bad[i]), false,
                                           true, &answer),
                         HOOK_FAILED);
    }
    // Where the event has no room, the message has to name one.
    assert_int_equal(judge(200, "application/json", "{\"publish\":{\"text\":\"a\"}}", false),
                     HOOK_FAILED);
}

static void test_there_is_an_end_to_the_messages_of_an_answer(void **state)
{
    (void)state;
    for (int count = HOOK_ITEMS_MAX; count <= HOOK_ITEMS_MAX + 1; count++) {
        struct hook_answer answer;
        struct buf body;
        buf_init(&body, 4096);
        buf_add_text(&body, "{\"publish\":[{\"text\":\"\"}");
        for (int i = 1; i < count; i++)
            buf_add_text(&body, ",{\"text\":\"\"}");
        buf_add_text(&body, "]}");
        enum hook_outcome outcome = hook_answer_judge(200, span_of("application/json"),
                                                      buf_span(&body), false, true, &answer);
        assert_int_equal(outcome, count > HOOK_ITEMS_MAX ? HOOK_FAILED : HOOK_DELIVERED);
        if (outcome == HOOK_DELIVERED)
            hook_answer_finish(&answer);
        buf_finish(&body);
    }
}

// ---- waiting ----

static void test_waiting_grows_to_its_limit(void **state)
{
    (void)state;
    assert_int_equal(hooks_lane_delay_ms(1, 60000, 0), 500);
    assert_int_equal(hooks_lane_delay_ms(2, 60000, 0), 1000);
    assert_int_equal(hooks_lane_delay_ms(7, 60000, 0), 32000);
    assert_int_equal(hooks_lane_delay_ms(8, 60000, 0), 60000);
    assert_int_equal(hooks_lane_delay_ms(4000000000u, 3600000, 0), 3600000);
    assert_int_equal(hooks_lane_delay_ms(1, 100, 0), 100);
    for (uint64_t random = 0; random < 2000; random += 7) {
        int64_t delay_ms = hooks_lane_delay_ms(3, 60000, random);
        assert_true(delay_ms >= 1000 && delay_ms <= 2000);
    }
}

// ---- refusing ----

static void test_connack_says_why_in_the_clients_version(void **state)
{
    (void)state;
    static const struct {
        enum connect_level level;
        enum connect_refusal why;
        const char *reason;
        size_t len;
        const char *bytes;
    } tries[] = {
        {CONNECT_LEVEL_31, CONNECT_NOT_AUTHORIZED, "no", 4, "\x20\x02\x00\x05"},
        {CONNECT_LEVEL_311, CONNECT_UNAVAILABLE, "", 4, "\x20\x02\x00\x03"},
        {CONNECT_LEVEL_5, CONNECT_UNAVAILABLE, "", 5, "\x20\x03\x00\x88\x00"},
        {CONNECT_LEVEL_5, CONNECT_NOT_AUTHORIZED, "no", 10, "\x20\x08\x00\x87\x05\x1F\x00\x02no"},
    };
    for (size_t i = 0; i < sizeof tries / sizeof tries[0]; i++) {
        struct buf out;
        buf_init(&out, 200);
        connect_packet_refuse(tries[i].level, tries[i].why, span_of(tries[i].reason), &out);
        assert_int_equal(out.len, tries[i].len);
        assert_memory_equal(out.ptr, tries[i].bytes, out.len);
        buf_finish(&out);
    }
}

// ---- URLs ----

static void test_a_urls_secrets_are_left_out_of_its_name(void **state)
{
    (void)state;
    struct buf name;
    buf_init(&name, 200);
    assert_true(http_client_is_url("https://user:pass@example.org:8443/a/b?key=1#x", &name));
    assert_text(&name, "https://example.org:8443/a/b");
}

static void test_what_is_no_url_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",         "example.org",    "ftp://h/",
                                      "http:",    "http://",        "file:///etc/passwd",
                                      "http:/h/", "http://h:99999/"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct buf name;
        buf_init(&name, 200);
        assert_false(http_client_is_url(bad[i], &name));
        buf_finish(&name);
    }
}

#define IN_FOLDER(function)                                                                        \
    cmocka_unit_test_setup_teardown(function, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_the_signature_is_that_of_standard_webhooks),
        IN_FOLDER(test_a_secret_without_prefix_is_taken_as_it_is),
        IN_FOLDER(test_bad_secrets_are_refused),
        cmocka_unit_test(test_a_message_is_told_with_its_context),
        cmocka_unit_test(test_a_lifecycle_event_is_told),
        cmocka_unit_test(test_other_lifecycle_events_are_not),
        cmocka_unit_test(test_status_and_body_say_what_came_of_it),
        cmocka_unit_test(test_messages_of_an_answer_are_read),
        cmocka_unit_test(test_messages_of_a_wrong_shape_are_refused),
        cmocka_unit_test(test_there_is_an_end_to_the_messages_of_an_answer),
        cmocka_unit_test(test_waiting_grows_to_its_limit),
        cmocka_unit_test(test_connack_says_why_in_the_clients_version),
        cmocka_unit_test(test_a_urls_secrets_are_left_out_of_its_name),
        cmocka_unit_test(test_what_is_no_url_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
