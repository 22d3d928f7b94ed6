// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The files in which gateways count what they deliver, beside the database. There are several
// because two gateways run while one takes the other's place, and each counts into a file that it
// alone has. What one leaves behind that was killed is handed to the plugin by whoever runs then.
// Not the counting: core/tally.h. Not the way to the plugin: traffic.h.
#ifndef ROOMWIRE_GATEWAY_TALLIES_H
#define ROOMWIRE_GATEWAY_TALLIES_H

#include "core/config.h"
#include "traffic.h"

enum { TALLIES_MAX = 3 }; // <database>-gateway-tally, -gateway-tally-2, ...

// Opens the first file that no other process has; `*out_index` says which it is.
// On an error `why` gets one line. Errors: ERR_AGAIN (all are in use), and those of tally_open.
MUST_USE enum err tallies_open(const struct config *config, struct tally **out_tally,
                               int *out_index, struct buf *why);

// What is left in the other files, for the upstream's thread: one file after the other is opened
// once nobody has it any more, settled, and closed.
struct leftovers {
    const struct config *config;
    bool is_done[TALLIES_MAX];
    int64_t due_ms;         // when to look again
    struct traffic traffic; // of the file that is open; without a tally if none is
};

void leftovers_init(struct leftovers *leftovers, const struct config *config, int own_index);
void leftovers_finish(struct leftovers *leftovers);

// Milliseconds until leftovers_next has something to do; -1 if there is nothing more to do.
int64_t leftovers_wait_ms(const struct leftovers *leftovers, int64_t now_ms);
// As traffic_next and traffic_answered.
MUST_USE enum err leftovers_next(struct leftovers *leftovers, int64_t now_ms,
                                 struct span *out_json);
MUST_USE enum err leftovers_answered(struct leftovers *leftovers, struct span json);

#endif
