// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The ground that everything stands on: span, buf, base64, err, log.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "core/base64.h"
#include "core/descriptors.h"
#include "core/log.h"

// ---- span ----

static void spans_compare_by_bytes(void **state)
{
    (void)state;
    assert_true(span_is(span_make(NULL, 0), ""));
    assert_true(span_equal(span_make(NULL, 0), span_of("")));
    assert_true(span_equal(span_of(NULL), span_of("")));
    assert_false(span_is(span_make("a\0", 2), "a"));
    assert_true(span_starts_with(span_of("abc"), span_of("")));
    assert_true(span_starts_with(span_of("abc"), span_of("abc")));
    assert_false(span_starts_with(span_of("ab"), span_of("abc")));
    assert_true(span_equal_nocase(span_of("Content-TYPE"), span_of("content-type")));
    assert_false(span_equal_nocase(span_of("a@"), span_of("a`"))); // not letters, 32 apart
    assert_false(span_equal_nocase(span_of("["), span_of("{")));
    assert_false(span_equal_nocase(span_of("\xc4"), span_of("\xe4"))); // ASCII only
    assert_false(span_equal_nocase(span_of("ab"), span_of("abc")));
}

static void spans_are_trimmed_and_split(void **state)
{
    (void)state;
    assert_true(span_is(span_trim(span_of(" \t a b\t ")), "a b"));
    assert_true(span_is(span_trim(span_of(" \t ")), ""));
    assert_true(span_is(span_trim(span_of("\na\n")), "\na\n"));
    static const struct {
        const char *text;
        const char *parts[4];
    } rows[] = {{"a,b", {"a", "b"}}, {"", {""}},        {",", {"", ""}},
                {"a,", {"a", ""}},   {",a", {"", "a"}}, {"a,,b", {"a", "", "b"}}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct span rest = span_of(rows[i].text), part;
        size_t k = 0;
        while (span_split(&rest, ',', &part)) {
            assert_non_null(rows[i].parts[k]);
            assert_true(span_is(part, rows[i].parts[k++]));
        }
        assert_null(rows[i].parts[k]);
    }
    struct span nothing = span_make(NULL, 0), part;
    assert_false(span_split(&nothing, ',', &part));
}

