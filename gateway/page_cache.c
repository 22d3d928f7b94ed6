// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "page_cache.h"

#include <stdlib.h>

#include "core/container.h"
#include "core/hash.h"
#include "core/list.h"
#include "core/table.h"

struct cached {
    struct list_node node;
    uint64_t hash;
    struct store_page key; // its room points into bytes
    struct page_state state;
    struct history_facts facts;
    size_t json_len;
    char bytes[]; // the JSON, then the room
};

struct page_cache {
    struct list by_use; // struct cached, the longest unused first
    size_t used, max;
    struct hash_seed seed;
    struct table pages;
};

enum err page_cache_create(size_t max_bytes, struct page_cache **out_cache)
{
    struct page_cache *p = calloc(1, sizeof *p);
    if (p == NULL)
        return ERR_MEMORY;
    p->max = max_bytes;
    table_init(&p->pages);
    if (!hash_seed_init(&p->seed)) {
        free(p);
        return ERR_IO;
    }
    *out_cache = p;
    return ERR_OK;
}

void page_cache_destroy(struct page_cache *cache)
{
    if (cache == NULL)
        return;
    for (size_t i = 0; i < cache->pages.capacity; i++)
        free(cache->pages.slots[i].item);
    table_finish(&cache->pages);
    free(cache);
}

size_t page_cache_used(const struct page_cache *cache)
{
    return cache->used;
}

static uint64_t hash_key(const struct page_cache *p, const struct store_page *key)
{
    const int64_t numbers[] = {key->before, key->after, key->limit};
    return hash_more(&p->seed, hash_bytes(&p->seed, key->room), span_make(numbers, sizeof numbers));
}

static bool has_key(const void *item, const void *key)
{
    const struct store_page *a = &((const struct cached *)item)->key, *b = key;
    return a->before == b->before && a->after == b->after && a->limit == b->limit &&
           span_equal(a->room, b->room);
}

static bool is_same_state(const struct page_state *a, const struct page_state *b)
{
    return a->accepted == b->accepted && a->generation == b->generation;
}

// ---- the pages ----

// With its part of the table, which is a third full at least once it has grown.
static size_t size_of(size_t json_len, size_t room_len)
{
    return sizeof(struct cached) + 3 * sizeof(struct table_slot) + json_len + room_len;
}

static void drop(struct page_cache *p, struct cached *page)
{
    list_remove(&p->by_use, &page->node);
    table_remove(&p->pages, page->hash, page);
    p->used -= size_of(page->json_len, page->key.room.len);
    free(page);
}

bool page_cache_find(struct page_cache *cache, const struct store_page *key,
                     const struct page_state *state, struct span *out_json,
                     struct history_facts *out_facts)
{
    struct cached *page = table_find(&cache->pages, hash_key(cache, key), has_key, key);
    // One that is no longer true is left for page_cache_put to replace.
    if (page == NULL || !is_same_state(&page->state, state))
        return false;
    list_remove(&cache->by_use, &page->node);
    list_append(&cache->by_use, &page->node);
    *out_json = span_make(page->bytes, page->json_len);
    *out_facts = page->facts;
    return true;
}

void page_cache_put(struct page_cache *cache, const struct store_page *key,
                    const struct page_state *state, struct span json,
                    const struct history_facts *facts)
{
    uint64_t hash = hash_key(cache, key);
    struct cached *page = table_find(&cache->pages, hash, has_key, key);
    if (page != NULL)
        drop(cache, page);
    size_t size = size_of(json.len, key->room.len);
    if (size > cache->max)
        return;
    while (cache->used + size > cache->max)
        drop(cache, CONTAINER_OF(cache->by_use.first, struct cached, node));

    page = malloc(size);
    if (page == NULL || table_add(&cache->pages, hash, page) != ERR_OK) {
        free(page);
        return;
    }
    *page = (struct cached){
        .hash = hash, .key = *key, .state = *state, .facts = *facts, .json_len = json.len};
    memcpy(page->bytes, json.ptr, json.len);
    memcpy(page->bytes + json.len, key->room.ptr, key->room.len);
    page->key.room.ptr = page->bytes + json.len;
    list_append(&cache->by_use, &page->node);
    cache->used += size;
}
