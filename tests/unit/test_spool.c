// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "spool_test.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "core/crc32c.h"

static void test_records_come_back_in_order(void **state)
{
    struct spool *spool = open_spool(*state, RING);
    assert_false(take(spool, 0));
    for (uint64_t n = 1; n <= 10; n++)
        assert_ok(append(spool, n));
    for (uint64_t n = 0; n < 10; n++)
        assert_true(take(spool, n));
    assert_false(take(spool, 10));
    assert_true(take(spool, 4)); // again, as after a failed commit
    assert_true(take(spool, 5));
    spool_release(spool, 7, 70);
    assert_int_equal(spool_released(spool), 7);
    assert_int_equal(spool_last(spool), 10);
    assert_int_equal(spool_mark(spool), 70);
    assert_true(take(spool, 7));
    spool_close(spool);
}

static void test_unreleased_records_and_numbers_survive_a_restart(void **state)
{
    struct spool *spool = open_spool(*state, RING);
    char name[32];
    (void)snprintf(name, sizeof name, "%s", spool_name(spool));
    assert_int_equal(strlen(name), 16);
    for (uint64_t n = 1; n <= 6; n++)
        assert_ok(append(spool, n));
    assert_true(take(spool, 0));
    spool_release(spool, 2, 5);
    spool_close(spool);
    spool = open_spool(*state, RING);
    assert_string_equal(spool_name(spool), name);
    assert_false(spool_has_lost(spool));
    assert_int_equal(spool_released(spool), 2);
    assert_int_equal(spool_mark(spool), 5);
    for (uint64_t n = 2; n < 6; n++)
        assert_true(take(spool, n));
    assert_false(take(spool, 6));
    assert_ok(append(spool, 7));
    assert_true(take(spool, 6));
    spool_close(spool);
}

static void test_the_ring_wraps_around(void **state)
{
    struct spool *spool = open_spool(*state, RING);
    for (uint64_t n = 1; n <= 5000; n++) {
        assert_ok(append(spool, n));
        assert_true(take(spool, n - 1));
        if (n % 5 == 0)
            spool_release(spool, n - 1, n);
        if (n % 97 == 0) {
            spool_close(spool);
            spool = open_spool(*state, RING);
            for (uint64_t k = spool_released(spool); k < n; k++)
                assert_true(take(spool, k));
        }
    }
    spool_close(spool);
}

static void test_a_full_ring_refuses_and_recovers(void **state)
{
    struct spool *spool = open_spool(*state, RING);
    uint64_t n = 0;
    while (append(spool, n + 1) == ERR_OK)
        n++;
    assert_int_equal(append(spool, n + 1), ERR_FULL);
    assert_true(n > 10);
    assert_int_equal(spool_last(spool), n);
    for (uint64_t k = 0; k < n; k++)
        assert_true(take(spool, k));
    spool_release(spool, n, 0);
    assert_int_equal(spool_used(spool), 0);
    assert_ok(append(spool, n + 1));
    assert_true(take(spool, n));
    spool_close(spool);
}

static void test_a_record_of_the_largest_size_always_fits_an_empty_ring(void **state)
{
    struct spool *spool = open_spool(*state, RING);
    size_t max = spool_record_max(spool);
    char *bytes = calloc(1, max + 1);
    struct span part = span_make(bytes, max);
    uint64_t number;
    for (uint64_t n = 1; n < 40; n += 2) {
        char small[40] = {0};
        struct span odd = span_make(small, (size_t)n);
        assert_ok(spool_append(spool, &odd, 1, &number));
        struct span record;
        assert_true(spool_next(spool, number - 1, &record, &number));
        spool_release(spool, number, 0);
        assert_ok(spool_append(spool, &part, 1, &number));
        assert_true(spool_next(spool, number - 1, &record, &number));
        assert_int_equal(record.len, max);
        spool_release(spool, number, 0);
    }
    part.len = max + 1;
    assert_int_equal(spool_append(spool, &part, 1, &number), ERR_TOO_LARGE);
    free(bytes);
    spool_close(spool);
}

