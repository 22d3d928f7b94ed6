// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "token_fixture.h"

#include <stdio.h>

// ---- times ----

static void times_are_judged_with_leeway(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *claim;
        int offset; // from NOW
        enum err expected;
    } rows[] = {
        {"exp", 1, ERR_OK},
        {"exp", 0, ERR_OK},
        {"exp", -59, ERR_OK},
        {"exp", -60, ERR_TOKEN_EXPIRED},
        {"exp", -61, ERR_TOKEN_EXPIRED},
        {"nbf", 0, ERR_OK},
        {"nbf", 60, ERR_OK},
        {"nbf", 61, ERR_TOKEN_NOT_YET_VALID},
        {"iat", 0, ERR_OK},
        {"iat", 60, ERR_OK},
        {"iat", 61, ERR_TOKEN_NOT_YET_VALID},
        {"iat", -1000000, ERR_OK},
    };
    set(f, "require_exp", "no");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char claims[128];
        (void)snprintf(claims, sizeof claims, "{\"sub\":\"a\",\"%s\":%d}", rows[i].claim,
                       NOW + rows[i].offset);
        expect(f, claims, rows[i].expected);
    }
    set(f, "leeway_s", "0");
    expect(f, "{\"sub\":\"a\",\"exp\":1800000000}", ERR_TOKEN_EXPIRED);
    expect(f, "{\"sub\":\"a\",\"exp\":1800000000.5}", ERR_OK);
    expect(f, "{\"sub\":\"a\",\"nbf\":1800000000.5}", ERR_TOKEN_NOT_YET_VALID);
    expect(f, "{\"sub\":\"a\",\"exp\":1}", ERR_TOKEN_EXPIRED);
    expect(f, "{\"sub\":\"a\",\"exp\":-1e300}", ERR_TOKEN_EXPIRED);
}

static void times_are_numbers(void **state)
{
    struct fixture *f = *state;
    set(f, "require_exp", "no");
    static const char *const names[] = {"exp", "nbf", "iat"};
    static const char *const values[] = {"\"1900000000\"", "null", "true", "[]", "{}", "1e999"};
    for (size_t i = 0; i < 3; i++) {
        for (size_t k = 0; k < 6; k++) {
            char claims[128];
            (void)snprintf(claims, sizeof claims, "{\"sub\":\"a\",\"%s\":%s}", names[i], values[k]);
            expect(f, claims, ERR_TOKEN_CLAIM);
        }
    }
}

static void end_of_a_token_is_exp_or_the_end_of_the_leeway(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *exp;
        int64_t end;
    } rows[] = {{"1800000100", 1800000100},
                {"1800000100.25", 1800000101},
                {"1800000000", 1800000060},
                {"1799999950", 1800000010},
                {"1e300", 9007199254740991}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char claims[128];
        struct token token;
        (void)snprintf(claims, sizeof claims, "{\"sub\":\"a\",\"exp\":%s}", rows[i].exp);
        assert_int_equal(verify(f, claims, &token), ERR_OK);
        assert_int_equal(token.expires_s, rows[i].end);
        token_finish(&token);
    }
    expect(f, "{\"sub\":\"a\"}", ERR_TOKEN_NO_EXPIRY);
}

// ---- parties ----

static void issuer_and_audience_are_checked_where_configured(void **state)
{
    struct fixture *f = *state;
    expect(f, CLAIMS(",\"iss\":\"any\",\"aud\":\"any\""), ERR_OK);
    set(f, "issuer", "https://id.example");
    expect(f, CLAIMS(""), ERR_TOKEN_ISSUER);
    expect(f, CLAIMS(",\"iss\":\"https://id.example/\""), ERR_TOKEN_ISSUER);
    expect(f, CLAIMS(",\"iss\":[\"https://id.example\"]"), ERR_TOKEN_ISSUER);
    expect(f, CLAIMS(",\"iss\":\"https://id.example\""), ERR_OK);
    set(f, "issuer", "");
    set(f, "audience", "chat");
    expect(f, CLAIMS(""), ERR_TOKEN_AUDIENCE);
    expect(f, CLAIMS(",\"aud\":\"chats\""), ERR_TOKEN_AUDIENCE);
    expect(f, CLAIMS(",\"aud\":[]"), ERR_TOKEN_AUDIENCE);
    expect(f, CLAIMS(",\"aud\":[\"x\",7]"), ERR_TOKEN_AUDIENCE);
    expect(f, CLAIMS(",\"aud\":{\"chat\":\"chat\"}"), ERR_TOKEN_AUDIENCE);
    expect(f, CLAIMS(",\"aud\":\"chat\""), ERR_OK);
    expect(f, CLAIMS(",\"aud\":[\"x\",\"chat\"]"), ERR_OK);
}

// ---- subject and name ----

