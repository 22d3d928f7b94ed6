// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The gateway's service connection (docs/protocol.md): it publishes for others, and is answered.
#ifndef ROOMWIRE_PLUGIN_SERVICE_H
#define ROOMWIRE_PLUGIN_SERVICE_H

#include "keep.h"
#include "properties.h"

#define SERVICE_USERNAME "roomwire-gateway"
#define SERVICE_ANSWER_TOPIC "$roomwire/answer"
#define SERVICE_CONNECTION_TOPIC "$roomwire/connection" // to one client, for somebody over HTTP

// True if `client_id` is "roomwire-" and 16 hex digits.
bool service_is_client_id(struct span client_id);

// Who a publish of the service connection is from. Errors: ERR_INVALID, with a line in `*out_why`.
MUST_USE enum err service_read_post(const struct properties *properties, struct keep_post *post,
                                    const char **out_why);

// Tells the service connection what became of its post; nothing if it gave no number.
void service_answer(struct plugin *p, const struct session *session,
                    const struct properties *properties, enum err err,
                    const struct keep_result *result, const char *why);
// The word of docs/protocol.md for an error.
const char *service_error_word(enum err err);
// Sends `json` to the service connection alone.
void service_send(struct plugin *p, const struct session *session, const char *topic, int qos,
                  struct span json);

#endif
