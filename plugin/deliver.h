// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Metering what the broker moves: deliveries, and publishes that are not kept. What is kept is
// metered by the writer, together with the message.
#ifndef ROOMWIRE_PLUGIN_DELIVER_H
#define ROOMWIRE_PLUGIN_DELIVER_H

#include "plugin.h"

// What the session knows about this room; looked up and remembered if need be.
// NULL for topics that are not kept or have no message yet.
struct session_room *deliver_room(struct session *session, const struct topic_view *view,
                                  const char *topic);

// One delivery to `session`. `room` as from deliver_room.
void deliver_count_out(struct plugin *p, struct session *session, struct session_room *room,
                       const struct topic_view *view, size_t bytes);
// From here on the broker asks about new deliveries again.
void deliver_end_resuming(struct plugin *p);
// One publish that is not kept, by `subject`.
void deliver_count_in(struct plugin *p, struct span subject, enum meter_face face,
                      const struct topic_view *view, size_t bytes);

#endif
