// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "config.h"

#include <assert.h>
#include <ini.h>
#include <limits.h>
#include <stdlib.h>

#include "topic.h"

enum kind {
    KIND_TEXT,
    KIND_LIST, // words separated by spaces; what is given again is added to them
    KIND_PATH, // up to here texts, owned by the struct
    KIND_INT,
    KIND_FLAG,
    KIND_CHOICE // an enum
};

struct option {
    const char *name;
    enum kind kind;
    size_t offset;
    const char *initial; // in the words of the file
    const char *meaning;
    int64_t min, max;             // KIND_INT
    const char *unit;             // of it, for people
    const char *const *words;     // KIND_CHOICE: the enum's, in order, ended by NULL
    bool (*is_good)(struct span); // what a text that is not empty, or a list's word, has to be
    const char *expected;         // by it, in words; both NULL: anything
};

#define OPTION(field_, kind_, initial_, meaning_)                                                  \
    .name = #field_, .kind = (kind_), .offset = offsetof(struct config, field_),                   \
    .initial = (initial_), .meaning = (meaning_)
#define TEXT(field, initial, meaning)                                                              \
    {                                                                                              \
        OPTION(field, KIND_TEXT, initial, meaning)                                                 \
    }
#define LIST(field, initial, meaning)                                                              \
    {                                                                                              \
        OPTION(field, KIND_LIST, initial, meaning)                                                 \
    }
#define PATH(field, initial, meaning)                                                              \
    {                                                                                              \
        OPTION(field, KIND_PATH, initial, meaning)                                                 \
    }
#define FLAG(field, initial, meaning)                                                              \
    {                                                                                              \
        OPTION(field, KIND_FLAG, initial, meaning)                                                 \
    }
#define INT(field, initial, min_, max_, unit_, meaning)                                            \
    {                                                                                              \
        OPTION(field, KIND_INT, initial, meaning), .min = (min_), .max = (max_), .unit = (unit_)   \
    }
#define CHOICE(field, words_, initial, meaning)                                                    \
    {                                                                                              \
        OPTION(field, KIND_CHOICE, initial, meaning), .words = (words_)                            \
    }
#define CHECKED(field, kind, is_good_, expected_, initial, meaning)                                \
    {                                                                                              \
        OPTION(field, kind, initial, meaning), .is_good = (is_good_), .expected = (expected_)      \
    }

#define KIB(n) ((int64_t)(n)*1024)
#define MIB(n) ((int64_t)(n)*1024 * 1024)
#define GIB(n) ((int64_t)(n)*1024 * 1024 * 1024)

static const char *const durability_names[] = {"group", "strict", NULL};

// RFC 6454 §6.2, as browsers send it in Origin.
static bool is_origin(struct span text)
{
    size_t scheme = span_starts_with(text, span_of("https://"))  ? strlen("https://")
                    : span_starts_with(text, span_of("http://")) ? strlen("http://")
                                                                 : text.len;
    struct span host = span_skip(text, scheme);
    return host.len > 0 && memchr(host.ptr, '/', host.len) == NULL;
}

static bool is_allowed_origin(struct span text)
{
    return span_is(text, "*") || is_origin(text);
}

