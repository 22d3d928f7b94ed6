// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Web addresses in a message's text, as links. webui/links.js has the same rule, and both are held
// to tests/data/links.json.
#ifndef ROOMWIRE_GATEWAY_PAGE_LINKS_H
#define ROOMWIRE_GATEWAY_PAGE_LINKS_H

#include "core/buf.h"

// Where the first address in `text` is: http:// or https:// in any case, not behind a letter or
// digit, up to white space, a control character or one of <>"`. Punctuation at its end belongs to
// the sentence, and so does a ")" without its "(". Without anything behind the slashes it is none.
bool page_links_find(struct span text, size_t *out_at, size_t *out_len);

// Appends `text` (UTF-8) as HTML, escaped, with its addresses as links that say nothing of where
// they were followed from.
void page_links_write(struct span text, struct buf *out);

#endif
