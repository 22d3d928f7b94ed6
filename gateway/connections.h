// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// /@connections/<clientId> (docs/http.md): one MQTT client looked up, sent a message, disconnected,
// by the plugin. Not who is in a room: members.h.
#ifndef ROOMWIRE_GATEWAY_CONNECTIONS_H
#define ROOMWIRE_GATEWAY_CONNECTIONS_H

struct exchange;

void connections_get(struct exchange *x);
void connections_post(struct exchange *x);
void connections_delete(struct exchange *x);

#endif
