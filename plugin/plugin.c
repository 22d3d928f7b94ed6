// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "plugin.h"

#include <stdlib.h>

#include "start.h"
#include "stopping.h"

#define EXPORT __attribute__((visibility("default")))

enum { INTERFACE_VERSION = 5 };

static const struct {
    int event;
    plugin_callback *callback;
    const char *topic; // MOSQ_EVT_CONTROL alone has one
    bool is_optional;  // not in all versions
} callbacks[] = {
    {MOSQ_EVT_RELOAD, on_reload, NULL, false},
    {MOSQ_EVT_ACL_CHECK, on_acl, NULL, false},
    {MOSQ_EVT_BASIC_AUTH, on_auth, NULL, false},
    {MOSQ_EVT_CONTROL, on_control, PLUGIN_CONTROL_TOPIC, false},
    {MOSQ_EVT_MESSAGE, on_message, NULL, false},
    {MOSQ_EVT_TICK, on_tick, NULL, false},
    {MOSQ_EVT_DISCONNECT, on_disconnect, NULL, false},
    {BROKER_EVENT_CONNECT, on_connect, NULL, true},
    {BROKER_EVENT_MESSAGE_OUT, on_out, NULL, true},
    {BROKER_EVENT_CLIENT_OFFLINE, on_client_offline, NULL, true},
};

enum { CALLBACK_COUNT = sizeof callbacks / sizeof callbacks[0] };

static void unregister_callbacks(const struct plugin *p)
{
    for (size_t i = 0; i < CALLBACK_COUNT; i++)
        (void)mosquitto_callback_unregister(p->id, callbacks[i].event, callbacks[i].callback,
                                            callbacks[i].topic); // it may not be registered
}

static enum err register_callbacks(struct plugin *p, struct buf *why)
{
    for (size_t i = 0; i < CALLBACK_COUNT; i++) {
        int rc = mosquitto_callback_register(p->id, callbacks[i].event, callbacks[i].callback,
                                             callbacks[i].topic, p);
        if (rc != MOSQ_ERR_SUCCESS && !callbacks[i].is_optional) {
            buf_printf(why, "the broker refuses event %d", callbacks[i].event);
            return ERR_UNSUPPORTED;
        }
    }
    return ERR_OK;
}

// The one way to tell 2.1 that needs nothing of 2.1.
static bool is_2_1(struct plugin *p)
{
    if (mosquitto_callback_register(p->id, BROKER_EVENT_MESSAGE_OUT, on_out, NULL, p) !=
        MOSQ_ERR_SUCCESS)
        return false;
    (void)mosquitto_callback_unregister(p->id, BROKER_EVENT_MESSAGE_OUT, on_out, NULL);
    return true;
}

static void write_log(void *context, enum log_level level, const char *line)
{
    (void)context; // the broker has one log
    static const int levels[] = {MOSQ_LOG_ERR, MOSQ_LOG_WARNING, MOSQ_LOG_NOTICE, MOSQ_LOG_DEBUG};
    mosquitto_log_printf(levels[level], "roomwire: %s", line);
}

static const char *find_option(const struct mosquitto_opt *options, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (strcmp(options[i].key, name) == 0)
            return options[i].value;
    return NULL;
}

static enum err init(struct plugin *p, const char *config_path, struct buf *why)
{
    if (config_path == NULL) {
        buf_add_text(why, "plugin_opt_config is missing: the path of roomwire.conf");
        return ERR_INVALID;
    }
    p->config_path = span_dup(span_of(config_path));
    if (p->config_path == NULL)
        return ERR_MEMORY;
    enum err err = broker_api_init(&p->api, is_2_1(p), why);
    if (err == ERR_OK)
        err = start(p, why);
    return err == ERR_OK ? register_callbacks(p, why) : err;
}

static void destroy(struct plugin *p)
{
    unregister_callbacks(p);
    stopping_unlisten();
    start_undo(p);
    broker_api_finish(&p->api);
    free(p->config_path);
    free(p);
}

EXPORT int mosquitto_plugin_version(int supported_version_count, const int *supported_versions);
EXPORT int mosquitto_plugin_init(mosquitto_plugin_id_t *identifier, void **userdata,
                                 struct mosquitto_opt *options, int option_count);
EXPORT int mosquitto_plugin_cleanup(void *userdata, struct mosquitto_opt *options,
                                    int option_count);

int mosquitto_plugin_version(int supported_version_count, const int *supported_versions)
{
    for (int i = 0; i < supported_version_count; i++)
        if (supported_versions[i] == INTERFACE_VERSION)
            return INTERFACE_VERSION;
    return -1;
}

int mosquitto_plugin_init(mosquitto_plugin_id_t *identifier, void **userdata,
                          struct mosquitto_opt *options, int option_count)
{
    struct plugin *p = calloc(1, sizeof *p);
    if (p == NULL)
        return MOSQ_ERR_NOMEM;
    struct buf why;
    buf_init(&why, LOG_LINE_MAX);
    p->id = identifier;
    p->log = (struct log){.write = write_log, .level = LOG_LEVEL_DEBUG};
    enum err err = init(p, find_option(options, option_count, "config"), &why);
    if (err == ERR_OK) {
        log_line(&p->log, LOG_LEVEL_INFO, "ready rooms=%zu last_id=%lld epoch=%s",
                 rooms_count(p->rooms), (long long)p->last_id, p->epoch);
        *userdata = p;
    } else {
        log_line(&p->log, LOG_LEVEL_ERROR, "cannot start: %.*s",
                 why.len > 0 ? (int)why.len : LOG_LINE_MAX, why.len > 0 ? why.ptr : err_text(err));
        destroy(p); // brokers differ about calling cleanup after this
    }
    buf_finish(&why);
    return err == ERR_OK ? MOSQ_ERR_SUCCESS : MOSQ_ERR_UNKNOWN;
}

int mosquitto_plugin_cleanup(void *userdata, struct mosquitto_opt *options, int option_count)
{
    (void)options;
    (void)option_count;
    if (userdata != NULL)
        destroy(userdata);
    return MOSQ_ERR_SUCCESS;
}
