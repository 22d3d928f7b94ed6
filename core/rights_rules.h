// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The rules that rights are made of, and how the dialects add them. For rights*.c only.
#ifndef ROOMWIRE_CORE_RIGHTS_RULES_H
#define ROOMWIRE_CORE_RIGHTS_RULES_H

#include "buf.h"
#include "rights.h"

// Bits of `enum rights_action`.
enum { RIGHTS_BIT_PUBLISH = 1, RIGHTS_BIT_SUBSCRIBE = 2, RIGHTS_BIT_BOTH = 3 };
// Bits of what a rule is limited to: QoS 0, 1, 2; not retained, retained.
enum { RIGHTS_ANY_QOS = 7, RIGHTS_ANY_RETAIN = 3 };

struct rights_rule {
    uint32_t offset;  // of its filter in the text
    uint32_t len;     // bytes of its filter
    uint8_t allowed;  // actions that it allows
    uint8_t denied;   // actions that it denies; never one of `allowed`
    uint8_t qos;      // bits it is limited to
    uint8_t retain;   // bits it is limited to, when publishing
    bool is_verbatim; // is for this very filter, wildcards and all, and not for what it matches
};

struct rights_builder {
    const struct rights_client *client;
    struct buf text;
    size_t count;
    struct rights_rule rules[RIGHTS_RULES_MAX];
};

// Adds `rule` (its place in the text is filled in) for `filter`, which is checked.
// Errors: ERR_TOKEN_CLAIM, ERR_MEMORY.
MUST_USE enum err rights_add(struct rights_builder *builder, struct rights_rule rule,
                             struct span filter);

// Adds the rules of the claim "rooms" or of an object like it.
// Errors: ERR_TOKEN_CLAIM, ERR_MEMORY.
MUST_USE enum err rights_add_rooms(struct rights_builder *builder, const struct topic_rooms *rooms,
                                   const struct json *claim);
// Each adds the rules of one dialect and says in `*out_found` whether the claims speak it.
typedef enum err rights_dialect_fn(struct rights_builder *builder, const struct json *claims,
                                   bool *out_found);
rights_dialect_fn rights_add_emqx, rights_add_publ_subs, rights_add_mercure;

#endif
