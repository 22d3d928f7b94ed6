// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// MQTT over WebSocket (RFC 6455, MQTT 5 §6): GET /mqtt becomes a connection to the broker's unix
// socket. The first packet, CONNECT, is completed with the token and the introduction; after it
// bytes pass unchanged both ways, with backpressure.
#ifndef ROOMWIRE_GATEWAY_RELAY_H
#define ROOMWIRE_GATEWAY_RELAY_H

#include "exchange.h"

// Makes and ends the worker's own part (worker->relays). Ending it breaks off what is still open.
// Errors: ERR_MEMORY, ERR_IO.
MUST_USE enum err relay_start(struct worker *worker);
void relay_stop(struct worker *worker);

// The handler of GET /mqtt.
void relay_open(struct exchange *x);

#endif
