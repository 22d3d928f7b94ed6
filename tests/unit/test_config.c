// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <unistd.h>

#include "core/config.h"

// Reads `len` bytes of `text` as the file `name`; `why` comes with a NUL behind it.
static enum err read_bytes(const char *name, const void *text, size_t len, struct config *out,
                           struct buf *why)
{
    FILE *in = tmpfile();
    assert_non_null(in);
    assert_int_equal(fwrite(text, 1, len, in), len);
    rewind(in);
    buf_init(why, 1024);
    enum err err = config_read(in, name, out, why);
    buf_add_char(why, '\0');
    assert_int_equal(why->status, ERR_OK);
    assert_int_equal(fclose(in), 0);
    return err;
}

static struct config good(const char *text)
{
    struct config config;
    struct buf why;
    if (read_bytes("test.conf", text, strlen(text), &config, &why) != ERR_OK)
        fail_msg("%s: %s", text, why.ptr);
    assert_int_equal(why.len, 1);
    buf_finish(&why);
    return config;
}

// Refused, at `line`, with `part` in the reason.
static void bad_bytes(const void *text, size_t len, int line, const char *part)
{
    struct config config;
    struct buf why;
    char place[32];
    assert_int_equal(read_bytes("test.conf", text, len, &config, &why), ERR_INVALID);
    (void)snprintf(place, sizeof place, "test.conf:%d: ", line);
    if (strncmp(why.ptr, place, strlen(place)) != 0 || strstr(why.ptr, part) == NULL)
        fail_msg("%.*s: \"%s\", expected %s%s", (int)len, (const char *)text, why.ptr, place, part);
    assert_null(strchr(why.ptr, '\n'));
    buf_finish(&why);
}

static void bad(const char *text, int line, const char *part)
{
    bad_bytes(text, strlen(text), line, part);
}

static void nothing_given_means_the_defaults(void **state)
{
    (void)state;
    struct config config = good("");
    assert_string_equal(config.room_topic, "rooms/+/messages");
    assert_string_equal(config.secret_file, "");
    assert_int_equal(config.leeway_s, 60);
    assert_true(config.require_exp);
    assert_int_equal(config.max_payload, 131072);
    assert_int_equal(config.durability, CONFIG_DURABILITY_GROUP);
    assert_false(config.guests);
    config_finish(&config);
    config_finish(&config); // twice is fine
    config = good("# nothing\n; at all\n\n   \n\t\n");
    assert_int_equal(config.leeway_s, 60);
    config_finish(&config);
}

static void options_are_read_as_written(void **state)
{
    (void)state;
    struct config config = good("issuer = https://id.example/?a=b:c\r\n"
                                "leeway_s=0\n"
                                "require_exp =no\n"
                                "guests= on\n"
                                "durability = strict\n"
                                "default_rights = {\"*\":\"r\", \"lobby\": \"rw\"}\n"
                                "audience =\n"
                                "listen = 127.0.0.1:8080 [::1]:8080");
    assert_string_equal(config.issuer, "https://id.example/?a=b:c");
    assert_int_equal(config.leeway_s, 0);
    assert_false(config.require_exp);
    assert_true(config.guests);
    assert_int_equal(config.durability, CONFIG_DURABILITY_STRICT);
    assert_string_equal(config.default_rights, "{\"*\":\"r\", \"lobby\": \"rw\"}");
    assert_string_equal(config.audience, "");
    assert_string_equal(config.listen, "127.0.0.1:8080 [::1]:8080");
    config_finish(&config);
}

static void a_list_may_be_given_in_parts(void **state)
{
    (void)state;
    struct config config = good("listen = 127.0.0.1:1\nleeway_s = 1\n"
                                "listen = 127.0.0.1:2  127.0.0.1:3\nlisten = [::1]:4\n"
                                "allowed_origins =\nallowed_origins = https://a.example\n"
                                "allowed_origins = http://b.example:8080 *\n");
    assert_string_equal(config.listen, "127.0.0.1:1 127.0.0.1:2  127.0.0.1:3 [::1]:4");
    assert_string_equal(config.allowed_origins, " https://a.example http://b.example:8080 *");
    config_finish(&config);
}

