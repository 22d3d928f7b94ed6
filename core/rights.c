// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "rights.h"

#include <assert.h>
#include <stdlib.h>

#include "rights_rules.h"

const struct rights_client rights_nobody;

// One allocation: the rules, then the text that their filters lie in.
struct rights {
    size_t count;
    const char *text;
    struct rights_rule rules[];
};

// ---- the claims that are rights by themselves ----

static bool is_true(const struct json *claims, const char *name)
{
    bool flag = false;
    return json_get_bool(json_member(claims, name), &flag) && flag;
}

static bool is_changeable(const struct json *claims, const char *name)
{
    return is_true(claims, name) || span_is(json_member_text(claims, name), "rw");
}

static bool is_readable(const struct json *claims, const char *name)
{
    return is_changeable(claims, name) || span_is(json_member_text(claims, name), "r");
}

void rights_read_claims(const struct json *claims, struct rights_claims *out)
{
    *out = (struct rights_claims){
        .may_bill = is_readable(claims, "bill"),
        .may_act_as = is_true(claims, "act_as"),
        .may_see_connections = is_readable(claims, "connections"),
        .may_change_connections = is_changeable(claims, "connections"),
        .is_admin = is_true(claims, "admin"),
    };
}

// ---- compiling ----

enum err rights_add(struct rights_builder *builder, struct rights_rule rule, struct span filter)
{
    if (!topic_is_filter(filter) || builder->count == RIGHTS_RULES_MAX)
        return ERR_TOKEN_CLAIM;
    rule.offset = (uint32_t)builder->text.len;
    rule.len = (uint32_t)filter.len;
    buf_add_span(&builder->text, filter);
    if (builder->text.status != ERR_OK)
        return builder->text.status == ERR_MEMORY ? ERR_MEMORY : ERR_TOKEN_CLAIM;
    builder->rules[builder->count++] = rule;
    return ERR_OK;
}

static enum err add_claims(struct rights_builder *builder, const struct json *claims,
                           const struct topic_rooms *rooms, const struct json *default_rooms)
{
    static rights_dialect_fn *const dialects[] = {rights_add_emqx, rights_add_publ_subs,
                                                  rights_add_mercure};
    const struct json *own = json_member(claims, "rooms");
    if (own != NULL)
        return rights_add_rooms(builder, rooms, own);
    bool is_found = false;
    enum err err = ERR_OK;
    for (size_t i = 0; err == ERR_OK && !is_found && i < 3; i++)
        err = dialects[i](builder, claims, &is_found);
    if (err != ERR_OK || is_found || default_rooms == NULL)
        return err;
    return rights_add_rooms(builder, rooms, default_rooms);
}

// Last, so that a rule that denies it goes before.
static enum err add_events(struct rights_builder *builder, const struct json *claims)
{
    struct rights_rule rule = {
        .allowed = RIGHTS_BIT_SUBSCRIBE, .qos = RIGHTS_ANY_QOS, .retain = RIGHTS_ANY_RETAIN};
    if (!is_readable(claims, "connections"))
        return ERR_OK;
    return rights_add(builder, rule, span_of(RIGHTS_EVENTS_FILTER));
}

static struct rights *pack(const struct rights_builder *builder)
{
    size_t rules_size = builder->count * sizeof builder->rules[0];
    struct rights *rights = malloc(sizeof *rights + rules_size + builder->text.len);
    if (rights == NULL)
        return NULL;
    char *text = (char *)rights + sizeof *rights + rules_size;
    rights->count = builder->count;
    rights->text = text;
    if (builder->count > 0) {
        memcpy(rights->rules, builder->rules, rules_size);
        memcpy(text, builder->text.ptr, builder->text.len);
    }
    return rights;
}

