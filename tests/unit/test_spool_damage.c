// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "spool_test.h"

#include "core/crc32c.h"
#include "core/mapfile.h"

// ---- damage ----

// A ring with five records, closed; its bytes.
static unsigned char *five_records(struct scratch *s, size_t *out_len)
{
    struct spool *spool = open_spool(s, RING);
    for (uint64_t n = 1; n <= 5; n++)
        assert_ok(append(spool, n));
    spool_close(spool);
    unsigned char *bytes = scratch_read(scratch_path(s, "spool"), out_len);
    assert_non_null(bytes);
    return bytes;
}

// Where record `number` (of five_records) begins and ends in the file.
static size_t record_at(uint64_t number)
{
    size_t at = MAPFILE_PAGE;
    char unused[300];
    for (uint64_t n = 1; n < number; n++)
        at += (16 + fill(n, unused) + 15) / 16 * 16;
    return at;
}

static uint64_t count_after(struct scratch *s, const unsigned char *bytes, size_t len)
{
    assert_int_equal(scratch_write(scratch_path(s, "spool"), bytes, len), 0);
    struct spool *spool = open_spool(s, RING);
    uint64_t count = count_records(spool, 1);
    // Whatever was there, what comes now follows on it.
    assert_ok(append(spool, count + 1));
    assert_true(take(spool, count));
    spool_close(spool);
    return count;
}

static void test_a_record_torn_at_any_byte_is_dropped(void **state)
{
    size_t len = 0;
    unsigned char *bytes = five_records(*state, &len);
    size_t from = record_at(5), to = record_at(6);
    unsigned char *torn = malloc(len);
    for (size_t at = from; at < to - 15; at++) {
        memcpy(torn, bytes, len);
        memset(torn + at, 0, to - at);
        // The last contents may be zero anyway, so compare what was cut.
        uint64_t expected = memcmp(torn, bytes, len) == 0 ? 5 : 4;
        assert_int_equal(count_after(*state, torn, len), expected);
    }
    free(torn);
    free(bytes);
}

static void test_a_changed_bit_ends_the_ring_before_it(void **state)
{
    size_t len = 0;
    unsigned char *bytes = five_records(*state, &len);
    char unused[300];
    for (uint64_t n = 1; n <= 5; n++) {
        size_t end = record_at(n) + 16 + fill(n, unused);
        for (size_t at = record_at(n); at < end; at += at < record_at(n) + 16 ? 1 : 13) {
            bytes[at] ^= (unsigned char)(1 << at % 8);
            assert_int_equal(count_after(*state, bytes, len), n - 1);
            bytes[at] ^= (unsigned char)(1 << at % 8);
        }
    }
    free(bytes);
}

// Nobody may take the records before it for all that there were.
static void test_a_damaged_record_is_a_loss_until_it_is_seen_to(void **state)
{
    size_t len = 0;
    unsigned char *bytes = five_records(*state, &len);
    for (uint64_t n = 1; n <= 5; n++) {
        bytes[record_at(n) + 17] ^= 1;
        assert_int_equal(scratch_write(scratch_path(*state, "spool"), bytes, len), 0);
        bytes[record_at(n) + 17] ^= 1;
        for (int i = 0; i < 2; i++) {
            struct spool *spool = open_spool(*state, RING);
            assert_true(spool_has_lost(spool));
            assert_int_equal(count_records(spool, 1), n - 1);
            if (i == 1)
                spool_resume(spool, 0, 9);
            spool_close(spool);
        }
        struct spool *spool = open_spool(*state, RING);
        assert_false(spool_has_lost(spool));
        assert_int_equal(count_records(spool, 1), n - 1);
        spool_close(spool);
    }
    free(bytes);
}

static void test_a_cut_file_is_refused(void **state)
{
    size_t len = 0;
    unsigned char *bytes = five_records(*state, &len);
    struct spool *spool;
    for (size_t cut = 1; cut < len; cut += cut < 64 ? 1 : 61) {
        assert_int_equal(scratch_write(scratch_path(*state, "spool"), bytes, cut), 0);
        assert_int_equal(spool_open(scratch_path(*state, "spool"), RING, &spool), ERR_CORRUPT);
    }
    free(bytes);
}

