// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The stamp on the wire (P2): MQTT 5 user properties behind the publisher's own.
#ifndef ROOMWIRE_PLUGIN_STAMP_H
#define ROOMWIRE_PLUGIN_STAMP_H

#include "plugin.h"

// Appends the stamp of the message `first` to a list that the broker owns, or is going to.
// Errors: ERR_MEMORY, with a part of it appended.
MUST_USE enum err stamp_append(const struct plugin *p, const struct keys_first *first,
                               struct span from, struct span name, mosquitto_property **list);

#endif
