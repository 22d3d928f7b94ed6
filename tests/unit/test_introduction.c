// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/introduction.h"
#include "core/secret.h"

#define SECRET "0123456789abcdef"

static struct introduction ws(const char *address, const char *username)
{
    return (struct introduction){span_of("ws"), span_of(address), span_of("Y3VybA"),
                                 span_of(username)};
}

// The expected text comes from: printf 'rw1 ws 192.0.2.7:5001 Y3VybA c1' |
// openssl dgst -sha256 -hmac 0123456789abcdef
static void introduction_is_the_text_of_the_protocol(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 1024);
    struct introduction who = ws("192.0.2.7:5001", "my own name");
    assert_int_equal(introduction_write(&who, span_of("c1"), span_of(SECRET), &out), ERR_OK);
    assert_true(
        span_is(buf_span(&out),
                "rw1 ws 192.0.2.7:5001 Y3VybA 8cf434413b986d70a8234408c069ed72 my own name"));
    buf_finish(&out);
}

static void introduction_reads_back(void **state)
{
    (void)state;
    static const char *const names[] = {"", "alice", " ", "a b  c ", "rw1 ws x y z"};
    static const char *const client_ids[] = {"", "c1", "a client with spaces"};
    for (size_t i = 0; i < 5; i++) {
        for (size_t k = 0; k < 3; k++) {
            struct buf out;
            buf_init(&out, 1024);
            struct introduction who = ws("[2001:db8::1]:443", names[i]), got;
            struct span id = span_of(client_ids[k]);
            assert_int_equal(introduction_write(&who, id, span_of(SECRET), &out), ERR_OK);
            assert_true(out.len <= INTRODUCTION_OVERHEAD_MAX + strlen(names[i]));
            assert_true(introduction_is_meant(buf_span(&out)));
            assert_int_equal(introduction_read(buf_span(&out), id, span_of(SECRET), &got), ERR_OK);
            assert_true(span_is(got.face, "ws"));
            assert_true(span_is(got.address, "[2001:db8::1]:443"));
            assert_true(span_is(got.agent, "Y3VybA"));
            assert_true(span_is(got.username, names[i]));
            buf_finish(&out);
        }
    }
}

static void forged_introduction_is_refused(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 1024);
    struct introduction who = ws("192.0.2.7:5001", "alice"), got;
    assert_int_equal(introduction_write(&who, span_of("c1"), span_of(SECRET), &out), ERR_OK);
    struct span good = buf_span(&out);
    assert_int_equal(introduction_read(good, span_of("c2"), span_of(SECRET), &got), ERR_DENIED);
    assert_int_equal(introduction_read(good, span_of(""), span_of(SECRET), &got), ERR_DENIED);
    assert_int_equal(introduction_read(good, span_of("c1"), span_of(SECRET "x"), &got), ERR_DENIED);
    // Any other character in front of the client's own name breaks it.
    size_t signed_len = out.len - strlen(" alice");
    for (size_t i = 0; i < signed_len; i++) {
        out.ptr[i] ^= 1;
        assert_int_not_equal(
            introduction_read(buf_span(&out), span_of("c1"), span_of(SECRET), &got), ERR_OK);
        out.ptr[i] ^= 1;
    }
    // And so does cutting it anywhere.
    for (size_t len = 0; len <= signed_len; len++)
        assert_int_not_equal(
            introduction_read(span_make(out.ptr, len), span_of("c1"), span_of(SECRET), &got),
            ERR_OK);
    buf_finish(&out);
}

// The signed text must not be readable in two ways, or a client id could carry an address.
static void spaces_cannot_move_between_address_and_client_id(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 1024);
    struct introduction who = ws("1.2.3.4:5 x", "");
    assert_int_equal(introduction_write(&who, span_of("y"), span_of(SECRET), &out), ERR_INVALID);
    assert_int_equal(out.len, 0);
    who = ws("", "");
    assert_int_equal(introduction_write(&who, span_of("y"), span_of(SECRET), &out), ERR_INVALID);
    who = ws("1.2.3.4:5", "");
    who.face = span_of("ws ");
    assert_int_equal(introduction_write(&who, span_of("y"), span_of(SECRET), &out), ERR_INVALID);
    who = ws("1.2.3.4:5", "");
    who.agent = span_of("Y3V ybA");
    assert_int_equal(introduction_write(&who, span_of("y"), span_of(SECRET), &out), ERR_INVALID);
    who.agent = span_of("");
    assert_int_equal(introduction_write(&who, span_of("y"), span_of(SECRET), &out), ERR_INVALID);
    buf_finish(&out);
}

static void ordinary_user_names_are_not_introductions(void **state)
{
    (void)state;
    struct introduction got;
    static const char *const names[] = {"", "alice", "rw1", "rw", "rw2 ws a b c", "RW1 ws a b c"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_false(introduction_is_meant(span_of(names[i])));
        assert_int_equal(introduction_read(span_of(names[i]), span_of("c"), span_of(SECRET), &got),
                         ERR_NOT_FOUND);
    }
    static const char *const broken[] = {
        "rw1 ",           "rw1 ws",
        "rw1 ws a",       "rw1 ws a b",
        "rw1 ws a b c",   "rw1 ws a b c d",
        "rw1 ws a b c d", "rw1  a b 0123456789abcdef0123456789abcdef x"};
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++)
        assert_int_equal(introduction_read(span_of(broken[i]), span_of("c"), span_of(SECRET), &got),
                         ERR_INVALID);
}

