// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// roomwire token: a token signed with the configured secret.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cli.h"
#include "core/token.h"

enum { CLAIMS_MAX = 65536, TOKEN_MAX = 131072, TTL_MAX_S = 3155760000, TTL_DEFAULT_S = 86400 };

// Claims that are rights by themselves, so that "bill=r" can be written like a room.
static const char *const claim_words[] = {"bill", "connections", "admin", "act_as"};

// Everything that was asked for. Texts are the command line's.
struct request {
    const char *subject;
    struct cli_list rooms;  // "ROOM=rights"
    struct cli_list words;  // "bill=r"
    struct cli_list claims; // "name=json"
    const char *name;
    int64_t ttl_s;
};

static struct span before_equals(const char *text)
{
    const char *equals = strchr(text, '=');
    return span_make(text, (size_t)(equals - text));
}

static struct span behind_equals(const char *text)
{
    return span_of(strchr(text, '=') + 1);
}

static bool is_claim_word(struct span name)
{
    for (size_t i = 0; i < sizeof claim_words / sizeof claim_words[0]; i++)
        if (span_is(name, claim_words[i]))
            return true;
    return false;
}

// ---- reading the command line ----

static int add(const struct cli_command *self, struct cli_list *list, const char *word)
{
    struct span name = before_equals(word);
    for (size_t i = 0; i < list->count; i++)
        if (span_equal(before_equals(list->values[i]), name))
            return cli_misused(self, "%.*s was given twice", (int)name.len, name.ptr);
    if (list->count == CLI_CLAIMS_MAX)
        return cli_misused(self, "too many arguments");
    list->values[list->count++] = word;
    return CLI_OK;
}

static bool is_rights(struct span letters)
{
    return letters.len == 0 || span_is(letters, "r") || span_is(letters, "w") ||
           span_is(letters, "rw");
}

static int take_word(const struct cli_command *self, struct request *r, const char *word)
{
    if (strchr(word, '=') == NULL)
        return cli_misused(self, "\"%s\": expected ROOM=r, ROOM=w or ROOM=rw", word);
    struct span name = before_equals(word);
    if (is_claim_word(name))
        return add(self, &r->words, word);
    if (!topic_is_room(name) && !span_is(name, "*"))
        return cli_misused(self,
                           "\"%s\": a room has 1 to 64 of A-Z a-z 0-9 . _ - and starts "
                           "with a letter or digit; * stands for all",
                           word);
    if (!is_rights(behind_equals(word)))
        return cli_misused(self, "\"%s\": rights are r, w, rw or nothing", word);
    return add(self, &r->rooms, word);
}

static int check_claims(const struct cli_command *self, const struct cli_list *claims)
{
    static const char *const own[] = {"sub", "name", "rooms", "iat", "exp"};
    struct cli_list seen = {.count = 0};
    for (size_t i = 0; i < claims->count; i++) {
        const char *claim = claims->values[i];
        if (strchr(claim, '=') == NULL || *claim == '=')
            return cli_misused(self, "--claim %s: expected NAME=JSON", claim);
        struct span name = before_equals(claim);
        for (size_t j = 0; j < sizeof own / sizeof own[0]; j++)
            if (span_is(name, own[j]))
                return cli_misused(self, "--claim %s: this claim has an argument of its own",
                                   own[j]);
        if (add(self, &seen, claim) != CLI_OK)
            return CLI_USAGE;
        struct json *value = NULL;
        enum err err = json_parse(behind_equals(claim), &value);
        json_destroy(value);
        if (err != ERR_OK)
            return cli_misused(self, "--claim %s: the value is no JSON (texts need \"quotes\")",
                               claim);
    }
    return CLI_OK;
}

static int read_ttl(const struct cli_command *self, const char *text, int64_t *out_ttl_s)
{
    unsigned long long ttl_s = TTL_DEFAULT_S;
    if (text != NULL && !span_to_uint(span_of(text), TTL_MAX_S, &ttl_s))
        return cli_misused(self, "--ttl %s: expected a whole number of seconds, 0 for no end",
                           text);
    *out_ttl_s = (int64_t)ttl_s;
    return CLI_OK;
}

// ---- writing the claims ----

static void put_name(struct json_writer *w, struct span name)
{
    // json_key wants a name that needs no escapes, which nobody has promised here.
    json_put_text(w, name);
    buf_add_char(w->out, ':');
    w->needs_comma = false;
}

static void put_rooms(struct json_writer *w, const struct request *r)
{
    if (r->rooms.count == 0)
        return;
    json_key(w, "rooms");
    json_begin_object(w);
    for (size_t i = 0; i < r->rooms.count; i++) {
        put_name(w, before_equals(r->rooms.values[i]));
        json_put_text(w, behind_equals(r->rooms.values[i]));
    }
    json_end_object(w);
}

static void put_words(struct json_writer *w, const struct request *r)
{
    for (size_t i = 0; i < r->words.count; i++) {
        struct span value = behind_equals(r->words.values[i]);
        put_name(w, before_equals(r->words.values[i]));
        if (span_is(value, "true") || span_is(value, "yes"))
            json_put_bool(w, true);
        else
            json_put_text(w, value);
    }
}

static void put_claims(struct json_writer *w, const struct request *r)
{
    for (size_t i = 0; i < r->claims.count; i++) {
        put_name(w, before_equals(r->claims.values[i]));
        json_put_raw(w, span_trim(behind_equals(r->claims.values[i])));
    }
}

