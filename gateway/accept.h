// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// What a client would rather have: quality values of Accept and Accept-Encoding (RFC 9110 §12.4.2),
// and what it has already.
#ifndef ROOMWIRE_GATEWAY_ACCEPT_H
#define ROOMWIRE_GATEWAY_ACCEPT_H

#include "http_head.h"

// How much the list field `field` wants `value` ("text/html", "gzip"), in thousandths, by the most
// specific entry that matches; 0: not at all; -1: the field is absent or names no match.
int accept_quality(const struct http_head *head, const char *field, const char *value);

// True if Accept names the media type `type` itself, and wants it at least as much as `other`: for
// what nobody shall get who only takes anything.
bool accept_names(const struct http_head *head, const char *type, const char *other);

// True if If-None-Match holds `etag` (with its quotes), by the weak comparison of RFC 9110
// §8.8.3.2, or "*".
bool accept_knows(const struct http_head *head, struct span etag);

#endif
