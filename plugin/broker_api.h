// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The broker, as far as its versions differ: Mosquitto 2.0.11 to 2.1.x are one binary's business,
// so what is not in all of them is looked for at run time. The only place that includes the
// broker's headers for others.
#ifndef ROOMWIRE_PLUGIN_BROKER_API_H
#define ROOMWIRE_PLUGIN_BROKER_API_H

#include <mosquitto.h>
#include <mosquitto_broker.h>
#include <mosquitto_plugin.h>

#include "core/buf.h"

// Events of 2.1, which the headers of 2.0 do not name. Registering them in 2.0 is refused.
enum {
    BROKER_EVENT_CONNECT = 11,       // struct broker_connect
    BROKER_EVENT_MESSAGE_OUT = 27,   // struct mosquitto_evt_message
    BROKER_EVENT_CLIENT_OFFLINE = 28 // laid out as struct mosquitto_evt_disconnect
};

// 2.1's struct mosquitto_evt_connect, as far as it is looked at.
struct broker_connect {
    void *future;
    struct mosquitto *client;
};

struct broker_api {
    bool is_2_1;
    void *library; // libmosquitto, where the broker itself does not offer the readers
    const mosquitto_property *(*read_pair)(const mosquitto_property *list, int identifier,
                                           char **name, char **value, bool skip_first);
    const mosquitto_property *(*read_string)(const mosquitto_property *list, int identifier,
                                             char **value, bool skip_first);
    int (*copy_all)(mosquitto_property **dest, const mosquitto_property *src);
    void (*free_text)(void *text);                            // for what the readers give
    struct mosquitto *(*client_by_id)(const char *client_id); // NULL in 2.0
};

// Finds the functions. `is_2_1` is told by whether event 27 could be registered.
// Errors: ERR_UNSUPPORTED (no property readers anywhere, or they do not understand the broker's
// properties), with a line in `why`.
MUST_USE enum err broker_api_init(struct broker_api *api, bool is_2_1, struct buf *why);
void broker_api_finish(struct broker_api *api);

// Calls `each` for every user property in `list` (NULL: none), in order. Spans are borrowed during
// the call. False if `each` stopped it by returning false. The broker's readers do not tell the end
// of the list from memory that ran out: then the rest of it goes unseen.
typedef bool broker_pair_fn(void *context, struct span name, struct span value);
MUST_USE bool broker_each_pair(const struct broker_api *api, const mosquitto_property *list,
                               broker_pair_fn *each, void *context);
// The content type; NULL if there is none. Freed with free_text.
char *broker_content_type(const struct broker_api *api, const mosquitto_property *list);

// True if `client` may be one that is already known by `client_id`, and not a connection that is
// just being made: certain in 2.1, always true in 2.0.
bool broker_may_know(const struct broker_api *api, const struct mosquitto *client,
                     const char *client_id);

// What MESSAGE returns so that a publisher is not told that its message was kept when it was not.
enum broker_refusal {
    BROKER_REFUSE_FOR_GOOD, // never acceptable: MQTT 3 can only be acknowledged and dropped
                            // (§3.3.5)
    BROKER_REFUSE_FOR_NOW   // worth trying again: MQTT 3 is disconnected without an acknowledgement
};
int broker_refuse(const struct broker_api *api, enum broker_refusal refusal, bool is_v5, int qos);

#endif