static void subject_is_sub_then_id_then_name(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *claims;
        const char *subject, *name; // NULL: refused
    } rows[] = {
        {CLAIMS(""), "a", ""},
        {CLAIMS(",\"id\":7,\"name\":\"Al\""), "a", "Al"},
        {CLAIMS(",\"name\":null"), "a", ""},
        {"{\"exp\":1900000000,\"id\":7,\"name\":\"Al\"}", "7", "Al"},
        {"{\"exp\":1900000000,\"id\":-7}", "-7", ""},
        {"{\"exp\":1900000000,\"id\":\"x7\"}", "x7", ""},
        {"{\"exp\":1900000000,\"id\":9007199254740991}", "9007199254740991", ""},
        {"{\"exp\":1900000000,\"name\":\"Zo\\u00eb\"}", "Zo\xc3\xab", "Zo\xc3\xab"},
        {"{\"exp\":1900000000,\"sub\":\"\xf0\x9f\x98\x80\"}", "\xf0\x9f\x98\x80", ""},
        {"{\"exp\":1900000000}", NULL, NULL},
        {"{\"exp\":1900000000,\"sub\":\"\",\"id\":7}", NULL, NULL},
        {"{\"exp\":1900000000,\"sub\":null,\"id\":7}", NULL, NULL},
        {"{\"exp\":1900000000,\"sub\":7,\"id\":7}", NULL, NULL},
        {"{\"exp\":1900000000,\"sub\":{},\"id\":7}", NULL, NULL},
        {"{\"exp\":1900000000,\"id\":7.5}", NULL, NULL},
        {"{\"exp\":1900000000,\"id\":9007199254740992}", NULL, NULL},
        {"{\"exp\":1900000000,\"id\":true,\"name\":\"x\"}", NULL, NULL},
        {"{\"exp\":1900000000,\"id\":\"\",\"name\":\"x\"}", NULL, NULL},
        {"{\"exp\":1900000000,\"name\":7}", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct token token;
        if (rows[i].subject == NULL) {
            expect(f, rows[i].claims, ERR_TOKEN_SUBJECT);
            continue;
        }
        if (verify(f, rows[i].claims, &token) != ERR_OK)
            fail_msg("%s", rows[i].claims);
        assert_string_equal(token.subject, rows[i].subject);
        assert_string_equal(token.name, rows[i].name);
        token_finish(&token);
    }
}

static void what_mqtt_does_not_carry_in_subjects_and_names_is_refused(void **state)
{
    struct fixture *f = *state;
    static const char *const bad[] = {
        "a\\nb",    "a\\tb",      "\\u0001", "\\u001f",  "\\u007f", "\\u0080",       "\\u009f",
        "x\\u0085", "\\u009b31m", "\\ufffe", "a\\uffff", "\\ufdd0", "\\ud83f\\udffe"};
    static const char *const good[] = {"\\u00a0", "\\u0020", "~",      "\\u00c2",
                                       "\\u00bf", "\\u0100", "\\ufffd"};
    char claims[128];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        (void)snprintf(claims, sizeof claims, "{\"exp\":1900000000,\"sub\":\"%s\"}", bad[i]);
        expect(f, claims, ERR_TOKEN_SUBJECT);
        (void)snprintf(claims, sizeof claims, CLAIMS(",\"name\":\"%s\""), bad[i]);
        expect(f, claims, ERR_TOKEN_CLAIM);
    }
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        (void)snprintf(claims, sizeof claims, "{\"exp\":1900000000,\"sub\":\"%s\"}", good[i]);
        expect(f, claims, ERR_OK);
    }
}

static void overlong_subject_is_refused_and_overlong_name_cut(void **state)
{
    struct fixture *f = *state;
    char long_text[TOKEN_SUBJECT_MAX + 8], claims[512];
    struct token token;
    memset(long_text, 'x', sizeof long_text);
    long_text[TOKEN_SUBJECT_MAX] = '\0';
    (void)snprintf(claims, sizeof claims, "{\"exp\":1900000000,\"sub\":\"%s\"}", long_text);
    expect(f, claims, ERR_OK);
    (void)snprintf(claims, sizeof claims, "{\"exp\":1900000000,\"sub\":\"%sx\"}", long_text);
    expect(f, claims, ERR_TOKEN_SUBJECT);
    // The cut would go through the second byte of the character.
    (void)snprintf(claims, sizeof claims, CLAIMS(",\"name\":\"%.127s\xc3\xab\""), long_text);
    assert_int_equal(verify(f, claims, &token), ERR_OK);
    assert_int_equal(strlen(token.name), 127);
    token_finish(&token);
    (void)snprintf(claims, sizeof claims, CLAIMS(",\"name\":\"%.126s\xc3\xabz\""), long_text);
    assert_int_equal(verify(f, claims, &token), ERR_OK);
    assert_int_equal(strlen(token.name), 128);
    token_finish(&token);
}

// ---- rights ----