// The definition (RFC 3629 §4), written the slow way.
static bool is_utf8_slowly(const unsigned char *s, size_t len)
{
    for (size_t i = 0; i < len;) {
        size_t more = s[i] < 0x80 ? 0 : s[i] >= 0xF0 ? 3 : s[i] >= 0xE0 ? 2 : 1;
        static const unsigned lead_bits[] = {0x7F, 0x1F, 0x0F, 0x07};
        static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
        if ((s[i] >= 0x80 && s[i] < 0xC0) || s[i] >= 0xF8 || i + more >= len)
            return false;
        uint32_t code = s[i] & lead_bits[more];
        for (size_t k = 1; k <= more; k++) {
            if ((s[i + k] & 0xC0) != 0x80)
                return false;
            code = code << 6 | (s[i + k] & 0x3F);
        }
        if (code < least[more] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
            return false;
        i += 1 + more;
    }
    return true;
}

// All lead bytes with the bytes around every boundary, at every place in a word of eight.
static void utf8_is_judged_as_rfc_3629_says(void **state)
{
    (void)state;
    static const unsigned char edge[] = {0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F,
                                         0xA0, 0xBF, 0xC0, 0xED, 0xF4, 0xFF};
    enum { EDGES = sizeof edge };
    for (int lead = 0; lead < 256; lead++) {
        for (int a = 0; a < EDGES * EDGES * EDGES; a++) {
            unsigned char text[12];
            memset(text, 'x', sizeof text);
            size_t at = (size_t)a % 9;
            const unsigned char tail[] = {(unsigned char)lead, edge[a % EDGES],
                                          edge[a / EDGES % EDGES], edge[a / EDGES / EDGES]};
            for (size_t k = 0; k < 4 && at + k < sizeof text; k++)
                text[at + k] = tail[k];
            size_t len = at + 1 + (size_t)a % 4;
            len = len > sizeof text ? sizeof text : len;
            if (span_is_utf8(span_make(text, len)) != is_utf8_slowly(text, len))
                fail_msg("lead %02x, %d", lead, a);
        }
    }
}

static void numbers_are_digits_within_bounds(void **state)
{
    (void)state;
    unsigned long long value = 0;
    assert_true(span_to_uint(span_of("0"), 0, &value) && value == 0);
    assert_true(span_to_uint(span_of("007"), 7, &value) && value == 7);
    assert_true(span_to_uint(span_of("18446744073709551615"), ULLONG_MAX, &value) &&
                value == ULLONG_MAX);
    value = 42;
    static const char *const bad[] = {"",
                                      "-1",
                                      "+1",
                                      " 1",
                                      "1 ",
                                      "0x1",
                                      "1.0",
                                      "1e1",
                                      "18446744073709551616",
                                      "99999999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(span_to_uint(span_of(bad[i]), ULLONG_MAX, &value));
    assert_false(span_to_uint(span_of("8"), 7, &value));
    assert_false(span_to_uint(span_of("10"), 9, &value));
    assert_false(span_to_uint(span_of("100"), 99, &value));
    assert_int_equal(value, 42); // untouched by refusals
}

// ---- buf ----

static void bufs_grow_to_their_maximum_and_no_further(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 100);
    for (int i = 0; i < 100; i++)
        buf_add_char(&b, (char)i);
    assert_int_equal(b.status, ERR_OK);
    assert_int_equal(b.len, 100);
    assert_true(b.cap <= b.max);
    buf_add_char(&b, 'x');
    assert_int_equal(b.status, ERR_TOO_LARGE);
    buf_clear(&b);
    buf_add(&b, "abc", 3);
    assert_true(span_is(buf_span(&b), "abc"));
    buf_finish(&b);
    assert_int_equal(b.max, 100);
    buf_add_text(&b, "again");
    assert_true(span_is(buf_span(&b), "again"));
    buf_finish(&b);
}

static void errors_of_a_buf_stay(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 4);
    buf_add_text(&b, "12345");
    assert_int_equal(b.status, ERR_TOO_LARGE);
    assert_int_equal(b.len, 0);
    buf_add_text(&b, "1"); // would fit, but comes after a hole
    buf_printf(&b, "%d", 1);
    assert_null(buf_reserve(&b, 1));
    assert_int_equal(b.len, 0);
    buf_finish(&b);
    buf_init(&b, 0);
    buf_add(&b, "", 0);
    assert_int_equal(b.status, ERR_OK);
    buf_add_char(&b, 'x');
    assert_int_equal(b.status, ERR_TOO_LARGE);
    buf_finish(&b);
}

static void printed_text_fits_to_the_last_byte(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 6);
    buf_printf(&b, "%s", "abc");
    buf_printf(&b, "%d", 123);
    assert_int_equal(b.status, ERR_OK);
    assert_true(span_is(buf_span(&b), "abc123"));
    buf_printf(&b, "%s", "");
    assert_int_equal(b.status, ERR_OK);
    buf_printf(&b, "%c", 'x');
    assert_int_equal(b.status, ERR_TOO_LARGE);
    buf_finish(&b);
}

static void bufs_take_numbers_and_give_up_their_front(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1000);
    buf_add_int(&b, LLONG_MIN);
    buf_add_char(&b, ' ');
    buf_add_int(&b, LLONG_MAX);
    buf_add_char(&b, ' ');
    buf_add_int(&b, 0);
    assert_true(span_is(buf_span(&b), "-9223372036854775808 9223372036854775807 0"));
    buf_consume(&b, 21);
    assert_true(span_is(buf_span(&b), "9223372036854775807 0"));
    buf_consume(&b, b.len);
    assert_int_equal(b.len, 0);
    char *at = buf_reserve(&b, 3);
    assert_non_null(at);
    memcpy(at, "xyz", 3);
    buf_grow(&b, 2);
    assert_true(span_is(buf_span(&b), "xy"));
    buf_finish(&b);
}

// ---- base64: RFC 4648 §10, then its edges ----

