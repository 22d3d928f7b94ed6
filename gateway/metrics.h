// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// GET /metrics: how the gateway and the log are, for Prometheus (docs/operations.md).
// Not the bill, which counts to the last block: page_bill.c.
#ifndef ROOMWIRE_GATEWAY_METRICS_H
#define ROOMWIRE_GATEWAY_METRICS_H

struct exchange;

// 200 with Prometheus's text format 0.0.4 for a token with the claim "admin", else 401 or 403. What
// cannot be read from the database is left out, and roomwire_database_readable is 0.
void metrics_get(struct exchange *x);

#endif
