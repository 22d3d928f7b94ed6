// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Bodies of posts: what is a message, and with which status everything else is refused.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gateway/submission.h"

#define JSON "application/json"
#define FORM "application/x-www-form-urlencoded"

enum { MAX_PAYLOAD = 32 };

struct accepted {
    const char *type, *body;
    const char *payload, *message_type, *key, *from, *csrf;
};

static void takes_json_forms_and_bytes(void **state)
{
    (void)state;
    static const struct accepted cases[] = {
        {JSON, "{\"text\":\"hi\"}", "hi", "", "", "", ""},
        {JSON "; charset=utf-8", " {\"text\":\"hi\"} ", "hi", "", "", "", ""},
        {JSON, "{\"text\":\"\"}", "", "", "", "", ""},
        {JSON, "{\"text\":\"\\u00fc\\ud83d\\ude00\\n\"}", "\xC3\xBC\xF0\x9F\x98\x80\n", "", "", "",
         ""},
        {JSON, "{\"data\":\"//79\"}", "\xFF\xFE\xFD", "", "", "", ""},
        {JSON, "{\"data\":\"\"}", "", "", "", "", ""},
        {JSON,
         "{\"text\":\"t\",\"type\":\"text/markdown\",\"key\":\"k1\",\"from\":\"bob\",\"x\":1}", "t",
         "text/markdown", "k1", "bob", ""},
        {FORM, "text=a+b%26c&csrf=00ff&from=bob&key=k", "a b&c", "", "k", "bob", "00ff"},
        {FORM, "text=", "", "", "", "", ""},
        {"", "plain bytes", "plain bytes", "", "", "", ""},
        {"", "", "", "", "", "", ""},
        {"text/plain", "{\"text\":1}", "{\"text\":1}", "text/plain", "", "", ""},
        {"application/octet-stream", "\xFF\x01", "\xFF\x01", "application/octet-stream", "", "",
         ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct accepted *c = &cases[i];
        struct submission s;
        struct submission_refusal refusal = {0, "none"};
        print_message("%s\n", c->body);
        assert_int_equal(
            submission_read(span_of(c->type), span_of(c->body), MAX_PAYLOAD, &s, &refusal), ERR_OK);
        assert_true(span_is(s.payload, c->payload));
        assert_true(span_is(s.type, c->message_type));
        assert_true(span_is(s.key, c->key));
        assert_true(span_is(s.from, c->from));
        assert_true(span_is(s.csrf, c->csrf));
        submission_finish(&s);
    }
}

static void says_why_a_body_is_no_message(void **state)
{
    (void)state;
    static const struct {
        const char *type, *body;
        int status;
    } cases[] = {
        {JSON, "", 400},
        {JSON, "{", 400},
        {JSON, "{\"text\":\"hi\"}x", 400},
        {JSON, "{\"text\":\"a\",\"text\":\"b\"}", 400},
        {JSON, "{\"text\":\"\xFF\"}", 400},
        {JSON, "{\"text\":\"a\\u0000b\"}", 400},
        {JSON, "[]", 422},
        {JSON, "\"hi\"", 422},
        {JSON, "{}", 422},
        {JSON, "{\"txt\":\"hi\"}", 422},
        {JSON, "{\"text\":\"a\",\"data\":\"\"}", 422},
        {JSON, "{\"text\":5}", 422},
        {JSON, "{\"text\":null}", 422},
        {JSON, "{\"text\":\"a\",\"key\":7}", 422},
        {JSON, "{\"text\":\"a\",\"key\":\"a\\nb\"}", 422},
        {JSON, "{\"text\":\"a\",\"type\":\"\\u00fc\"}", 422},
        {JSON, "{\"data\":\"//7\"}", 422},
        {JSON, "{\"data\":\"//79\\n\"}", 422},
        {JSON, "{\"text\":\"123456789012345678901234567890123\"}", 413},
        {JSON, "{\"data\":\"MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz\"}", 413},
        {FORM, "", 422},
        {FORM, "txt=a", 422},
        {FORM, "text=a&text=b", 422},
        {FORM, "text=%zz", 400},
        {FORM, "text=%ff", 400},
        {FORM, "text=123456789012345678901234567890123", 413},
        {"multipart/form-data; boundary=x", "--x", 415},
        {"", "123456789012345678901234567890123", 413},
        {"text/\xC3\xBC", "a", 422},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct submission s;
        struct submission_refusal refusal = {0, NULL};
        print_message("%s\n", cases[i].body);
        assert_int_equal(submission_read(span_of(cases[i].type), span_of(cases[i].body),
                                         MAX_PAYLOAD, &s, &refusal),
                         ERR_INVALID);
        assert_int_equal(refusal.status, cases[i].status);
        assert_non_null(refusal.detail);
    }
}

static void the_longest_payload_fits_exactly(void **state)
{
    (void)state;
    static const struct {
        const char *type, *body;
    } cases[] = {
        {"", "12345678901234567890123456789012"},
        {JSON, "{\"text\":\"12345678901234567890123456789012\"}"},
        {JSON, "{\"data\":\"MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI=\"}"},
        {FORM, "text=%31%32345678901234567890123456789012"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct submission s;
        struct submission_refusal refusal = {0, NULL};
        assert_int_equal(submission_read(span_of(cases[i].type), span_of(cases[i].body),
                                         MAX_PAYLOAD, &s, &refusal),
                         ERR_OK);
        assert_int_equal(s.payload.len, MAX_PAYLOAD);
        submission_finish(&s);
    }
}

static void a_huge_tree_is_refused_before_it_is_built(void **state)
{
    (void)state;
    struct buf body;
    buf_init(&body, 1 << 20);
    buf_add_text(&body, "{\"text\":\"a,[{\\\",{\",\"x\":[0");
    for (int i = 0; i < 250; i++)
        buf_add_text(&body, ",0");
    size_t fits = body.len;
    buf_add_text(&body, "]}");
    struct submission s;
    struct submission_refusal refusal = {0, NULL};
    assert_int_equal(submission_read(span_of(JSON), buf_span(&body), MAX_PAYLOAD, &s, &refusal),
                     ERR_OK);
    assert_true(span_is(s.payload, "a,[{\",{"));
    submission_finish(&s);
    body.len = fits;
    for (int i = 0; i < 10; i++)
        buf_add_text(&body, ",0");
    buf_add_text(&body, "]}");
    assert_int_equal(submission_read(span_of(JSON), buf_span(&body), MAX_PAYLOAD, &s, &refusal),
                     ERR_INVALID);
    assert_int_equal(refusal.status, 422);
    buf_finish(&body);
}

static void takes_the_short_form(void **state)
{
    (void)state;
    static const struct {
        const char *body, *payload, *from, *key;
    } cases[] = {
        {"{\"m\":\"Hello World!\",\"n\":\"yourname\",\"t\":\"123456\"}", "Hello World!", "yourname",
         "123456-b1ea4872-12"},
        {"{\"m\":\"Hello World!\",\"t\":123456}", "Hello World!", "", "123456-b1ea4872-12"},
        {"{\"m\":\"Hello world!\",\"t\":123456}", "Hello world!", "", "123456-7a78f512-12"},
        {"{\"m\":\"\"}", "", "", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct submission s;
        struct submission_refusal refusal = {0, "none"};
        print_message("%s\n", cases[i].body);
        assert_int_equal(submission_read_short(span_of(cases[i].body), MAX_PAYLOAD, &s, &refusal),
                         ERR_OK);
        assert_true(span_is(s.payload, cases[i].payload));
        assert_true(span_is(s.from, cases[i].from));
        print_message("%.*s\n", (int)s.key.len, s.key.len ? s.key.ptr : "");
        assert_true(span_is(s.key, cases[i].key));
        submission_finish(&s);
    }
}

static void says_why_the_short_form_is_none(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        int status;
    } cases[] = {
        {"", 400},
        {"m=a", 400},
        {"[]", 422},
        {"{}", 422},
        {"{\"m\":1}", 422},
        {"{\"m\":\"a\",\"n\":1}", 422},
        {"{\"m\":\"a\",\"t\":true}", 422},
        {"{\"m\":\"a\",\"t\":1.5}", 422},
        {"{\"m\":\"a\",\"t\":\"\\n\"}", 422},
        {"{\"m\":\"a\",\"t\":"
         "\"12345678901234567890123456789012345678901234567890123456789012345678901"
         "23456789012345678901234567890123456789012345678901234567890\"}",
         422},
        {"{\"m\":\"123456789012345678901234567890123\"}", 413},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct submission s;
        struct submission_refusal refusal = {0, NULL};
        print_message("%s\n", cases[i].body);
        assert_int_equal(submission_read_short(span_of(cases[i].body), MAX_PAYLOAD, &s, &refusal),
                         ERR_INVALID);
        assert_int_equal(refusal.status, cases[i].status);
        assert_non_null(refusal.detail);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_json_forms_and_bytes),
        cmocka_unit_test(says_why_a_body_is_no_message),
        cmocka_unit_test(takes_the_short_form),
        cmocka_unit_test(says_why_the_short_form_is_none),
        cmocka_unit_test(the_longest_payload_fits_exactly),
        cmocka_unit_test(a_huge_tree_is_refused_before_it_is_built),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