static const struct option options[] = {
    PATH(secret_file, "", "file with the HMAC secret (HS256, HS384, HS512)"),
    PATH(key_file, "", "PEM file with a public key or certificate (RS, PS, ES, EdDSA)"),
    PATH(jwks_file, "", "JSON Web Key Set file, keys chosen by kid (RFC 7517)"),
    LIST(algorithms, "", "accepted algorithms; empty: those that fit each key's type"),
    TEXT(issuer, "", "required iss claim; empty: any"),
    TEXT(audience, "", "required aud claim; empty: any"),
    INT(leeway_s, "60", 0, 3600, "s", "clock difference allowed for exp, nbf and iat"),
    FLAG(require_exp, "yes", "refuse tokens without exp"),
    TEXT(default_rights, "{}", "the claim \"rooms\" for tokens that carry no rights"),
    INT(max_token, "8192", 256, 65535, "bytes", "longest token"),

    TEXT(room_topic, "rooms/+/messages", "topic whose messages are kept; + stands for the room"),
    CHECKED(default_room, KIND_TEXT, topic_is_room, "a room's name, or nothing", "lobby",
            "room of /savemessage and /chat; empty: neither is there"),
    INT(max_payload, "131072", 1, MIB(16), "bytes", "longest payload of one message"),
    INT(max_rooms, "100000", 1, 10000000, "rooms", "rooms in the database"),

    FLAG(lifecycle_events, "yes", "tell on $aws/events/... who connects and subscribes"),
    INT(max_memberships, "1000000", 0, 100000000, "subscriptions", "remembered, for the members"),
    INT(max_members, "200", 1, 1000, "members", "of a room that one answer names"),
    INT(member_linger_s, "30", 0, 3600, "s", "a member still, after a page or a long-poll"),

    PATH(database, "roomwire.db", "SQLite file of the log; its companions lie beside it"),
    INT(spool_size, "67108864", MIB(1), GIB(16), "bytes", "accepted messages not yet committed"),
    INT(sync_ms, "100", 1, 10000, "ms", "longest time from acceptance to the synced commit"),
    CHOICE(durability, durability_names, "group",
           "group: power-safe within sync_ms; strict: before the PUBACK, slowly"),
    INT(retention_days, "0", 0, 36500, "days", "older messages are removed; 0 keeps all"),
    INT(traffic_days, "400", 0, 36500, "days", "older traffic is removed; 0 keeps all"),
    INT(max_keys, "1000000", 0, 100000000, "keys", "idempotency keys remembered"),
    INT(key_lifetime_s, "86400", 1, 2592000, "s", "how long an idempotency key is remembered"),
    INT(max_tallies, "65536", 256, 1048576, "counters", "traffic counters waiting to be stored"),

    PATH(broker_socket, "mosquitto.sock", "the broker's unix socket listener"),
    PATH(service_secret_file, "service.secret", "secret that only broker and gateway can read"),
    INT(publish_timeout_ms, "5000", 100, 60000, "ms", "wait for the broker's answer to a post"),
    INT(max_publishes, "10000", 1, 1000000, "posts", "posts waiting for the broker's answer"),

    LIST(listen, "127.0.0.1:8080", "address:port, several; http:// or https:// before one chooses"),
    PATH(handover_socket, "", "for a new gateway to ask for our place; empty: <database>-handover"),
    PATH(tls_certificate, "", "PEM certificate chain; given, the port speaks TLS"),
    PATH(tls_key, "", "PEM private key of the certificate"),
    CHECKED(public_url, KIND_TEXT, is_origin, "http://host, https://host, perhaps with :port", "",
            "scheme://host[:port] that browsers use; empty: from Host"),
    CHECKED(allowed_origins, KIND_LIST, is_allowed_origin,
            "http://host, https://host, perhaps with :port, or *", "",
            "other origins whose pages may open /mqtt (* for all) and send forms"),
    FLAG(guests, "no", "let people sign in with a nickname alone"),
    TEXT(guest_rights, "{\"*\":\"rw\"}", "the claim \"rooms\" of guests"),
    INT(guest_ttl_s, "86400", 60, 31536000, "s", "how long a guest stays signed in"),
    INT(workers, "0", 0, 64, "threads", "event loops; 0: one per processor"),
    INT(max_connections, "20000", 16, 1000000, "connections", "open at once"),
    INT(max_connections_per_address, "10000", 1, 1000000, "connections",
        "open from one address; of IPv6 one /64"),
    INT(head_timeout_ms, "10000", 100, 600000, "ms", "for the TLS handshake and a request head"),
    INT(body_timeout_ms, "30000", 100, 600000, "ms", "for a request body"),
    INT(idle_timeout_ms, "60000", 100, 3600000, "ms", "between two requests on a connection"),
    INT(write_timeout_ms, "30000", 100, 600000, "ms", "for a reader that takes no byte"),
    INT(connect_timeout_ms, "10000", 100, 600000, "ms", "from upgrade to the CONNECT packet"),
    INT(max_head, "16384", 1024, 65536, "bytes", "request line and header fields"),
    INT(max_relay_buffer, "262144", KIB(16), MIB(64), "bytes", "waiting one way in a WebSocket"),
    INT(max_packet, "16777216", KIB(1), 268435455, "bytes", "longest WebSocket message"),
    INT(max_bodies, "268435456", MIB(1), GIB(64), "bytes", "request bodies being received"),
    INT(page_cache, "33554432", 0, GIB(4), "bytes", "rendered history pages, each worker"),
    INT(read_wait_ms, "1000", 0, 60000, "ms", "a read's wait for what was just accepted"),
    INT(max_live_rooms, "10000", 1, 1000000, "rooms", "with live readers over HTTP"),
    INT(tape_size, "1048576", KIB(64), GIB(1), "bytes", "newest messages of a live room in memory"),
    INT(tape_memory, "268435456", MIB(1), GIB(64), "bytes",
        "the same of all live rooms, each worker"),
    INT(inbox_memory, "33554432", MIB(1), GIB(64), "bytes",
        "live messages on their way to a worker"),
    INT(tape_messages, "1000", 1, 1000000, "messages", "newest messages of a live room in memory"),
    INT(heartbeat_ms, "15000", 100, 600000, "ms", "between signs of life on a quiet stream"),
    INT(live_page_s, "3600", 1, 86400, "s", "life of a page that grows; it goes on as another one"),
    INT(max_wait_s, "60", 1, 3600, "s", "longest long-poll"),
    LIST(webhook_connect, "", "URLs asked when a client connects; they may refuse it"),
    LIST(webhook_disconnect, "", "URLs told when a client is gone"),
    LIST(webhook_message, "", "URLs told of every kept message"),
    PATH(webhook_secret_file, "", "secret that signs what is sent to webhooks; needed for them"),
    TEXT(webhook_subject, "webhook", "sender of what webhooks publish; hooks are not told of it"),
    FLAG(webhook_connect_required, "no", "no answer from a connect hook refuses the client"),
    INT(webhook_timeout_ms, "10000", 100, 600000, "ms", "for one request to a webhook"),
    INT(webhook_retry_max_ms, "60000", 100, 3600000, "ms", "longest wait between two attempts"),
    INT(webhook_give_up_s, "86400", 1, 31536000, "s", "age at which what fails is dropped"),
    INT(webhook_concurrency, "8", 1, 256, "requests",
        "at once to one URL, and as many that ask of connects"),
    INT(webhook_max_queue, "10000", 16, 10000000, "events", "connects and disconnects waiting"),
    INT(webhook_max_answer, "65536", 256, MIB(16), "bytes", "longest answer of a webhook"),
    INT(drain_ms, "5000", 0, 600000, "ms", "for open requests when the gateway stops"),
    CHOICE(log_level, log_level_names, "info", "error, warning, info or debug"),
};

