// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// How a running gateway gives its place to a new process without refusing anybody. The new one
// connects to a unix socket of the old one and gets its listening sockets; once it serves them it
// says so, and the old one ends what it has begun. If the new one fails before that, the old one
// goes on as if nothing had happened.
// Not the ending itself: gateway.c.
#ifndef ROOMWIRE_GATEWAY_HANDOVER_H
#define ROOMWIRE_GATEWAY_HANDOVER_H

#include <poll.h>

#include "core/err.h"
#include "core/log.h"
#include "inherit.h"

// ---- the new process ----

// Asks whoever listens at `path` for its sockets, for HANDOVER_ANSWER_MS at most. `*out_link` is
// for handover_tell_ready. Errors: ERR_NOT_FOUND (there is no running gateway), ERR_DENIED (it is
// another user's), ERR_AGAIN (it does not answer), ERR_VERSION (it speaks otherwise), ERR_TOO_LARGE
// (`path` is too long for a socket), ERR_IO.
enum { HANDOVER_ANSWER_MS = 5000 };
MUST_USE enum err handover_ask(const char *path, struct inherited *out_inherited, int *out_link);
// The old one may end. Closes the link; -1 is fine.
void handover_tell_ready(int link);
// Leaves everything to the old one. -1 is fine.
void handover_give_up(int link);

// ---- the running one; all on one thread ----

struct handover;

// Listens at `path`, in the place of whoever did before, and will give copies of these sockets.
// Errors: ERR_TOO_LARGE (`path`), ERR_IO, ERR_MEMORY.
MUST_USE enum err handover_open(const char *path, const int *fds, int count, const struct log *log,
                                struct handover **out_handover);
void handover_close(struct handover *handover); // NULL is fine
// True while a new process has the sockets and does not serve yet. NULL is fine.
bool handover_is_under_way(const struct handover *handover);

// What to poll for; the rest is filled in with -1. NULL is fine.
enum { HANDOVER_FDS = 2 };
void handover_watch(const struct handover *handover, struct pollfd out_fds[HANDOVER_FDS]);
// After poll, also when nothing happened. True once the new process serves.
bool handover_drive(struct handover *handover, const struct pollfd fds[HANDOVER_FDS]);

#endif