static void origins_have_a_scheme_and_no_path(void **state)
{
    (void)state;
    struct config config = good("public_url = https://chat.example:8443\n");
    assert_string_equal(config.public_url, "https://chat.example:8443");
    config_finish(&config);
    static const char *const wrong[] = {"chat.example",          "https://",
                                        "https://chat.example/", "https://chat.example/path",
                                        "ftp://chat.example",    "*"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "public_url = %s\n", wrong[i]);
        bad(text, 1, "public_url: expected http://host");
    }
    bad("allowed_origins = https://a.example\nallowed_origins = https://b.example/\n", 2,
        "allowed_origins: expected http://host");
}

static void mistakes_are_told_with_their_line(void **state)
{
    (void)state;
    bad("leeway_s = 1\nno_such_option = 1\n", 2, "no_such_option: no such option");
    bad("\n\nleeway_s = 1\nleeway_s = 1\n", 4, "leeway_s: given twice");
    bad("Leeway_s = 1\n", 1, "no such option");
    bad("[section]\nleeway_s = 1\n", 2, "sections");
    bad("leeway_s\n", 1, "option = value");
    bad("= 1\n", 1, "no such option");
    bad("leeway_s = 1\n  issuer = x\n", 2, "indented");
    bad("leeway_s = 1\n\tissuer = x\n", 2, "indented");
    // The first mistake is the one to mend first.
    bad("leeway_s = x\nno_such_option = 1\n", 1, "leeway_s");
}

static void numbers_have_bounds_and_no_decoration(void **state)
{
    (void)state;
    static const char *const values[] = {
        "-1", "+1", "1.5", "1e3", "0x10", "3601", "", "60s", "1 2", "99999999999999999999", "yes"};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "leeway_s = %s\n", values[i]);
        bad(text, 1, "expected a whole number of s from 0 to 3600");
    }
    struct config config = good("leeway_s = 3600\nmax_token = 256\n");
    assert_int_equal(config.leeway_s, 3600);
    assert_int_equal(config.max_token, 256);
    config_finish(&config);
    bad("max_token = 255\n", 1, "max_token");
    bad("require_exp = true\n", 1, "expected yes, no, on or off");
    bad("require_exp = \n", 1, "expected yes");
    bad("durability = fast\n", 1, "expected group or strict");
    bad("log_level = loud\n", 1, "expected error, warning, info or debug");
}

// The library under it cuts a longer line in two and reads the rest as a line of its own.
static void long_lines_are_refused_whole(void **state)
{
    (void)state;
    for (int len = 150; len < 500; len++) {
        char text[600] = "issuer = ";
        memset(text + 9, 'x', (size_t)len);
        text[9 + len] = '\n';
        struct config config;
        struct buf why;
        enum err err = read_bytes("test.conf", text, strlen(text), &config, &why);
        if (err == ERR_OK) {
            assert_int_equal(strlen(config.issuer), len);
            config_finish(&config);
        } else {
            assert_non_null(strstr(why.ptr, "test.conf:1: the line is too long"));
            assert_true(9 + len > 197);
        }
        buf_finish(&why);
    }
    char comment[400];
    memset(comment, '#', sizeof comment);
    comment[sizeof comment - 1] = '\n';
    bad_bytes(comment, sizeof comment, 1, "too long");
}

static void nul_bytes_are_refused(void **state)
{
    (void)state;
    static const char text[] = "leeway_s = 1\0\nissuer = x\n";
    bad_bytes(text, sizeof text - 1, 1, "");
}