enum { OPTION_COUNT = sizeof options / sizeof options[0] };

static void *field_of(struct config *config, const struct option *option)
{
    return (char *)config + option->offset;
}

static const struct option *find(const char *name)
{
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (strcmp(options[i].name, name) == 0)
            return &options[i];
    return NULL;
}

static enum err set_text(char **field, const char *value)
{
    char *copy = span_dup(span_of(value));
    if (copy == NULL)
        return ERR_MEMORY;
    free(*field);
    *field = copy;
    return ERR_OK;
}

// Puts a list's further words behind those that it has.
static enum err add_words(char **field, const char *value)
{
    struct buf joined;
    buf_init(&joined, strlen(*field) + strlen(value) + 2);
    buf_printf(&joined, "%s %s", *field, value);
    buf_add_char(&joined, '\0');
    enum err err = joined.status == ERR_OK ? set_text(field, joined.ptr) : joined.status;
    buf_finish(&joined);
    return err;
}

static bool is_well_formed(const struct option *option, const char *value)
{
    struct span rest = span_of(value), word;
    if (option->is_good == NULL || rest.len == 0)
        return true;
    if (option->kind != KIND_LIST)
        return option->is_good(rest);
    while (span_word(&rest, &word))
        if (!option->is_good(word))
            return false;
    return true;
}

