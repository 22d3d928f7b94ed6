// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// A page of a room's history as JSON, straight from the database.
// Not kept and not waited for: that is history.h.
#ifndef ROOMWIRE_GATEWAY_PAGE_JSON_H
#define ROOMWIRE_GATEWAY_PAGE_JSON_H

#include "history.h"

// The bytes that a page may need, for buf_init: where a page of the asked length would be longer,
// it gets fewer messages. `max_payload` is the longest payload of one message in bytes.
size_t page_json_max(size_t max_payload);

enum page_json_form {
    PAGE_JSON_WHOLE, // the object {"room","epoch","messages","more"}
    PAGE_JSON_SHORT  // an array of {"m","n","t"}: text, display name or subject, ms since 1970
};

// Writes the page in that form into `out`, which is cleared first.
// Errors: those of the store and of the buffer.
MUST_USE enum err page_json_write(struct store *store, const struct store_page *page,
                                  enum page_json_form form, struct buf *out,
                                  struct history_facts *out_facts);

#endif
