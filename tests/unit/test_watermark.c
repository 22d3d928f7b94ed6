// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/wait.h>

#include "core/watermark.h"
#include "scratch.h"

#define assert_ok(call) assert_int_equal(call, ERR_OK)

static void test_a_reader_sees_what_the_writer_says(void **state)
{
    const char *path = scratch_path(*state, "mark");
    struct watermark *writer, *reader;
    assert_int_equal(watermark_open(path, &reader), ERR_NOT_FOUND);
    assert_ok(watermark_create(path, 41, &writer));
    assert_ok(watermark_open(path, &reader));
    assert_int_equal(watermark_committed(reader), 41);
    assert_int_equal(watermark_accepted(reader, span_of("lobby")), 41);
    watermark_accept(writer, span_of("lobby"), 42);
    assert_int_equal(watermark_accepted(reader, span_of("lobby")), 42);
    assert_int_equal(watermark_committed(reader), 41);
    watermark_commit(writer, 42);
    assert_int_equal(watermark_committed(reader), 42);
    watermark_close(reader);
    watermark_close(writer);
}

static void test_rooms_spread_over_the_slots(void **state)
{
    struct watermark *writer;
    assert_ok(watermark_create(scratch_path(*state, "mark"), 0, &writer));
    watermark_accept(writer, span_of("lobby"), 42);
    int shared = 0;
    for (int i = 0; i < 10000; i++) {
        char room[16];
        (void)snprintf(room, sizeof room, "room%d", i);
        shared += watermark_accepted(writer, span_of(room)) == 42;
    }
    assert_true(shared < 12); // 10000 / 4096, with room for chance
    watermark_close(writer);
}

static void test_generations_never_repeat(void **state)
{
    const char *path = scratch_path(*state, "mark");
    struct watermark *writer, *reader;
    assert_ok(watermark_create(path, 1, &writer));
    assert_ok(watermark_open(path, &reader));
    uint64_t first = watermark_generation(reader);
    watermark_invalidate(writer);
    uint64_t second = watermark_generation(reader);
    assert_true(first != second);
    watermark_close(writer);
    // The writer starts anew on the same file, which the reader still has.
    assert_ok(watermark_create(path, 100, &writer));
    assert_true(watermark_generation(reader) != first);
    assert_true(watermark_generation(reader) != second);
    assert_int_equal(watermark_committed(reader), 100);
    assert_int_equal(watermark_accepted(reader, span_of("any")), 100);
    watermark_close(writer);
    watermark_close(reader);
}

static void test_other_files_are_refused(void **state)
{
    const char *path = scratch_path(*state, "mark");
    struct watermark *w;
    assert_int_equal(scratch_write(path, "", 0), 0);
    assert_int_equal(watermark_open(path, &w), ERR_NOT_FOUND);
    char *bytes = calloc(1, 65536);
    assert_int_equal(scratch_write(path, bytes, 65536), 0);
    assert_int_equal(watermark_open(path, &w), ERR_NOT_FOUND); // its writer has not finished
    bytes[8] = 2;
    assert_int_equal(scratch_write(path, bytes, 65536), 0);
    assert_int_equal(watermark_open(path, &w), ERR_VERSION);
    free(bytes);
    assert_int_equal(watermark_open(scratch_path(*state, "no/mark"), &w), ERR_NOT_FOUND);
    assert_int_equal(watermark_create(scratch_path(*state, "no/mark"), 1, &w), ERR_IO);
}

static void test_another_process_sees_it_at_once(void **state)
{
    const char *path = scratch_path(*state, "mark");
    struct watermark *writer;
    assert_ok(watermark_create(path, 0, &writer));
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct watermark *reader;
        if (watermark_open(path, &reader) != ERR_OK)
            _exit(1);
        // The accepted id is there before the committed one can be.
        while (watermark_committed(reader) < 100000)
            if (watermark_committed(reader) > watermark_accepted(reader, span_of("lobby")))
                _exit(2);
        _exit(0);
    }
    for (int64_t id = 1; id <= 100000; id++) {
        watermark_accept(writer, span_of("lobby"), id);
        watermark_commit(writer, id);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    watermark_close(writer);
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        EACH(test_a_reader_sees_what_the_writer_says), EACH(test_rooms_spread_over_the_slots),
        EACH(test_generations_never_repeat),           EACH(test_other_files_are_refused),
        EACH(test_another_process_sees_it_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
