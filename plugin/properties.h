// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The MQTT 5 properties of a publish that mean something to Roomwire.
#ifndef ROOMWIRE_PLUGIN_PROPERTIES_H
#define ROOMWIRE_PLUGIN_PROPERTIES_H

#include "broker_api.h"

// Texts belong to the struct; NULL where the property is absent.
struct properties {
    bool has_reserved; // a user property that only the broker's side may send (P2)
    bool is_ambiguous; // one that we read is there twice, with different values
    char *type;        // from the readers, see properties_finish
    char *key;         // these from malloc
    char *as, *as_name, *face, *ref, *origin;
};

// Errors: ERR_MEMORY, with nothing to be freed.
MUST_USE enum err properties_read(const struct broker_api *api, const mosquitto_property *list,
                                  struct properties *out_properties);
void properties_finish(const struct broker_api *api, struct properties *properties);

#endif
