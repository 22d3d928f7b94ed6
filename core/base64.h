// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Base64 for payloads in JSON (RFC 4648 §4, padded) and base64url for tokens (§5, unpadded).
// Decoding is strict: no white space, no other alphabet, no stray bits in the last character.
#ifndef ROOMWIRE_CORE_BASE64_H
#define ROOMWIRE_CORE_BASE64_H

#include "buf.h"

void base64_encode(struct span bytes, struct buf *out);
void base64url_encode(struct span bytes, struct buf *out);
// Errors: ERR_INVALID; else the buffer's status.
MUST_USE enum err base64_decode(struct span text, struct buf *out);
MUST_USE enum err base64url_decode(struct span text, struct buf *out);

#endif
