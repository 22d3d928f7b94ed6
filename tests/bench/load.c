// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// A load generator for MQTT over TCP, unix sockets and WebSocket: one thread, one epoll loop.
#include "load.h"

#include <getopt.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>

static const char usage[] =
    "roomwire_load fan|storm|sse [options]\n"
    "  --pub TARGET --sub TARGET   tcp:PORT, unix:PATH, ws:PORT/PATH; of sse also http:PORT/PATH\n"
    "  --publishers N --subscribers N --rooms N --level NAME\n"
    "  --echo 1 (the publishers are the subscribers)\n"
    "  --qos 0|1 --version 4|5 --size BYTES --user NAME --password TEXT\n"
    "  --window N (closed loop) or --rate PER-SECOND (open loop)\n"
    "  sse: --unanswered N (publishes), --stalled N (readers that stop reading),\n"
    "  --body TEXT (of a POST; * is the message)\n"
    "  --warmup S --seconds S --drain S --pid PID (measured; may be given again)\n"
    "  storm: --connections N --at-once N --hold S (--subscribers 0: only CONNECT)\n";

enum { OPTION_TEXT, OPTION_COUNT, OPTION_SECONDS, OPTION_TARGET, OPTION_PID, OPTION_INT };

struct option_row {
    const char *name;
    int kind;
    void *field;
};

static bool parse_number(const char *text, double *out)
{
    char *end;
    *out = strtod(text, &end);
    return end != text && *end == '\0' && *out >= 0 && *out < 1e9;
}

static bool set(const struct option_row *row, const char *value, struct load_options *o)
{
    double number;
    if (row->kind == OPTION_TEXT) {
        *(const char **)row->field = value;
        return true;
    }
    if (row->kind == OPTION_TARGET)
        return link_target_parse(value, row->field);
    if (!parse_number(value, &number))
        return false;
    if (row->kind == OPTION_COUNT)
        *(unsigned *)row->field = (unsigned)number;
    else if (row->kind == OPTION_INT)
        *(int *)row->field = (int)number;
    else if (row->kind == OPTION_SECONDS)
        *(double *)row->field = number;
    else if (o->measured.count < PROCESS_MAX)
        o->measured.pids[o->measured.count++] = (pid_t)number;
    return true;
}

static bool parse(int argc, char **argv, struct load_options *o, unsigned *size)
{
    const struct option_row rows[] = {
        {"--pub", OPTION_TARGET, &o->publish_to},
        {"--sub", OPTION_TARGET, &o->subscribe_to},
        {"--publishers", OPTION_COUNT, &o->publishers},
        {"--subscribers", OPTION_COUNT, &o->subscribers},
        {"--rooms", OPTION_COUNT, &o->rooms},
        {"--echo", OPTION_COUNT, &o->echo},
        {"--body", OPTION_TEXT, &o->body},
        {"--level", OPTION_TEXT, &o->level},
        {"--qos", OPTION_INT, &o->client.qos},
        {"--version", OPTION_INT, &o->client.version},
        {"--size", OPTION_COUNT, size},
        {"--user", OPTION_TEXT, &o->client.user},
        {"--password", OPTION_TEXT, &o->client.password},
        {"--window", OPTION_COUNT, &o->window},
        {"--unanswered", OPTION_COUNT, &o->unanswered},
        {"--stalled", OPTION_COUNT, &o->stalled},
        {"--rate", OPTION_SECONDS, &o->rate},
        {"--warmup", OPTION_SECONDS, &o->warmup_s},
        {"--seconds", OPTION_SECONDS, &o->seconds},
        {"--drain", OPTION_SECONDS, &o->drain_s},
        {"--pid", OPTION_PID, NULL},
        {"--connections", OPTION_COUNT, &o->connections},
        {"--at-once", OPTION_COUNT, &o->at_once},
        {"--hold", OPTION_SECONDS, &o->hold_s},
    };
    for (int i = 0; i + 1 < argc; i += 2) {
        size_t row = 0;
        while (row < sizeof rows / sizeof rows[0] && strcmp(rows[row].name, argv[i]) != 0)
            row++;
        if (row == sizeof rows / sizeof rows[0] || !set(&rows[row], argv[i + 1], o)) {
            fprintf(stderr, "%s %s: not understood\n", argv[i], argv[i + 1]);
            return false;
        }
    }
    return argc % 2 == 0;
}

int main(int argc, char **argv)
{
    struct load_options o = {.publishers = 1,
                             .level = "messages",
                             .body = "*",
                             .subscribers = 1,
                             .rooms = 1,
                             .window = 20,
                             .warmup_s = 0.3,
                             .seconds = 2,
                             .drain_s = 10,
                             .connections = 1000,
                             .at_once = 64,
                             .hold_s = 1,
                             .client = {.version = 5, .user = "bench", .password = "none"}};
    unsigned size = 100;
    if (argc < 2 || !parse(argc - 2, argv + 2, &o, &size) || size < 24 || o.rooms == 0 ||
        o.publishers == 0 || o.stalled > o.subscribers || strchr(o.body, '*') == NULL ||
        strlen(o.client.password) > 9000) {
        fputs(usage, stderr);
        return 2;
    }
    o.size = size;
    if (o.echo)
        o.subscribers = 0;
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files); // connecting fails, and says so, if it must
    }
    o.client.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (o.client.epoll < 0)
        return 1;
    if (strcmp(argv[1], "fan") == 0)
        return load_fan(&o);
    if (strcmp(argv[1], "storm") == 0)
        return load_storm(&o);
    if (strcmp(argv[1], "sse") == 0)
        return load_sse(&o);
    fputs(usage, stderr);
    return 2;
}