static void test_a_damaged_head_is_refused(void **state)
{
    size_t len = 0;
    unsigned char *bytes = five_records(*state, &len);
    struct spool *spool;
    const char *path = scratch_path(*state, "spool");
    // Everything in the head that decides about the records: magic, version, checksum, name, seed.
    for (size_t at = 0; at < 44; at++) {
        bytes[at] ^= 0x10;
        assert_int_equal(scratch_write(path, bytes, len), 0);
        enum err err = spool_open(path, RING, &spool);
        assert_true(err == ERR_CORRUPT || (at >= 8 && at < 12 && err == ERR_VERSION));
        bytes[at] ^= 0x10;
    }
    // One slot may be torn, both may not.
    struct spool *opened;
    memset(bytes + 512, 0xAA, 48);
    assert_int_equal(scratch_write(path, bytes, len), 0);
    assert_ok(spool_open(path, RING, &opened));
    spool_close(opened);
    memset(bytes + 1024, 0xAA, 48);
    assert_int_equal(scratch_write(path, bytes, len), 0);
    assert_int_equal(spool_open(path, RING, &spool), ERR_CORRUPT);
    free(bytes);
}

static void test_a_file_whose_maker_died_early_is_made_again(void **state)
{
    unsigned char zeros[3 * MAPFILE_PAGE] = {0};
    const char *path = scratch_path(*state, "spool");
    struct spool *spool;
    assert_int_equal(scratch_write(path, zeros, sizeof zeros), 0);
    assert_ok(spool_open(path, RING, &spool));
    assert_ok(append(spool, 1));
    spool_close(spool);
    // But a file that has contents and no head is somebody's loss.
    zeros[MAPFILE_PAGE + 5] = 1;
    assert_int_equal(scratch_write(path, zeros, sizeof zeros), 0);
    assert_int_equal(spool_open(path, RING, &spool), ERR_CORRUPT);
}

// Appends `len` bytes from `bytes`, or zeros, as record `number`.
static void append_bytes(struct spool *spool, uint64_t number, const void *bytes, size_t len)
{
    static const char zeros[RING];
    struct span part = span_make(bytes ? bytes : zeros, len);
    uint64_t given;
    assert_ok(spool_append(spool, &part, 1, &given));
    assert_int_equal(given, number);
}

// A publisher chooses the bytes of records, so they may look like frames. They are not taken for
// any, even where an older record lay exactly in the place of the next one and foresaw its number.
static void test_contents_that_look_like_frames_are_not_taken_for_any(void **state)
{
    struct spool *spool = open_spool(*state, RING);
    struct span record;
    uint64_t number;
    struct {
        uint32_t crc, len;
        uint64_t number;
    } forged[125];
    for (size_t i = 0; i < 125; i++) {
        forged[i].len = 0;
        forged[i].number = 5;
        forged[i].crc = crc32c(0, &forged[i].len, 12);
    }
    append_bytes(spool, 1, forged, sizeof forged);
    append_bytes(spool, 2, NULL, spool_record_max(spool));
    assert_true(spool_next(spool, 0, &record, &number));
    assert_true(spool_next(spool, 1, &record, &number));
    spool_release(spool, 2, 0);
    append_bytes(spool, 3, NULL, 16); // to the very end
    append_bytes(spool, 4, NULL, 16); // over the head of record 1; behind it its forged frames
    spool_close(spool);
    spool = open_spool(*state, RING);
    assert_int_equal(spool_last(spool), 4);
    spool_close(spool);
}

// The record that would not fit before the end is written after the filler; a kill may come
// between.
static void test_a_filler_without_its_record_is_no_record(void **state)
{
    struct spool *spool = open_spool(*state, RING);
    struct span record;
    uint64_t number;
    append_bytes(spool, 1, NULL, 2000);
    append_bytes(spool, 2, NULL, 1600);
    assert_true(spool_next(spool, 0, &record, &number));
    spool_release(spool, 1, 0);
    append_bytes(spool, 3, NULL, 1000); // behind a filler
    spool_close(spool);
    size_t len = 0;
    const char *path = scratch_path(*state, "spool");
    unsigned char *bytes = scratch_read(path, &len);
    bytes[MAPFILE_PAGE + 20] ^= 1;
    assert_int_equal(scratch_write(path, bytes, len), 0);
    free(bytes);
    spool = open_spool(*state, RING);
    assert_int_equal(spool_last(spool), 2);
    assert_true(spool_next(spool, 1, &record, &number));
    assert_false(spool_next(spool, 2, &record, &number));
    append_bytes(spool, 3, NULL, 1000);
    assert_true(spool_next(spool, 2, &record, &number));
    assert_int_equal(record.len, 1000);
    spool_close(spool);
}