static void base64_is_that_of_rfc_4648(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *padded, *url;
    } rows[] = {{"", "", ""},
                {"f", "Zg==", "Zg"},
                {"fo", "Zm8=", "Zm8"},
                {"foo", "Zm9v", "Zm9v"},
                {"foob", "Zm9vYg==", "Zm9vYg"},
                {"fooba", "Zm9vYmE=", "Zm9vYmE"},
                {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
                {"\xfb\xff\xfe", "+//+", "-__-"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf out;
        buf_init(&out, 100);
        base64_encode(span_of(rows[i].bytes), &out);
        assert_true(span_is(buf_span(&out), rows[i].padded));
        buf_clear(&out);
        base64url_encode(span_of(rows[i].bytes), &out);
        assert_true(span_is(buf_span(&out), rows[i].url));
        buf_clear(&out);
        assert_int_equal(base64_decode(span_of(rows[i].padded), &out), ERR_OK);
        assert_true(span_is(buf_span(&out), rows[i].bytes));
        buf_clear(&out);
        assert_int_equal(base64url_decode(span_of(rows[i].url), &out), ERR_OK);
        assert_true(span_is(buf_span(&out), rows[i].bytes));
        buf_finish(&out);
    }
}

static void base64_has_one_text_for_each_bytes(void **state)
{
    (void)state;
    static const char *const bad_padded[] = {
        "Zg",   "Zg=",      "Zg===", "Zh==",   "Zm9=", "Zm8",  "=",       "==",  "====",
        "Z===", "Zg==Zg==", "Zm 9v", "Zm9v\n", "Zm-v", "Zm_v", "Zm9\xc3", "Z=g="};
    static const char *const bad_url[] = {"Z",    "Zg==",  "Zh",     "Zm9",   "Zm9vY", "Zm+v",
                                          "Zm/v", "Zm 9v", "Zm9v\n", " Zm9v", "Zm9?",  "Zm\xff"};
    struct buf out;
    buf_init(&out, 100);
    for (size_t i = 0; i < sizeof bad_padded / sizeof bad_padded[0]; i++)
        if (base64_decode(span_of(bad_padded[i]), &out) != ERR_INVALID)
            fail_msg("%s", bad_padded[i]);
    for (size_t i = 0; i < sizeof bad_url / sizeof bad_url[0]; i++)
        if (base64url_decode(span_of(bad_url[i]), &out) != ERR_INVALID)
            fail_msg("%s", bad_url[i]);
    assert_int_equal(base64url_decode(span_make("Zm\0v", 4), &out), ERR_INVALID);
    buf_finish(&out);
}

static void base64_takes_all_bytes_at_all_lengths(void **state)
{
    (void)state;
    unsigned char bytes[256];
    for (int i = 0; i < 256; i++)
        bytes[i] = (unsigned char)(i * 167 + 13);
    for (size_t len = 0; len <= sizeof bytes; len++) {
        struct buf text, back;
        buf_init(&text, 1024);
        buf_init(&back, 1024);
        base64_encode(span_make(bytes, len), &text);
        assert_int_equal(text.len, (len + 2) / 3 * 4);
        assert_int_equal(base64_decode(buf_span(&text), &back), ERR_OK);
        assert_true(span_equal(buf_span(&back), span_make(bytes, len)));
        buf_clear(&text);
        buf_clear(&back);
        base64url_encode(span_make(bytes, len), &text);
        assert_int_equal(base64url_decode(buf_span(&text), &back), ERR_OK);
        assert_true(span_equal(buf_span(&back), span_make(bytes, len)));
        buf_finish(&text);
        buf_finish(&back);
    }
    struct buf small;
    buf_init(&small, 2);
    assert_int_equal(base64_decode(span_of("Zm9v"), &small), ERR_TOO_LARGE);
    buf_finish(&small);
    buf_init(&small, 2);
    base64url_encode(span_of("fo"), &small);
    assert_int_equal(small.status, ERR_TOO_LARGE);
    buf_finish(&small);
    buf_init(&small, 3);
    base64url_encode(span_of("fo"), &small); // just fits
    assert_true(span_is(buf_span(&small), "Zm8"));
    buf_finish(&small);
}

// ---- err, log ----

static void every_error_has_its_own_phrase(void **state)
{
    (void)state;
    for (int a = ERR_OK; a <= ERR_TOKEN_CLAIM; a++) {
        const char *text = err_text((enum err)a);
        assert_string_not_equal(text, "unknown error");
        assert_true(strlen(text) > 1 && text[strlen(text) - 1] != '.');
        for (int b = ERR_OK; b < a; b++)
            assert_string_not_equal(text, err_text((enum err)b));
    }
    assert_string_equal(err_text((enum err)9999), "unknown error");
}

static void values_cannot_forge_a_log_line(void **state)
{
    (void)state;
    struct log_value value;
    assert_string_equal(log_value(span_of("alice"), &value), "alice");
    const char *text = log_value(span_make("a\nb\0c\"d e\x7f\xc3\xa9\\", 13), &value);
    assert_non_null(strstr(text, "a\\x0ab\\x00c"));
    for (const char *at = text; *at != '\0'; at++)
        assert_true(*at > ' ' && *at < 0x7F && *at != '"');
    char long_text[1000];
    memset(long_text, '\n', sizeof long_text);
    text = log_value(span_make(long_text, sizeof long_text), &value);
    assert_true(strlen(text) <= LOG_VALUE_MAX + 3);
    assert_string_equal(text + strlen(text) - 3, "...");
}

static void keep_line(void *context, enum log_level level, const char *line)
{
    struct buf *out = context;
    buf_printf(out, "%d %s|", (int)level, line);
}

static void lines_above_the_level_are_dropped_and_long_ones_cut(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 8192);
    struct log log = {keep_line, &out, LOG_LEVEL_WARNING};
    log_line(&log, LOG_LEVEL_INFO, "no");
    log_line(&log, LOG_LEVEL_ERROR, "e=%d", 1);
    log_line(&log, LOG_LEVEL_WARNING, "w=%s", "x");
    log_line(NULL, LOG_LEVEL_ERROR, "nobody");
    assert_true(span_is(buf_span(&out), "0 e=1|1 w=x|"));
    buf_clear(&out);
    char long_text[4000];
    memset(long_text, 'x', sizeof long_text);
    long_text[sizeof long_text - 1] = '\0';
    log_line(&log, LOG_LEVEL_ERROR, "%s", long_text);
    assert_true(out.len <= LOG_LINE_MAX + 4);
    assert_true(out.len > LOG_LINE_MAX - 100);
    buf_finish(&out);
}

