// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "metrics.h"

#include <limits.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "auth.h"
#include "hooks.h"
#include "upstream.h"

enum { METRICS_BYTES_MAX = 64 << 10 };

// ---- the text format ----

struct label {
    const char *name, *value;
};

static const struct label no_label = {NULL, NULL};

// Samples of the metric follow. `type`: "gauge" or "counter".
static void describe(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_add_text(out, "# HELP ");
    buf_add_text(out, name);
    buf_add_char(out, ' ');
    buf_add_text(out, help);
    buf_add_text(out, "\n# TYPE ");
    buf_add_text(out, name);
    buf_add_char(out, ' ');
    buf_add_text(out, type);
    buf_add_char(out, '\n');
}

// The values of labels are our own words, so there is nothing to escape in them.
static void add_label(struct buf *out, struct label label)
{
    buf_add_text(out, label.name);
    buf_add_text(out, "=\"");
    buf_add_text(out, label.value);
    buf_add_char(out, '"');
}

static void sample(struct buf *out, const char *name, struct label first, struct label second,
                   int64_t value)
{
    buf_add_text(out, name);
    if (first.name != NULL) {
        buf_add_char(out, '{');
        add_label(out, first);
        if (second.name != NULL) {
            buf_add_char(out, ',');
            add_label(out, second);
        }
        buf_add_char(out, '}');
    }
    buf_add_char(out, ' ');
    buf_add_int(out, value);
    buf_add_char(out, '\n');
}

static void gauge(struct buf *out, const char *name, const char *help, int64_t value)
{
    describe(out, name, "gauge", help);
    sample(out, name, no_label, no_label, value);
}

// ---- the gateway ----

static void add_version(struct buf *out)
{
    describe(out, "roomwire_info", "gauge", "Which Roomwire this is.");
    sample(out, "roomwire_info", (struct label){"version", ROOMWIRE_VERSION}, no_label, 1);
}

static void add_state(struct buf *out, const struct gateway *g)
{
    gauge(out, "roomwire_broker_connected", "1 if the service connection to the broker stands.",
          upstream_is_connected(g->upstream));
    gauge(out, "roomwire_draining", "1 if the gateway takes no new connections any more.",
          atomic_load(&g->is_draining));
    gauge(out, "roomwire_posts_waiting", "Posts and commands that wait for the broker.",
          (int64_t)upstream_waiting(g->upstream));
    gauge(out, "roomwire_webhook_events_waiting",
          "Connects and disconnects that wait to be delivered to webhooks.",
          hooks_events_waiting(g->hooks));
}

static void add_connections(struct buf *out, const struct gateway *g)
{
    int connections = 0, streams = 0, relays = 0;
    for (int i = 0; i < g->worker_count; i++) {
        connections += atomic_load(&g->workers[i]->load);
        streams += atomic_load(&g->workers[i]->counters.streams);
        relays += atomic_load(&g->workers[i]->counters.relays);
    }
    gauge(out, "roomwire_connections", "Open connections of all kinds.", connections);
    gauge(out, "roomwire_streams", "Open event streams and live pages.", streams);
    gauge(out, "roomwire_websockets", "Open WebSocket connections.", relays);
}

static void add_answers(struct buf *out, const struct gateway *g)
{
    static const char *const classes[COUNTERS_CLASSES] = {"1xx", "2xx", "3xx", "4xx", "5xx"};
    const char *name = "roomwire_http_answers_total";
    describe(out, name, "counter", "HTTP answers by status.");
    for (int class = 0; class < COUNTERS_CLASSES; class ++) {
        int64_t sum = 0;
        for (int i = 0; i < g->worker_count; i++)
            sum +=
                atomic_load_explicit(&g->workers[i]->counters.answers[class], memory_order_relaxed);
        sample(out, name, (struct label){"status", classes[class]}, no_label, sum);
    }
}

static bool read_resident(unsigned long long *out_pages)
{
    char line[256];
    FILE *statm = fopen("/proc/self/statm", "re"); // proc(5): size and resident set in pages
    if (statm == NULL)
        return false;
    bool is_read = fgets(line, sizeof line, statm) != NULL;
    (void)fclose(statm);
    struct span rest = span_of(is_read ? line : ""), size, resident;
    return span_word(&rest, &size) && span_word(&rest, &resident) &&
           span_to_uint(resident, LLONG_MAX, out_pages);
}