static enum err set_flag(bool *field, const char *value, struct buf *why)
{
    if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0 && strcmp(value, "on") != 0 &&
        strcmp(value, "off") != 0) {
        buf_add_text(why, "expected yes, no, on or off");
        return ERR_INVALID;
    }
    *field = strcmp(value, "yes") == 0 || strcmp(value, "on") == 0;
    return ERR_OK;
}

static enum err set_int(int64_t *field, const struct option *option, const char *value,
                        struct buf *why)
{
    unsigned long long number;
    if (!span_to_uint(span_of(value), INT64_MAX, &number) || (int64_t)number < option->min ||
        (int64_t)number > option->max) {
        buf_printf(why, "expected a whole number of %s from %lld to %lld", option->unit,
                   (long long)option->min, (long long)option->max);
        return ERR_INVALID;
    }
    *field = (int64_t)number;
    return ERR_OK;
}

static enum err set_choice(void *field, const struct option *option, const char *value,
                           struct buf *why)
{
    for (unsigned i = 0; option->words[i] != NULL; i++) {
        if (strcmp(value, option->words[i]) == 0) {
            memcpy(field, &i, sizeof i);
            return ERR_OK;
        }
    }
    for (size_t i = 0; option->words[i] != NULL; i++) {
        const char *before = option->words[i + 1] == NULL ? " or " : ", ";
        buf_printf(why, "%s%s", i == 0 ? "expected " : before, option->words[i]);
    }
    return ERR_INVALID;
}
_Static_assert(sizeof(enum config_durability) == sizeof(unsigned) &&
                   sizeof(enum log_level) == sizeof(unsigned),
               "what set_choice writes");

// `goes_on`: it is a list that was begun.
static enum err set(struct config *config, const struct option *option, const char *value,
                    bool goes_on, struct buf *why)
{
    void *field = field_of(config, option);
    switch (option->kind) {
    case KIND_TEXT:
    case KIND_LIST:
    case KIND_PATH:
        if (is_well_formed(option, value))
            return goes_on ? add_words(field, value) : set_text(field, value);
        buf_printf(why, "expected %s", option->expected);
        return ERR_INVALID;
    case KIND_INT:
        return set_int(field, option, value, why);
    case KIND_FLAG:
        return set_flag(field, value, why);
    case KIND_CHOICE:
        return set_choice(field, option, value, why);
    }
    return ERR_INVALID;
}

enum err config_set(struct config *config, const char *option, const char *value, struct buf *why)
{
    const struct option *found = find(option);
    if (found == NULL) {
        buf_add_text(why, "no such option");
        return ERR_NOT_FOUND;
    }
    return set(config, found, value, false, why);
}

enum err config_init(struct config *out_config)
{
    *out_config = (struct config){0};
    struct buf why;
    buf_init(&why, 256);
    enum err err = ERR_OK;
    for (size_t i = 0; err == ERR_OK && i < OPTION_COUNT; i++)
        err = set(out_config, &options[i], options[i].initial, false, &why);
    buf_finish(&why);
    assert(err != ERR_INVALID); // a default outside its own range
    if (err != ERR_OK)
        config_finish(out_config);
    return err;
}

void config_finish(struct config *config)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (options[i].kind > KIND_PATH) // no text
            continue;
        char **field = field_of(config, &options[i]);
        free(*field);
        *field = NULL;
    }
}

// What the inih callbacks share.
struct reading {
    FILE *in;
    const char *name;
    struct config *config;
    struct buf *why;
    bool is_given[OPTION_COUNT];
    int line;
    enum err err;
};

static void complain(struct reading *r, enum err err, const char *option, const char *what)
{
    if (r->err != ERR_OK)
        return; // the first complaint is the one to mend first
    r->err = err;
    buf_printf(r->why, "%s:%d: %s%s%s", r->name, r->line, option, *option ? ": " : "", what);
}

