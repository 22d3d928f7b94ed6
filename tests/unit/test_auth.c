// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Cookies, CSRF tokens and origins: who may act by a browser's cookie, from which page.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/auth.h"

// ---- a request as the tests want it; stands in for exchange.c ----

struct exchange {
    struct http_head head;
    struct worker worker;
    struct gateway gateway;
    bool is_tls;
    int refused_status;
};

static struct exchange x;
static char nothing[] = "";
static char behind_proxy[] = "https://chat.example";

const struct http_head *exchange_head(const struct exchange *e)
{
    return &e->head;
}

struct worker *exchange_worker(const struct exchange *e)
{
    return (struct worker *)(uintptr_t)&e->worker;
}

enum err exchange_query(struct exchange *e, const char *name, struct span *out_value)
{
    (void)e, (void)name, (void)out_value;
    return ERR_NOT_FOUND;
}

bool exchange_is_tls(const struct exchange *e)
{
    return e->is_tls;
}

void exchange_refuse(struct exchange *e, int status, enum err err, const char *detail)
{
    (void)err, (void)detail;
    e->refused_status = status;
}

struct credentials *gateway_credentials(struct gateway *gateway)
{
    (void)gateway;
    fail_msg("no token is verified here");
    return NULL;
}

void credentials_release(struct credentials *credentials)
{
    (void)credentials;
}

static void add(const char *name, const char *value)
{
    x.head.fields[x.head.field_count++] =
        (struct http_field){.name = span_of(name), .value = span_of(value)};
}

static int setup(void **state)
{
    (void)state;
    x = (struct exchange){.head = {.host = span_of("chat.example:8080")}};
    x.worker.gateway = &x.gateway;
    memset(x.gateway.boot_secret, 7, sizeof x.gateway.boot_secret);
    x.gateway.config.public_url = nothing;
    x.gateway.config.allowed_origins = nothing;
    return 0;
}

// ---- tests ----

static void the_token_comes_from_the_header_before_the_cookie(void **state)
{
    (void)state;
    struct span token;
    assert_false(auth_raw_token(&x, &token));
    add("Cookie", "a=b; roomwire=from.the.cookie; __Host-roomwire=other");
    assert_true(auth_raw_token(&x, &token));
    assert_true(span_is(token, "from.the.cookie"));
    add("Authorization", "bearer from.the.header");
    assert_true(auth_raw_token(&x, &token));
    assert_true(span_is(token, "from.the.header"));
}

static void an_empty_header_hides_the_cookie(void **state)
{
    (void)state;
    struct span token;
    struct caller caller;
    add("Cookie", "roomwire=from.the.cookie");
    add("Authorization", "");
    assert_false(auth_raw_token(&x, &token));
    assert_int_equal(auth_identify(&x, &caller), ERR_TOKEN_MALFORMED);
}

static void nobody_is_signed_in_without_either(void **state)
{
    (void)state;
    struct caller caller;
    add("Cookie", "other=1; roomwire=");
    assert_int_equal(auth_identify(&x, &caller), ERR_OK);
    assert_false(caller.has_token);
    assert_false(caller.is_by_cookie);
    caller_finish(&caller);
}

static void with_tls_only_the_host_cookie_counts(void **state)
{
    (void)state;
    struct span token;
    add("Cookie", "roomwire=planted.by.somebody; __Host-roomwire=ours.it.is");
    x.is_tls = true;
    assert_true(auth_raw_token(&x, &token));
    assert_true(span_is(token, "ours.it.is"));
    x.is_tls = false;
    x.gateway.config.public_url = behind_proxy; // a proxy does the TLS
    assert_true(auth_raw_token(&x, &token));
    assert_true(span_is(token, "ours.it.is"));
}

