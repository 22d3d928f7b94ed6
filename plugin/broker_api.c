// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "broker_api.h"

#include <dlfcn.h>
#include <mqtt_protocol.h>
#include <stdlib.h>

enum { QUOTA_EXCEEDED = -6 }; // MOSQ_ERR_QUOTA_EXCEEDED, which the headers of 2.0 do not have

// POSIX lets a function's address be read through a void pointer.
static bool find(void *library, const char *name, void *out_function)
{
    void *found = dlsym(library, name);
    if (found == NULL)
        return false;
    memcpy(out_function, &found, sizeof found);
    return true;
}

static bool find_readers(struct broker_api *api, void *library)
{
    return find(library, "mosquitto_property_read_string_pair", &api->read_pair) &&
           find(library, "mosquitto_property_read_string", &api->read_string) &&
           find(library, "mosquitto_property_copy_all", &api->copy_all);
}

// True if what the broker's functions make is what the readers read: the library could be of a
// version whose properties look different.
static bool readers_understand(const struct broker_api *api)
{
    mosquitto_property *list = NULL;
    char *name = NULL;
    char *value = NULL;
    bool is_good = false;
    if (mosquitto_property_add_string(&list, MQTT_PROP_CONTENT_TYPE, "a/b") == MOSQ_ERR_SUCCESS &&
        mosquitto_property_add_string_pair(&list, MQTT_PROP_USER_PROPERTY, "name", "value") ==
            MOSQ_ERR_SUCCESS &&
        api->read_pair(list, MQTT_PROP_USER_PROPERTY, &name, &value, false) != NULL)
        is_good = span_is(span_of(name), "name") && span_is(span_of(value), "value");
    api->free_text(name);
    api->free_text(value);
    char *type = broker_content_type(api, list);
    is_good = is_good && span_is(span_of(type), "a/b");
    api->free_text(type);
    mosquitto_property_free_all(&list);
    return is_good;
}

enum err broker_api_init(struct broker_api *api, bool is_2_1, struct buf *why)
{
    *api = (struct broker_api){.is_2_1 = is_2_1};
    // 2.1's readers give memory that its allocator counts; those of libmosquitto 2.0 plain memory.
    // Brokers of 2.0 that have readers of their own disagree about it, so the library comes first.
    api->free_text = is_2_1 ? mosquitto_free : free;
    if (is_2_1)
        (void)find(RTLD_DEFAULT, "mosquitto_client", &api->client_by_id);
    else
        api->library = dlopen("libmosquitto.so.1", RTLD_NOW | RTLD_LOCAL);
    bool is_found = api->library != NULL && find_readers(api, api->library);
    if (!is_found && !find_readers(api, RTLD_DEFAULT)) {
        buf_add_text(why, "neither the broker nor libmosquitto.so.1 can read MQTT 5 properties");
        return ERR_UNSUPPORTED;
    }
    if (!readers_understand(api)) {
        buf_add_text(why, "libmosquitto.so.1 does not match this broker");
        return ERR_UNSUPPORTED;
    }
    return ERR_OK;
}

void broker_api_finish(struct broker_api *api)
{
    if (api->library != NULL)
        (void)dlclose(api->library); // nothing to do about a failure
    *api = (struct broker_api){0};
}

bool broker_each_pair(const struct broker_api *api, const mosquitto_property *list,
                      broker_pair_fn *each, void *context)
{
    char *name = NULL;
    char *value = NULL;
    bool goes_on = true;
    const mosquitto_property *at = list;
    for (bool is_first = true; goes_on; is_first = false) {
        at = api->read_pair(at, MQTT_PROP_USER_PROPERTY, &name, &value, !is_first);
        if (at == NULL)
            break;
        goes_on = each(context, span_of(name), span_of(value)); // 2.1 gives NULL for ""
        api->free_text(name);
        api->free_text(value);
    }
    return goes_on;
}

char *broker_content_type(const struct broker_api *api, const mosquitto_property *list)
{
    char *type = NULL;
    if (list == NULL || api->read_string(list, MQTT_PROP_CONTENT_TYPE, &type, false) == NULL)
        return NULL;
    return type;
}

bool broker_may_know(const struct broker_api *api, const struct mosquitto *client,
                     const char *client_id)
{
    return api->client_by_id == NULL || api->client_by_id(client_id) == client;
}

int broker_refuse(const struct broker_api *api, enum broker_refusal refusal, bool is_v5, int qos)
{
    if (refusal == BROKER_REFUSE_FOR_NOW && is_v5 && api->is_2_1)
        return QUOTA_EXCEEDED;
    if (refusal == BROKER_REFUSE_FOR_NOW && !is_v5 && qos > 0)
        return MOSQ_ERR_UNKNOWN; // any code but a few closes the connection without a PUBACK
    return MOSQ_ERR_ACL_DENIED;
}