static void file_names_start_at_the_files_folder(void **state)
{
    (void)state;
    static const char text[] = "secret_file = keys/secret\nkey_file = /abs/key\ndatabase = x.db\n";
    static const struct {
        const char *name, *secret, *database, *socket;
    } rows[] = {{"/etc/roomwire/roomwire.conf", "/etc/roomwire/keys/secret", "/etc/roomwire/x.db",
                 "/etc/roomwire/mosquitto.sock"},
                {"conf/roomwire.conf", "conf/keys/secret", "conf/x.db", "conf/mosquitto.sock"},
                {"roomwire.conf", "keys/secret", "x.db", "mosquitto.sock"},
                {"/roomwire.conf", "/keys/secret", "/x.db", "/mosquitto.sock"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct config config;
        struct buf why;
        assert_int_equal(read_bytes(rows[i].name, text, strlen(text), &config, &why), ERR_OK);
        assert_string_equal(config.secret_file, rows[i].secret);
        assert_string_equal(config.database, rows[i].database);
        assert_string_equal(config.broker_socket, rows[i].socket);
        assert_string_equal(config.key_file, "/abs/key");
        assert_string_equal(config.jwks_file, ""); // not given stays so
        assert_string_equal(config.room_topic, "rooms/+/messages");
        config_finish(&config);
        buf_finish(&why);
    }
}

static void files_that_cannot_be_read_are_an_error(void **state)
{
    (void)state;
    static const char *const paths[] = {"/nonexistent/roomwire.conf", "/tmp", "/"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct config config;
        struct buf why;
        buf_init(&why, 256);
        assert_int_equal(config_load(paths[i], &config, &why), ERR_IO);
        assert_true(span_starts_with(buf_span(&why), span_of(paths[i])));
        buf_finish(&why);
    }
    char path[] = "/tmp/roomwire-conf-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "leeway_s = 7\n", 13), 13);
    assert_int_equal(close(fd), 0);
    struct config config;
    struct buf why;
    buf_init(&why, 256);
    assert_int_equal(config_load(path, &config, &why), ERR_OK);
    assert_int_equal(config.leeway_s, 7);
    config_finish(&config);
    buf_finish(&why);
    assert_int_equal(unlink(path), 0);
}

static void single_options_are_set_like_lines(void **state)
{
    (void)state;
    struct config config;
    struct buf why;
    buf_init(&why, 256);
    assert_int_equal(config_init(&config), ERR_OK);
    assert_int_equal(config_set(&config, "issuer", "a", &why), ERR_OK);
    assert_int_equal(config_set(&config, "issuer", "b", &why), ERR_OK);
    assert_string_equal(config.issuer, "b");
    assert_int_equal(config_set(&config, "leeway_s", "5", &why), ERR_OK);
    assert_int_equal(config_set(&config, "leeway_s", "x", &why), ERR_INVALID);
    assert_int_equal(config.leeway_s, 5);
    assert_int_equal(config_set(&config, "nothing", "x", &why), ERR_NOT_FOUND);
    config_finish(&config);
    buf_finish(&why);
}

static void every_option_describes_itself(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, 65536);
    config_describe(&text);
    buf_add_char(&text, '\0');
    assert_int_equal(text.status, ERR_OK);
    assert_non_null(strstr(text.ptr, "leeway_s = 60\n    0..3600 s. "));
    assert_non_null(strstr(text.ptr, "room_topic = rooms/+/messages\n"));
    // What it prints is a configuration: every default is within its own bounds.
    struct span rest = span_make(text.ptr, text.len - 1), line;
    struct config config;
    struct buf why;
    buf_init(&why, 256);
    assert_int_equal(config_init(&config), ERR_OK);
    int count = 0;
    while (span_split(&rest, '\n', &line)) {
        const char *equals = line.len ? memmem(line.ptr, line.len, " = ", 3) : NULL;
        if (line.len == 0 || line.ptr[0] == ' ')
            continue;
        assert_non_null(equals);
        char *name = span_dup(span_make(line.ptr, (size_t)(equals - line.ptr)));
        char *value = span_dup(span_skip(line, (size_t)(equals + 3 - line.ptr)));
        assert_int_equal(config_set(&config, name, value, &why), ERR_OK);
        free(name);
        free(value);
        count++;
    }
    assert_true(count > 40);
    config_finish(&config);
    buf_finish(&why);
    buf_finish(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_given_means_the_defaults),
        cmocka_unit_test(options_are_read_as_written),
        cmocka_unit_test(a_list_may_be_given_in_parts),
        cmocka_unit_test(origins_have_a_scheme_and_no_path),
        cmocka_unit_test(mistakes_are_told_with_their_line),
        cmocka_unit_test(numbers_have_bounds_and_no_decoration),
        cmocka_unit_test(long_lines_are_refused_whole),
        cmocka_unit_test(nul_bytes_are_refused),
        cmocka_unit_test(file_names_start_at_the_files_folder),
        cmocka_unit_test(files_that_cannot_be_read_are_an_error),
        cmocka_unit_test(single_options_are_set_like_lines),
        cmocka_unit_test(every_option_describes_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