static bool may(const struct token *token, enum rights_action action, const char *topic)
{
    return action == RIGHTS_PUBLISH ? rights_allow_publish(token->rights, span_of(topic), 1, false)
                                    : rights_allow_subscribe(token->rights, span_of(topic), 1);
}

static void rights_come_with_the_token(void **state)
{
    struct fixture *f = *state;
    struct token token;
    assert_int_equal(verify(f, CLAIMS(",\"rooms\":{\"lobby\":\"rw\"},\"bill\":\"r\""), &token),
                     ERR_OK);
    assert_true(may(&token, RIGHTS_PUBLISH, "rooms/lobby/messages"));
    assert_false(may(&token, RIGHTS_PUBLISH, "rooms/ops/messages"));
    assert_true(token.claims.may_bill);
    assert_false(token.claims.is_admin);
    token_finish(&token);
    expect(f, CLAIMS(",\"rooms\":[]"), ERR_TOKEN_CLAIM);
}

static void default_rights_are_for_tokens_without_any(void **state)
{
    struct fixture *f = *state;
    struct token token;
    assert_int_equal(verify(f, CLAIMS(""), &token), ERR_OK);
    assert_false(may(&token, RIGHTS_SUBSCRIBE, "rooms/lobby/messages"));
    token_finish(&token);
    set(f, "default_rights", "{\"lobby\":\"r\"}");
    assert_int_equal(verify(f, CLAIMS(""), &token), ERR_OK);
    assert_true(may(&token, RIGHTS_SUBSCRIBE, "rooms/lobby/messages"));
    token_finish(&token);
    assert_int_equal(verify(f, CLAIMS(",\"rooms\":{}"), &token), ERR_OK);
    assert_false(may(&token, RIGHTS_SUBSCRIBE, "rooms/lobby/messages"));
    token_finish(&token);
}

// A user name in CONNECT is free, so it must not open another's topics.
static void username_in_rules_is_the_tokens_own(void **state)
{
    struct fixture *f = *state;
    struct token token;
    assert_int_equal(
        verify(f, CLAIMS(",\"acl\":{\"all\":[\"u/${username}/#\",\"c/${clientid}\"]}"), &token),
        ERR_OK);
    assert_true(may(&token, RIGHTS_SUBSCRIBE, "u/a/x"));
    assert_true(may(&token, RIGHTS_SUBSCRIBE, "c/client-1"));
    assert_false(may(&token, RIGHTS_SUBSCRIBE, "u/b/x"));
    token_finish(&token);
    assert_int_equal(verify(f,
                            CLAIMS(",\"username\":\"bob\",\"clientid\":\"own\",\"acl\":{\"all\":["
                                   "\"u/%u\",\"c/%c\"]}"),
                            &token),
                     ERR_OK);
    assert_true(may(&token, RIGHTS_SUBSCRIBE, "u/bob"));
    assert_true(may(&token, RIGHTS_SUBSCRIBE, "c/own"));
    assert_false(may(&token, RIGHTS_SUBSCRIBE, "c/client-1"));
    token_finish(&token);
}

static void policies_that_cannot_work_are_refused(void **state)
{
    struct fixture *f = *state;
    static const char *const rows[][2] = {{"room_topic", "rooms/messages"},
                                          {"room_topic", "rooms/+/+"},
                                          {"default_rights", "rw"},
                                          {"default_rights", "[]"},
                                          {"default_rights", "{\"lobby\":\"x\"}"},
                                          {"default_rights", "{\"a b\":\"r\"}"},
                                          {"default_rights", "{\"a\":\"r\",\"a\":\"r\"}"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct config config;
        struct token_policy policy;
        struct buf why;
        buf_init(&why, 256);
        assert_int_equal(config_init(&config), ERR_OK);
        assert_int_equal(config_set(&config, rows[i][0], rows[i][1], &f->why), ERR_OK);
        assert_int_equal(token_policy_init(&policy, &config, &why), ERR_INVALID);
        assert_true(span_starts_with(buf_span(&why), span_of(rows[i][0])));
        buf_finish(&why);
        config_finish(&config);
    }
}

int main(void)
{
    struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_judged_with_leeway),
        cmocka_unit_test(times_are_numbers),
        cmocka_unit_test(end_of_a_token_is_exp_or_the_end_of_the_leeway),
        cmocka_unit_test(issuer_and_audience_are_checked_where_configured),
        cmocka_unit_test(subject_is_sub_then_id_then_name),
        cmocka_unit_test(what_mqtt_does_not_carry_in_subjects_and_names_is_refused),
        cmocka_unit_test(overlong_subject_is_refused_and_overlong_name_cut),
        cmocka_unit_test(rights_come_with_the_token),
        cmocka_unit_test(default_rights_are_for_tokens_without_any),
        cmocka_unit_test(username_in_rules_is_the_tokens_own),
        cmocka_unit_test(policies_that_cannot_work_are_refused),
    };
    return run_with_fixture(tests, sizeof tests / sizeof tests[0]);
}
