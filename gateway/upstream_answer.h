// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Reading what the plugin answers (docs/protocol.md): to posts on $roomwire/answer ("Publishing for
// somebody"), and to commands on the control topic.
#ifndef ROOMWIRE_GATEWAY_UPSTREAM_ANSWER_H
#define ROOMWIRE_GATEWAY_UPSTREAM_ANSWER_H

#include "upstream.h"

#define UPSTREAM_ANSWER_TOPIC "$roomwire/answer"
#define UPSTREAM_CONTROL_TOPIC "$CONTROL/roomwire/v1"
#define UPSTREAM_RESPONSE_TOPIC UPSTREAM_CONTROL_TOPIC "/response"

// Errors: ERR_INVALID (not such an answer), ERR_MEMORY.
MUST_USE enum err upstream_answer_read(struct span json, uint64_t *out_ref,
                                       struct upstream_answer *out_answer);

// The response to a command of upstream_ask. `out_answer->response` is the caller's to destroy.
// Errors: ERR_NOT_FOUND (to another command: traffic.h), ERR_INVALID (no such response),
// ERR_MEMORY.
MUST_USE enum err upstream_response_read(struct span json, uint64_t *out_ref,
                                         struct upstream_answer *out_answer);

#endif