static void test_a_torn_release_never_happened(void **state)
{
    struct spool *spool = open_spool(*state, RING);
    for (uint64_t n = 1; n <= 5; n++)
        assert_ok(append(spool, n));
    assert_int_equal(count_records(spool, 1), 5);
    spool_release(spool, 2, 7);
    spool_close(spool);
    size_t len = 0;
    const char *path = scratch_path(*state, "spool");
    unsigned char *bytes = scratch_read(path, &len);
    for (size_t at = 512; at < 512 + 44; at++) { // the second release, the first was at creation
        bytes[at] ^= 0x10;
        assert_int_equal(scratch_write(path, bytes, len), 0);
        bytes[at] ^= 0x10;
        spool = open_spool(*state, RING);
        assert_int_equal(spool_released(spool), 0);
        assert_int_equal(spool_mark(spool), 0);
        assert_int_equal(count_records(spool, 1), 5);
        spool_close(spool);
    }
    free(bytes);
}

// ---- loss of power, copies, other sizes ----

// Makes the file look as if the machine had gone down in an earlier boot while it was in use.
static void lose_power(struct scratch *s)
{
    size_t len = 0;
    const char *path = scratch_path(s, "spool");
    unsigned char *bytes = scratch_read(path, &len);
    struct mapfile_head *head = (void *)bytes;
    head->is_open = 1;
    head->boot[0] ^= 1;
    assert_int_equal(scratch_write(path, bytes, len), 0);
    free(bytes);
}

static void test_a_power_loss_is_known_until_it_is_seen_to(void **state)
{
    struct spool *spool = open_spool(*state, RING);
    for (uint64_t n = 1; n <= 5; n++)
        assert_ok(append(spool, n));
    assert_false(spool_has_lost(spool));
    spool_close(spool);
    lose_power(*state);
    for (int i = 0; i < 2; i++) {
        spool = open_spool(*state, RING);
        assert_true(spool_has_lost(spool));
        assert_int_equal(count_records(spool, 1), 5);
        if (i == 1)
            spool_resume(spool, 2, 9);
        spool_close(spool);
    }
    spool = open_spool(*state, RING);
    assert_false(spool_has_lost(spool));
    assert_int_equal(spool_released(spool), 2);
    assert_int_equal(spool_mark(spool), 9);
    assert_int_equal(count_records(spool, 3), 3);
    spool_close(spool);
}

static void test_a_copy_is_known(void **state)
{
    size_t len = 0;
    unsigned char *bytes = five_records(*state, &len);
    struct spool *spool;
    char other[sizeof((struct scratch *)0)->path];
    (void)snprintf(other, sizeof other, "%s", scratch_path(*state, "copy"));
    assert_int_equal(scratch_write(other, bytes, len), 0);
    assert_ok(spool_open(other, RING, &spool));
    assert_true(spool_has_lost(spool));
    spool_close(spool);
    spool = open_spool(*state, RING);
    assert_false(spool_has_lost(spool));
    spool_close(spool);
    free(bytes);
}

// What power loss may leave: a later record whole, an earlier one torn. When the earlier number is
// given again and the process is then killed, the later record of the lost past must not follow it.
static void test_records_of_a_lost_end_do_not_come_back(void **state)
{
    struct spool *spool = open_spool(*state, RING);
    struct span part = span_make("same length", 11);
    uint64_t number;
    for (int i = 0; i < 5; i++)
        assert_ok(spool_append(spool, &part, 1, &number));
    spool_close(spool);
    size_t len = 0;
    const char *path = scratch_path(*state, "spool");
    unsigned char *bytes = scratch_read(path, &len);
    bytes[MAPFILE_PAGE + 3 * 32 + 20] ^= 1; // record 4
    assert_int_equal(scratch_write(path, bytes, len), 0);
    free(bytes);
    lose_power(*state);
    spool = open_spool(*state, RING);
    assert_int_equal(spool_last(spool), 3);
    spool_resume(spool, 3, 0);
    assert_ok(spool_append(spool, &part, 1, &number));
    assert_int_equal(number, 4);
    spool_close(spool);
    spool = open_spool(*state, RING);
    assert_int_equal(spool_last(spool), 4);
    spool_close(spool);
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        EACH(test_a_record_torn_at_any_byte_is_dropped),
        EACH(test_a_damaged_record_is_a_loss_until_it_is_seen_to),
        EACH(test_a_changed_bit_ends_the_ring_before_it),
        EACH(test_a_cut_file_is_refused),
        EACH(test_a_damaged_head_is_refused),
        EACH(test_a_file_whose_maker_died_early_is_made_again),
        EACH(test_contents_that_look_like_frames_are_not_taken_for_any),
        EACH(test_a_filler_without_its_record_is_no_record),
        EACH(test_a_torn_release_never_happened),
        EACH(test_a_power_loss_is_known_until_it_is_seen_to),
        EACH(test_a_copy_is_known),
        EACH(test_records_of_a_lost_end_do_not_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
