// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The commands that the gateway gives on the control topic (docs/protocol.md), one file each:
// control_traffic.c, control_members.c, control_connections.c. Not the topic: on_control.c.
#ifndef ROOMWIRE_PLUGIN_CONTROL_H
#define ROOMWIRE_PLUGIN_CONTROL_H

#include "plugin.h"

enum { CONTROL_RESPONSE_MAX = 4 * 1024 * 1024 }; // bytes

// Carries a command out. What it has to say, if anything, it writes to `data` as one JSON value;
// that counts only if it returns ERR_OK, and any error is answered by its word (service.h).
typedef enum err control_fn(struct plugin *p, const struct json *command, struct json_writer *data);

control_fn control_store_traffic, control_list_members, control_list_connections,
    control_get_connection, control_post_to_connection, control_post_to_subject,
    control_delete_connection;

// The member `name` of a command: a text (borrowed), a whole number of 0 or more. False if it is
// not there.
bool control_text(const struct json *command, const char *name, struct span *out_text);
bool control_amount(const struct json *command, const char *name, int64_t *out_amount);

#endif