static bool has_claim(const struct request *r, const char *name)
{
    for (size_t i = 0; i < r->claims.count; i++)
        if (span_is(before_equals(r->claims.values[i]), name))
            return true;
    return false;
}

static void write_claims(const struct request *r, const struct config *config, int64_t now_s,
                         struct buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_begin_object(&w);
    json_field_text(&w, "sub", span_of(r->subject));
    if (r->name != NULL)
        json_field_text(&w, "name", span_of(r->name));
    put_rooms(&w, r);
    put_words(&w, r);
    put_claims(&w, r);
    if (*config->issuer != '\0' && !has_claim(r, "iss"))
        json_field_text(&w, "iss", span_of(config->issuer));
    if (*config->audience != '\0' && !has_claim(r, "aud"))
        json_field_text(&w, "aud", span_of(config->audience));
    json_field_int(&w, "iat", now_s);
    if (r->ttl_s > 0)
        json_field_int(&w, "exp", now_s + r->ttl_s);
    json_end_object(&w);
}

// ---- minting ----

// A token that this very configuration refuses would help nobody.
static enum err try_token(const struct config *config, const struct keyset *keys, struct span text,
                          int64_t now_s, struct buf *why)
{
    struct token_policy policy;
    enum err err = token_policy_init(&policy, config, why);
    if (err != ERR_OK)
        return err;
    struct token token;
    err = token_verify(&policy, keys, text, &rights_nobody, now_s, &token);
    if (err == ERR_OK)
        token_finish(&token);
    token_policy_finish(&policy);
    return err;
}

static enum err mint(const struct request *r, const struct config *config, struct buf *out,
                     struct buf *why)
{
    struct keyset *keys = NULL;
    enum err err = keyset_load(config, &keys, why);
    if (err != ERR_OK)
        return err;
    int64_t now_s = (int64_t)time(NULL);
    struct buf claims;
    buf_init(&claims, CLAIMS_MAX);
    write_claims(r, config, now_s, &claims);
    err = claims.status == ERR_OK ? token_mint(keys, buf_span(&claims), out) : claims.status;
    if (err == ERR_UNSUPPORTED)
        buf_add_text(why, "tokens are minted with HS256: secret_file has to be set, and algorithms "
                          "has to allow it");
    if (err == ERR_OK)
        err = try_token(config, keys, buf_span(out), now_s, why);
    buf_finish(&claims);
    keyset_destroy(keys);
    return err;
}

static int print_token(const struct cli_command *self, const struct request *r,
                       const struct config *config)
{
    struct buf token, why;
    buf_init(&token, TOKEN_MAX);
    buf_init(&why, 4096);
    enum err err = mint(r, config, &token, &why);
    int status;
    if (err == ERR_OK) {
        buf_add_char(&token, '\n');
        status = cli_print(self, &token);
    } else {
        status = cli_failed(self, "no token was made: %s%s%.*s", err_text(err),
                            why.len > 0 ? ": " : "", (int)why.len, why.len > 0 ? why.ptr : "");
    }
    buf_finish(&token);
    buf_finish(&why);
    return status;
}

static int run(const struct cli_command *self, int argc, char **argv)
{
    struct request r = {.subject = NULL};
    const char *config_path, *ttl = NULL;
    const struct cli_option options[] = {{.name = "ttl", .text = &ttl},
                                         {.name = "name", .text = &r.name},
                                         {.name = "claim", .list = &r.claims},
                                         {.name = NULL}};
    struct cli_words words;
    int status;
    if (!cli_parse(self, argc, argv, options, &words, &config_path, &status))
        return status;
    if (words.count == 0 || strchr(words.values[0], '=') != NULL)
        return cli_misused(self, "whose token? The first argument is the subject");
    r.subject = words.values[0];
    for (size_t i = 1; status == CLI_OK && i < words.count; i++)
        status = take_word(self, &r, words.values[i]);
    if (status == CLI_OK)
        status = check_claims(self, &r.claims);
    if (status == CLI_OK)
        status = read_ttl(self, ttl, &r.ttl_s);
    struct config config;
    if (status != CLI_OK)
        return status;
    if (!cli_load_config(self, config_path, &config))
        return CLI_FAILED;
    status = print_token(self, &r, &config);
    config_finish(&config);
    return status;
}

const struct cli_command cli_token = {
    .name = "token",
    .summary = "mint a token with the configured secret",
    .usage = "usage: roomwire token SUBJECT [ROOM=RIGHTS]... [CLAIM=VALUE]... [OPTION]...\n"
             "\n"
             "Prints a token (a JSON Web Token, HS256) and nothing else.\n"
             "\n"
             "  SUBJECT          who the holder is\n"
             "  ROOM=RIGHTS      what the holder may do in a room: r (read), w (write), rw, or\n"
             "                   nothing; * stands for every room not named\n"
             "  bill=r           may see the bill; so with connections=r, admin=true, act_as=true\n"
             "  --name TEXT      the name that people see\n"
             "  --ttl SECONDS    how long the token is good: default 86400, 0 for ever\n"
             "  --claim NAME=JSON  any other claim; may be given often\n"
             "  --config FILE    the configuration\n"
             "\n"
             "  roomwire token alice lobby=rw ops=r --name 'Alice A.'\n",
    .run = run,
};
