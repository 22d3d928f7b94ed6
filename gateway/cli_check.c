// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// roomwire check: would broker and gateway start with this configuration, and are its files safe?
#include "cli_check.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/access.h"
#include "core/secret.h"
#include "core/store.h"
#include "core/token.h"
#include "hooks.h"
#include "server.h"
#include "tls.h"

enum { HMAC_SECRET_GOOD = 32, REPORT_MAX = 65536 };

struct checking {
    const struct config *config;
    struct buf report;
    int problems;
};

enum verdict { VERDICT_OK, VERDICT_NOTE, VERDICT_PROBLEM };

__attribute__((format(printf, 4, 5))) static void report(struct checking *c, enum verdict verdict,
                                                         const char *what, const char *format, ...)
{
    static const char *const words[] = {"ok      ", "note    ", "problem "};
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments); // cut where it is too long
    va_end(arguments);
    buf_printf(&c->report, "%s%s: ", words[verdict], what);
    cli_add_visible(span_of(text), &c->report);
    buf_add_char(&c->report, '\n');
    if (verdict == VERDICT_PROBLEM)
        c->problems++;
}

// ---- files ----

// A secret that everybody can read is none; whom the group has, the administrator knows.
static void check_private(struct checking *c, const char *what, const char *path)
{
    struct stat file;
    if (*path == '\0' || stat(path, &file) != 0)
        return; // that it is missing is said by whoever loads it
    if ((file.st_mode & (S_IROTH | S_IWOTH)) != 0)
        report(c, VERDICT_PROBLEM, what, "%s: everybody can read or write it (chmod o-rwx)", path);
    else if ((file.st_mode & S_IWGRP) != 0)
        report(c, VERDICT_NOTE, what, "%s: its group can write it", path);
}

// Says why something failed: in its own line, or as the error is called.
static void report_failure(struct checking *c, const char *what, enum err err,
                           const struct buf *why)
{
    bool has_line = why->status == ERR_OK && why->len > 0;
    struct span line = has_line ? buf_span(why) : span_of(err_text(err));
    report(c, VERDICT_PROBLEM, what, "%.*s", (int)line.len, line.ptr);
}

static void check_service_secret(struct checking *c)
{
    static const char what[] = "service_secret_file";
    const char *path = c->config->service_secret_file;
    struct secret secret;
    struct buf why;
    buf_init(&why, 4096);
    enum err err = secret_load(path, ACCESS_SECRET_MIN, &secret, &why);
    if (err != ERR_OK) {
        report_failure(c, what, err, &why);
    } else {
        if (memchr(secret.ptr, '\0', secret.len) != NULL)
            report(c, VERDICT_PROBLEM, what,
                   "%s: has a NUL byte; write it as text, for example "
                   "by openssl rand -hex 32",
                   path);
        else
            report(c, VERDICT_OK, what, "%s, %zu bytes", path, secret.len);
        secret_finish(&secret);
    }
    check_private(c, what, path);
    buf_finish(&why);
}

// ---- keys and rights ----

static void report_keys(struct checking *c, const struct keyset *keys)
{
    size_t count = keyset_count(keys);
    size_t shortest = keyset_shortest_secret(keys);
    if (count == 0)
        report(c, VERDICT_PROBLEM, "keys", "none; set secret_file, key_file or jwks_file");
    else
        report(c, VERDICT_OK, "keys", "%zu", count);
    if (shortest > 0 && shortest < HMAC_SECRET_GOOD)
        report(c, VERDICT_NOTE, "keys",
               "a secret of %zu bytes; 32 or more cannot be guessed (RFC 7518 section 3.2)",
               shortest);
}

// Guests are let in with tokens of our own making.
static void check_guests(struct checking *c, const struct keyset *keys)
{
    struct buf signature;
    buf_init(&signature, 1024);
    if (c->config->guests && keyset_sign(keys, span_of("x"), &signature) != ERR_OK)
        report(c, VERDICT_PROBLEM, "guests", "needs secret_file with HS256 allowed");
    buf_finish(&signature);
}