enum err rights_compile(const struct json *claims, const struct topic_rooms *rooms,
                        const struct json *default_rooms, const struct rights_client *client,
                        struct rights **out_rights)
{
    struct rights_builder builder = {.client = client};
    buf_init(&builder.text, RIGHTS_TEXT_MAX);
    enum err err = add_claims(&builder, claims, rooms, default_rooms);
    if (err == ERR_OK)
        err = add_events(&builder, claims);
    if (err == ERR_OK) {
        struct rights *rights = pack(&builder);
        if (rights == NULL)
            err = ERR_MEMORY;
        else
            *out_rights = rights;
    }
    buf_finish(&builder.text);
    return err;
}

void rights_destroy(struct rights *rights)
{
    free(rights);
}

// ---- judging ----

// One thing that somebody wants to do, with one QoS or with any of several.
struct use {
    unsigned action; // one bit
    struct span topic;
    unsigned qos;    // bits
    unsigned retain; // one bit; none to subscribe: it is a property of published messages
};

static bool reaches(const struct rights_rule *rule, struct span filter, struct span topic,
                    bool is_allowed)
{
    if (rule->is_verbatim)
        return span_equal(filter, topic);
    return is_allowed ? topic_covers(filter, topic) : topic_overlaps(filter, topic);
}

// For each QoS the first rule that has something to say decides; one that is allowed is enough. A
// name is a filter for itself alone, so names and filters are judged alike; only that a name is
// matched faster.
static bool judge(const struct rights *rights, const struct use *use)
{
    bool is_name = !topic_has_wildcard(use->topic);
    unsigned left = use->qos; // that no rule has denied so far
    for (size_t i = 0; left != 0 && i < rights->count; i++) {
        const struct rights_rule *rule = &rights->rules[i];
        bool is_allowed = (rule->allowed & use->action) != 0;
        if (!is_allowed && (rule->denied & use->action) == 0)
            continue;
        if ((rule->qos & left) == 0 || (use->retain != 0 && (rule->retain & use->retain) == 0))
            continue;
        struct span filter = span_make(rights->text + rule->offset, rule->len);
        bool is_reached = is_name && !rule->is_verbatim
                              ? topic_matches(filter, use->topic)
                              : reaches(rule, filter, use->topic, is_allowed);
        if (is_reached && is_allowed)
            return true;
        if (is_reached)
            left &= ~(unsigned)rule->qos;
    }
    return false;
}

bool rights_allow_publish(const struct rights *rights, struct span topic, int qos, bool is_retained)
{
    assert(qos >= 0 && qos <= 2);
    const struct use use = {.action = RIGHTS_BIT_PUBLISH,
                            .topic = topic,
                            .qos = 1u << qos,
                            .retain = is_retained ? 2 : 1};
    return topic.len > 0 && !topic_has_wildcard(topic) && judge(rights, &use);
}

bool rights_allow_subscribe(const struct rights *rights, struct span filter, int qos)
{
    assert(qos >= 0 && qos <= 2);
    struct use use = {.action = RIGHTS_BIT_SUBSCRIBE, .topic = filter, .qos = 1u << qos};
    return topic_strip_share(&use.topic) && topic_has_filter_shape(use.topic) &&
           judge(rights, &use);
}

bool rights_allow_delivery(const struct rights *rights, struct span topic)
{
    const struct use use = {.action = RIGHTS_BIT_SUBSCRIBE, .topic = topic, .qos = RIGHTS_ANY_QOS};
    return topic.len > 0 && !topic_has_wildcard(topic) && judge(rights, &use);
}

bool rights_allow_room(const struct rights *rights, const struct topic_rooms *rooms,
                       enum rights_action action, struct span room)
{
    char topic[512];
    size_t len = rooms->before.len + room.len + rooms->after.len;
    if (!topic_is_room(room) || len > sizeof topic)
        return false;
    char *at = topic;
    if (rooms->before.len > 0)
        memcpy(at, rooms->before.ptr, rooms->before.len);
    at += rooms->before.len;
    memcpy(at, room.ptr, room.len);
    at += room.len;
    if (rooms->after.len > 0)
        memcpy(at, rooms->after.ptr, rooms->after.len);
    return action == RIGHTS_PUBLISH ? rights_allow_publish(rights, span_make(topic, len), 1, false)
                                    : rights_allow_delivery(rights, span_make(topic, len));
}
