// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// For whoever watches the gateway: is it alive, and can it serve.
#ifndef ROOMWIRE_GATEWAY_HEALTH_H
#define ROOMWIRE_GATEWAY_HEALTH_H

struct exchange;

// GET /health/live: 200 as long as a worker answers.
void health_live(struct exchange *x);
// GET /health/ready: 200 if the broker is connected and the database can be read, else 503; the
// body says which is missing.
void health_ready(struct exchange *x);

#endif