// ---- descriptors ----

// How many descriptors the process's table has room for.
static long table_size(void)
{
    char line[256];
    long size = -1;
    FILE *in = fopen("/proc/self/status", "re");
    assert_non_null(in);
    while (fgets(line, sizeof line, in) != NULL)
        if (strncmp(line, "FDSize:", 7) == 0)
            size = strtol(line + 7, NULL, 10);
    (void)fclose(in); // only read from
    return size;
}

static void room_for_descriptors_is_made(void **state)
{
    (void)state;
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_cur < 1024)
        skip();
    limit.rlim_cur = 1024;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    descriptors_reserve(500);
    assert_true(table_size() >= 500);
    descriptors_reserve(SIZE_MAX);
    assert_true(table_size() >= 1024);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans_compare_by_bytes),
        cmocka_unit_test(spans_are_trimmed_and_split),
        cmocka_unit_test(utf8_is_judged_as_rfc_3629_says),
        cmocka_unit_test(numbers_are_digits_within_bounds),
        cmocka_unit_test(bufs_grow_to_their_maximum_and_no_further),
        cmocka_unit_test(errors_of_a_buf_stay),
        cmocka_unit_test(printed_text_fits_to_the_last_byte),
        cmocka_unit_test(bufs_take_numbers_and_give_up_their_front),
        cmocka_unit_test(base64_is_that_of_rfc_4648),
        cmocka_unit_test(base64_has_one_text_for_each_bytes),
        cmocka_unit_test(base64_takes_all_bytes_at_all_lengths),
        cmocka_unit_test(every_error_has_its_own_phrase),
        cmocka_unit_test(values_cannot_forge_a_log_line),
        cmocka_unit_test(room_for_descriptors_is_made),
        cmocka_unit_test(lines_above_the_level_are_dropped_and_long_ones_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