static void the_cookie_says_what_browsers_need(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 1024);
    auth_cookie(&x, span_of("t.o.k"), 60, &out);
    assert_true(span_is(buf_span(&out), "roomwire=t.o.k; Path=/; HttpOnly; SameSite=Lax; "
                                        "Max-Age=60"));
    buf_clear(&out);
    x.is_tls = true;
    auth_cookie(&x, span_of("t.o.k"), 60, &out);
    assert_true(span_is(buf_span(&out), "__Host-roomwire=t.o.k; Path=/; HttpOnly; SameSite=Lax; "
                                        "Max-Age=60; Secure"));
    buf_clear(&out);
    auth_cookie(&x, span_of(""), 60, &out);
    buf_add_char(&out, 0);
    assert_non_null(strstr(out.ptr, "=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0"));
    buf_finish(&out);
}

static void a_csrf_token_belongs_to_its_session(void **state)
{
    (void)state;
    char none[AUTH_CSRF_TEXT], first[AUTH_CSRF_TEXT], second[AUTH_CSRF_TEXT];
    auth_csrf_token(&x, none);
    assert_string_equal(none, "");
    assert_false(auth_is_same_site(&x, span_of("")));
    add("Cookie", "roomwire=first.session.x");
    auth_csrf_token(&x, first);
    assert_int_equal(strlen(first), AUTH_CSRF_TEXT - 1);
    assert_true(auth_is_same_site(&x, span_of(first)));
    assert_false(auth_is_same_site(&x, span_of("")));
    first[3] = first[3] == '0' ? '1' : '0';
    assert_false(auth_is_same_site(&x, span_of(first)));
    setup(NULL);
    add("Cookie", "roomwire=second.session.x");
    auth_csrf_token(&x, second);
    assert_string_not_equal(first, second);
    x.gateway.boot_secret[0]++;
    assert_false(auth_is_same_site(&x, span_of(second)));
}

struct origin_case {
    const char *origin, *site, *allowed, *public_url;
    bool is_tls;
    bool may_change, may_connect, may_sign_in;
};

