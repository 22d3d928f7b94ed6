// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The strict request-head parser: what is taken, what is refused and with which status, and that a
// head means the same wherever the network cuts it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gateway/http_head.h"

enum { MAX_HEAD = 16384 };

struct outcome {
    enum http_parse parse;
    struct http_head head;
    size_t consumed;
    int status;
    const char *reason;
};

// From a copy of exactly this length, so that a sanitizer sees a read behind its end.
static struct outcome parse_bytes(const char *bytes, size_t len, char **out_copy)
{
    struct outcome o = {.status = -1};
    char *copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, len);
    o.parse =
        http_head_parse(span_make(copy, len), MAX_HEAD, &o.head, &o.consumed, &o.status, &o.reason);
    *out_copy = copy;
    return o;
}

static int status_of(const char *bytes, size_t len)
{
    char *copy;
    struct outcome o = parse_bytes(bytes, len, &copy);
    free(copy);
    if (o.parse == HTTP_PARSE_MORE)
        return 0;
    if (o.parse == HTTP_PARSE_DONE)
        return 200;
    assert_non_null(o.reason);
    return o.status;
}

struct row {
    const char *name;
    const char *bytes;
    size_t len;
    int status; // 200: taken, 0: more is needed
};
#define ROW(name, bytes, status)                                                                   \
    {                                                                                              \
        (name), (bytes), sizeof(bytes) - 1, (status)                                               \
    }
#define GET "GET / HTTP/1.1\r\n"
#define HOST "Host: a\r\n"
#define POST "POST / HTTP/1.1\r\nHost: a\r\n"

