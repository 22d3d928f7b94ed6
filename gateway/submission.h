// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// A message as somebody submits it in a request body: as JSON, as a form, or as plain bytes.
// Only the reading: who may send it where is decided by messages.c.
#ifndef ROOMWIRE_GATEWAY_SUBMISSION_H
#define ROOMWIRE_GATEWAY_SUBMISSION_H

#include "core/message.h"

// Spans borrow from the body that was read, or from what is owned here.
struct submission {
    struct span payload;
    struct span type; // content type, may be empty
    struct span key;  // idempotency key, may be empty
    struct span from; // who is to be shown as the sender, for those who may say so; may be empty
    struct span csrf; // the form's, may be empty
    void *owned;      // JSON tree or form
    struct buf bytes; // decoded base64, or the key that was made
    enum { SUBMISSION_RAW, SUBMISSION_FORM, SUBMISSION_JSON } kind;
};

// Why a body is no message, in the words of HTTP.
struct submission_refusal {
    int status;         // 400, 413, 415, 422
    const char *detail; // static
};

// Reads a body of the Content-Type `content_type` (empty if none was sent): JSON
// {"text" or "data" (base64), "type", "key", "from"}; a form with the fields text, key, from, csrf;
// everything else as it is.
// Finish with submission_finish in the case of ERR_OK. Errors: ERR_INVALID (any refusal, told in
// `*out_refusal`), ERR_MEMORY.
MUST_USE enum err submission_read(struct span content_type, struct span body, size_t max_payload,
                                  struct submission *out_submission,
                                  struct submission_refusal *out_refusal);
// The same of the short form, whatever the Content-Type: {"m": text, "n": from, "t": when}. What
// was sent twice has the same text and `t`, so the two make the key.
MUST_USE enum err submission_read_short(struct span body, size_t max_payload,
                                        struct submission *out_submission,
                                        struct submission_refusal *out_refusal);
void submission_finish(struct submission *submission);

#endif
