// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "page_cache.h"

#include <stdlib.h>

enum { BUCKETS_MIN = 16, BUCKETS_MAX = 65536, TYPICAL_PAGE = 4096 };

struct cached {
    struct cached *next_in_bucket;
    struct cached *newer, *older; // by last use
    uint64_t hash;
    struct store_page key; // its room points into bytes
    struct page_state state;
    struct history_facts facts;
    size_t json_len;
    char bytes[]; // the JSON, then the room
};

struct page_cache {
    struct cached *newest, *oldest;
    size_t used, max;
    struct cached **buckets;
    size_t bucket_mask;
};

enum err page_cache_create(size_t max_bytes, struct page_cache **out_cache)
{
    size_t buckets = BUCKETS_MIN;
    while (buckets < BUCKETS_MAX && buckets * TYPICAL_PAGE < max_bytes)
        buckets *= 2;
    struct page_cache *p = calloc(1, sizeof *p);
    if (p == NULL)
        return ERR_MEMORY;
    p->buckets = calloc(buckets, sizeof *p->buckets);
    if (p->buckets == NULL) {
        free(p);
        return ERR_MEMORY;
    }
    p->bucket_mask = buckets - 1;
    p->max = max_bytes;
    *out_cache = p;
    return ERR_OK;
}

void page_cache_destroy(struct page_cache *cache)
{
    if (cache == NULL)
        return;
    while (cache->newest != NULL) {
        struct cached *page = cache->newest;
        cache->newest = page->older;
        free(page);
    }
    free(cache->buckets);
    free(cache);
}

size_t page_cache_used(const struct page_cache *cache)
{
    return cache->used;
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
    return (hash ^ value) * 0x100000001B3U;
}

// FNV-1a. Readers choose the numbers, but no more entries can gather in one chain than fit into the
// cache, and each reader of a room is somebody with a right to it.
static uint64_t hash_key(const struct store_page *key)
{
    uint64_t hash = 0xCBF29CE484222325U;
    for (size_t i = 0; i < key->room.len; i++)
        hash = mix(hash, (unsigned char)key->room.ptr[i]);
    hash = mix(hash, (uint64_t)key->before);
    hash = mix(hash, (uint64_t)key->after);
    hash = mix(hash, (uint64_t)key->limit);
    return hash ^ (hash >> 32);
}

static bool is_same_key(const struct store_page *a, const struct store_page *b)
{
    return a->before == b->before && a->after == b->after && a->limit == b->limit &&
           span_equal(a->room, b->room);
}

static bool is_same_state(const struct page_state *a, const struct page_state *b)
{
    return a->accepted == b->accepted && a->generation == b->generation;
}

// ---- the list by last use ----

static void unlink_use(struct page_cache *p, struct cached *page)
{
    if (page->newer != NULL)
        page->newer->older = page->older;
    else
        p->newest = page->older;
    if (page->older != NULL)
        page->older->newer = page->newer;
    else
        p->oldest = page->newer;
}

static void link_newest(struct page_cache *p, struct cached *page)
{
    page->newer = NULL;
    page->older = p->newest;
    if (p->newest != NULL)
        p->newest->newer = page;
    else
        p->oldest = page;
    p->newest = page;
}

// ---- the table ----

static struct cached *find(const struct page_cache *p, uint64_t hash, const struct store_page *key)
{
    struct cached *page = p->buckets[hash & p->bucket_mask];
    while (page != NULL && !(page->hash == hash && is_same_key(&page->key, key)))
        page = page->next_in_bucket;
    return page;
}

static size_t size_of(size_t json_len, size_t room_len)
{
    return sizeof(struct cached) + json_len + room_len;
}

// The page is not in the list of uses any more.
static void drop(struct page_cache *p, struct cached *page)
{
    struct cached **place = &p->buckets[page->hash & p->bucket_mask];
    while (*place != page)
        place = &(*place)->next_in_bucket;
    *place = page->next_in_bucket;
    p->used -= size_of(page->json_len, page->key.room.len);
    free(page);
}

static void drop_oldest(struct page_cache *p)
{
    struct cached *page = p->oldest;
    p->oldest = page->newer;
    if (p->oldest != NULL)
        p->oldest->older = NULL;
    else
        p->newest = NULL;
    drop(p, page);
}

bool page_cache_find(struct page_cache *cache, const struct store_page *key,
                     const struct page_state *state, struct span *out_json,
                     struct history_facts *out_facts)
{
    struct cached *page = find(cache, hash_key(key), key);
    // One that is no longer true is left for page_cache_put to replace.
    if (page == NULL || !is_same_state(&page->state, state))
        return false;
    unlink_use(cache, page);
    link_newest(cache, page);
    *out_json = span_make(page->bytes, page->json_len);
    *out_facts = page->facts;
    return true;
}

void page_cache_put(struct page_cache *cache, const struct store_page *key,
                    const struct page_state *state, struct span json,
                    const struct history_facts *facts)
{
    uint64_t hash = hash_key(key);
    struct cached *page = find(cache, hash, key);
    if (page != NULL) {
        unlink_use(cache, page);
        drop(cache, page);
    }
    size_t size = size_of(json.len, key->room.len);
    if (size > cache->max)
        return;
    while (cache->used + size > cache->max)
        drop_oldest(cache);

    page = malloc(size);
    if (page == NULL)
        return;
    *page = (struct cached){
        .hash = hash, .key = *key, .state = *state, .facts = *facts, .json_len = json.len};
    memcpy(page->bytes, json.ptr, json.len);
    memcpy(page->bytes + json.len, key->room.ptr, key->room.len);
    page->key.room.ptr = page->bytes + json.len;
    struct cached **bucket = &cache->buckets[hash & cache->bucket_mask];
    page->next_in_bucket = *bucket;
    *bucket = page;
    link_newest(cache, page);
    cache->used += size;
}
