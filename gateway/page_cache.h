// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Rendered pages of history, kept for as long as they are true, the longest unused first to go.
// Not where they come from: that is history.h.
#ifndef ROOMWIRE_GATEWAY_PAGE_CACHE_H
#define ROOMWIRE_GATEWAY_PAGE_CACHE_H

#include "history.h"

struct page_cache;

// The state of the log that a page shows (watermark.h): the page is true while it is the same.
struct page_state {
    int64_t accepted;
    uint64_t generation;
};

// At most `max_bytes` are used for pages and what finds them. Errors: ERR_MEMORY, ERR_IO (no random
// seed).
MUST_USE enum err page_cache_create(size_t max_bytes, struct page_cache **out_cache);
void page_cache_destroy(struct page_cache *cache); // NULL is fine

// The page `key` if there is one that shows `state`; borrowed until the next page_cache_put.
bool page_cache_find(struct page_cache *cache, const struct store_page *key,
                     const struct page_state *state, struct span *out_json,
                     struct history_facts *out_facts);
// Keeps a copy. A page that does not fit, or that there is no memory for, is not kept.
void page_cache_put(struct page_cache *cache, const struct store_page *key,
                    const struct page_state *state, struct span json,
                    const struct history_facts *facts);

size_t page_cache_used(const struct page_cache *cache); // bytes

#endif