static void origins_are_ours_listed_or_foreign(void **state)
{
    (void)state;
    static const struct origin_case cases[] = {
        // Programs send neither field: they may connect and sign in, but a cookie needs more.
        {NULL, NULL, "", "", false, false, true, true},
        {"http://chat.example:8080", NULL, "", "", false, true, true, true},
        {"HTTP://CHAT.example:8080", NULL, "", "", false, true, true, true},
        {"https://chat.example:8080", NULL, "", "", false, false, false, false},
        {"https://chat.example:8080", NULL, "", "", true, true, true, true},
        {"http://chat.example", NULL, "", "", false, false, false, false},
        {"http://chat.example:8080.evil.example", NULL, "", "", false, false, false, false},
        {"https://chat.example", NULL, "", "https://chat.example/", false, true, true, true},
        {"http://chat.example:8080", NULL, "", "https://chat.example", false, false, false, false},
        {"null", NULL, "", "", false, false, false, false},
        {"null", "same-origin", "", "", false, true, false, true},
        {NULL, "same-origin", "", "", false, true, true, true},
        {NULL, "none", "", "", false, false, true, true},
        {NULL, "cross-site", "", "", false, false, true, false},
        {NULL, "same-site", "", "", false, false, true, false},
        {"https://a.example", NULL, "https://b.example https://a.example", "", false, true, true,
         true},
        {"https://a.example", NULL, "https://b.example", "", false, false, false, false},
        // Everybody's pages may connect with tokens of their own, but not use people's cookies.
        {"https://a.example", NULL, "*", "", false, false, true, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct origin_case *c = &cases[i];
        print_message("case %zu\n", i);
        setup(NULL);
        add("Cookie", "roomwire=some.session.x");
        if (c->origin != NULL)
            add("Origin", c->origin);
        if (c->site != NULL)
            add("Sec-Fetch-Site", c->site);
        x.is_tls = c->is_tls;
        x.gateway.config.allowed_origins = (char *)(uintptr_t)c->allowed;
        x.gateway.config.public_url = (char *)(uintptr_t)c->public_url;
        assert_int_equal(auth_is_same_site(&x, span_of("")), c->may_change);
        assert_int_equal(auth_origin_allowed(&x), c->may_connect);
        assert_int_equal(auth_may_sign_in(&x), c->may_sign_in);
    }
}

// Browsers leave out the port that the scheme has anyway; proxies and people may not.
static void the_port_of_the_scheme_is_no_difference(void **state)
{
    (void)state;
    static const struct {
        const char *host, *origin, *allowed, *public_url;
        bool is_tls, is_ours;
    } cases[] = {
        {"chat.example:80", "http://chat.example", "", "", false, true},
        {"chat.example", "http://chat.example:80", "", "", false, true},
        {"chat.example:443", "https://chat.example", "", "", true, true},
        {"[::1]:80", "http://[::1]", "", "", false, true},
        {"a", "https://chat.example", "", "https://chat.example:443", false, true},
        {"a", "https://chat.example", "https://chat.example:443", "", false, true},
        {"chat.example:443", "http://chat.example", "", "", false, false},
        {"chat.example:80", "https://chat.example", "", "", true, false},
        {"chat.example:8080", "http://chat.example", "", "", false, false},
        {"[::1:80]", "http://[::1]", "", "", false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        print_message("case %zu\n", i);
        setup(NULL);
        x.head.host = span_of(cases[i].host);
        add("Origin", cases[i].origin);
        x.is_tls = cases[i].is_tls;
        x.gateway.config.allowed_origins = (char *)(uintptr_t)cases[i].allowed;
        x.gateway.config.public_url = (char *)(uintptr_t)cases[i].public_url;
        assert_int_equal(auth_origin_allowed(&x), cases[i].is_ours);
    }
}

static void programs_may_name_the_wrong_scheme(void **state)
{
    (void)state;
    add("Origin", "https://CHAT.example:8080");
    assert_true(auth_origin_allowed(&x));
    assert_false(auth_is_same_site(&x, span_of("")));
    assert_false(auth_may_sign_in(&x));
    add("Cookie", "roomwire=some.session.x");
    assert_false(auth_origin_allowed(&x));
    setup(NULL);
    add("Origin", "https://chat.example");
    assert_false(auth_origin_allowed(&x));
}

static void a_change_by_cookie_is_refused_from_elsewhere(void **state)
{
    (void)state;
    const struct caller by_cookie = {.has_token = true, .is_by_cookie = true};
    const struct caller by_header = {.has_token = true, .is_by_cookie = false};
    char csrf[AUTH_CSRF_TEXT];
    add("Cookie", "roomwire=some.session.x");
    auth_csrf_token(&x, csrf);
    assert_true(auth_admit_change(&x, &by_header, span_of("")));
    assert_true(auth_admit_change(&x, &by_cookie, span_of(csrf)));
    assert_int_equal(x.refused_status, 0);
    assert_false(auth_admit_change(&x, &by_cookie, span_of("")));
    assert_int_equal(x.refused_status, 403);
    add("X-CSRF-Token", csrf);
    assert_true(auth_admit_change(&x, &by_cookie, span_of("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_token_comes_from_the_header_before_the_cookie, setup),
        cmocka_unit_test_setup(an_empty_header_hides_the_cookie, setup),
        cmocka_unit_test_setup(nobody_is_signed_in_without_either, setup),
        cmocka_unit_test_setup(with_tls_only_the_host_cookie_counts, setup),
        cmocka_unit_test_setup(the_cookie_says_what_browsers_need, setup),
        cmocka_unit_test_setup(a_csrf_token_belongs_to_its_session, setup),
        cmocka_unit_test_setup(origins_are_ours_listed_or_foreign, setup),
        cmocka_unit_test_setup(the_port_of_the_scheme_is_no_difference, setup),
        cmocka_unit_test_setup(programs_may_name_the_wrong_scheme, setup),
        cmocka_unit_test_setup(a_change_by_cookie_is_refused_from_elsewhere, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