// inih cuts a line that is longer than its buffer in two and reads on, so such a line stops the
// reading here instead.
static char *read_line(char *line, int size, void *context)
{
    struct reading *r = context;
    if (r->err != ERR_OK || fgets(line, size, r->in) == NULL)
        return NULL;
    r->line++;
    if (strchr(line, '\n') == NULL && !feof(r->in)) {
        complain(r, ERR_INVALID, "", "the line is too long (198 bytes at most)");
        return NULL;
    }
    // inih would append an indented line to the value before it.
    if ((line[0] == ' ' || line[0] == '\t') && line[strspn(line, " \t\r\n")] != '\0') {
        complain(r, ERR_INVALID, "", "the line is indented");
        return NULL;
    }
    return line;
}

static int take_option(void *context, const char *section, const char *name, const char *value)
{
    struct reading *r = context;
    if (*section != '\0') {
        complain(r, ERR_INVALID, section, "sections are not used here");
        return 0;
    }
    const struct option *option = find(name);
    if (option == NULL) {
        complain(r, ERR_INVALID, name, "no such option");
        return 0;
    }
    bool *is_given = &r->is_given[option - options];
    if (*is_given && option->kind != KIND_LIST) {
        complain(r, ERR_INVALID, name, "given twice");
        return 0;
    }
    struct buf why;
    buf_init(&why, 256);
    enum err err = set(r->config, option, value ? value : "", *is_given, &why);
    *is_given = true;
    buf_add_char(&why, '\0');
    if (err != ERR_OK)
        complain(r, err, name, err == ERR_MEMORY ? err_text(err) : why.ptr);
    buf_finish(&why);
    return err == ERR_OK;
}

// Makes the relative file names start at the folder of `name`.
static enum err resolve_paths(struct config *config, const char *name)
{
    const char *slash = strrchr(name, '/');
    if (slash == NULL)
        return ERR_OK;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        char **field = field_of(config, &options[i]);
        if (options[i].kind != KIND_PATH || **field == '\0' || **field == '/')
            continue;
        struct buf joined;
        buf_init(&joined, PATH_MAX);
        buf_add(&joined, name, (size_t)(slash - name) + 1);
        buf_add_text(&joined, *field);
        buf_add_char(&joined, '\0');
        enum err err = joined.status == ERR_OK ? set_text(field, joined.ptr) : ERR_INVALID;
        buf_finish(&joined);
        if (err != ERR_OK)
            return err;
    }
    return ERR_OK;
}

enum err config_read(FILE *in, const char *name, struct config *out_config, struct buf *why)
{
    struct config config;
    enum err err = config_init(&config);
    if (err != ERR_OK)
        return err;
    struct reading r = {.in = in, .name = name, .config = &config, .why = why};
    int bad_line = ini_parse_stream(read_line, &r, take_option, &r);
    if (bad_line > 0) {
        r.line = bad_line;
        complain(&r, ERR_INVALID, "", "expected \"option = value\"");
    } else if (bad_line < 0) {
        complain(&r, ERR_MEMORY, "", err_text(ERR_MEMORY));
    }
    if (ferror(in)) // a folder can be opened, but not read
        complain(&r, ERR_IO, "", err_text(ERR_IO));
    err = r.err != ERR_OK ? r.err : resolve_paths(&config, name);
    if (err != ERR_OK) {
        config_finish(&config);
        return err;
    }
    *out_config = config;
    return ERR_OK;
}

enum err config_load(const char *path, struct config *out_config, struct buf *why)
{
    FILE *in = fopen(path, "re");
    if (in == NULL) {
        buf_printf(why, "%s: cannot be read", path);
        return ERR_IO;
    }
    enum err err = config_read(in, path, out_config, why);
    (void)fclose(in); // only read from
    return err;
}

char *config_companion(const struct config *config, const char *suffix)
{
    struct buf path;
    buf_init(&path, strlen(config->database) + strlen(suffix) + 1);
    buf_add_text(&path, config->database);
    buf_add_text(&path, suffix);
    buf_add_char(&path, '\0');
    if (path.status == ERR_OK)
        return path.ptr;
    buf_finish(&path);
    return NULL;
}

void config_describe(struct buf *out)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option *o = &options[i];
        buf_printf(out, "%s = %s\n    ", o->name, o->initial);
        if (o->kind == KIND_INT)
            buf_printf(out, "%lld..%lld %s. ", (long long)o->min, (long long)o->max, o->unit);
        buf_printf(out, "%s\n", o->meaning);
    }
}
