// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Publishing to any topic over HTTP, in the shape of AWS IoT's HTTPS publish.
#ifndef ROOMWIRE_GATEWAY_TOPICS_H
#define ROOMWIRE_GATEWAY_TOPICS_H

#include "exchange.h"

// POST /topics/<topic>?qos=0|1&retain=true|false: the body is the payload, whatever it is.
// 200 {"message":"OK"}, with "id" where the topic is a room's kept one.
void topics_post(struct exchange *x);

#endif