static void check_keys(struct checking *c)
{
    struct keyset *keys = NULL;
    struct buf why;
    buf_init(&why, 4096);
    enum err err = keyset_load(c->config, &keys, &why);
    if (err == ERR_OK) {
        report_keys(c, keys);
        check_guests(c, keys);
    } else {
        report_failure(c, "keys", err, &why);
    }
    check_private(c, "secret_file", c->config->secret_file);
    keyset_destroy(keys);
    buf_finish(&why);
}

static bool compiles(const struct topic_rooms *rooms, const char *text)
{
    struct json *value = NULL;
    struct rights *rights = NULL;
    bool is_good = json_parse(span_of(text), &value) == ERR_OK &&
                   rights_compile(NULL, rooms, value, &rights_nobody, &rights) == ERR_OK;
    rights_destroy(rights);
    json_destroy(value);
    return is_good;
}

static void check_policy(struct checking *c)
{
    struct token_policy policy;
    struct buf why;
    buf_init(&why, 4096);
    enum err err = token_policy_init(&policy, c->config, &why);
    if (err != ERR_OK) {
        report_failure(c, "rights", err, &why);
    } else {
        if (c->config->guests && !compiles(&policy.rooms, c->config->guest_rights))
            report(c, VERDICT_PROBLEM, "guest_rights",
                   "expected a JSON object like {\"lobby\":\"rw\"}");
        report(c, VERDICT_OK, "room_topic", "%s", c->config->room_topic);
        token_policy_finish(&policy);
    }
    buf_finish(&why);
}

// ---- the database and the broker ----

// The broker's user may be another one, so this is no problem by itself; mostly it is the same, and
// a backup was put back by root.
static void check_writable(struct checking *c, const char *path)
{
    if (access(path, W_OK) != 0)
        report(c, VERDICT_NOTE, "database",
               "%s: this user cannot write it (%s); the broker's has to", path, strerror(errno));
}

static void check_database(struct checking *c)
{
    const char *path = c->config->database;
    struct store *store = NULL;
    enum err err = store_open(path, STORE_READ, NULL, &store);
    int64_t last_id = 0;
    if (err == ERR_OK)
        err = store_last_id(store, &last_id);
    if (err == ERR_OK)
        report(c, VERDICT_OK, "database", "%s, epoch %s, last message %lld", path,
               store_epoch(store), (long long)last_id);
    else if (err == ERR_NOT_FOUND)
        report(c, VERDICT_NOTE, "database", "%s: not there yet; the broker's plugin makes it",
               path);
    else if (err == ERR_OLDER)
        report(c, VERDICT_NOTE, "database", "%s: %s; the broker's plugin does that when it starts",
               path, err_text(err));
    else
        report(c, VERDICT_PROBLEM, "database", "%s: %s", path, err_text(err));
    store_close(store);
    if (err == ERR_OK)
        check_writable(c, path);
    check_private(c, "database", path);
}

// The gateway keeps its tally beside the database, and SQLite's readers share files there.
static void check_folder(struct checking *c)
{
    char *folder = span_dup(span_of(c->config->database));
    if (folder == NULL)
        return;
    char *slash = strrchr(folder, '/');
    if (slash != NULL)
        slash[slash == folder ? 1 : 0] = '\0';
    const char *path = slash != NULL ? folder : ".";
    if (access(path, R_OK | W_OK | X_OK) != 0)
        report(c, VERDICT_PROBLEM, "database", "the folder %s cannot be written to: %s", path,
               strerror(errno));
    free(folder);
}

static void check_broker(struct checking *c)
{
    static const char what[] = "broker_socket";
    const char *path = c->config->broker_socket;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        report(c, VERDICT_PROBLEM, what, "%s: a unix socket's path has at most %zu bytes", path,
               sizeof address.sun_path - 1);
        return;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) != 0)
        report(c, VERDICT_NOTE, what, "%s: %s; is the broker running?", path, strerror(errno));
    else
        report(c, VERDICT_OK, what, "%s answers", path);
    if (fd >= 0)
        (void)close(fd); // nothing was written
}

