// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cli_check.h"
#include "core/base64.h"
#include "core/message.h"
#include "core/token.h"

enum { TEXT_MAX = 65536, REPORT_MAX = 1024 * 1024 };

// Reads all of `file`, at most TEXT_MAX bytes.
static enum err read_file(const char *file, struct buf *out)
{
    FILE *in = strcmp(file, "-") == 0 ? stdin : fopen(file, "re");
    if (in == NULL)
        return ERR_IO;
    char bytes[4096];
    size_t len;
    while ((len = fread(bytes, 1, sizeof bytes, in)) > 0)
        buf_add(out, bytes, len);
    enum err err = ferror(in) ? ERR_IO : out->status;
    if (in != stdin)
        (void)fclose(in); // only read from
    return err;
}

static struct span trim_lines(struct span text)
{
    while (text.len > 0 && strchr(" \t\r\n", text.ptr[text.len - 1]) != NULL)
        text.len--;
    while (text.len > 0 && strchr(" \t\r\n", text.ptr[0]) != NULL)
        text = span_skip(text, 1);
    return text;
}

// The claims of a token that was verified before.
static enum err read_claims(struct span text, struct json **out_claims)
{
    struct span rest = token_strip_scheme(text), part;
    struct buf json;
    buf_init(&json, TEXT_MAX);
    enum err err = ERR_INVALID;
    bool has_head = span_split(&rest, '.', &part);
    if (has_head && span_split(&rest, '.', &part))
        err = base64url_decode(part, &json);
    if (err == ERR_OK)
        err = json_parse(buf_span(&json), out_claims);
    buf_finish(&json);
    return err;
}

// ---- the report ----

static void add_line(struct buf *out, const char *what, struct span value)
{
    buf_printf(out, "%-9s ", what);
    cli_add_visible(value, out);
    buf_add_char(out, '\n');
}

static void add_room(struct buf *out, const struct token_policy *policy, const struct token *token,
                     struct span room)
{
    bool may_read = rights_allow_room(token->rights, &policy->rooms, RIGHTS_SUBSCRIBE, room);
    bool may_write = rights_allow_room(token->rights, &policy->rooms, RIGHTS_PUBLISH, room);
    buf_printf(out, "room      %.*s: %s\n", (int)room.len, room.ptr,
               may_read && may_write ? "read and write"
               : may_read            ? "read"
               : may_write           ? "write"
                                     : "nothing");
}

static void add_rooms(struct buf *out, const struct token_policy *policy, const struct token *token,
                      const struct json *claims, const struct cli_words *asked)
{
    const struct json *rooms = json_member(claims, "rooms");
    for (const struct json *m = json_first(rooms); m != NULL; m = json_next(m)) {
        const char *name = json_is_object(rooms) ? json_name(m) : "";
        if (topic_is_room(span_of(name)))
            add_room(out, policy, token, span_of(name));
    }
    for (size_t i = 0; i < asked->count; i++)
        add_room(out, policy, token, span_of(asked->values[i]));
}

static void add_token(struct buf *out, const struct token_policy *policy, const struct token *token,
                      const struct json *claims, const struct cli_words *asked)
{
    char date[MESSAGE_DATE_TEXT] = "never";
    if (token->expires_s > 0)
        message_format_date(token->expires_s * 1000, date);
    add_line(out, "subject", span_of(token->subject));
    if (*token->name != '\0')
        add_line(out, "name", span_of(token->name));
    add_line(out, "expires", span_of(date));
    const struct {
        const char *name;
        bool is_granted;
    } rights[] = {{"bill", token->claims.may_bill},
                  {"act_as", token->claims.may_act_as},
                  {"connections", token->claims.may_see_connections},
                  {"admin", token->claims.is_admin}};
    for (size_t i = 0; i < sizeof rights / sizeof rights[0]; i++)
        if (rights[i].is_granted)
            add_line(out, "right", span_of(rights[i].name));
    add_rooms(out, policy, token, claims, asked);

    struct buf json;
    buf_init(&json, TEXT_MAX);
    struct json_writer w;
    json_writer_init(&w, &json);
    json_put_tree(&w, claims);
    add_line(out, "claims", buf_span(&json));
    buf_finish(&json);
}

// ---- the check ----

static int judge(const struct cli_command *self, const struct keyset *keys,
                 const struct token_policy *policy, struct span text, const struct cli_words *asked)
{
    struct token token;
    struct json *claims = NULL;
    enum err err = token_verify(policy, keys, text, &rights_nobody, (int64_t)time(NULL), &token);
    if (err != ERR_OK)
        return cli_failed(self, "refused: %s", err_text(err));
    struct buf out;
    buf_init(&out, REPORT_MAX);
    err = read_claims(text, &claims);
    if (err == ERR_OK)
        add_token(&out, policy, &token, claims, asked);
    json_destroy(claims);
    token_finish(&token);
    if (err == ERR_OK)
        return cli_print(self, &out);
    buf_finish(&out);
    return cli_failed(self, "%s", err_text(err));
}

static int check_text(const struct cli_command *self, const struct config *config, struct span text,
                      const struct cli_words *asked)
{
    struct keyset *keys = NULL;
    struct token_policy policy;
    struct buf why;
    buf_init(&why, 4096);
    int status;
    enum err err = keyset_load(config, &keys, &why);
    bool has_policy = err == ERR_OK && token_policy_init(&policy, config, &why) == ERR_OK;
    if (has_policy)
        status = judge(self, keys, &policy, text, asked);
    else
        status = cli_failed(self, "%.*s", (int)why.len, why.len > 0 ? why.ptr : "");
    if (has_policy)
        token_policy_finish(&policy);
    keyset_destroy(keys);
    buf_finish(&why);
    return status;
}

int cli_check_token(const struct cli_command *self, const struct config *config, const char *file,
                    const struct cli_words *rooms)
{
    for (size_t i = 0; i < rooms->count; i++)
        if (!topic_is_room(span_of(rooms->values[i])))
            return cli_misused(self, "\"%s\" is no name of a room", rooms->values[i]);
    struct buf text;
    buf_init(&text, TEXT_MAX);
    enum err err = read_file(file, &text);
    int status = err == ERR_OK ? check_text(self, config, trim_lines(buf_span(&text)), rooms)
                               : cli_failed(self, "%s cannot be read: %s", file, err_text(err));
    buf_finish(&text);
    return status;
}