static const struct row rows[] = {
    ROW("plain", GET HOST "\r\n", 200),
    ROW("http 1.0 without host", "GET / HTTP/1.0\r\n\r\n", 200),
    ROW("one empty line in front", "\r\n" GET HOST "\r\n", 200),
    ROW("two empty lines in front", "\r\n\r\n" GET HOST "\r\n", 400),

    // The table that every HTTP library in Debian fails.
    ROW("bare lf", "GET / HTTP/1.1\nHost: a\n\n", 400),
    ROW("bare lf at the end only", GET HOST "\n", 400),
    ROW("bare lf in a field", GET "Host: a\nX: y\r\n\r\n", 400),
    ROW("two content lengths", POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 400),
    ROW("two equal content lengths", POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", 400),
    ROW("content length list", POST "Content-Length: 5, 5\r\n\r\n", 400),
    ROW("content length and chunked",
        POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    ROW("chunked and content length",
        POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 400),
    ROW("folded line", GET HOST "X: a\r\n b\r\n\r\n", 400),
    ROW("folded first line", GET " Host: a\r\n\r\n", 400),
    ROW("folded with tab", GET HOST "X: a\r\n\tb\r\n\r\n", 400),
    ROW("space before colon", GET "Host : a\r\n\r\n", 400),
    ROW("tab before colon", GET "Host\t: a\r\n\r\n", 400),
    ROW("space in name", GET HOST "X Y: a\r\n\r\n", 400),
    ROW("no host", GET "\r\n", 400),
    ROW("host twice", GET HOST HOST "\r\n", 400),
    ROW("host twice in two cases", GET HOST "hOST: b\r\n\r\n", 400),
    ROW("signed content length", POST "Content-Length: +5\r\n\r\n", 400),
    ROW("negative content length", POST "Content-Length: -5\r\n\r\n", 400),
    ROW("hex content length", POST "Content-Length: 0x5\r\n\r\n", 400),
    ROW("empty content length", POST "Content-Length:\r\n\r\n", 400),
    ROW("content length over 2^63", POST "Content-Length: 9223372036854775808\r\n\r\n", 400),
    ROW("nul in value", GET "Host: a\0b\r\n\r\n", 400),
    ROW("nul in name", GET HOST "X\0: b\r\n\r\n", 400),
    ROW("nul in target", "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", 400),

    // Transfer-Encoding is "chunked" or nothing.
    ROW("chunked", POST "Transfer-Encoding: chunked\r\n\r\n", 200),
    ROW("chunked in capitals", POST "transfer-encoding: CHUNKED\r\n\r\n", 200),
    ROW("gzip, chunked", POST "Transfer-Encoding: gzip, chunked\r\n\r\n", 501),
    ROW("chunked twice in a list", POST "Transfer-Encoding: chunked, chunked\r\n\r\n", 501),
    ROW("identity", POST "Transfer-Encoding: identity\r\n\r\n", 501),
    ROW("chunked with vertical tab",
        POST "Transfer-Encoding: \x0b"
             "chunked\r\n\r\n",
        400),
    ROW("chunked with parameter", POST "Transfer-Encoding: chunked;q=1\r\n\r\n", 501),
    ROW("transfer encoding twice",
        POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    ROW("chunked in 1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),

    // Request line.
    ROW("http 0.9", "GET /\r\n\r\n", 400),
    ROW("http 2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    ROW("http 1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505),
    ROW("http 1.10", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", 400),
    ROW("lower case http", "GET / http/1.1\r\nHost: a\r\n\r\n", 400),
    ROW("two spaces", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ROW("tab for space", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ROW("space behind version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400),
    ROW("space in target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ROW("lower case method", "get / HTTP/1.1\r\nHost: a\r\n\r\n", 501),
    ROW("unknown method", "BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 501),
    ROW("connect", "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", 501),
    ROW("bad method character", "G@T / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ROW("no method", " / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ROW("options asterisk", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 200),
    ROW("get asterisk", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ROW("relative target", "GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ROW("fragment", "GET /#a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ROW("backslash", "GET /\\a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ROW("raw utf-8 in target", "GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ROW("a browser's query", "GET /a?b[c]={d|e}^\\`' HTTP/1.1\r\nHost: a\r\n\r\n", 200),
    ROW("bracket in path", "GET /a[b] HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ROW("bar in path", "GET /a|b?c HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ROW("quote in query", "GET /a?b=\" HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ROW("tag in query", "GET /a?b=<c> HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ROW("fragment behind query", "GET /a?b=[c]#d HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ROW("encoded utf-8 in target", "GET /%c3%a9 HTTP/1.1\r\nHost: a\r\n\r\n", 200),
    ROW("half an escape", "GET /%4 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ROW("bad escape", "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ROW("escape at the end", "GET /% HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ROW("encoded nul", "GET /a%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ROW("encoded nul in query", "GET /a?b=%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ROW("lone cr in target", "GET /\ra HTTP/1.1\r\nHost: a\r\n\r\n", 400),

    // Absolute form, with the authority that Host names.
    ROW("absolute", "GET http://a/b?c HTTP/1.1\r\nHost: a\r\n\r\n", 200),
    ROW("absolute without path", "GET http://a HTTP/1.1\r\nHost: a\r\n\r\n", 200),
    ROW("absolute of another host", "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ROW("absolute without host", "GET http:///b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ROW("absolute of nothing", "GET http:// HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ROW("absolute with user", "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ROW("absolute ftp", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ROW("absolute in 1.0", "GET http://a:80/ HTTP/1.0\r\n\r\n", 200),
    ROW("bad absolute in 1.0", "GET http://u@a/ HTTP/1.0\r\n\r\n", 400),

    // Fields.
    ROW("lone cr in value", GET HOST "X: a\rb\r\n\r\n", 400),
    ROW("cr cr lf", GET HOST "X: a\r\r\n\r\n", 400),
    ROW("bell in value", GET HOST "X: \a\r\n\r\n", 400),
    ROW("del in value", GET HOST "X: \x7f\r\n\r\n", 400),
    ROW("latin-1 in value", GET HOST "X: \xe9\r\n\r\n", 200),
    ROW("tab in value", GET HOST "X: a\tb\r\n\r\n", 200),
    ROW("empty value", GET HOST "X:\r\n\r\n", 200),
    ROW("no colon", GET HOST "X\r\n\r\n", 400),
    ROW("no name", GET HOST ": a\r\n\r\n", 400),
    ROW("latin-1 in name", GET HOST "\xe9: a\r\n\r\n", 400),
    ROW("bracket in name", GET HOST "X(: a\r\n\r\n", 400),
    ROW("authorization twice", GET HOST "Authorization: a\r\nauthorization: b\r\n\r\n", 400),
    ROW("cookie twice", GET HOST "Cookie: a=b\r\nCookie: a=c\r\n\r\n", 400),
    ROW("origin twice", GET HOST "Origin: http://a\r\nOrigin: http://b\r\n\r\n", 400),
    ROW("unknown field twice", GET HOST "X: a\r\nX: b\r\n\r\n", 200),
    ROW("unknown expect", POST "Expect: 200-ok\r\n\r\n", 417),

    // Host.
    ROW("empty host", GET "Host:\r\n\r\n", 400),
    ROW("host with port", GET "Host: a.b-c_d:8080\r\n\r\n", 200),
    ROW("host with long port", GET "Host: a:65536\r\n\r\n", 400),
    ROW("host with empty port", GET "Host: a:\r\n\r\n", 400),
    ROW("host of address", GET "Host: [::1]:8080\r\n\r\n", 200),
    ROW("host of open address", GET "Host: [::1\r\n\r\n", 400),
    ROW("host of bad address", GET "Host: [::g]\r\n\r\n", 400),
    ROW("host with path", GET "Host: a/b\r\n\r\n", 400),
    ROW("host with user", GET "Host: u@a\r\n\r\n", 400),
    ROW("host with space", GET "Host: a b\r\n\r\n", 400),
    ROW("host list", GET "Host: a, b\r\n\r\n", 400),
    ROW("host with quote", GET "Host: a\"\r\n\r\n", 400),

    // What is certainly wrong is refused before it is complete.
    ROW("tls hello", "\x16\x03\x01\x02", 400),
    ROW("nothing", "", 0),
    ROW("half a line", "GET /", 0),
    ROW("line without its lf", "GET / HTTP/1.1\r", 0),
    ROW("nul at once", "GET /\0", 400),
    ROW("garbage line", "hello\r\n", 400),
};
enum { ROW_COUNT = sizeof rows / sizeof rows[0] };

static void every_row_has_its_status(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROW_COUNT; i++) {
        int status = status_of(rows[i].bytes, rows[i].len);
        if (status != rows[i].status)
            fail_msg("%s: %d instead of %d", rows[i].name, status, rows[i].status);
    }
}

// However a head is cut, the parts before the end are "more" or refused for the same reason.
static void every_cut_gives_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROW_COUNT; i++) {
        for (size_t cut = 0; cut < rows[i].len; cut++) {
            int status = status_of(rows[i].bytes, cut);
            if (status == 0 || (status == rows[i].status && status != 200))
                continue;
            // Behind the empty line nothing belongs to the head any more.
            if (status == 200 && rows[i].status == 200)
                fail_msg("%s: taken at byte %zu already", rows[i].name, cut);
            fail_msg("%s: %d at byte %zu", rows[i].name, status, cut);
        }
    }
}

static void reads_the_parts(void **state)
{
    (void)state;
    static const char text[] = "POST http://Example.org:80/a%20b?c=d?e HTTP/1.1\r\n"
                               "Host: example.ORG:80\r\n"
                               "content-length:  12 \r\n"
                               "Connection: foo ,Upgrade\r\n"
                               "Cookie: a=b; c=\"d\"; e=; f\r\n"
                               "Expect: 100-Continue\r\n\r\nrest";
    char *copy;
    struct outcome o = parse_bytes(text, sizeof text - 1, &copy);
    assert_int_equal(o.parse, HTTP_PARSE_DONE);
    assert_int_equal(o.consumed, sizeof text - 1 - 4);
    assert_true(span_is(o.head.method, "POST"));
    assert_true(span_is(o.head.target, "/a%20b?c=d?e"));
    assert_true(span_is(o.head.path, "/a%20b"));
    assert_true(span_is(o.head.query, "c=d?e"));
    assert_true(span_is(o.head.host, "example.ORG:80"));
    assert_int_equal(o.head.minor_version, 1);
    assert_int_equal(o.head.content_length, 12);
    assert_false(o.head.is_chunked);
    assert_true(o.head.is_keep_alive);
    assert_true(o.head.is_upgrade);
    assert_true(o.head.expects_continue);
    struct span value;
    assert_true(http_head_field(&o.head, "CONNECTION", &value));
    assert_true(span_is(value, "foo ,Upgrade"));
    assert_false(http_head_field(&o.head, "Origin", &value));
    assert_true(http_head_lists(&o.head, "connection", "foo"));
    assert_false(http_head_lists(&o.head, "connection", "fo"));
    assert_true(http_head_cookie(&o.head, "a", &value));
    assert_true(span_is(value, "b"));
    assert_true(http_head_cookie(&o.head, "c", &value));
    assert_true(span_is(value, "\"d\""));
    assert_true(http_head_cookie(&o.head, "e", &value));
    assert_int_equal(value.len, 0);
    assert_false(http_head_cookie(&o.head, "f", &value));
    free(copy);
}

static void a_repeated_cookie_counts_for_nothing(void **state)
{
    (void)state;
    char *copy;
    static const char text[] = GET HOST "Cookie: s=1; s=2\r\n\r\n";
    struct outcome o = parse_bytes(text, sizeof text - 1, &copy);
    struct span value;
    assert_int_equal(o.parse, HTTP_PARSE_DONE);
    assert_false(http_head_cookie(&o.head, "s", &value));
    free(copy);
}

static void keeps_alive_by_version_and_connection(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_keep_alive;
    } cases[] = {
        {GET HOST "\r\n", true},
        {GET HOST "Connection: close\r\n\r\n", false},
        {GET HOST "Connection: keep-alive, CLOSE\r\n\r\n", false},
        {GET HOST "Connection: x\r\nConnection: close\r\n\r\n", false},
        {"GET / HTTP/1.0\r\n\r\n", false},
        {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *copy;
        struct outcome o = parse_bytes(cases[i].text, strlen(cases[i].text), &copy);
        assert_int_equal(o.parse, HTTP_PARSE_DONE);
        assert_int_equal(o.head.is_keep_alive, cases[i].is_keep_alive);
        free(copy);
    }
}

// `head` followed by `fill` times the letter a.
static int status_of_filled(const char *head, size_t fill)
{
    size_t len = strlen(head);
    char *text = malloc(len + fill);
    assert_non_null(text);
    memcpy(text, head, len);
    memset(text + len, 'a', fill);
    int status = status_of(text, len + fill);
    free(text);
    return status;
}

static void long_heads_are_refused(void **state)
{
    (void)state;
    assert_int_equal(status_of_filled(GET HOST "X: ", 70000), 431);
    assert_int_equal(status_of_filled(GET HOST "X: ", MAX_HEAD - 40), 0);
    assert_int_equal(status_of_filled("GET /", 70000), 414);
    assert_int_equal(status_of_filled("", 70000), 414);
}

static void many_fields_are_refused(void **state)
{
    (void)state;
    for (size_t count = HTTP_FIELDS_MAX - 1; count <= HTTP_FIELDS_MAX; count++) {
        char text[4096];
        size_t len = (size_t)snprintf(text, sizeof text, GET HOST);
        for (size_t i = 0; i < count; i++) {
            memcpy(text + len, "X: y\r\n", 6);
            len += 6;
        }
        memcpy(text + len, "\r\n", 2);
        assert_int_equal(status_of(text, len + 2), count < HTTP_FIELDS_MAX ? 200 : 431);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_has_its_status),
        cmocka_unit_test(every_cut_gives_the_same),
        cmocka_unit_test(reads_the_parts),
        cmocka_unit_test(a_repeated_cookie_counts_for_nothing),
        cmocka_unit_test(keeps_alive_by_version_and_connection),
        cmocka_unit_test(long_heads_are_refused),
        cmocka_unit_test(many_fields_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
