// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Small values out of requests, read strictly: numbers, texts for people and for MQTT, media types,
// entity tags, places on this site. Pure: no exchange is needed.
// Not whole bodies: submission.h, form.h.
#ifndef ROOMWIRE_GATEWAY_INPUT_H
#define ROOMWIRE_GATEWAY_INPUT_H

#include "core/origin.h"
#include "core/store.h"

// 1..`max` bytes of span_is_clean.
bool input_is_clean(struct span text, size_t max);
// The first ORIGIN_AGENT_MAX bytes of a User-Agent field, cut between characters; empty if they are
// not clean.
struct span input_user_agent(struct span field);
// 1..MESSAGE_TYPE_MAX visible ASCII characters and spaces.
bool input_is_content_type(struct span type);
// A place on this site to go to: "/..." without anything that a browser might take for another host
// (WHATWG URL: "//", backslashes, tabs and line ends).
bool input_is_local_path(struct span path);

// True if the Content-Type `field` names `type` ("application/json"), whatever its parameters.
bool input_is_media_type(struct span field, const char *type);

// An idempotency key as the header gives it: a structured-field string loses its quotes.
struct span input_unquote(struct span value);

// The parameters of a history page. Empty spans are parameters that were not given.
// On an error `*out_why` is a static English sentence. Errors: ERR_INVALID.
MUST_USE enum err input_page(struct span before, struct span after, struct span limit,
                             struct store_page *out_page, const char **out_why);
enum { INPUT_PAGE_DEFAULT = 50 };

// True if `query` (still encoded) has a parameter `name`, however often and whatever it holds.
bool input_has_parameter(struct span query, const char *name);

// "true", "false", "1", "0" or nothing. Errors: ERR_INVALID.
MUST_USE enum err input_flag(struct span value, bool *out_flag);

#endif
