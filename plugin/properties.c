// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "properties.h"

#include <stdlib.h>

#include "core/message.h"

struct reading {
    struct properties *properties;
    enum err err;
};

static char **slot_of(struct properties *p, struct span name)
{
    if (span_is(name, MESSAGE_PROPERTY_KEY))
        return &p->key;
    if (span_is(name, "rw-as"))
        return &p->as;
    if (span_is(name, "rw-as-name"))
        return &p->as_name;
    if (span_is(name, "rw-face"))
        return &p->face;
    if (span_is(name, "rw-ref"))
        return &p->ref;
    if (span_is(name, "rw-origin"))
        return &p->origin;
    return NULL;
}

static bool take(void *context, struct span name, struct span value)
{
    struct reading *r = context;
    if (span_starts_with(name, span_of(MESSAGE_PROPERTY_PREFIX)))
        r->properties->has_reserved = true;
    char **slot = slot_of(r->properties, name);
    if (slot == NULL)
        return true;
    if (*slot != NULL) {
        r->properties->is_ambiguous |= !span_is(value, *slot);
        return true;
    }
    *slot = span_dup(value);
    if (*slot == NULL)
        r->err = ERR_MEMORY;
    return *slot != NULL;
}

enum err properties_read(const struct broker_api *api, const mosquitto_property *list,
                         struct properties *out_properties)
{
    *out_properties = (struct properties){0};
    if (list == NULL) // MQTT 3, and most others
        return ERR_OK;
    struct reading r = {.properties = out_properties};
    (void)!broker_each_pair(api, list, take, &r); // stops only by setting r.err
    if (r.err != ERR_OK) {
        properties_finish(api, out_properties);
        return r.err;
    }
    out_properties->type = broker_content_type(api, list);
    return ERR_OK;
}

void properties_finish(const struct broker_api *api, struct properties *properties)
{
    api->free_text(properties->type);
    free(properties->key);
    free(properties->as);
    free(properties->as_name);
    free(properties->face);
    free(properties->ref);
    free(properties->origin);
    *properties = (struct properties){0};
}
