// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The bill for those who ask over HTTP, made on a thread of its own: where much was metered it
// takes seconds, which no worker has. The thread starts with the first one who asks.
// Not what the bill says: core/bill.h.
#ifndef ROOMWIRE_GATEWAY_BILLS_H
#define ROOMWIRE_GATEWAY_BILLS_H

#include "core/bill.h"
#include "loop.h"

struct bills;
struct bill_query;
struct gateway;

// Errors: ERR_MEMORY.
MUST_USE enum err bills_create(const struct gateway *gateway, struct bills **out_bills);
// Ends the thread, also in the middle of a bill; when no worker runs any more, and before their
// loops are destroyed. NULL is fine.
void bills_destroy(struct bills *bills);

// Makes the bill of today and this month. `done` is called once, on `loop`, with the bill, which is
// borrowed during the call, or with why there is none (ERR_AGAIN if the database cannot be read
// now, and the store's errors).
// Errors: ERR_AGAIN (too many wait already), ERR_MEMORY; `done` will not be called.
typedef void bills_done_fn(void *context, enum err err, const struct bill *bill);
MUST_USE enum err bills_ask(struct bills *bills, struct loop *loop, bills_done_fn *done,
                            void *context, struct bill_query **out_query);
// From the thread of that loop, before `done` was called: it will not be.
void bills_forget(struct bill_query *query);

#endif
