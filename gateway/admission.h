// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// How many connections may be open, in total and from one address. Shared by all workers.
#ifndef ROOMWIRE_GATEWAY_ADMISSION_H
#define ROOMWIRE_GATEWAY_ADMISSION_H

#include <stdint.h>
#include <sys/socket.h>

#include "core/err.h"

struct admission;
struct admission_peer; // one address that has connections

MUST_USE enum err admission_create(int64_t max_total, int64_t max_per_address,
                                   struct admission **out_admission);
void admission_destroy(struct admission *admission); // NULL is fine

// Counts one connection more from `address`; IPv6 addresses count by their /64, which is what one
// subscriber gets (RFC 6177). Errors: ERR_FULL (in total), ERR_AGAIN (from this address),
// ERR_MEMORY.
MUST_USE enum err admission_enter(struct admission *admission, const struct sockaddr *address,
                                  struct admission_peer **out_peer);
void admission_leave(struct admission *admission, struct admission_peer *peer);

int64_t admission_total(struct admission *admission);

#endif