// Named as in Prometheus's own client libraries.
static void add_process(struct buf *out)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) == 0) {
        const char *name = "process_cpu_seconds_total";
        char text[64];
        long us = usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
        long s = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + us / 1000000;
        (void)snprintf(text, sizeof text, "%s %ld.%06ld\n", name, s, us % 1000000);
        describe(out, name, "counter", "User and system time of the gateway in seconds.");
        buf_add_text(out, text);
    }
    unsigned long long pages;
    if (read_resident(&pages))
        gauge(out, "process_resident_memory_bytes", "Resident memory of the gateway.",
              (int64_t)pages * sysconf(_SC_PAGESIZE));
}

// ---- the log ----

static enum err add_rooms(struct buf *out, struct store *store)
{
    int64_t rooms;
    enum err err = store_count_rooms(store, &rooms);
    if (err == ERR_OK)
        gauge(out, "roomwire_rooms", "Rooms in the log.", rooms);
    return err;
}

struct traffic_by_face {
    const char *faces[METER_FACE_COUNT];
    struct meter_count counts[METER_FACE_COUNT][2]; // in, out: by enum meter_direction
    size_t count;
};

static bool take_face(void *context, const struct store_traffic *traffic)
{
    struct traffic_by_face *all = context;
    enum meter_face face;
    if (!meter_face_from_name(traffic->name, &face))
        return true; // a newer version counted it
    all->faces[all->count] = meter_face_name(face);
    all->counts[all->count][METER_IN] = traffic->in;
    all->counts[all->count][METER_OUT] = traffic->out;
    all->count++;
    return true;
}

enum unit { MESSAGES, BLOCKS, BYTES, UNIT_COUNT };

static int64_t in_unit(const struct meter_count *count, enum unit unit)
{
    const int64_t numbers[UNIT_COUNT] = {count->messages, count->blocks, count->bytes};
    return numbers[unit];
}

static void add_unit(struct buf *out, const struct traffic_by_face *all, enum unit unit)
{
    static const struct {
        const char *name, *help;
    } metrics[UNIT_COUNT] = {
        {"roomwire_metered_messages_total", "Messages metered since the hour began (UTC)."},
        {"roomwire_metered_blocks_total", "512-byte blocks metered since the hour began (UTC)."},
        {"roomwire_metered_bytes_total", "Payload bytes metered since the hour began (UTC)."},
    };
    describe(out, metrics[unit].name, "counter", metrics[unit].help);
    for (size_t i = 0; i < all->count; i++) {
        for (int direction = METER_IN; direction <= METER_OUT; direction++)
            sample(
                out, metrics[unit].name, (struct label){"face", all->faces[i]},
                (struct label){"direction", meter_direction_name((enum meter_direction)direction)},
                in_unit(&all->counts[i][direction], unit));
    }
}

// The hour alone, since a scrape has to be cheap however much was metered before. Prometheus takes
// the fall to nothing for a restart.
static enum err add_traffic(struct buf *out, struct store *store, int64_t now_ms)
{
    struct traffic_by_face all = {.count = 0};
    int64_t hour = meter_hour(now_ms);
    enum err err = store_read_traffic(store, STORE_BY_FACE, hour, hour + 1, take_face, &all);
    for (enum unit unit = MESSAGES; err == ERR_OK && unit < UNIT_COUNT; unit++)
        add_unit(out, &all, unit);
    return err;
}

static void add_log(struct buf *out, struct worker *worker)
{
    struct store *store = worker_store(worker);
    enum err err = store != NULL ? add_rooms(out, store) : ERR_AGAIN;
    if (err == ERR_OK)
        err = add_traffic(out, store, loop_date_ms(worker->loop));
    gauge(out, "roomwire_database_readable", "1 if the log can be read.", err == ERR_OK);
}

// ---- the answer ----

void metrics_get(struct exchange *x)
{
    struct caller caller;
    if (!auth_admit_admin(x, &caller))
        return;
    caller_finish(&caller);
    struct worker *worker = exchange_worker(x);
    struct buf body;
    buf_init(&body, METRICS_BYTES_MAX);
    add_version(&body);
    add_state(&body, worker->gateway);
    add_connections(&body, worker->gateway);
    add_answers(&body, worker->gateway);
    add_process(&body);
    add_log(&body, worker);
    exchange_add_field(x, "Cache-Control", span_of("no-store"));
    if (body.status != ERR_OK)
        exchange_refuse(x, 500, body.status, NULL);
    else
        exchange_answer(x, 200, "text/plain; version=0.0.4; charset=utf-8", buf_span(&body));
    buf_finish(&body);
}