static void introduction_that_does_not_fit_is_an_error(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 20);
    struct introduction who = ws("192.0.2.7:5001", "alice");
    assert_int_equal(introduction_write(&who, span_of("c1"), span_of(SECRET), &out), ERR_TOO_LARGE);
    buf_finish(&out);
}

// ---- secrets from files ----

static void write_file(char path[], const void *bytes, size_t len)
{
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), (ssize_t)len);
    assert_int_equal(close(fd), 0);
}

static enum err load(const void *bytes, size_t len, size_t min_len, struct secret *out,
                     struct buf *why)
{
    char path[] = "/tmp/roomwire-secret-XXXXXX";
    write_file(path, bytes, len);
    enum err err = secret_load(path, min_len, out, why);
    assert_int_equal(unlink(path), 0);
    return err;
}

static void secret_files_lose_one_line_end(void **state)
{
    (void)state;
    static const struct {
        const char *content, *secret;
    } rows[] = {
        {"abc", "abc"},     {"abc\n", "abc"},         {"abc\r\n", "abc"}, {"abc\n\n", "abc\n"},
        {"abc\r", "abc\r"}, {"abc\r\n\n", "abc\r\n"}, {" a ", " a "},     {"\na", "\na"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct secret secret;
        struct buf why;
        buf_init(&why, 256);
        assert_int_equal(load(rows[i].content, strlen(rows[i].content), 1, &secret, &why), ERR_OK);
        assert_true(span_is(secret_span(&secret), rows[i].secret));
        assert_int_equal(why.len, 0);
        secret_finish(&secret);
        assert_null(secret.ptr);
        secret_finish(&secret);
        buf_finish(&why);
    }
}

static void bad_secret_files_are_refused_by_name(void **state)
{
    (void)state;
    struct secret secret;
    struct buf why;
    buf_init(&why, 512);
    assert_int_equal(load("", 0, 0, &secret, &why), ERR_INVALID);
    assert_int_equal(load("\n", 1, 0, &secret, &why), ERR_INVALID);
    assert_int_equal(load("\r\n", 2, 0, &secret, &why), ERR_INVALID);
    assert_int_equal(load("fifteen bytes..\n", 16, 16, &secret, &why), ERR_INVALID);
    assert_int_equal(secret_load("/nonexistent/x", 1, &secret, &why), ERR_IO);
    assert_int_equal(secret_load("/tmp", 1, &secret, &why), ERR_IO);
    buf_add_char(&why, '\0');
    assert_non_null(strstr(why.ptr, "/nonexistent/x"));
    assert_null(strstr(why.ptr, "fifteen"));
    buf_finish(&why);
}

static void secret_files_hold_64_kib(void **state)
{
    (void)state;
    char *bytes = malloc(SECRET_FILE_MAX + 1);
    assert_non_null(bytes);
    memset(bytes, 0, SECRET_FILE_MAX + 1); // binary secrets are fine
    struct secret secret;
    struct buf why;
    buf_init(&why, 256);
    assert_int_equal(load(bytes, SECRET_FILE_MAX, 1, &secret, &why), ERR_OK);
    assert_int_equal(secret.len, SECRET_FILE_MAX);
    secret_finish(&secret);
    assert_int_equal(load(bytes, SECRET_FILE_MAX + 1, 1, &secret, &why), ERR_TOO_LARGE);
    buf_finish(&why);
    free(bytes);
}

static void secrets_compare(void **state)
{
    (void)state;
    assert_true(secret_equal(span_of("abc"), span_of("abc")));
    assert_false(secret_equal(span_of("abc"), span_of("abd")));
    assert_false(secret_equal(span_of("abc"), span_of("ab")));
    assert_false(secret_equal(span_of("abc"), span_of("")));
}

// RFC 4231 §4.3, test case 2.
static void hmac_is_that_of_rfc_4231(void **state)
{
    (void)state;
    static const unsigned char wanted[SECRET_HMAC_SIZE] = {
        0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e, 0x6a, 0x04, 0x24,
        0x26, 0x08, 0x95, 0x75, 0xc7, 0x5a, 0x00, 0x3f, 0x08, 0x9d, 0x27,
        0x39, 0x83, 0x9d, 0xec, 0x58, 0xb9, 0x64, 0xec, 0x38, 0x43};
    unsigned char mac[SECRET_HMAC_SIZE];
    assert_int_equal(secret_hmac(span_of("Jefe"), span_of("what do ya want for nothing?"), mac),
                     ERR_OK);
    assert_memory_equal(mac, wanted, sizeof wanted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(introduction_is_the_text_of_the_protocol),
        cmocka_unit_test(introduction_reads_back),
        cmocka_unit_test(forged_introduction_is_refused),
        cmocka_unit_test(spaces_cannot_move_between_address_and_client_id),
        cmocka_unit_test(ordinary_user_names_are_not_introductions),
        cmocka_unit_test(introduction_that_does_not_fit_is_an_error),
        cmocka_unit_test(secret_files_lose_one_line_end),
        cmocka_unit_test(bad_secret_files_are_refused_by_name),
        cmocka_unit_test(secret_files_hold_64_kib),
        cmocka_unit_test(secrets_compare),
        cmocka_unit_test(hmac_is_that_of_rfc_4231),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
