// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Last wills to a kept topic (P5). Brokers hand out wills without asking MESSAGE, so the bare copy
// is denied, and what was willed is stamped, kept and published from here.
#ifndef ROOMWIRE_PLUGIN_WILL_H
#define ROOMWIRE_PLUGIN_WILL_H

#include "broker_api.h"
#include "session.h"

struct plugin;
struct will;

enum { WILLS_BYTES_MAX = 16 * 1024 * 1024 };

// Wills that wait for the next tick: published from there they get into the room's order where
// they are delivered.
struct wills {
    struct will *first, *last;
    size_t bytes;
};

// The ACL check of a will: what the broker should do with its own copy.
int will_take(struct plugin *p, struct session *session, const struct mosquitto_evt_acl_check *ed);
// Stamps, keeps and publishes what waits.
void will_flush(struct plugin *p);

#endif
