// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// One thread with its event loop, and the connections that it serves.
#ifndef ROOMWIRE_GATEWAY_WORKER_H
#define ROOMWIRE_GATEWAY_WORKER_H

#include "gateway.h"

// Errors: ERR_MEMORY, ERR_IO.
MUST_USE enum err worker_create(struct gateway *gateway, int index, struct worker **out_worker);
// Its thread must have ended. NULL is fine.
void worker_destroy(struct worker *worker);

// Starts the thread, which accepts from gateway->server. Errors: ERR_MEMORY, ERR_IO.
MUST_USE enum err worker_start(struct worker *worker);
// From any thread, once: accepts no more, and ends what there is, spread over `over_ms`: what is
// idle, and the rest as it becomes idle.
void worker_drain(struct worker *worker, int64_t over_ms);
// From any thread but its own, once: breaks what is still connected, and waits for the thread's
// end.
void worker_stop(struct worker *worker);

// Hands the accepted socket `fd` to `worker`. Called on the thread of `from`, which may be the
// same.
void worker_adopt(struct worker *worker, struct worker *from, int fd,
                  const struct sockaddr *address, bool is_tls, struct admission_peer *peer);

#endif
