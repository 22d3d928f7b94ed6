// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// What the tests of rights share: claims compiled, then tried on topics.
#ifndef ROOMWIRE_TESTS_RIGHTS_TRIES_H
#define ROOMWIRE_TESTS_RIGHTS_TRIES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/rights.h"

static const struct topic_rooms rooms = {{"rooms/", 6}, {"/messages", 9}};

static inline enum err compile_for(const char *claims, const char *defaults, const char *client_id,
                                   const char *username, struct rights **out)
{
    struct json *root = NULL, *default_root = NULL;
    assert_int_equal(json_parse(span_of(claims), &root), ERR_OK);
    if (defaults != NULL)
        assert_int_equal(json_parse(span_of(defaults), &default_root), ERR_OK);
    const struct rights_client client = {span_of(client_id), span_of(username)};
    enum err err = rights_compile(root, &rooms, default_root, &client, out);
    json_destroy(root);
    json_destroy(default_root);
    return err;
}

static inline struct rights *compile(const char *claims)
{
    struct rights *rights = NULL;
    if (compile_for(claims, NULL, "c1", "alice", &rights) != ERR_OK)
        fail_msg("%s", claims);
    return rights;
}

// May it be done in the most common way?
static inline bool allows(const struct rights *rights, enum rights_action action, struct span topic)
{
    return action == RIGHTS_PUBLISH ? rights_allow_publish(rights, topic, 1, false)
                                    : rights_allow_subscribe(rights, topic, 1);
}

// One thing to try: 'p'ublish or 's'ubscribe, and whether it should be allowed.
struct
try {
    char action;
    const char *topic;
    bool is_allowed;
};

static inline void try_all(const struct rights *rights, const char *claims, const struct try *tries,
                           size_t count)
{
    for (size_t i = 0; i < count; i++) {
        enum rights_action action = tries[i].action == 'p' ? RIGHTS_PUBLISH : RIGHTS_SUBSCRIBE;
        if (allows(rights, action, span_of(tries[i].topic)) != tries[i].is_allowed)
            fail_msg("%s: %c %s", claims, tries[i].action, tries[i].topic);
    }
}

#define TRY(claims, ...)                                                                           \
    do {                                                                                           \
        static const struct try tries[] = {__VA_ARGS__};                                           \
        struct rights *compiled = compile(claims);                                                 \
        try_all(compiled, claims, tries, sizeof tries / sizeof tries[0]);                          \
        rights_destroy(compiled);                                                                  \
    } while (0)

static inline void refuse_claim(const char *claims)
{
    struct rights *rights = NULL;
    enum err err = compile_for(claims, NULL, "c1", "alice", &rights);
    if (err != ERR_TOKEN_CLAIM)
        fail_msg("%s: %s", claims, err_text(err));
}

#endif