static void check_tls(struct checking *c)
{
    const char *certificate = c->config->tls_certificate, *key = c->config->tls_key;
    struct tls *tls = NULL;
    struct buf why;
    buf_init(&why, 4096);
    enum err err = ERR_OK;
    if ((*certificate != '\0') != (*key != '\0'))
        report(c, VERDICT_PROBLEM, "tls_certificate", "tls_certificate and tls_key go together");
    else if (*certificate != '\0')
        err = tls_create(certificate, key, &tls, &why);
    if (err != ERR_OK)
        report_failure(c, "tls_certificate", err, &why);
    check_private(c, "tls_key", key);
    tls_destroy(tls);
    buf_finish(&why);
}

static void check_listen(struct checking *c)
{
    struct buf why;
    buf_init(&why, 4096);
    enum err err = server_check(c->config, &why);
    if (err != ERR_OK)
        report_failure(c, "server", err, &why);
    else
        report(c, VERDICT_OK, "server", "listen = %s", c->config->listen);
    buf_finish(&why);
}

static void check_webhooks(struct checking *c)
{
    struct buf why;
    buf_init(&why, 4096);
    enum err err = hooks_check(c->config, &why);
    if (err != ERR_OK)
        report_failure(c, "webhooks", err, &why);
    check_private(c, "webhook_secret_file", c->config->webhook_secret_file);
    buf_finish(&why);
}

// ---- the command ----

static int check_all(const struct cli_command *self, const char *path, const struct config *config)
{
    struct checking c = {.config = config};
    buf_init(&c.report, REPORT_MAX);
    report(&c, VERDICT_OK, "configuration", "%s", path);
    check_keys(&c);
    check_policy(&c);
    check_service_secret(&c);
    check_database(&c);
    check_folder(&c);
    check_broker(&c);
    check_tls(&c);
    check_listen(&c);
    check_webhooks(&c);
    int status = cli_print(self, &c.report);
    if (c.problems > 0)
        return cli_failed(self, "%d problem%s", c.problems, c.problems == 1 ? "" : "s");
    return status;
}

static int print_options(const struct cli_command *self)
{
    struct buf out;
    buf_init(&out, REPORT_MAX);
    config_describe(&out);
    return cli_print(self, &out);
}

static int run(const struct cli_command *self, int argc, char **argv)
{
    const char *config_path, *token = NULL;
    bool is_about_options = false;
    const struct cli_option options[] = {{.name = "token", .text = &token},
                                         {.name = "options", .flag = &is_about_options},
                                         {.name = NULL}};
    struct cli_words words;
    int status;
    if (!cli_parse(self, argc, argv, options, &words, &config_path, &status))
        return status;
    if (words.count > 0 && token == NULL)
        return cli_misused(self, "rooms are named together with --token");
    if (is_about_options)
        return print_options(self);
    struct config config;
    if (!cli_load_config(self, config_path, &config))
        return CLI_FAILED;
    status = token != NULL ? cli_check_token(self, &config, token, &words)
                           : check_all(self, cli_config_path(config_path), &config);
    config_finish(&config);
    return status;
}

const struct cli_command cli_check = {
    .name = "check",
    .summary = "say what is wrong with the configuration, or with a token",
    .usage = "usage: roomwire check [OPTION]...\n"
             "       roomwire check --token FILE [ROOM]... [OPTION]...\n"
             "\n"
             "Looks at the configuration, its keys and secrets, the database and the broker.\n"
             "With --token: says why a token is refused, or whose it is and what it grants.\n"
             "\n"
             "  --token FILE   the file with the token; - reads standard input\n"
             "  ROOM           a room to say the token's rights for\n"
             "  --options      print every option of the configuration with default and range\n"
             "  --config FILE  the configuration\n",
    .run = run,
};
