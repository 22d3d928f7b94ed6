// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

__attribute__((format(printf, 2, 0))) static void say(const char *name, const char *format,
                                                      va_list arguments)
{
    (void)fprintf(stderr, "roomwire %s: ", name); // there is no other place to complain at
    (void)vfprintf(stderr, format, arguments);
    (void)fputc('\n', stderr);
}

int cli_misused(const struct cli_command *command, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(command->name, format, arguments);
    va_end(arguments);
    (void)fprintf(stderr, "See: roomwire %s --help\n", command->name);
    return CLI_USAGE;
}

int cli_failed(const struct cli_command *command, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(command->name, format, arguments);
    va_end(arguments);
    return CLI_FAILED;
}

// ---- arguments ----

struct parsing {
    const struct cli_command *command;
    const struct cli_option *options;
    struct cli_words *words;
    int argc;
    char **argv;
    int at; // the argument looked at
};

static bool is_named(const struct cli_option *option, struct span name)
{
    return span_is(name, option->name);
}

// The value behind "=", or the next argument; NULL if there is none.
static const char *take_value(struct parsing *p, const char *equals)
{
    if (equals != NULL)
        return equals + 1;
    return p->at + 1 < p->argc ? p->argv[++p->at] : NULL;
}

static int set_option(struct parsing *p, const struct cli_option *option, const char *equals)
{
    if (option->flag != NULL) {
        if (equals != NULL)
            return cli_misused(p->command, "--%s takes no value", option->name);
        *option->flag = true;
        return CLI_OK;
    }
    const char *value = take_value(p, equals);
    if (value == NULL)
        return cli_misused(p->command, "--%s needs a value", option->name);
    if (option->list != NULL) {
        if (option->list->count == CLI_CLAIMS_MAX)
            return cli_misused(p->command, "--%s was given too often", option->name);
        option->list->values[option->list->count++] = value;
        return CLI_OK;
    }
    if (*option->text != NULL)
        return cli_misused(p->command, "--%s was given twice", option->name);
    *option->text = value;
    return CLI_OK;
}

static int take_option(struct parsing *p, const char *argument)
{
    const char *equals = strchr(argument, '=');
    struct span name = equals != NULL ? span_make(argument + 2, (size_t)(equals - argument) - 2)
                                      : span_of(argument + 2);
    for (const struct cli_option *o = p->options; o->name != NULL; o++)
        if (is_named(o, name))
            return set_option(p, o, equals);
    return cli_misused(p->command, "there is no option --%.*s", (int)name.len, name.ptr);
}

static int take_word(struct parsing *p, const char *argument)
{
    if (p->words->count == CLI_WORDS_MAX)
        return cli_misused(p->command, "too many arguments");
    p->words->values[p->words->count++] = argument;
    return CLI_OK;
}

static int parse_all(struct parsing *p, bool *out_is_help)
{
    bool only_words = false;
    int status = CLI_OK;
    for (p->at = 0; status == CLI_OK && p->at < p->argc; p->at++) {
        const char *argument = p->argv[p->at];
        if (only_words || argument[0] != '-' || strcmp(argument, "-") == 0)
            status = take_word(p, argument);
        else if (strcmp(argument, "--") == 0)
            only_words = true;
        else if (strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0)
            *out_is_help = true;
        else if (argument[1] == '-')
            status = take_option(p, argument);
        else
            status = cli_misused(p->command, "there is no option %s", argument);
    }
    return status;
}

bool cli_parse(const struct cli_command *command, int argc, char **argv,
               const struct cli_option *options, struct cli_words *out_words,
               const char **out_config_path, int *out_status)
{
    struct parsing p = {command, options, out_words, argc, argv, 0};
    bool is_help = false;
    *out_words = (struct cli_words){.count = 0};
    *out_config_path = NULL;
    // --config is every command's, so it is looked for beside the command's own options.
    struct cli_option all[16] = {{.name = "config", .text = out_config_path}};
    size_t count = 1;
    for (const struct cli_option *o = options; o->name != NULL; o++)
        all[count++] = *o;
    all[count] = (struct cli_option){.name = NULL};
    p.options = all;
    *out_status = parse_all(&p, &is_help);
    if (*out_status == CLI_OK && is_help) {
        (void)fputs(command->usage, stdout);
        return false;
    }
    return *out_status == CLI_OK;
}

// ---- the configuration ----

const char *cli_config_path(const char *path)
{
    static const char here[] = "roomwire.conf";
    if (path != NULL)
        return path;
    const char *named = getenv("ROOMWIRE_CONFIG");
    if (named != NULL && *named != '\0')
        return named;
    return access(here, F_OK) == 0 ? here : "/etc/roomwire/roomwire.conf";
}

bool cli_load_config(const struct cli_command *command, const char *path, struct config *out_config)
{
    struct buf why;
    buf_init(&why, 4096);
    enum err err = config_load(cli_config_path(path), out_config, &why);
    buf_add_char(&why, '\0');
    if (err != ERR_OK)
        (void)cli_failed(command, "%s", why.status == ERR_OK ? why.ptr : err_text(err));
    buf_finish(&why);
    return err == ERR_OK;
}

// ---- output ----

int cli_print(const struct cli_command *command, struct buf *out)
{
    int status = CLI_OK;
    if (out->status != ERR_OK)
        status = cli_failed(command, "%s", err_text(out->status));
    else if ((out->len > 0 && fwrite(out->ptr, 1, out->len, stdout) != out->len) ||
             fflush(stdout) != 0)
        status = cli_failed(command, "standard output cannot be written to");
    buf_finish(out);
    return status;
}

// Bytes of the control character at the start of `text`; 0 if it is none. C1 controls take two in
// UTF-8.
static size_t control_len(struct span text)
{
    unsigned char c = (unsigned char)text.ptr[0];
    if (c < 0x20 || c == 0x7F)
        return 1;
    bool is_c1 = c == 0xC2 && text.len > 1 && (unsigned char)text.ptr[1] < 0xA0;
    return is_c1 ? 2 : 0;
}

void cli_add_visible(struct span text, struct buf *out)
{
    while (text.len > 0) {
        size_t len = control_len(text);
        for (size_t i = 0; i < len; i++)
            buf_printf(out, "\\x%02x", (unsigned char)text.ptr[i]);
        if (len == 0) {
            buf_add_char(out, text.ptr[0]);
            len = 1;
        }
        text = span_skip(text, len);
    }
}
