// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Reading what the plugin says on $roomwire/answer (docs/protocol.md, "Publishing for somebody").
#ifndef ROOMWIRE_GATEWAY_UPSTREAM_ANSWER_H
#define ROOMWIRE_GATEWAY_UPSTREAM_ANSWER_H

#include "upstream.h"

#define UPSTREAM_ANSWER_TOPIC "$roomwire/answer"

// Errors: ERR_INVALID (not such an answer), ERR_MEMORY.
MUST_USE enum err upstream_answer_read(struct span json, uint64_t *out_ref,
                                       struct upstream_answer *out_answer);

#endif
