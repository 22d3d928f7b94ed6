// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "admission.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/hash.h"
#include "core/table.h"

enum { KEY_SIZE = 16 };

struct admission_peer {
    unsigned char key[KEY_SIZE];
    int64_t count;
};

struct admission {
    int64_t max_total, max_per_address;
    struct hash_seed seed;
    pthread_mutex_t lock;
    int64_t total;      // guarded by lock, like all below
    struct table peers; // only addresses that have connections
};

enum err admission_create(int64_t max_total, int64_t max_per_address,
                          struct admission **out_admission)
{
    struct admission *a = calloc(1, sizeof *a);
    if (a == NULL)
        return ERR_MEMORY;
    a->max_total = max_total;
    a->max_per_address = max_per_address;
    table_init(&a->peers);
    if (!hash_seed_init(&a->seed)) {
        free(a);
        return ERR_IO;
    }
    (void)pthread_mutex_init(&a->lock, NULL); // cannot fail with default attributes
    *out_admission = a;
    return ERR_OK;
}

void admission_destroy(struct admission *admission)
{
    if (admission == NULL)
        return;
    for (size_t i = 0; i < admission->peers.capacity; i++)
        free(admission->peers.slots[i].item);
    table_finish(&admission->peers);
    (void)pthread_mutex_destroy(&admission->lock); // nobody holds it
    free(admission);
}

static void make_key(const struct sockaddr *address, unsigned char key[KEY_SIZE])
{
    static const unsigned char mapped[12] = {[10] = 0xFF, [11] = 0xFF};
    memset(key, 0, KEY_SIZE);
    if (address->sa_family == AF_INET) {
        memcpy(key, mapped, sizeof mapped);
        memcpy(key + 12, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
    } else if (address->sa_family == AF_INET6) {
        const struct in6_addr *in6 =
            &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
        memcpy(key, in6, IN6_IS_ADDR_V4MAPPED(in6) ? KEY_SIZE : KEY_SIZE / 2);
    }
}

static uint64_t hash_key(const struct admission *a, const unsigned char key[KEY_SIZE])
{
    return hash_bytes(&a->seed, span_make(key, KEY_SIZE));
}

static bool has_key(const void *item, const void *key)
{
    return memcmp(((const struct admission_peer *)item)->key, key, KEY_SIZE) == 0;
}

static enum err add_peer(struct admission *a, uint64_t hash, const unsigned char key[KEY_SIZE],
                         struct admission_peer **out_peer)
{
    struct admission_peer *peer = calloc(1, sizeof *peer);
    if (peer == NULL)
        return ERR_MEMORY;
    memcpy(peer->key, key, KEY_SIZE);
    enum err err = table_add(&a->peers, hash, peer);
    if (err != ERR_OK) {
        free(peer);
        return err;
    }
    *out_peer = peer;
    return ERR_OK;
}

static enum err enter(struct admission *a, const unsigned char key[KEY_SIZE],
                      struct admission_peer **out_peer)
{
    uint64_t hash = hash_key(a, key);
    if (a->total >= a->max_total)
        return ERR_FULL;
    struct admission_peer *peer = table_find(&a->peers, hash, has_key, key);
    if (peer != NULL && peer->count >= a->max_per_address)
        return ERR_AGAIN;
    enum err err = peer == NULL ? add_peer(a, hash, key, &peer) : ERR_OK;
    if (err != ERR_OK)
        return err;
    peer->count++;
    a->total++;
    *out_peer = peer;
    return ERR_OK;
}

enum err admission_enter(struct admission *admission, const struct sockaddr *address,
                         struct admission_peer **out_peer)
{
    unsigned char key[KEY_SIZE];
    make_key(address, key);
    pthread_mutex_lock(&admission->lock);
    enum err err = enter(admission, key, out_peer);
    pthread_mutex_unlock(&admission->lock);
    return err;
}

void admission_leave(struct admission *admission, struct admission_peer *peer)
{
    pthread_mutex_lock(&admission->lock);
    admission->total--;
    if (--peer->count == 0) {
        table_remove(&admission->peers, hash_key(admission, peer->key), peer);
        free(peer);
    }
    pthread_mutex_unlock(&admission->lock);
}

int64_t admission_total(struct admission *admission)
{
    pthread_mutex_lock(&admission->lock);
    int64_t total = admission->total;
    pthread_mutex_unlock(&admission->lock);
    return total;
}