static void test_a_second_process_is_kept_out(void **state)
{
    struct spool *spool = open_spool(*state, RING), *other = NULL;
    assert_int_equal(spool_open(scratch_path(*state, "spool"), RING, &other), ERR_AGAIN);
    spool_close(spool);
    other = open_spool(*state, RING);
    spool_close(other);
}

static void test_the_checksum_is_crc32c(void **state)
{
    (void)state;
    unsigned char bytes[64];
    assert_int_equal(crc32c(0, "123456789", 9),
                     0xE3069283u); // RFC 3720 and everybody's check value
    assert_int_equal(crc32c_by_table(0, "123456789", 9), 0xE3069283u);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(i * 197 + 13);
    for (size_t from = 0; from < 9; from++)
        for (size_t len = 0; len + from <= sizeof bytes; len++) {
            assert_int_equal(crc32c(77, bytes + from, len), crc32c_by_table(77, bytes + from, len));
            assert_int_equal(crc32c(crc32c(5, bytes, from), bytes + from, len),
                             crc32c(5, bytes, from + len));
        }
}

static void test_numbers_go_on_above_what_the_database_has(void **state)
{
    struct spool *spool = open_spool(*state, RING);
    for (uint64_t n = 1; n <= 5; n++)
        assert_ok(append(spool, n));
    spool_resume(spool, 40, 400);
    assert_int_equal(spool_used(spool), 0);
    assert_int_equal(spool_last(spool), 40);
    assert_int_equal(spool_released(spool), 40);
    assert_false(take(spool, 40));
    assert_ok(append(spool, 41));
    assert_ok(append(spool, 42));
    spool_close(spool);
    spool = open_spool(*state, RING);
    assert_int_equal(count_records(spool, 41), 2);
    assert_int_equal(spool_mark(spool), 400);
    spool_resume(spool, 41, 3); // the mark never falls
    assert_int_equal(spool_mark(spool), 400);
    assert_int_equal(count_records(spool, 42), 1);
    spool_close(spool);
}

static void test_the_size_changes_once_the_ring_is_empty(void **state)
{
    static const size_t sizes[] = {4096, 12288, 8192, 5000, 4096, 40960};
    struct spool *spool = open_spool(*state, RING);
    uint64_t n = 0;
    for (size_t i = 1; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t before = spool_size(spool);
        for (int k = 0; k < 7; k++)
            assert_ok(append(spool, ++n));
        spool_close(spool);
        spool = open_spool(*state, sizes[i]); // not yet: there are records in it
        assert_int_equal(spool_size(spool), before);
        for (uint64_t k = n - 7; k < n; k++)
            assert_true(take(spool, k));
        spool_release(spool, n, n);
        spool_close(spool);
        spool = open_spool(*state, sizes[i]);
        assert_int_equal(spool_size(spool), (sizes[i] + 4095) / 4096 * 4096);
        assert_int_equal(spool_last(spool), n);
        assert_int_equal(spool_mark(spool), n);
    }
    spool_close(spool);
}

static void test_a_full_disk_is_told_when_opening(void **state)
{
    struct scratch *s = *state;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct rlimit limit = {.rlim_cur = 16384, .rlim_max = 16384};
        struct spool *spool;
        (void)signal(SIGXFSZ, SIG_IGN);
        if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
            _exit(1);
        if (spool_open(scratch_path(s, "spool"), 1 << 20, &spool) != ERR_FULL)
            _exit(2);
        // With room for it, it works as if nothing had been.
        if (spool_open(scratch_path(s, "spool"), RING, &spool) != ERR_OK)
            _exit(3);
        spool_close(spool);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        EACH(test_records_come_back_in_order),
        EACH(test_unreleased_records_and_numbers_survive_a_restart),
        EACH(test_the_ring_wraps_around),
        EACH(test_a_full_ring_refuses_and_recovers),
        EACH(test_a_record_of_the_largest_size_always_fits_an_empty_ring),
        EACH(test_a_second_process_is_kept_out),
        EACH(test_the_checksum_is_crc32c),
        EACH(test_numbers_go_on_above_what_the_database_has),
        EACH(test_the_size_changes_once_the_ring_is_empty),
        EACH(test_a_full_disk_is_told_when_opening),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
